import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { describe, test } from "node:test";
import fc from "fast-check";
import { createSigner, digest, type HashAlgorithm, type Signer } from "../crypto/index.ts";
import {
  DerReader,
  derBoolean,
  derGeneralizedTime,
  derInteger,
  derNull,
  derOctetString,
  derOid,
  derSequence,
  derSetOf,
  derTagged,
  encodeUtf8,
  isSigillumError,
  parseDer,
} from "../encoding/index.ts";
import {
  type Certificate,
  encodeExtension,
  encodeName,
  hashAlgorithmOid,
  parseCertificate,
  rootExtensions,
  signatureAlgorithmIdentifier,
  signCertificate,
  timestampLeafExtensions,
} from "../x509/index.ts";
import {
  encodeTimestampRejection,
  encodeTimestampRequest,
  encodeTimestampResponse,
  parseTimestampRequest,
  parseTimestampResponse,
  signTimestampToken,
  sigstoreTimestampPolicy,
  type TimestampAuthority,
  type TimestampRequest,
  timestampLimits,
  verifyTimestamp,
} from "./index.ts";

const now = Date.UTC(2026, 10, 24, 2);
const day = 86_400_000;
const signature = encodeUtf8("the bytes of a signature");
const serial = Uint8Array.of(0x80, 1, 2);

function newSigner(kind: "P-256" | "P-384" | "rsa" | "ed25519" = "P-256", hash?: HashAlgorithm): Signer {
  const { privateKey } =
    kind === "rsa"
      ? generateKeyPairSync("rsa", { modulusLength: 2048 })
      : kind === "ed25519"
        ? generateKeyPairSync("ed25519")
        : generateKeyPairSync("ec", { namedCurve: kind });
  return createSigner(new Uint8Array(privateKey.export({ format: "der", type: "pkcs8" })), hash === undefined ? {} : { hash });
}

const rootSigner = newSigner();
const rootName = encodeName({ organization: "example", commonName: "tsa root" });
let serials = 0;

async function issue(p: {
  subject: Uint8Array;
  signer: Signer;
  extensions: Uint8Array[];
  notAfterMs?: number;
}): Promise<Certificate> {
  const fields = { issuer: rootName, subject: p.subject, spki: p.signer.publicKey.spki, extensions: p.extensions };
  const validity = { notBeforeMs: now - day, notAfterMs: p.notAfterMs ?? now + day };
  return parseCertificate(await signCertificate({ serial: Uint8Array.of(++serials), ...fields, ...validity }, rootSigner));
}

const root = await issue({
  subject: rootName,
  signer: rootSigner,
  extensions: rootExtensions({ spki: rootSigner.publicKey.spki }),
});

interface Authority extends TimestampAuthority {
  readonly signer: Signer;
}

async function newAuthority(signer: Signer, p: { notAfterMs?: number } = {}): Promise<Authority> {
  const extensions = timestampLeafExtensions({ spki: signer.publicKey.spki, issuerSpki: root.spki });
  const leaf = await issue({ subject: encodeName({ commonName: "tsa" }), signer, extensions, ...p });
  return { chain: [leaf, root], validFor: { startMs: now, endMs: now }, signer };
}

const authority = await newAuthority(newSigner());
const [leaf] = authority.chain;
assert.ok(leaf);

function request(
  p: { hash?: HashAlgorithm; certReq?: boolean; nonce?: Uint8Array; policy?: string; over?: Uint8Array } = {},
): TimestampRequest {
  const hash = p.hash ?? "sha256";
  return parseTimestampRequest(
    encodeTimestampRequest({
      hash,
      digest: digest(hash, p.over ?? signature),
      certReq: p.certReq,
      nonce: p.nonce,
      policy: p.policy,
    }),
  );
}

async function respond(
  p: { from?: Authority; request?: TimestampRequest; genTimeMs?: number; includeChain?: boolean } = {},
): Promise<Uint8Array> {
  const { signer, chain } = p.from ?? authority;
  const token = await signTimestampToken({
    request: p.request ?? request(),
    serial,
    genTimeMs: p.genTimeMs ?? now,
    signer,
    chain,
    includeChain: p.includeChain,
  });
  return encodeTimestampResponse(token);
}

