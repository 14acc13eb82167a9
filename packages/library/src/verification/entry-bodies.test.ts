// For each field of a log entry one bundle whose entry, logged and promised as it is, says something else there.
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { sha256 } from "../crypto/index.ts";
import { encodeUtf8 } from "../encoding/index.ts";
import { parseLogEntryBody } from "../log-entry/index.ts";
import {
  assertRefused as assertRefusedBy,
  fixtureArtifact,
  flipLastBit,
  generateSigner,
  MemorySigstore,
  type Recipe,
  type VerifyEdits,
} from "../testing/index.ts";

let sigstore: MemorySigstore;
before(async () => {
  sigstore = await MemorySigstore.create();
});

const assertRefused = (code: string, recipe: Recipe, edits?: VerifyEdits): Promise<void> =>
  assertRefusedBy(sigstore, code, recipe, edits);

describe("verifyBundle refuses by what the log entry says", () => {
  for (const log of ["v1", "v2"] as const) {
    it(`ENTRY_DIGEST_MISMATCH: an entry of another artifact, in ${log}`, () =>
      assertRefused("ENTRY_DIGEST_MISMATCH", {
        log,
        body: (body) => (body.kind === "hashedrekord" ? { ...body, digest: flipLastBit(body.digest) } : body),
      }));
    it(`ENTRY_SIGNATURE_MISMATCH: an entry of another signature, in ${log}`, () =>
      assertRefused("ENTRY_SIGNATURE_MISMATCH", {
        log,
        body: (body) => (body.kind === "hashedrekord" ? { ...body, signature: flipLastBit(body.signature) } : body),
      }));
    it(`ENTRY_VERIFIER_MISMATCH: an entry of another certificate, in ${log}`, async () => {
      const { bundle } = await sigstore.sign({});
      assert.ok("certificate" in bundle.material);
      const verifier = { type: "certificate", der: bundle.material.certificate.der } as const;
      await assertRefused("ENTRY_VERIFIER_MISMATCH", {
        log,
        body: (body) => (body.kind === "hashedrekord" ? { ...body, verifier } : body),
      });
    });
  }
  it("ENTRY_DIGEST_MISMATCH: an entry of Rekor v2 over another envelope", () =>
    assertRefused("ENTRY_DIGEST_MISMATCH", {
      log: "v2",
      content: "envelope",
      body: (body) => (body.kind === "hashedrekord" ? { ...body, digest: sha256(fixtureArtifact) } : body),
    }));
  it("ENTRY_PAYLOAD_HASH_MISMATCH: an entry of another payload", () =>
    assertRefused("ENTRY_PAYLOAD_HASH_MISMATCH", {
      content: "envelope",
      body: (body) => (body.kind === "dsse" ? { ...body, payloadHash: flipLastBit(body.payloadHash) } : body),
    }));
  it("ENTRY_SIGNATURE_MISMATCH: an entry of another signature of the envelope", () =>
    assertRefused("ENTRY_SIGNATURE_MISMATCH", {
      content: "envelope",
      body: withLogged((signed) => ({ ...signed, signature: flipLastBit(signed.signature) })),
    }));
  it("ENTRY_VERIFIER_MISMATCH: an entry of another signer of the envelope", () =>
    assertRefused("ENTRY_VERIFIER_MISMATCH", {
      content: "envelope",
      body: withLogged((signed) => ({ ...signed, verifier: { type: "publicKey", der: generateSigner().publicKey.spki } })),
    }));
  it("ENTRY_KEY_DETAILS_MISMATCH: an entry of Rekor v2 that names another kind of key", () =>
    assertRefused("ENTRY_KEY_DETAILS_MISMATCH", {
      log: "v2",
      body: (body) =>
        body.kind === "hashedrekord" && body.version === "0.0.2" ? { ...body, keyDetails: "PKIX_ECDSA_P384_SHA_256" } : body,
    }));
  it("ENTRY_KIND_MISMATCH: the bundle announces another version than the body has", () =>
    assertRefused("ENTRY_KIND_MISMATCH", { entry: (entry) => ({ ...entry, version: "0.0.2" }) }));
  it("ENTRY_KIND_UNKNOWN: a kind that we cannot compare", () => {
    const rename = (body: Uint8Array): Uint8Array => replaceText(body, '"kind":"hashedrekord"', '"kind":"rekord"');
    // The log in memory reads kind and version from the body, so the body is changed after it was logged, and logged again.
    return assertRefused("ENTRY_KIND_UNKNOWN", {
      entry: (entry) => ({ ...entry, kind: "rekord", body: rename(entry.body ?? new Uint8Array(0)) }),
    });
  });
  it("ENTRY_CONTENT_MISMATCH: an entry of an envelope beside a message signature", async () => {
    const { bundle } = await sigstore.sign({ content: "envelope" });
    const body = parseLogEntryBody(bundle.tlogEntries[0]?.body ?? new Uint8Array(0));
    assert.ok(body.kind === "dsse");
    await assertRefused("ENTRY_CONTENT_MISMATCH", { body: () => body });
  });
  it("ENTRY_BODY_NOT_CANONICAL: an entry of Rekor v2 with a field that nobody reads", () =>
    assertRefused("ENTRY_BODY_NOT_CANONICAL", {
      log: "v2",
      bodyBytes: (body) => replaceText(body, '"hashedRekordV002":{', '"hashedRekordV002":{"a":1,'),
    }));
  it("ENTRY_BODY_MISSING: an entry of Rekor v1 without body", () =>
    assertRefused("ENTRY_BODY_MISSING", { entry: ({ body: _, ...entry }) => entry }));
});

type LoggedSignature = Extract<ReturnType<typeof parseLogEntryBody>, { kind: "dsse" }>["signatures"][number];
function withLogged(edit: (signed: LoggedSignature) => LoggedSignature): NonNullable<Recipe["body"]> {
  return (body) => (body.kind === "dsse" ? { ...body, signatures: body.signatures.map(edit) } : body);
}

function replaceText(bytes: Uint8Array, from: string, to: string): Uint8Array {
  return encodeUtf8(new TextDecoder().decode(bytes).replace(from, to));
}
