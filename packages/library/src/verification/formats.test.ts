// Bundles of other formats than Sigstore's own, and kinds of log entry that are no longer written, each verified and each refused once.
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { type Envelope, encodeEnvelope } from "../attestation/index.ts";
import {
  type Bundle,
  bundleFromDetached,
  bundleFromPep740,
  encodeBundle,
  encodeTransparencyLogEntry,
  parseBundles,
  parseCosignBundle,
  signatureBytes,
} from "../bundle/index.ts";
import { encodePublicKeyPem, sha256 } from "../crypto/index.ts";
import { encodeBase64, encodeHex, encodeJcs, encodePem, encodeUtf8, isSigillumError, type JsonValue } from "../encoding/index.ts";
import { encodeVerifierPem, parseLogEntryBody } from "../log-entry/index.ts";
import { fixtureArtifact, fixtureIdentity, flipLastBit, MemorySigstore, type Recipe, signingTimeMs } from "../testing/index.ts";
import { authorityOfChain } from "../trusted-root/index.ts";
import type { Expectations } from "./expectations.ts";
import type { Verified } from "./verified.ts";
import { verifyBundle } from "./verify-bundle.ts";

let sigstore: MemorySigstore;
before(async () => {
  sigstore = await MemorySigstore.create();
});

const identity: Expectations = { identity: fixtureIdentity };
const promised: Expectations = { ...identity, acceptPromiseWithoutProof: true };

function verify(bundle: Bundle, expectations: Expectations): Verified {
  return verifyBundle({ bundle, artifact: { bytes: fixtureArtifact }, trustedRoot: sigstore.trustedRoot, expectations });
}

function refuses(bundle: Bundle, expectations: Expectations, code: string): void {
  assert.throws(
    () => verify(bundle, expectations),
    (error) => isSigillumError(error) && error.code === code,
  );
}

function pemOf(bundle: Bundle): string {
  assert.ok("certificate" in bundle.material);
  return encodePem("CERTIFICATE", bundle.material.certificate.der);
}

function rekorBundle(bundle: Bundle): { readonly [name: string]: JsonValue } {
  const [entry] = bundle.tlogEntries;
  assert.ok(entry?.promise !== undefined && entry.body !== undefined && entry.integratedTimeS !== undefined);
  const { logIndex, integratedTimeS: integratedTime } = entry;
  return {
    SignedEntryTimestamp: encodeBase64(entry.promise),
    Payload: { body: encodeBase64(entry.body), integratedTime, logIndex, logID: encodeHex(entry.logId) },
  };
}

function cosignBundle(bundle: Bundle, cert: string): string {
  const signature =
    "dsseEnvelope" in bundle.content ? encodeUtf8(encodeEnvelope(bundle.content.dsseEnvelope)) : signatureBytes(bundle);
  return JSON.stringify({
    base64Signature: encodeBase64(signature),
    cert: encodeBase64(encodeUtf8(cert)),
    rekorBundle: rekorBundle(bundle),
  });
}

describe("verifyBundle and cosign's JSON bundle", () => {
  for (const content of ["message", "envelope"] as const) {
    it(`verifies a ${content} with a certificate, when a promise is accepted`, async () => {
      const { bundle } = await sigstore.sign({ content });
      const parsed = parseCosignBundle(cosignBundle(bundle, pemOf(bundle)));
      assert.equal(parsed.version, "cosign");
      const { identity: signer, logEntries } = verify(parsed, promised);
      assert.equal(signer?.san, fixtureIdentity.san);
      assert.equal(logEntries[0]?.inclusion, undefined);
      refuses(parsed, identity, "INCLUSION_PROOF_MISSING");
    });
  }

  it("verifies one with a public key, by the key that is given and no other", async () => {
    const { bundle, publicKey } = await sigstore.sign({ managed: true });
    const { publicKey: stranger } = await sigstore.sign({ managed: true });
    const parsed = parseCosignBundle(cosignBundle(bundle, encodePublicKeyPem(publicKey)));
    assert.equal(verify(parsed, { publicKey, acceptPromiseWithoutProof: true }).publicKey, publicKey);
    refuses(parsed, { publicKey: stranger, acceptPromiseWithoutProof: true }, "SIGNATURE_INVALID");
  });

  it("refuses one whose promise is of another entry", async () => {
    const [first, second] = [await sigstore.sign({}), await sigstore.sign({})];
    const mixed = { ...JSON.parse(cosignBundle(first.bundle, pemOf(first.bundle))), rekorBundle: rekorBundle(second.bundle) };
    refuses(parseCosignBundle(JSON.stringify(mixed)), promised, "ENTRY_SIGNATURE_MISMATCH");
  });
});