/** A token from its parts, each of which a test may exchange, signed whatever they are. */
async function craft(p: {
  from?: Authority;
  info?: Uint8Array;
  contentType?: string;
  signedContentType?: string;
  messageDigest?: Uint8Array;
  digestAlgorithm?: string;
  signatureAlgorithm?: Uint8Array;
  signingCertificates?: Uint8Array[];
  sort?: boolean;
  signerInfos?: (one: Uint8Array) => Uint8Array[];
}): Promise<Uint8Array> {
  const {
    signer,
    chain: [leaf],
  } = p.from ?? authority;
  assert.ok(leaf);
  const info = p.info ?? tstInfo({});
  const attributes = [
    attribute("1.2.840.113549.1.9.3", derOid(p.signedContentType ?? "1.2.840.113549.1.9.16.1.4")),
    attribute("1.2.840.113549.1.9.4", derOctetString(p.messageDigest ?? digest("sha256", info))),
    ...(p.signingCertificates ?? [certificateV2(digest("sha256", leaf.der))]),
  ];
  const set = p.sort === false ? derTagged(0x31, ...attributes.toReversed()) : derSetOf(...attributes);
  const signed = await signer.sign(set);
  const algorithm = derSequence(derOid(p.digestAlgorithm ?? hashAlgorithmOid("sha256")));
  const signerInfo = derSequence(
    derInteger(1),
    derSequence(leaf.issuer, derTagged(0x02, leaf.serial)),
    algorithm,
    Uint8Array.of(0xa0, ...set.subarray(1)),
    p.signatureAlgorithm ?? signatureAlgorithmIdentifier(signer.scheme),
    derOctetString(signed),
  );
  const content = derSequence(derOid(p.contentType ?? "1.2.840.113549.1.9.16.1.4"), derTagged(0xa0, derOctetString(info)));
  const data = derSequence(
    derInteger(3),
    derSetOf(algorithm),
    content,
    derSetOf(...(p.signerInfos?.(signerInfo) ?? [signerInfo])),
  );
  return encodeTimestampResponse(derSequence(derOid("1.2.840.113549.1.7.2"), derTagged(0xa0, data)));
}

const attribute = (oid: string, value: Uint8Array): Uint8Array => derSequence(derOid(oid), derSetOf(value));
const certificateV2 = (hash: Uint8Array, ...more: Uint8Array[]): Uint8Array =>
  attribute("1.2.840.113549.1.9.16.2.47", derSequence(derSequence(derSequence(derOctetString(hash), ...more))));
const certificateV1 = (hash: Uint8Array): Uint8Array =>
  attribute("1.2.840.113549.1.9.16.2.12", derSequence(derSequence(derSequence(derOctetString(hash)))));

function tstInfo(p: {
  hash?: HashAlgorithm;
  hashOid?: string;
  genTime?: Uint8Array;
  rest?: Uint8Array[];
  version?: number;
}): Uint8Array {
  const hash = p.hash ?? "sha256";
  return derSequence(
    derInteger(p.version ?? 1),
    derOid(sigstoreTimestampPolicy),
    derSequence(derSequence(derOid(p.hashOid ?? hashAlgorithmOid(hash)), derNull()), derOctetString(digest(hash, signature))),
    derInteger(serial),
    p.genTime ?? derGeneralizedTime(now),
    ...(p.rest ?? []),
  );
}

const response = await respond();
const verify = (changes: Partial<Parameters<typeof verifyTimestamp>[0]> = {}): number =>
  verifyTimestamp({ response, signature, authorities: [authority], ...changes }).timeMs;
const refuses = (changes: Partial<Parameters<typeof verifyTimestamp>[0]>, code: string): void => {
  assert.throws(() => verify(changes), { code });
};

