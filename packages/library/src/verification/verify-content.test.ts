// For each check of signature, artifact and statement one bundle that breaks it alone: everything made after the break is made honestly
// from it, so that switching the check off lets the bundle through. The same holds for the files beside this one.
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { encodeStatement } from "../attestation/index.ts";
import type { Bundle } from "../bundle/index.ts";
import { sha256 } from "../crypto/index.ts";
import { encodeHex, encodeUtf8 } from "../encoding/index.ts";
import {
  assertRefused as assertRefusedBy,
  fixtureArtifact,
  fixtureIdentity,
  flipLastBit,
  generateSigner,
  MemorySigstore,
  type Recipe,
  type VerifyEdits,
  verifyRecipe,
} from "../testing/index.ts";
import type { Artifact, Expectations } from "./expectations.ts";

const artifact: Artifact = { bytes: fixtureArtifact };
const digestOnly: Artifact = { digest: sha256(fixtureArtifact), algorithm: "sha256" };

let sigstore: MemorySigstore;
before(async () => {
  sigstore = await MemorySigstore.create();
});

const assertRefused = (code: string, recipe: Recipe, edits?: VerifyEdits): Promise<void> =>
  assertRefusedBy(sigstore, code, recipe, edits);

describe("verifyBundle refuses by what was signed", () => {
  it("PUBLIC_KEY_EXPECTED: a managed key where an identity is expected", () =>
    assertRefused("PUBLIC_KEY_EXPECTED", { managed: true }));
  it("IDENTITY_EXPECTED: a certificate where a key is expected", async () => {
    const signer = generateSigner();
    await assertRefused("IDENTITY_EXPECTED", { signer }, { expectations: { publicKey: signer.publicKey } });
  });
  it("SIGNATURE_INVALID: another managed key, though the bundle's hint and entry are of the right one", async () => {
    const expectations: Expectations = { publicKey: generateSigner().publicKey };
    await assertRefused("SIGNATURE_INVALID", { managed: true }, { expectations });
  });
  it("ENTRY_VERIFIER_MISMATCH: an entry of another managed key", async () => {
    const signer = generateSigner();
    const verifier = { type: "publicKey", der: generateSigner().publicKey.spki } as const;
    const body: Recipe["body"] = (entry) => (entry.kind === "hashedrekord" ? { ...entry, verifier } : entry);
    await assertRefused(
      "ENTRY_VERIFIER_MISMATCH",
      { managed: true, signer, body },
      { expectations: { publicKey: signer.publicKey } },
    );
  });
  it("ARTIFACT_DIGEST_MISMATCH: the hint alone is of another artifact", () =>
    assertRefused("ARTIFACT_DIGEST_MISMATCH", {
      messageDigest: (message) => message && { ...message, digest: flipLastBit(message.digest) },
    }));
  it("ARTIFACT_DIGEST_UNAVAILABLE: a digest by another algorithm was given", () =>
    assertRefused("ARTIFACT_DIGEST_UNAVAILABLE", {}, { artifact: { digest: new Uint8Array(64), algorithm: "sha512" } }));
  for (const [mode, given] of Object.entries({ bytes: artifact, digest: digestOnly })) {
    for (const log of ["v1", "v2"] as const) {
      it(`SIGNATURE_INVALID: over a message, by another key, logged in ${log} and stamped, by ${mode}`, async () => {
        const signature = await generateSigner().sign(fixtureArtifact);
        await assertRefused("SIGNATURE_INVALID", { log, signature: () => signature }, { artifact: given });
      });
      it(`SIGNATURE_INVALID: over an envelope, logged in ${log} and stamped, by ${mode}`, async () => {
        const signature = await generateSigner().sign(fixtureArtifact);
        await assertRefused("SIGNATURE_INVALID", { log, content: "envelope", signature: () => signature }, { artifact: given });
      });
    }
  }
  it("SIGNATURE_INVALID: a second envelope signature beside the good one", () =>
    assertRefused("SIGNATURE_INVALID", {
      content: "envelope",
      bundle: withSignatures((signatures) => [...signatures, ...signatures]),
    }));
  it("PAYLOAD_TYPE_UNEXPECTED: the payload is no statement by its type", () =>
    assertRefused("PAYLOAD_TYPE_UNEXPECTED", { content: "envelope", payloadType: "application/json" }));
  describe("where a predicate type may stand for the payload type, as cosign 1.3 wrote it", () => {
    const accepting: VerifyEdits = {
      expectations: { identity: fixtureIdentity, acceptPredicateTypeForPayloadType: true },
    };
    it("takes the statement's own predicate type", async () => {
      const recipe: Recipe = { content: "envelope", payloadType: "https://sigstore.test/predicate" };
      await verifyRecipe(sigstore, recipe, accepting);
      await assertRefused("PAYLOAD_TYPE_UNEXPECTED", recipe);
    });
    it("PAYLOAD_TYPE_UNEXPECTED: it is neither a statement's nor the statement's predicate type", () =>
      assertRefused("PAYLOAD_TYPE_UNEXPECTED", { content: "envelope", payloadType: "https://sigstore.test/other" }, accepting));
  });
  it("STATEMENT_TYPE_UNKNOWN: the payload's _type is unknown", () =>
    assertRefused("STATEMENT_TYPE_UNKNOWN", {
      content: "envelope",
      payload: (payload) => replaceText(payload, "Statement/v1", "Statement/v9"),
    }));
  for (const log of ["v1", "v2"] as const) {
    it(`SUBJECT_MISMATCH: no subject is the artifact, in ${log}`, () =>
      assertRefused("SUBJECT_MISMATCH", {
        content: "envelope",
        log,
        payload: () => statementAbout("sha256", encodeHex(sha256(encodeUtf8("other")))),
      }));
  }
  it("SUBJECT_MISMATCH: the digest stands under another algorithm", () =>
    assertRefused("SUBJECT_MISMATCH", {
      content: "envelope",
      payload: () => statementAbout("sha512", encodeHex(sha256(fixtureArtifact))),
    }));
});

function withSignatures(edit: <T>(signatures: readonly T[]) => readonly T[]): (bundle: Bundle) => Bundle {
  return (bundle) => {
    assert.ok("dsseEnvelope" in bundle.content);
    const { dsseEnvelope } = bundle.content;
    return { ...bundle, content: { dsseEnvelope: { ...dsseEnvelope, signatures: edit(dsseEnvelope.signatures) } } };
  };
}

function replaceText(bytes: Uint8Array, from: string, to: string): Uint8Array {
  return encodeUtf8(new TextDecoder().decode(bytes).replace(from, to));
}

function statementAbout(algorithm: string, value: string): Uint8Array {
  return encodeStatement({
    type: "https://in-toto.io/Statement/v1",
    subject: [{ name: "artifact", digest: new Map([[algorithm, value]]) }],
    predicateType: "https://sigstore.test/p",
    predicate: {},
  });
}