describe("verifyBundle and detached files", () => {
  it("verifies signature, certificate, chain, promise and timestamp in every form that cosign writes", async () => {
    const { bundle } = await sigstore.sign({ timestamp: true });
    const [stamp = new Uint8Array(0)] = bundle.timestamps;
    const raw = signatureBytes(bundle);
    const pem = encodeUtf8(pemOf(bundle));
    assert.ok("certificate" in bundle.material);
    const chain = encodeUtf8([sigstore.ca.issuing, sigstore.ca.root].map(({ der }) => encodePem("CERTIFICATE", der)).join(""));
    const rekor = encodeUtf8(JSON.stringify(rekorBundle(bundle)));
    const certificates: readonly Uint8Array[] = [pem, bundle.material.certificate.der, encodeUtf8(encodeBase64(pem))];
    for (const signature of [raw, encodeUtf8(`${encodeBase64(raw)}\n`)]) {
      for (const certificate of certificates) {
        for (const timestamp of [stamp, encodeUtf8(JSON.stringify({ SignedRFC3161Timestamp: encodeBase64(stamp) }))]) {
          const parts = { signature, certificate, chain, rekorBundle: rekor, timestamps: [timestamp] };
          assert.equal(verify(bundleFromDetached(parts), promised).times.length, 2);
        }
      }
    }
  });

  it("needs a time, and takes a timestamp alone where no log is demanded", async () => {
    const { bundle } = await sigstore.sign({ timestamp: true });
    const parts = { signature: signatureBytes(bundle), certificate: encodeUtf8(pemOf(bundle)) };
    const unlogged: Expectations = { ...identity, thresholds: { logEntries: 0 } };
    assert.equal(verify(bundleFromDetached({ ...parts, timestamps: bundle.timestamps }), unlogged).times.length, 1);
    refuses(bundleFromDetached(parts), unlogged, "THRESHOLD_OBSERVED_TIMES");
    refuses(bundleFromDetached({ ...parts, timestamps: bundle.timestamps }), identity, "THRESHOLD_LOG_ENTRIES");
  });

  it("verifies a signature by a managed key without a log, where that is asked for", async () => {
    const { bundle, publicKey } = await sigstore.sign({ managed: true });
    const detached = bundleFromDetached({ signature: signatureBytes(bundle) });
    const thresholds = { logEntries: 0 };
    assert.equal(verify(detached, { publicKey, thresholds }).publicKey, publicKey);
    refuses(detached, { publicKey }, "THRESHOLD_LOG_ENTRIES");
  });

  it("believes a chain as an authority of one's own where the caller makes one of it", async () => {
    const { bundle } = await sigstore.sign({});
    const own = authorityOfChain([sigstore.ca.issuing, sigstore.ca.root], "--certificate-chain");
    const trustedRoot = { ...sigstore.trustedRoot, certificateAuthorities: [own] };
    const verified = verifyBundle({ bundle, artifact: { bytes: fixtureArtifact }, trustedRoot, expectations: identity });
    assert.equal(verified.identity?.authority, own);
  });
});

function envelopeOf(bundle: Bundle): Envelope {
  assert.ok("dsseEnvelope" in bundle.content);
  return bundle.content.dsseEnvelope;
}

interface IntotoFields {
  readonly envelope: Envelope;
  readonly pem: string;
  readonly text: Uint8Array;
}

type IntotoEdit = (fields: IntotoFields) => IntotoFields;
const hashOf = (bytes: Uint8Array): JsonValue => ({ algorithm: "sha256", value: encodeHex(sha256(bytes)) });