describe("signTimestampToken", () => {
  test("fills the TSTInfo from the request, the time cut to a second", async () => {
    const nonce = Uint8Array.of(0x7f, 1);
    const { token, status } = parseTimestampResponse(await respond({ request: request({ nonce }), genTimeMs: now + 999 }));
    assert.equal(status, 0);
    assert.deepEqual(token?.info, {
      policy: sigstoreTimestampPolicy,
      imprint: { hashOid: hashAlgorithmOid("sha256"), hash: "sha256", digest: digest("sha256", signature) },
      serial: Uint8Array.of(0, ...serial),
      genTimeMs: now,
      ordering: false,
      nonce,
    });
  });

  test("adds no certificate unless asked, then the leaf or the whole chain", async () => {
    const count = async (certReq: boolean, includeChain: boolean): Promise<number | undefined> =>
      parseTimestampResponse(await respond({ request: request({ certReq }), includeChain })).token?.certificates.length;
    assert.deepEqual(await Promise.all([count(false, true), count(true, false), count(true, true)]), [0, 1, 2]);
  });

  test("names the signing certificate with the request's hash", async () => {
    for (const hash of ["sha256", "sha384", "sha512"] as const) {
      const der = await respond({ request: request({ hash }) });
      assert.ok(leaf);
      const [id] = parseTimestampResponse(der).token?.signer.signingCertificates ?? [];
      assert.deepEqual(id, {
        hash,
        certificateDigest: digest(hash, leaf.der),
        issuerSerial: { issuer: leaf.issuer, serial: leaf.serial },
      });
      assert.equal(verify({ response: der }), now);
    }
  });

  test("signs with every kind of key, whatever the digest", async () => {
    const signers = [newSigner("P-384", "sha256"), newSigner("P-384"), newSigner("rsa"), newSigner("ed25519")];
    for (const signer of signers) {
      const from = await newAuthority(signer);
      assert.equal(verify({ response: await respond({ from }), authorities: [from] }), now);
    }
  });

  test("takes the policy asked for only where it is offered", async () => {
    const p = { request: request({ policy: "1.2.3" }), serial, genTimeMs: now, signer: authority.signer, chain: authority.chain };
    await assert.rejects(signTimestampToken(p), { code: "TIMESTAMP_POLICY_UNSUPPORTED" });
    const token = await signTimestampToken({ ...p, acceptedPolicies: ["1.2.3"] });
    assert.equal(parseTimestampResponse(encodeTimestampResponse(token)).token?.info.policy, "1.2.3");
  });
});

describe("verifyTimestamp accepts", () => {
  test("a token, and says when and by whom", () => {
    const verified = verifyTimestamp({ response, signature, authorities: [authority] });
    assert.equal(verified.timeMs, now);
    assert.equal(verified.authority, authority);
  });

  test("the crafted token that the refused ones are made from", async () => {
    assert.equal(verify({ response: await craft({}) }), now);
  });

  test("an authority that stands with two windows, when either fits", () => {
    const early = { ...authority, validFor: { startMs: 0, endMs: 1 } };
    assert.equal(verify({ authorities: [early, authority] }), now);
    assert.equal(verify({ authorities: [{ ...authority, validFor: { startMs: now } }] }), now);
  });

  test("a nonce that is echoed", async () => {
    const asked = request({ nonce: Uint8Array.of(5) });
    assert.equal(verify({ response: await respond({ request: asked }), nonce: Uint8Array.of(5) }), now);
  });

  test("an RSA signature whose algorithm is named without its hash", async () => {
    const from = await newAuthority(newSigner("rsa"));
    const signatureAlgorithm = derSequence(derOid("1.2.840.113549.1.1.1"), derNull());
    assert.equal(verify({ response: await craft({ from, signatureAlgorithm }), authorities: [from] }), now);
  });

  test("SigningCertificate of the first version, also beside the second", async () => {
    assert.ok(leaf);
    const v1 = certificateV1(digest("sha1", leaf.der));
    const v2 = certificateV2(digest("sha256", leaf.der));
    assert.equal(verify({ response: await craft({ signingCertificates: [v1] }) }), now);
    assert.equal(verify({ response: await craft({ signingCertificates: [v1, v2] }) }), now);
  });

  test("a fraction of a second, an accuracy and ordering", async () => {
    const accuracy = derSequence(derInteger(1), derTagged(0x80, Uint8Array.of(5)));
    const info = tstInfo({ genTime: derGeneralizedTime(now + 250), rest: [accuracy, derBoolean(true)] });
    const wide = { ...authority, validFor: { startMs: now } };
    assert.equal(verify({ response: await craft({ info }), authorities: [wide] }), now + 250);
  });
});

