import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { describe, test } from "node:test";
import fc from "fast-check";
import { type Envelope, encodeEnvelope, envelopeToJson, preAuthenticationEncoding } from "../attestation/index.ts";
import { createSigner, digest, keyDetailsOf, type SignatureScheme, type Signer, sha256 } from "../crypto/index.ts";
import { encodeBase64, encodeHex, encodePem, encodeUtf8, isSigillumError, type JsonValue, parseUtf8 } from "../encoding/index.ts";
import { generateEd25519phSigner, generateSigner } from "../testing/index.ts";
import {
  type EntryHash,
  encodeCreateEntryRequestV2,
  encodeLogEntryBody,
  encodeProposedDsse,
  encodeProposedHashedRekord,
  encodeVerifierPem,
  maxRequestBytes,
  parseCreateEntryRequestV2,
  parseLogEntryBody,
  parseProposedEntry,
  type Verifier,
  verifyEntrySignature,
  verifyProposedEntry,
} from "./index.ts";

type Pair = { readonly privateKey: { export(options: { format: "der"; type: "pkcs8" }): Uint8Array } };

function signerOf(pair: Pair, scheme: Partial<SignatureScheme> = {}): Signer {
  return createSigner(pair.privateKey.export({ format: "der", type: "pkcs8" }), scheme);
}

const p256 = signerOf(generateKeyPairSync("ec", { namedCurve: "P-256" }));
const p384Pair = generateKeyPairSync("ec", { namedCurve: "P-384" });
const rsa = signerOf(generateKeyPairSync("rsa", { modulusLength: 2048 }));
const ed25519 = signerOf(generateKeyPairSync("ed25519"));
const artifact = encodeUtf8("an artifact");

function keyOf(signer: Signer): Verifier {
  return { type: "publicKey", der: signer.publicKey.spki };
}

function pemOf(verifier: Verifier): string {
  return encodeBase64(encodeVerifierPem(verifier));
}

async function hashedRekord(signer: Signer, hashAlgorithm: EntryHash = "sha256") {
  return {
    hashAlgorithm,
    digest: digest(hashAlgorithm, artifact),
    signature: await signer.sign(artifact),
    verifier: keyOf(signer),
  };
}

const payload = encodeUtf8("a payload");
const pae = preAuthenticationEncoding("text/plain", payload);

async function signedEnvelope(...signers: Signer[]): Promise<Envelope> {
  const signatures = await Promise.all(signers.map(async (signer) => ({ sig: await signer.sign(pae), keyid: "" })));
  return { payload, payloadType: "text/plain", signatures };
}

function proposedDsse(envelopeText: string, ...verifiers: string[]): string {
  return JSON.stringify({
    apiVersion: "0.0.1",
    kind: "dsse",
    spec: { proposedContent: { envelope: envelopeText, verifiers }, signatures: null },
  });
}

