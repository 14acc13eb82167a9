import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { describe, test } from "node:test";
import fc from "fast-check";
import { type Envelope, encodeEnvelope, preAuthenticationEncoding, statementPayloadType } from "../attestation/index.ts";
import { createSigner, digest, keyDetailsOf, parsePublicKey, type Signer, sha256 } from "../crypto/index.ts";
import {
  encodeBase64,
  encodeHex,
  encodeJcs,
  encodePem,
  encodeUtf8,
  type JsonValue,
  parseBase64,
  parseHex,
  parseJson,
  parseUtf8,
} from "../encoding/index.ts";
import { encodeName, keyUsageExtension, signCertificate } from "../x509/index.ts";
import {
  type EntryMaterial,
  encodeDsseV001,
  encodeHashedRekordV001,
  encodeHashedRekordV002,
  encodeLogEntryBody,
  formatEntryId,
  type HashedRekordV001,
  type HashedRekordV002,
  isSameVerifier,
  leafUuid,
  maxBodyBytes,
  parseEntryId,
  parseLogEntryBody,
  parseVerifierPem,
  publicKeyOf,
  setPayload,
  type Verifier,
  verifyBodyMatches,
  verifyEntryBody,
  verifySet,
} from "./index.ts";

function signerOf(pair: { readonly privateKey: { export(options: { format: "der"; type: "pkcs8" }): Uint8Array } }): Signer {
  return createSigner(pair.privateKey.export({ format: "der", type: "pkcs8" }));
}

const p256 = signerOf(generateKeyPairSync("ec", { namedCurve: "P-256" }));
const other = signerOf(generateKeyPairSync("ec", { namedCurve: "P-256" }));

async function certificateOf(signer: Signer): Promise<Verifier> {
  const name = encodeName({ commonName: "test" });
  const fields = {
    serial: Uint8Array.of(1),
    issuer: name,
    subject: name,
    notBeforeMs: 1_767_225_600_000,
    notAfterMs: 1_767_226_200_000,
    spki: signer.publicKey.spki,
    extensions: [keyUsageExtension(["digitalSignature"])],
  };
  return { type: "certificate", der: await signCertificate(fields, signer) };
}

const artifact = encodeUtf8("an artifact");
const signature = await p256.sign(artifact);
const certificate = await certificateOf(p256);
const publicKey: Verifier = { type: "publicKey", der: p256.publicKey.spki };
const payload = encodeUtf8('{"_type":"https://in-toto.io/Statement/v1","subject":[],"predicateType":"p"}');
const pae = preAuthenticationEncoding(statementPayloadType, payload);
const paeSignature = await p256.sign(pae);
const envelope: Envelope = { payload, payloadType: statementPayloadType, signatures: [{ sig: paeSignature, keyid: "" }] };

const v001: HashedRekordV001 = {
  kind: "hashedrekord",
  version: "0.0.1",
  hashAlgorithm: "sha256",
  digest: sha256(artifact),
  signature,
  verifier: certificate,
};
const v002: HashedRekordV002 = { ...v001, version: "0.0.2", keyDetails: keyDetailsOf(p256.scheme, p256.publicKey) };
const v002Dsse: HashedRekordV002 = { ...v002, digest: sha256(pae), signature: paeSignature };
const dsse = {
  kind: "dsse",
  version: "0.0.1",
  envelopeHash: sha256(encodeUtf8(encodeEnvelope(envelope))),
  payloadHash: sha256(payload),
  signatures: [{ signature: paeSignature, verifier: certificate }],
} as const;

const messageMaterial: EntryMaterial = {
  verifier: certificate,
  content: { type: "message", hashAlgorithm: "sha256", digest: sha256(artifact), signature },
};
const envelopeMaterial: EntryMaterial = { verifier: certificate, content: { type: "envelope", envelope } };

// intoto 0.0.2 as Rekor stores it: the base64 of DSSE is base64-encoded once more.
function intotoBody(change: (content: { [name: string]: JsonValue }) => void = () => {}): Uint8Array {
  const pem = encodeUtf8(encodePem("CERTIFICATE", certificate.der));
  const content: { [name: string]: JsonValue } = {
    envelope: {
      payloadType: statementPayloadType,
      signatures: [{ publicKey: encodeBase64(pem), sig: encodeBase64(encodeUtf8(encodeBase64(paeSignature))) }],
    },
    hash: { algorithm: "sha256", value: "00".repeat(32) },
    payloadHash: { algorithm: "sha256", value: encodeHex(sha256(payload)) },
  };
  change(content);
  return encodeJcs({ apiVersion: "0.0.2", kind: "intoto", spec: { content } });
}