describe("verifyTimestamp refuses", () => {
  test("a rejection, and a status other than granted: TIMESTAMP_NOT_GRANTED", () => {
    refuses({ response: encodeTimestampRejection("badAlg", "weak") }, "TIMESTAMP_NOT_GRANTED");
    const { token } = parseTimestampResponse(response);
    assert.ok(token);
    refuses({ response: derSequence(derSequence(derInteger(1)), token.der) }, "TIMESTAMP_NOT_GRANTED");
    refuses({ response: derSequence(derSequence(derInteger(0))) }, "TIMESTAMP_NOT_GRANTED");
  });

  test("a token over other bytes: TIMESTAMP_IMPRINT_MISMATCH", () => {
    refuses({ signature: encodeUtf8("other bytes") }, "TIMESTAMP_IMPRINT_MISMATCH");
  });

  test("an imprint by SHA-1 or an unknown hash: TIMESTAMP_IMPRINT_HASH_UNSUPPORTED", async () => {
    refuses({ response: await craft({ info: tstInfo({ hash: "sha1" }) }) }, "TIMESTAMP_IMPRINT_HASH_UNSUPPORTED");
    refuses({ response: await craft({ info: tstInfo({ hashOid: "1.2.3" }) }) }, "TIMESTAMP_IMPRINT_HASH_UNSUPPORTED");
  });

  test("a nonce that is missing or another: TIMESTAMP_NONCE_MISMATCH", async () => {
    refuses({ nonce: Uint8Array.of(5) }, "TIMESTAMP_NONCE_MISMATCH");
    const other = await respond({ request: request({ nonce: Uint8Array.of(6) }) });
    refuses({ response: other, nonce: Uint8Array.of(5) }, "TIMESTAMP_NONCE_MISMATCH");
  });

  test("a signer that is not trusted, though the token carries its certificate: TIMESTAMP_UNKNOWN_AUTHORITY", async () => {
    const stranger = await newAuthority(newSigner());
    const der = await respond({ from: stranger, request: request({ certReq: true }), includeChain: true });
    refuses({ response: der }, "TIMESTAMP_UNKNOWN_AUTHORITY");
    refuses({ authorities: [] }, "TIMESTAMP_UNKNOWN_AUTHORITY");
  });

  test("a message digest of other content: TIMESTAMP_MESSAGE_DIGEST_MISMATCH", async () => {
    const messageDigest = digest("sha256", encodeUtf8("other"));
    refuses({ response: await craft({ messageDigest }) }, "TIMESTAMP_MESSAGE_DIGEST_MISMATCH");
  });

  test("a signature by another key under the same issuer and serial number: TIMESTAMP_SIGNATURE_INVALID", async () => {
    const impostor = { ...authority, signer: newSigner() };
    refuses({ response: await respond({ from: impostor }) }, "TIMESTAMP_SIGNATURE_INVALID");
  });

  test("algorithms that are weak, unknown, do not fit each other or the key: TIMESTAMP_ALGORITHM_UNSUPPORTED", async () => {
    const code = "TIMESTAMP_ALGORITHM_UNSUPPORTED";
    const messageDigest = digest("sha1", tstInfo({}));
    const weak = await craft({ digestAlgorithm: hashAlgorithmOid("sha1"), messageDigest });
    assert.throws(() => verify({ response: weak }), { code, found: "digest algorithm sha1" });
    refuses({ response: await craft({ digestAlgorithm: "1.2.3" }) }, code);
    const sha384 = signatureAlgorithmIdentifier({ type: "ecdsa-p256", hash: "sha384" });
    refuses({ response: await craft({ signatureAlgorithm: sha384 }) }, code);
    const rsa = signatureAlgorithmIdentifier({ type: "rsa", hash: "sha256", padding: "pkcs1" });
    refuses({ response: await craft({ signatureAlgorithm: rsa }) }, code);
  });

  test("a signing certificate attribute for another certificate, in either version: TIMESTAMP_CERTIFICATE_MISMATCH", async () => {
    assert.ok(leaf);
    const right = digest("sha256", leaf.der);
    const wrongSerial = derSequence(derSequence(derTagged(0xa4, leaf.issuer)), derInteger(99));
    const wrong: Uint8Array[][] = [
      [certificateV2(digest("sha256", root.der))],
      [certificateV1(digest("sha1", root.der))],
      [certificateV2(right), certificateV1(digest("sha1", root.der))],
      [certificateV2(right, wrongSerial)],
    ];
    for (const signingCertificates of wrong)
      refuses({ response: await craft({ signingCertificates }) }, "TIMESTAMP_CERTIFICATE_MISMATCH");
  });

  test("a time outside the authority's window, though another authority's covers it: TIMESTAMP_OUTSIDE_AUTHORITY_VALIDITY", async () => {
    const other = await newAuthority(newSigner());
    for (const validFor of [{ startMs: now + 1 }, { startMs: now - day, endMs: now - 1 }]) {
      refuses({ authorities: [{ ...authority, validFor }, other] }, "TIMESTAMP_OUTSIDE_AUTHORITY_VALIDITY");
    }
  });

  test("a time outside the certificates' validity, of the authority or its root", async () => {
    const open = { startMs: 0 };
    const short = { ...(await newAuthority(newSigner(), { notAfterMs: now - 1000 })), validFor: open };
    refuses({ response: await respond({ from: short }), authorities: [short] }, "X509_EXPIRED");
    const expired = await issue({
      subject: rootName,
      signer: rootSigner,
      extensions: rootExtensions({ spki: rootSigner.publicKey.spki }),
      notAfterMs: now - 1000,
    });
    assert.ok(leaf);
    refuses({ authorities: [{ ...authority, chain: [leaf, expired] }] }, "X509_EXPIRED");
  });

  test("an authority without an issuer, and one whose certificate another root signed", async () => {
    assert.ok(leaf);
    refuses({ authorities: [{ ...authority, chain: [leaf] }] }, "X509_NO_PATH");
    const otherSigner = newSigner();
    const other = await issue({
      subject: rootName,
      signer: otherSigner,
      extensions: rootExtensions({ spki: otherSigner.publicKey.spki }),
    });
    refuses({ authorities: [{ ...authority, chain: [leaf, other] }] }, "X509_SIGNATURE_INVALID");
  });

  test("a critical extension in the token, and lets another pass", async () => {
    const rest = (critical: boolean): Uint8Array[] => [derTagged(0xa1, encodeExtension("1.2.3", critical, derNull()))];
    refuses({ response: await craft({ info: tstInfo({ rest: rest(true) }) }) }, "TIMESTAMP_EXTENSION_UNSUPPORTED");
    assert.equal(verify({ response: await craft({ info: tstInfo({ rest: rest(false) }) }) }), now);
  });

  test("another content type, inside or in the attributes, two signers, or none", async () => {
    const code = "TIMESTAMP_RESPONSE_MALFORMED";
    refuses({ response: await craft({ contentType: "1.2.840.113549.1.7.1" }) }, code);
    refuses({ response: await craft({ signedContentType: "1.2.840.113549.1.7.1" }) }, code);
    refuses({ response: await craft({ signerInfos: (one) => [one, one] }) }, code);
    refuses({ response: await craft({ signerInfos: () => [] }) }, code);
    refuses({ response: await craft({ signingCertificates: [] }) }, code);
    refuses({ response: await craft({ info: tstInfo({ version: 2 }) }) }, code);
  });

  test("a SigningCertificateV2 by SHA-1 or an unknown hash", async () => {
    assert.ok(leaf);
    for (const oid of [hashAlgorithmOid("sha1"), "1.2.3"]) {
      const hash = derOctetString(digest("sha1", leaf.der));
      const id = derSequence(derSequence(derSequence(derSequence(derOid(oid)), hash)));
      const signingCertificates = [attribute("1.2.840.113549.1.9.16.2.47", id)];
      refuses({ response: await craft({ signingCertificates }) }, "TIMESTAMP_RESPONSE_MALFORMED");
    }
  });

  test("an attribute twice, or attributes out of order", async () => {
    assert.ok(leaf);
    const code = "TIMESTAMP_RESPONSE_MALFORMED";
    const one = certificateV2(digest("sha256", leaf.der));
    refuses({ response: await craft({ signingCertificates: [one, one] }) }, code);
    refuses({ response: await craft({ sort: false }) }, code);
  });

  test("bytes that are none, too many, or too long", () => {
    refuses({ response: new Uint8Array() }, "TIMESTAMP_RESPONSE_MALFORMED");
    refuses({ response: Uint8Array.of(...response, 0) }, "TIMESTAMP_RESPONSE_MALFORMED");
    refuses({ response: new Uint8Array(timestampLimits.maxResponseBytes + 1) }, "TIMESTAMP_TOO_LARGE");
  });

  test("a token with any signed byte changed, and throws nothing but our errors", () => {
    fc.assert(
      fc.property(fc.nat(response.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const mutated = response.slice();
        mutated[at] = (mutated[at] ?? 0) ^ change;
        try {
          verify({ response: mutated });
        } catch (error) {
          assert.ok(isSigillumError(error), String(error));
          return;
        }
        // RFC 5652 signs neither the list of digest algorithms ahead of the content nor the parameters of the signer's.
        assert.ok(isUnsigned(at), `byte ${at} was changed and the token verified`);
      }),
      { numRuns: 500 },
    );
  });
});

/** Whether a byte of `response` stands in the digestAlgorithms of SignedData. */
function isUnsigned(at: number): boolean {
  const value = parseDer(response);
  const outer = DerReader.sequence(value);
  outer.next();
  const info = outer.sequence("content info");
  info.next();
  const data = info.tagged(0xa0, "content").sequence("signed data");
  data.next();
  const { bytes } = data.next();
  const start = bytes.byteOffset - value.bytes.byteOffset;
  return at >= start && at < start + bytes.length;
}