describe("proposed entries of Rekor v1", () => {
  test("a hashedrekord request is read, verified over the digest, and stored", async () => {
    for (const signer of [p256, rsa, signerOf(p384Pair), signerOf(p384Pair, { hash: "sha256" })]) {
      const entry = await hashedRekord(signer, signer.scheme.hash === "sha384" ? "sha384" : "sha256");
      const proposed = parseProposedEntry(encodeProposedHashedRekord(entry));
      assert.deepEqual(proposed, { kind: "hashedrekord", version: "0.0.1", ...entry });
      assert.deepEqual(parseLogEntryBody(encodeLogEntryBody(verifyProposedEntry(proposed))), proposed);
    }
  });

  test("PEM that a client wrapped in its own way is stored at 64 columns", async () => {
    const entry = await hashedRekord(p256);
    const wrapped = `some words\n-----BEGIN PUBLIC KEY-----\r\n${encodeBase64(p256.publicKey.spki)}\r\n-----END PUBLIC KEY-----`;
    const text = encodeProposedHashedRekord(entry).replace(pemOf(entry.verifier), encodeBase64(encodeUtf8(wrapped)));
    const stored = parseUtf8(encodeLogEntryBody(verifyProposedEntry(parseProposedEntry(text))));
    assert.ok(stored.includes(encodeBase64(encodeUtf8(encodePem("PUBLIC KEY", p256.publicKey.spki)))));
  });

  test("a hashedrekord signature over another digest, or by another key, is refused", async () => {
    const entry = await hashedRekord(p256);
    const wrong = [
      { ...entry, digest: sha256(payload) },
      { ...entry, verifier: keyOf(signerOf(generateKeyPairSync("ec", { namedCurve: "P-256" }))) },
      { ...entry, signature: entry.signature.slice(1) },
    ];
    for (const other of wrong)
      assert.throws(() => verifyProposedEntry(parseProposedEntry(encodeProposedHashedRekord(other))), {
        code: "ENTRY_SIGNATURE_INVALID",
      });
  });

  test("a hashedrekord with an Ed25519 key is refused, because only a digest is there", async () => {
    const entry = await hashedRekord(ed25519);
    assert.throws(() => verifyProposedEntry(parseProposedEntry(encodeProposedHashedRekord(entry))), {
      code: "ENTRY_KEY_UNSUPPORTED",
    });
  });

  test("a hashedrekord with an Ed25519 key and a SHA-512 digest is Ed25519ph", async () => {
    const signer = generateEd25519phSigner();
    const entry = await hashedRekord(signer, "sha512");
    verifyProposedEntry(parseProposedEntry(encodeProposedHashedRekord(entry)));
    const pure = { ...entry, verifier: keyOf(ed25519), signature: await ed25519.sign(artifact) };
    assert.throws(() => verifyProposedEntry(parseProposedEntry(encodeProposedHashedRekord(pure))), {
      code: "ENTRY_SIGNATURE_INVALID",
    });
  });

  test("a hashedrekord with an ML-DSA key is refused, because only a digest is there", async () => {
    const entry = await hashedRekord(generateSigner("ml-dsa-44"), "sha512");
    assert.throws(() => verifyProposedEntry(parseProposedEntry(encodeProposedHashedRekord(entry))), {
      code: "ENTRY_KEY_UNSUPPORTED",
    });
  });

  test("a dsse request is read and stored without its envelope", async () => {
    for (const signer of [p256, rsa, ed25519, signerOf(p384Pair), signerOf(p384Pair, { hash: "sha256" })]) {
      const envelope = await signedEnvelope(signer);
      const envelopeText = encodeEnvelope(envelope);
      const proposed = parseProposedEntry(encodeProposedDsse({ envelopeText, verifiers: [keyOf(signer)] }));
      assert.deepEqual(verifyProposedEntry(proposed), {
        kind: "dsse",
        version: "0.0.1",
        envelopeHash: sha256(encodeUtf8(envelopeText)),
        payloadHash: sha256(payload),
        signatures: [{ signature: envelope.signatures[0]?.sig, verifier: keyOf(signer) }],
      });
    }
  });

  test("each of several dsse signatures is stored with the verifier that verified it", async () => {
    const envelope = await signedEnvelope(p256, rsa);
    const entry = verifyProposedEntry(
      parseProposedEntry(proposedDsse(encodeEnvelope(envelope), pemOf(keyOf(rsa)), pemOf(keyOf(p256)))),
    );
    assert.ok(entry.kind === "dsse");
    const byKey = new Map(entry.signatures.map(({ signature, verifier }) => [encodeHex(verifier.der), signature]));
    assert.deepEqual(byKey.get(encodeHex(p256.publicKey.spki)), envelope.signatures[0]?.sig);
    assert.deepEqual(byKey.get(encodeHex(rsa.publicKey.spki)), envelope.signatures[1]?.sig);
  });

  test("a dsse request with a signature or a verifier left over is refused", async () => {
    const invalid = { code: "ENTRY_SIGNATURE_INVALID" };
    const one = encodeEnvelope(await signedEnvelope(p256));
    const two = encodeEnvelope(await signedEnvelope(p256, rsa));
    assert.throws(() => verifyProposedEntry(parseProposedEntry(proposedDsse(two, pemOf(keyOf(p256))))), invalid);
    assert.throws(
      () => verifyProposedEntry(parseProposedEntry(proposedDsse(one, pemOf(keyOf(p256)), pemOf(keyOf(rsa))))),
      invalid,
    );
    assert.throws(() => verifyProposedEntry(parseProposedEntry(proposedDsse(one, pemOf(keyOf(rsa))))), invalid);
    assert.throws(
      () => verifyProposedEntry(parseProposedEntry(proposedDsse(one.replace("text/plain", "text/plane"), pemOf(keyOf(p256))))),
      invalid,
    );
  });

  test("malformed requests and unknown kinds are refused", async () => {
    const valid = encodeProposedHashedRekord(await hashedRekord(p256));
    const envelope = encodeEnvelope(await signedEnvelope(p256));
    const pem = pemOf(keyOf(p256));
    const malformed = [
      "",
      "[]",
      "{}",
      valid.replace("{", '{"more":1,'),
      valid.replace('"value":"', '"value":"0'),
      valid.replace('"content":"', '"content":"*'),
      proposedDsse(envelope),
      proposedDsse(envelope, "*"),
      proposedDsse("{}", pem),
      proposedDsse("not JSON", pem),
      proposedDsse(envelope, ...Array.from({ length: 65 }, () => pem)),
      proposedDsse(envelope, pem).replace('"signatures":null', '"signatures":[]'),
      proposedDsse(envelope, pem).replace("proposedContent", "proposedContents"),
    ];
    for (const text of malformed)
      assert.throws(() => parseProposedEntry(text), { code: "ENTRY_REQUEST_MALFORMED" }, text.slice(0, 200));
    const chain = encodeBase64(encodeUtf8(encodePem("CERTIFICATE", Uint8Array.of(0)).repeat(2)));
    assert.throws(() => parseProposedEntry(valid.replace(pem, chain)), { code: "ENTRY_VERIFIER_MALFORMED" });
    assert.throws(() => parseProposedEntry(valid.replace('"hashedrekord"', '"rekord"')), { code: "ENTRY_KIND_UNKNOWN" });
    assert.throws(() => parseProposedEntry(new Uint8Array(maxRequestBytes + 1)), { code: "ENTRY_TOO_LARGE" });
  });

  test("a mutated request throws nothing but our errors", async () => {
    const valid = proposedDsse(encodeEnvelope(await signedEnvelope(p256)), pemOf(keyOf(p256)));
    throwsOnlyOurs(valid, (text) => verifyProposedEntry(parseProposedEntry(text)));
  });
});