// The bodies that Rekor v1 stored for intoto, which nobody writes any more.
const intoto: Readonly<Record<"0.0.1" | "0.0.2", (fields: IntotoFields) => JsonValue>> = {
  "0.0.1": ({ envelope, pem, text }) => ({
    content: { hash: hashOf(text), payloadHash: hashOf(envelope.payload) },
    publicKey: pem,
  }),
  "0.0.2": ({ envelope, pem, text }) => ({
    content: {
      envelope: {
        payloadType: envelope.payloadType,
        signatures: envelope.signatures.map(({ sig }) => ({ publicKey: pem, sig: encodeBase64(encodeUtf8(encodeBase64(sig))) })),
      },
      hash: hashOf(text),
      payloadHash: hashOf(envelope.payload),
    },
  }),
};

function goText({ payload, payloadType, signatures }: Envelope): Uint8Array {
  const list = signatures.map(({ sig }) => `{"keyid":"","sig":"${encodeBase64(sig)}"}`).join(",");
  return encodeUtf8(`{"payloadType":"${payloadType}","payload":"${encodeBase64(payload)}","signatures":[${list}]}`);
}

async function withIntoto(version: "0.0.1" | "0.0.2", edit: IntotoEdit = (fields) => fields): Promise<Bundle> {
  const { bundle } = await sigstore.sign({ content: "envelope", log: "none" });
  assert.ok("certificate" in bundle.material);
  const envelope = envelopeOf(bundle);
  const verifier = { type: "certificate", der: bundle.material.certificate.der } as const;
  const honest = { envelope, pem: encodeBase64(encodeVerifierPem(verifier)), text: goText(envelope) };
  const body = encodeJcs({ apiVersion: version, kind: "intoto", spec: intoto[version](edit(honest)) });
  return { ...bundle, tlogEntries: [await sigstore.logV1.add(body, signingTimeMs)] };
}

const otherPayload: IntotoEdit = (fields) => ({ ...fields, envelope: { ...fields.envelope, payload: encodeUtf8("{}") } });

describe("verifyBundle and intoto entries", () => {
  for (const version of ["0.0.1", "0.0.2"] as const) {
    it(`verifies ${version}`, async () => {
      assert.equal(verify(await withIntoto(version), identity).logEntries[0]?.version, version);
    });
    it(`refuses ${version} of another payload`, async () => {
      refuses(await withIntoto(version, otherPayload), identity, "ENTRY_PAYLOAD_HASH_MISMATCH");
    });
    it(`refuses ${version} of another certificate`, async () => {
      const { bundle } = await sigstore.sign({});
      const pem = encodeBase64(encodeUtf8(pemOf(bundle)));
      refuses(await withIntoto(version, (fields) => ({ ...fields, pem })), identity, "ENTRY_VERIFIER_MISMATCH");
    });
  }

  it("refuses 0.0.1 of another envelope text, and takes the text that an envelope came as", async () => {
    const spaced: IntotoEdit = (fields) => ({ ...fields, text: encodeUtf8(` ${new TextDecoder().decode(fields.text)}`) });
    const bundle = await withIntoto("0.0.1", spaced);
    refuses(bundle, identity, "ENTRY_ENVELOPE_HASH_MISMATCH");
    const envelope = envelopeOf(bundle);
    const envelopeText = spaced({ envelope, pem: "", text: goText(envelope) }).text;
    verify({ ...bundle, content: { dsseEnvelope: envelope, envelopeText } }, identity);
  });

  it("verifies 0.0.1 without the payload's hash, which early entries leave out", async () => {
    const { bundle } = await sigstore.sign({ content: "envelope", log: "none" });
    const envelope = envelopeOf(bundle);
    const publicKey = encodeBase64(encodeUtf8(pemOf(bundle)));
    const spec = { content: { hash: hashOf(goText(envelope)) }, publicKey };
    const body = encodeJcs({ apiVersion: "0.0.1", kind: "intoto", spec });
    verify({ ...bundle, tlogEntries: [await sigstore.logV1.add(body, signingTimeMs)] }, identity);
  });

  it("refuses 0.0.2 of another signature", async () => {
    const edit: IntotoEdit = (fields) => ({
      ...fields,
      envelope: {
        ...fields.envelope,
        signatures: fields.envelope.signatures.map(({ sig }) => ({ sig: flipLastBit(sig), keyid: "" })),
      },
    });
    refuses(await withIntoto("0.0.2", edit), identity, "ENTRY_SIGNATURE_MISMATCH");
  });

  it("refuses an intoto entry beside a message signature", async () => {
    const { bundle } = await sigstore.sign({});
    const { tlogEntries } = await withIntoto("0.0.1");
    refuses({ ...bundle, tlogEntries }, identity, "ENTRY_CONTENT_MISMATCH");
  });
});