function edited(body: Uint8Array, from: string | RegExp, to: string): Uint8Array {
  const text = parseUtf8(body);
  const result = text.replace(from, to);
  assert.notEqual(result, text);
  return encodeUtf8(result);
}

describe("bodies", () => {
  test("encodeHashedRekordV001 writes what Rekor stores", () => {
    const small = {
      hashAlgorithm: "sha256",
      digest: parseHex("ab".repeat(32)),
      signature: Uint8Array.of(1, 2, 3),
      verifier: { type: "publicKey", der: new Uint8Array(49) },
    } as const;
    const pem = `-----BEGIN PUBLIC KEY-----\n${"A".repeat(64)}\nAA==\n-----END PUBLIC KEY-----\n`;
    assert.equal(
      parseUtf8(encodeHashedRekordV001(small)),
      `{"apiVersion":"0.0.1","kind":"hashedrekord","spec":{"data":{"hash":{"algorithm":"sha256","value":"${"ab".repeat(32)}"}},"signature":{"content":"AQID","publicKey":{"content":"${btoa(pem)}"}}}}`,
    );
  });

  test("encodeHashedRekordV002 writes what Rekor v2 stores", () => {
    const small = {
      hashAlgorithm: "sha384",
      digest: new Uint8Array(48),
      signature: Uint8Array.of(1, 2, 3),
      keyDetails: "PKIX_ECDSA_P384_SHA_384",
    } as const;
    const body = (verifier: Verifier): string => parseUtf8(encodeHashedRekordV002({ ...small, verifier }));
    const around = (verifier: string): string =>
      `{"apiVersion":"0.0.2","kind":"hashedrekord","spec":{"hashedRekordV002":{"data":{"algorithm":"SHA2_384","digest":"${"A".repeat(64)}"},"signature":{"content":"AQID","verifier":{"keyDetails":"PKIX_ECDSA_P384_SHA_384",${verifier}}}}}}`;
    assert.equal(body({ type: "certificate", der: Uint8Array.of(9) }), around('"x509Certificate":{"rawBytes":"CQ=="}'));
    assert.equal(body({ type: "publicKey", der: Uint8Array.of(9) }), around('"publicKey":{"rawBytes":"CQ=="}'));
  });

  test("encodeDsseV001 sorts signatures by their base64 text", () => {
    const verifier: Verifier = { type: "publicKey", der: Uint8Array.of(0) };
    const hash = new Uint8Array(32);
    const signatures = [0xff, 0x68, 0xd0].map((first) => ({ signature: Uint8Array.of(first), verifier }));
    const body = parseUtf8(encodeDsseV001({ envelopeHash: hash, payloadHash: hash, signatures }));
    assert.deepEqual(
      [...body.matchAll(/"signature":"(....)"/g)].map(([, text]) => text),
      ["0A==", "aA==", "/w=="].toSorted(),
    );
    assert.ok(
      body.startsWith(
        `{"apiVersion":"0.0.1","kind":"dsse","spec":{"envelopeHash":{"algorithm":"sha256","value":"${"00".repeat(32)}"},"payloadHash":`,
      ),
    );
  });

  test("parseLogEntryBody gives back what encodeLogEntryBody wrote", () => {
    for (const entry of [v001, v002, v002Dsse, dsse, { ...v001, verifier: publicKey }, { ...v002, verifier: publicKey }]) {
      const body = encodeLogEntryBody(entry);
      assert.deepEqual(parseLogEntryBody(body, { kind: entry.kind, version: entry.version }), entry);
      assert.deepEqual(encodeJcs(parseJson(body)), body);
    }
  });

  test("a digest in upper case is kept as it came", () => {
    const body = edited(encodeLogEntryBody(v001), encodeHex(v001.digest), encodeHex(v001.digest).toUpperCase());
    const entry = parseLogEntryBody(body);
    assert.ok(entry.kind === "hashedrekord");
    assert.deepEqual(encodeLogEntryBody(entry), body);
    verifyBodyMatches(entry, messageMaterial);
  });

  test("parseLogEntryBody reads intoto 0.0.2, whose signature is base64 of base64", () => {
    const entry = parseLogEntryBody(intotoBody());
    assert.deepEqual(entry, {
      kind: "intoto",
      version: "0.0.2",
      payloadType: statementPayloadType,
      payloadHash: sha256(payload),
      signatures: [{ signature: paeSignature, verifier: certificate }],
    });
  });

  test("parseLogEntryBody refuses a kind or version other than announced, and unknown ones", () => {
    const body = encodeLogEntryBody(v001);
    assert.throws(() => parseLogEntryBody(body, { kind: "hashedrekord", version: "0.0.2" }), { code: "ENTRY_KIND_MISMATCH" });
    assert.throws(() => parseLogEntryBody(body, { kind: "dsse", version: "0.0.1" }), { code: "ENTRY_KIND_MISMATCH" });
    assert.throws(() => parseLogEntryBody(edited(body, '"0.0.1"', '"0.0.3"')), { code: "ENTRY_KIND_UNKNOWN" });
    // Withdrawn from Rekor v2 in 2026.
    const dsse002 = encodeUtf8('{"apiVersion":"0.0.2","kind":"dsse","spec":{"dsseV002":{}}}');
    assert.throws(() => parseLogEntryBody(dsse002, { kind: "dsse", version: "0.0.2" }), { code: "ENTRY_KIND_UNKNOWN" });
  });

  test("parseLogEntryBody refuses bodies that are not as their kind is", () => {
    const [one, two, three] = [encodeLogEntryBody(v001), encodeLogEntryBody(v002), encodeLogEntryBody(dsse)];
    const malformed = [
      encodeUtf8(""),
      encodeUtf8("[]"),
      encodeUtf8('{"apiVersion":"0.0.1","kind":"hashedrekord"}'),
      edited(one, '{"apiVersion"', '{"more":1,"apiVersion"'),
      edited(one, '"sha256"', '"sha1"'),
      edited(one, /"value":"../, '"value":"'),
      edited(one, /"value":"../, '"value":"zz'),
      edited(one, '"content"', '"contents"'),
      edited(two, "SHA2_256", "SHA2_384"),
      edited(two, "SHA2_256", "SHA3_256"),
      edited(two, '"x509Certificate"', '"publicKey":{"rawBytes":""},"x509Certificate"'),
      edited(two, '"x509Certificate"', '"pgp"'),
      edited(two, "hashedRekordV002", "hashedRekordV003"),
      edited(three, /"signatures":\[.*\]/, '"signatures":[]'),
      edited(three, '"sha256"', '"sha512"'),
      edited(three, /"value":"[0-9a-f]{64}"/, `"value":"${"00".repeat(64)}"`),
      edited(three, /"algorithm":"sha256","value":"[0-9a-f]{64}"/, `"algorithm":"sha512","value":"${"00".repeat(64)}"`),
      intotoBody((content) => delete content["payloadHash"]),
      intotoBody((content) => {
        content["envelope"] = { payloadType: "t", signatures: [] };
      }),
      intotoBody((content) => {
        content["envelope"] = {
          payloadType: "t",
          signatures: [
            {
              publicKey: encodeBase64(encodeUtf8(encodePem("PUBLIC KEY", publicKey.der))),
              sig: encodeBase64(Uint8Array.of(0xff)),
            },
          ],
        };
      }),
    ];
    for (const body of malformed)
      assert.throws(() => parseLogEntryBody(body), { code: "ENTRY_BODY_MALFORMED" }, parseUtf8(body).slice(0, 200));
    assert.throws(() => parseLogEntryBody(new Uint8Array(maxBodyBytes + 1)), { code: "ENTRY_TOO_LARGE" });
  });
});

describe("verifiers", () => {
  const pem = (label: string, bytes: Uint8Array): Uint8Array => encodeUtf8(encodePem(label, bytes));

  test("parseVerifierPem reads a key, a certificate, and the first of a chain; publicKeyOf reads the key of either", () => {
    assert.deepEqual(parseVerifierPem(pem("PUBLIC KEY", publicKey.der)), publicKey);
    assert.deepEqual(
      parseVerifierPem(encodeUtf8(encodePem("CERTIFICATE", certificate.der) + encodePem("CERTIFICATE", Uint8Array.of(1)))),
      certificate,
    );
    assert.deepEqual(publicKeyOf(certificate).spki, publicKeyOf(publicKey).spki);
  });

  test("isSameVerifier compares type and DER", () => {
    assert.ok(isSameVerifier(certificate, { type: "certificate", der: certificate.der.slice() }));
    assert.ok(!isSameVerifier(certificate, { type: "publicKey", der: certificate.der }));
    assert.ok(!isSameVerifier(certificate, { type: "certificate", der: certificate.der.slice(1) }));
  });

  test("parseVerifierPem and publicKeyOf refuse everything else", () => {
    const two = (first: string, second: string): Uint8Array =>
      encodeUtf8(encodePem(first, publicKey.der) + encodePem(second, publicKey.der));
    const malformed = [
      encodeUtf8(""),
      Uint8Array.of(0xff),
      pem("PRIVATE KEY", publicKey.der),
      two("PUBLIC KEY", "PUBLIC KEY"),
      two("CERTIFICATE", "PUBLIC KEY"),
      encodeUtf8("A".repeat(70_000)),
    ];
    for (const text of malformed) assert.throws(() => parseVerifierPem(text), { code: "ENTRY_VERIFIER_MALFORMED" });
    assert.throws(() => publicKeyOf({ type: "certificate", der: publicKey.der }), { code: "ENTRY_VERIFIER_MALFORMED" });
    assert.throws(() => publicKeyOf({ type: "publicKey", der: certificate.der }), { code: "ENTRY_VERIFIER_MALFORMED" });
  });
});

describe("verifyBodyMatches", () => {
  const body001 = encodeLogEntryBody(v001);
  const kind = (entry: { readonly kind: string; readonly version: string }): { kind: string; version: string } => ({
    kind: entry.kind,
    version: entry.version,
  });

  test("takes every kind with what it was made from", () => {
    assert.deepEqual(verifyEntryBody(body001, kind(v001), messageMaterial), v001);
    assert.deepEqual(verifyEntryBody(encodeLogEntryBody(v002), kind(v002), messageMaterial), v002);
    assert.deepEqual(verifyEntryBody(encodeLogEntryBody(v002Dsse), kind(v002), envelopeMaterial), v002Dsse);
    assert.deepEqual(verifyEntryBody(encodeLogEntryBody(dsse), kind(dsse), envelopeMaterial), dsse);
    assert.equal(verifyEntryBody(intotoBody(), { kind: "intoto", version: "0.0.2" }, envelopeMaterial).kind, "intoto");
    verifyBodyMatches({ ...v001, verifier: publicKey }, { ...messageMaterial, verifier: publicKey });
  });

  test("refuses another artifact or hash algorithm", () => {
    const another = { ...messageMaterial, content: { ...messageMaterial.content, digest: sha256(payload) } } as EntryMaterial;
    const longer = { ...messageMaterial, content: { ...messageMaterial.content, hashAlgorithm: "sha512" } } as EntryMaterial;
    for (const entry of [v001, v002]) {
      assert.throws(() => verifyBodyMatches(entry, another), { code: "ENTRY_DIGEST_MISMATCH" });
      assert.throws(() => verifyBodyMatches(entry, longer), { code: "ENTRY_DIGEST_MISMATCH" });
    }
    const wrongPayload = {
      ...envelopeMaterial,
      content: { type: "envelope", envelope: { ...envelope, payload: artifact } },
    } as const;
    assert.throws(() => verifyBodyMatches(v002Dsse, wrongPayload), { code: "ENTRY_DIGEST_MISMATCH" });
    assert.throws(() => verifyBodyMatches(v002, envelopeMaterial), { code: "ENTRY_DIGEST_MISMATCH" });
    for (const entry of [dsse, parseLogEntryBody(intotoBody())])
      assert.throws(() => verifyBodyMatches(entry, wrongPayload), { code: "ENTRY_PAYLOAD_HASH_MISMATCH" });
  });

  test("refuses a second good signature of the same content", async () => {
    const second = {
      ...messageMaterial,
      content: { ...messageMaterial.content, signature: await p256.sign(artifact) },
    } as EntryMaterial;
    for (const entry of [v001, v002]) assert.throws(() => verifyBodyMatches(entry, second), { code: "ENTRY_SIGNATURE_MISMATCH" });
    const resigned = { ...envelope, signatures: [{ sig: await p256.sign(pae), keyid: "" }] };
    for (const entry of [v002Dsse, dsse, parseLogEntryBody(intotoBody())]) {
      assert.throws(() => verifyBodyMatches(entry, { ...envelopeMaterial, content: { type: "envelope", envelope: resigned } }), {
        code: "ENTRY_SIGNATURE_MISMATCH",
      });
    }
  });

  test("refuses another certificate, another key, and a key where a certificate was", async () => {
    const verifiers = [await certificateOf(other), publicKey, { type: "publicKey", der: other.publicKey.spki }] as const;
    for (const verifier of verifiers) {
      for (const entry of [v001, v002])
        assert.throws(() => verifyBodyMatches(entry, { ...messageMaterial, verifier }), { code: "ENTRY_VERIFIER_MISMATCH" });
      for (const entry of [v002Dsse, dsse, parseLogEntryBody(intotoBody())]) {
        assert.throws(() => verifyBodyMatches(entry, { ...envelopeMaterial, verifier }), { code: "ENTRY_VERIFIER_MISMATCH" });
      }
    }
  });

  test("refuses an entry of the other sort of content", () => {
    assert.throws(() => verifyBodyMatches(v001, envelopeMaterial), { code: "ENTRY_CONTENT_MISMATCH" });
    assert.throws(() => verifyBodyMatches(dsse, messageMaterial), { code: "ENTRY_CONTENT_MISMATCH" });
    assert.throws(() => verifyBodyMatches(parseLogEntryBody(intotoBody()), messageMaterial), { code: "ENTRY_CONTENT_MISMATCH" });
  });

  test("refuses key details that do not fit the key or the hash", () => {
    const key = publicKeyOf(certificate);
    assert.equal(key.type, "ecdsa-p256");
    assert.throws(() => verifyBodyMatches({ ...v002, keyDetails: "PKIX_ECDSA_P384_SHA_384" }, messageMaterial), {
      code: "ENTRY_KEY_DETAILS_MISMATCH",
    });
    assert.throws(() => verifyBodyMatches({ ...v002, keyDetails: "PKIX_RSA_PKCS1V15_2048_SHA256" }, messageMaterial), {
      code: "ENTRY_KEY_DETAILS_MISMATCH",
    });
    for (const keyDetails of ["PKIX_ED25519", "ML_DSA_65", "PKCS1_RSA_PKCS1V5", ""]) {
      assert.throws(() => verifyBodyMatches({ ...v002, keyDetails }, messageMaterial), { code: "ENTRY_KEY_UNSUPPORTED" });
    }
    const sha512Digest = digest("sha512", artifact);
    const material = {
      ...messageMaterial,
      content: { type: "message", hashAlgorithm: "sha512", digest: sha512Digest, signature },
    } as const;
    assert.throws(() => verifyBodyMatches({ ...v002, hashAlgorithm: "sha512", digest: sha512Digest }, material), {
      code: "ENTRY_KEY_DETAILS_MISMATCH",
    });
  });

  test("refuses another payload type in intoto 0.0.2, and any number of signatures but one", () => {
    const typed = { ...envelope, payloadType: "text/plain" };
    assert.throws(
      () =>
        verifyBodyMatches(parseLogEntryBody(intotoBody()), {
          ...envelopeMaterial,
          content: { type: "envelope", envelope: typed },
        }),
      { code: "ENTRY_PAYLOAD_TYPE_MISMATCH" },
    );
    const twice = { ...envelope, signatures: [...envelope.signatures, ...envelope.signatures] };
    assert.throws(() => verifyBodyMatches(dsse, { ...envelopeMaterial, content: { type: "envelope", envelope: twice } }), {
      code: "ENTRY_SIGNATURE_COUNT",
    });
    assert.throws(() => verifyBodyMatches(v002Dsse, { ...envelopeMaterial, content: { type: "envelope", envelope: twice } }), {
      code: "ENTRY_SIGNATURE_COUNT",
    });
    assert.throws(() => verifyBodyMatches({ ...dsse, signatures: [...dsse.signatures, ...dsse.signatures] }, envelopeMaterial), {
      code: "ENTRY_SIGNATURE_COUNT",
    });
  });

  test("verifyEntryBody refuses a hashedrekord 0.0.2 body that rebuilding does not give", () => {
    const body = encodeLogEntryBody(v002);
    const announced = kind(v002);
    for (const odd of [
      edited(body, '{"apiVersion"', '{ "apiVersion"'),
      edited(body, '"data"', '"zzz":1,"data"'),
      edited(body, /,"kind":"hashedrekord"(.*)}$/, '$1,"kind":"hashedrekord"}'),
    ]) {
      assert.throws(() => verifyEntryBody(odd, announced, messageMaterial), { code: "ENTRY_BODY_NOT_CANONICAL" });
    }
  });
});

describe("signed entry timestamps", () => {
  // A throw-away P-256 key; the payload and its signature were made by another implementation.
  const log = {
    publicKey: parsePublicKey(
      parseBase64(
        "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEIBljoT4wyYuDBe5uaqO4DIeHqRbt5SXxMfAyHfktY9QlzUXJwHktYOB3ERsGs/88ancAyxFXZyi9tsn30xrsNQ==",
      ),
    ),
    scheme: { type: "ecdsa-p256", hash: "sha256" },
  } as const;
  const body = encodeUtf8('{"apiVersion":"0.0.1","kind":"hashedrekord","spec":{}}');
  const entry = {
    body,
    integratedTime: 1767225600,
    logId: parseHex("1a34145224db654a64bb9ab9a2147fc51f914dcaacc9199138747ab300693af3"),
    logIndex: 4163431,
  };
  const promise = parseBase64("MEUCIQDJZ4+uaxvtOU8XLjayvIAyal15eLY6WCpJDva2Vc0WWAIgbL+re294ZnYpQpK0Sifs5YJVCTg8hDNbZoIgXTfL65A=");

  test("setPayload and verifySet agree with the vector", () => {
    const expected =
      '{"body":"eyJhcGlWZXJzaW9uIjoiMC4wLjEiLCJraW5kIjoiaGFzaGVkcmVrb3JkIiwic3BlYyI6e319","integratedTime":1767225600,"logID":"1a34145224db654a64bb9ab9a2147fc51f914dcaacc9199138747ab300693af3","logIndex":4163431}';
    assert.equal(parseUtf8(setPayload(entry)), expected);
    assert.equal(encodeHex(sha256(setPayload(entry))), "0567ea7ba611ab0eab87f7feb35a745f5f47bc1911a38c3d1ed6385647a4dcc2");
    verifySet(entry, promise, log);
  });

  test("verifySet refuses another body, time, log, index, signature or key", () => {
    const invalid = { code: "SET_INVALID" };
    assert.throws(() => verifySet({ ...entry, body: artifact }, promise, log), invalid);
    assert.throws(() => verifySet({ ...entry, integratedTime: 1767225601 }, promise, log), invalid);
    assert.throws(() => verifySet({ ...entry, logId: new Uint8Array(32) }, promise, log), invalid);
    assert.throws(() => verifySet({ ...entry, logIndex: 4163432 }, promise, log), invalid);
    assert.throws(() => verifySet(entry, promise.with(-1, 0), log), invalid);
    assert.throws(() => verifySet(entry, promise, { ...log, publicKey: p256.publicKey }), invalid);
  });
});

describe("entry ids", () => {
  const uuid = "f029313d11b7293800928e3567bc44640d7ec9d39e5496a263a9f6835b00b008";

  test("leafUuid is the leaf hash", () => {
    assert.equal(leafUuid(encodeUtf8('{"apiVersion":"0.0.1","kind":"hashedrekord","spec":{}}')), uuid);
  });

  test("formatEntryId and parseEntryId agree", () => {
    assert.equal(formatEntryId(1193050959916656506n, uuid), `108e9186e8c5677a${uuid}`);
    assert.deepEqual(parseEntryId(`24296FB24B8AD77A${uuid.toUpperCase()}`), { uuid, treeId: 2605736670972794746n });
    assert.deepEqual(parseEntryId(uuid), { uuid });
    fc.assert(
      fc.property(fc.bigInt({ min: 1n, max: 2n ** 63n - 1n }), (treeId) =>
        assert.deepEqual(parseEntryId(formatEntryId(treeId, uuid)), { uuid, treeId }),
      ),
    );
  });

  test("parseEntryId refuses other lengths, other characters and impossible trees", () => {
    for (const text of [
      "",
      uuid.slice(1),
      `0${uuid}`,
      `z${uuid.slice(1)}`,
      `${"0".repeat(16)}${uuid}`,
      `${"f".repeat(16)}${uuid}`,
      `${uuid}\n`,
    ]) {
      assert.throws(() => parseEntryId(text), { code: "ENTRY_ID_MALFORMED" }, text);
    }
    assert.throws(() => formatEntryId(0n, uuid), TypeError);
  });
});