function throwsOnlyOurs(valid: string, accept: (text: string) => unknown): void {
  const mutation = fc.tuple(fc.nat(valid.length - 1), fc.constantFrom("", '"', "}", "null", "0", "=", "A", "\\"), fc.nat(3));
  fc.assert(
    fc.property(mutation, ([at, insert, drop]) => {
      try {
        accept(valid.slice(0, at) + insert + valid.slice(at + drop));
      } catch (error) {
        assert.ok(isSigillumError(error), String(error));
      }
    }),
    { numRuns: 400, seed: 13 },
  );
}

describe("requests of Rekor v2", () => {
  const v2 = async (signer: Signer) => ({
    ...(await hashedRekord(signer, signer.scheme.hash === "sha384" ? "sha384" : "sha256")),
    keyDetails: keyDetailsOf(signer.scheme, signer.publicKey),
  });

  async function dsseRequest(
    signer: Signer,
    change: (envelope: Envelope) => Envelope = (envelope) => envelope,
  ): Promise<{ [name: string]: JsonValue }> {
    const verifier = {
      keyDetails: keyDetailsOf(signer.scheme, signer.publicKey),
      publicKey: { rawBytes: encodeBase64(signer.publicKey.spki) },
    };
    return { envelope: envelopeToJson(change(await signedEnvelope(signer))), verifiers: [verifier] };
  }

  test("a hashedrekord request is read and verified", async () => {
    for (const signer of [p256, rsa, signerOf(p384Pair)]) {
      const entry = await v2(signer);
      const request = parseCreateEntryRequestV2(encodeCreateEntryRequestV2(entry));
      assert.deepEqual(request, { entry: { kind: "hashedrekord", version: "0.0.2", ...entry } });
      verifyEntrySignature(request.entry);
      verifyEntrySignature(request.entry, artifact);
    }
  });

  test("snake case, URL-safe base64 and an enum by number are read as protobuf JSON demands", async () => {
    const entry = await v2(p256);
    const snake = encodeCreateEntryRequestV2(entry)
      .replace("hashedRekordRequestV002", "hashed_rekord_request_v002")
      .replace('"keyDetails":"PKIX_ECDSA_P256_SHA_256"', '"key_details":5')
      .replace("publicKey", "public_key")
      .replace("rawBytes", "raw_bytes")
      .replace(
        encodeBase64(entry.signature),
        encodeBase64(entry.signature).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, ""),
      );
    assert.deepEqual(parseCreateEntryRequestV2(snake).entry, { kind: "hashedrekord", version: "0.0.2", ...entry });
  });

  test("a dsse request is stored as hashedrekord over the pre-authentication encoding", async () => {
    for (const signer of [p256, signerOf(p384Pair)]) {
      const request = parseCreateEntryRequestV2(JSON.stringify({ dsseRequestV002: await dsseRequest(signer) }));
      const hash = signer.scheme.hash === "sha384" ? "sha384" : "sha256";
      assert.deepEqual(request.message, pae);
      assert.equal(request.entry.hashAlgorithm, hash);
      assert.deepEqual(request.entry.digest, digest(hash, pae));
      verifyEntrySignature(request.entry, request.message);
      verifyEntrySignature(request.entry);
    }
  });

  test("a dsse request with two signatures or two verifiers is refused", async () => {
    const twice = await dsseRequest(p256, (envelope) => ({
      ...envelope,
      signatures: [...envelope.signatures, ...envelope.signatures],
    }));
    const request = await dsseRequest(p256);
    for (const dsse of [
      twice,
      { ...request, verifiers: [] },
      { ...request, verifiers: [...(request["verifiers"] as JsonValue[]), ...(request["verifiers"] as JsonValue[])] },
    ]) {
      assert.throws(() => parseCreateEntryRequestV2(JSON.stringify({ dsseRequestV002: dsse })), {
        code: "ENTRY_SIGNATURE_COUNT",
      });
    }
  });

  test("a signature that does not verify is refused, over the digest and over the message", async () => {
    const { entry } = parseCreateEntryRequestV2(
      encodeCreateEntryRequestV2({ ...(await v2(p256)), signature: await p256.sign(payload) }),
    );
    assert.throws(() => verifyEntrySignature(entry), { code: "ENTRY_SIGNATURE_INVALID" });
    assert.throws(() => verifyEntrySignature(entry, artifact), { code: "ENTRY_SIGNATURE_INVALID" });
    assert.throws(() => verifyEntrySignature(entry, payload), TypeError);
    const text = JSON.stringify({ dsseRequestV002: await dsseRequest(p256, (envelope) => ({ ...envelope, payload: artifact })) });
    const changed = parseCreateEntryRequestV2(text);
    assert.throws(() => verifyEntrySignature(changed.entry, changed.message), { code: "ENTRY_SIGNATURE_INVALID" });
  });

  test("keys and key details that are not accepted, or do not fit together, are refused", async () => {
    const entry = await v2(p256);
    const unsupported = [
      { ...entry, keyDetails: "PKIX_ED25519", verifier: keyOf(ed25519) },
      { ...entry, keyDetails: "PKIX_ECDSA_P384_SHA_256" },
      { ...entry, keyDetails: "" },
    ];
    for (const other of unsupported)
      assert.throws(() => parseCreateEntryRequestV2(encodeCreateEntryRequestV2(other)), { code: "ENTRY_KEY_UNSUPPORTED" });
    assert.throws(() => parseCreateEntryRequestV2(encodeCreateEntryRequestV2(entry).replace('"PKIX_ECDSA_P256_SHA_256"', "7")), {
      code: "ENTRY_KEY_UNSUPPORTED",
    });
    for (const keyDetails of ["PKIX_ECDSA_P384_SHA_384", "PKIX_RSA_PKCS1V15_2048_SHA256"]) {
      assert.throws(() => parseCreateEntryRequestV2(encodeCreateEntryRequestV2({ ...entry, keyDetails })), {
        code: "ENTRY_KEY_DETAILS_MISMATCH",
      });
    }
    const wide = { ...(await v2(rsa)), keyDetails: "PKIX_RSA_PKCS1V15_4096_SHA256" };
    assert.throws(() => parseCreateEntryRequestV2(encodeCreateEntryRequestV2(wide)), { code: "ENTRY_KEY_DETAILS_MISMATCH" });
    // An entry that was made by hand, not parsed: the digest is of another algorithm than the key details say.
    const mixed = {
      kind: "hashedrekord",
      version: "0.0.2",
      ...entry,
      hashAlgorithm: "sha512",
      digest: digest("sha512", artifact),
    } as const;
    assert.throws(() => verifyEntrySignature(mixed), { code: "ENTRY_KEY_DETAILS_MISMATCH" });
    assert.throws(
      () =>
        parseCreateEntryRequestV2(
          encodeCreateEntryRequestV2({ ...entry, verifier: { type: "certificate", der: Uint8Array.of(0) } }),
        ),
      { code: "ENTRY_VERIFIER_MALFORMED" },
    );
  });

  test("malformed requests are refused", async () => {
    const valid = encodeCreateEntryRequestV2(await v2(p256));
    const dsse = await dsseRequest(p256);
    const both = JSON.stringify({ ...JSON.parse(valid), dsseRequestV002: dsse });
    const malformed = [
      "",
      "{}",
      "[]",
      both,
      valid.replace("{", '{"more":1,'),
      valid.replace('"digest":"', '"digest":"AAAA'),
      valid.replace('"digest"', '"extra":1,"digest"'),
      valid.replace('"content"', '"extra":1,"content"'),
      valid.replace('"rawBytes"', '"extra":1,"rawBytes"'),
      valid.replace('"keyDetails"', '"extra":1,"keyDetails"'),
      valid.replace(/"content":"[^"]*"/, '"content":""'),
      valid.replace('"publicKey"', '"x509Certificate":{"rawBytes":""},"publicKey"'),
      valid.replace('"publicKey":{"rawBytes"', '"publicKey":{"raw"'),
      JSON.stringify({ dsseRequestV002: { ...dsse, extra: 1 } }),
      JSON.stringify({ dsseRequestV002: { ...dsse, envelope: { ...(dsse["envelope"] as object), extra: 1 } } }),
      JSON.stringify({ dsseRequestV002: { ...dsse, envelope: { payload: "", payloadType: "", signatures: [] } } }),
      JSON.stringify({
        dsseRequestV002: { ...dsse, envelope: { payload: "", payloadType: "", signatures: [{ sig: "", cert: "" }] } },
      }),
    ];
    for (const text of malformed)
      assert.throws(() => parseCreateEntryRequestV2(text), { code: "ENTRY_REQUEST_MALFORMED" }, text.slice(0, 200));
    assert.throws(() => parseCreateEntryRequestV2(" ".repeat(maxRequestBytes + 1)), { code: "ENTRY_TOO_LARGE" });
  });

  test("a mutated request throws nothing but our errors", async () => {
    throwsOnlyOurs(JSON.stringify({ dsseRequestV002: await dsseRequest(p256) }), (text) => {
      const { entry, message } = parseCreateEntryRequestV2(text);
      verifyEntrySignature(entry, message);
    });
  });
});