function pep740({ bundle }: { readonly bundle: Bundle }): { [name: string]: JsonValue } {
  const envelope = envelopeOf(bundle);
  assert.ok("certificate" in bundle.material);
  return {
    version: 1,
    verification_material: {
      certificate: encodeBase64(bundle.material.certificate.der),
      transparency_entries: bundle.tlogEntries.map(encodeTransparencyLogEntry),
    },
    envelope: {
      statement: encodeBase64(envelope.payload),
      signature: encodeBase64(envelope.signatures[0]?.sig ?? new Uint8Array(0)),
    },
  };
}

describe("verifyBundle and the lists of registries", () => {
  const recipe: Recipe = { content: "envelope" };

  it("verifies PyPI's attestations and provenance (PEP 740)", async () => {
    const attestation = pep740(await sigstore.sign(recipe));
    verify(bundleFromPep740(JSON.stringify(attestation)), identity);
    const provenance = {
      version: 1,
      attestation_bundles: [{ publisher: { kind: "GitHub" }, attestations: [attestation, pep740(await sigstore.sign(recipe))] }],
    };
    const bundles = parseBundles(JSON.stringify(provenance));
    assert.equal(bundles.length, 2);
    for (const bundle of bundles)
      assert.equal(verify(bundle, identity).statement?.predicateType, "https://sigstore.test/predicate");
    const envelope = { statement: encodeBase64(encodeUtf8("{}")), signature: "AAAA" };
    refuses(bundleFromPep740(JSON.stringify({ ...attestation, envelope })), identity, "SIGNATURE_INVALID");
  });

  it("verifies GitHub's lines and the answers of GitHub's and npm's registries", async () => {
    const texts = [encodeBundle((await sigstore.sign(recipe)).bundle), encodeBundle((await sigstore.sign({ log: "v2" })).bundle)];
    const values = texts.map((text) => JSON.parse(text));
    for (const list of [
      texts.join("\n"),
      `${texts.join("\r\n")}\n\n`,
      JSON.stringify(values),
      JSON.stringify({ attestations: values.map((bundle) => ({ predicateType: "https://slsa.dev/provenance/v1", bundle })) }),
      JSON.stringify({ attestations: values }),
    ]) {
      for (const given of [list, encodeUtf8(list)]) {
        const bundles = parseBundles(given);
        assert.equal(bundles.length, 2);
        for (const bundle of bundles) verify(bundle, identity);
      }
    }
  });

  it("verifies a bundle without log entry and SCT, as GitHub's own instance makes them, where that is asked for", async () => {
    const { bundle } = await sigstore.sign({ ...recipe, log: "none", timestamp: true, ctLogs: [] });
    const [parsed] = parseBundles(encodeBundle(bundle));
    assert.ok(parsed !== undefined);
    verify(parsed, { ...identity, thresholds: { logEntries: 0, scts: 0, timestamps: 1 } });
    refuses(parsed, { ...identity, thresholds: { logEntries: 0 } }, "CT_NO_SCT");
    refuses(parsed, { ...identity, thresholds: { scts: 0 } }, "THRESHOLD_LOG_ENTRIES");
  });

  it("keeps the kinds apart: an entry's body says what it is", async () => {
    const { bundle } = await sigstore.sign(recipe);
    assert.equal(parseLogEntryBody(bundle.tlogEntries[0]?.body ?? new Uint8Array(0)).kind, "dsse");
  });
});
