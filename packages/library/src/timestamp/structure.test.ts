// The form of requests and responses, value by value: nothing may follow what a structure holds, and every limit is where it is said to be.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { digest, sha256 } from "../crypto/index.ts";
import {
  concatBytes,
  DerReader,
  type DerValue,
  derBitString,
  derBoolean,
  derGeneralizedTime,
  derInteger,
  derNull,
  derOctetString,
  derOid,
  derSequence,
  derSetOf,
  derTagged,
  derUtf8String,
  encodeUtf8,
  isSigillumError,
  parseDer,
} from "../encoding/index.ts";
import { authorityOf, createChain, generateSigner, issue, randomSerial, signingTimeMs, stamp } from "../testing/index.ts";
import {
  encodeName,
  hashAlgorithmOid,
  keyUsageExtension,
  signatureAlgorithmIdentifier,
  timestampLeafExtensions,
} from "../x509/index.ts";
import {
  encodeTimestampRequest,
  encodeTimestampResponse,
  parseTimestampRequest,
  parseTimestampResponse,
  signTimestampToken,
  type TimestampAuthority,
  timestampLimits,
  verifyTimestamp,
} from "./index.ts";
import { cmsOids } from "./signed-data.ts";

const signature = encodeUtf8("signature");
const name = encodeName({ commonName: "tsa" });
const sha256Identifier = derSequence(derOid(hashAlgorithmOid("sha256")), derNull());

interface Parts {
  readonly version: number;
  readonly signerVersion: number;
  readonly genTime: Uint8Array;
  readonly accuracy: readonly Uint8Array[];
  readonly certificates: readonly Uint8Array[];
  readonly crls: readonly Uint8Array[];
  readonly moreAttributes: readonly Uint8Array[];
  readonly unsigned: readonly Uint8Array[];
  readonly statusTexts: readonly Uint8Array[];
  readonly policies: readonly Uint8Array[];
  readonly tsa: Uint8Array;
  readonly certificateHash: readonly Uint8Array[];
  readonly digestAlgorithms: readonly Uint8Array[];
}

const whole: Parts = {
  version: 3,
  signerVersion: 1,
  genTime: derGeneralizedTime(signingTimeMs),
  accuracy: [derInteger(1), derTagged(0x80, Uint8Array.of(5)), derTagged(0x81, Uint8Array.of(6))],
  certificates: [derTagged(0xa0, derSequence())],
  crls: [derTagged(0xa1, derSequence())],
  moreAttributes: [],
  unsigned: [derTagged(0xa1, derSequence())],
  statusTexts: [derUtf8String("granted")],
  policies: [derSequence(derSequence(derOid("1.2.3")))],
  tsa: derTagged(0xa4, name),
  certificateHash: [],
  digestAlgorithms: [sha256Identifier],
};

const attribute = (oid: string, ...values: Uint8Array[]): Uint8Array => derSequence(derOid(oid), derSetOf(...values));

/** A response with every optional field; its signature is of no key, which its form does not show. */
function response(parts: Partial<Parts> = {}): Uint8Array {
  const p = { ...whole, ...parts };
  const info = derSequence(
    derInteger(1),
    derOid("1.2.3"),
    derSequence(sha256Identifier, derOctetString(sha256(signature))),
    derInteger(7),
    p.genTime,
    derSequence(...p.accuracy),
    derBoolean(true),
    derInteger(9),
    derTagged(0xa0, p.tsa),
    derTagged(0xa1, derSequence(derOid("1.2.3.4"), derOctetString(derNull()))),
  );
  const issuerSerial = derSequence(derSequence(derTagged(0xa4, name)), derInteger(5));
  const id = derSequence(...p.certificateHash, derOctetString(sha256()), issuerSerial);
  const attributes = derSetOf(
    attribute(cmsOids.contentType, derOid(cmsOids.tstInfo)),
    attribute(cmsOids.messageDigest, derOctetString(sha256(info))),
    attribute(cmsOids.signingCertificateV2, derSequence(derSequence(id), ...p.policies)),
    ...p.moreAttributes,
  );
  const signerInfo = derSequence(
    derInteger(p.signerVersion),
    derSequence(name, derInteger(5)),
    sha256Identifier,
    concatBytes(Uint8Array.of(0xa0), attributes.subarray(1)),
    signatureAlgorithmIdentifier({ type: "ecdsa-p256", hash: "sha256" }),
    derOctetString(Uint8Array.of(1)),
    ...p.unsigned,
  );
  const data = derSequence(
    derInteger(p.version),
    derSetOf(...p.digestAlgorithms),
    derSequence(derOid(cmsOids.tstInfo), derTagged(0xa0, derOctetString(info))),
    ...p.certificates,
    ...p.crls,
    derSetOf(signerInfo),
  );
  const status = derSequence(derInteger(0), derSequence(...p.statusTexts), derBitString(Uint8Array.of(0x80), 7));
  return derSequence(status, derSequence(derOid(cmsOids.signedData), derTagged(0xa0, data)));
}

interface Variant {
  readonly der: Uint8Array;
  readonly where: string;
}

/** The value with a NULL after the last member of each constructed value in it in turn, in octet strings that hold DER too. */
function appended(value: DerValue, where = ""): Variant[] {
  const isConstructed = (value.tag & 0x20) !== 0;
  const inner = isConstructed ? members(value) : value.tag === 0x04 ? encapsulated(value.contents) : [];
  const own = isConstructed ? [{ der: derTagged(value.tag, value.contents, derNull()), where }] : [];
  return [
    ...own,
    ...inner.flatMap((member, i) =>
      appended(member, `${where}/${i}`).map(({ der, where: place }) => {
        const parts = inner.map(({ bytes }, j) => (i === j ? der : bytes));
        return { der: derTagged(value.tag, ...parts), where: place };
      }),
    ),
  ];
}

function members(value: DerValue): DerValue[] {
  const reader = DerReader.inside(value);
  const found: DerValue[] = [];
  while (!reader.atEnd) found.push(reader.next());
  return found;
}

function encapsulated(contents: Uint8Array): DerValue[] {
  try {
    const value = parseDer(contents);
    return value.tag === 0x30 ? [value] : [];
  } catch (error) {
    if (!isSigillumError(error)) throw error;
    return [];
  }
}

const malformed = { code: "TIMESTAMP_RESPONSE_MALFORMED" };

describe("parseTimestampResponse", () => {
  it("reads every optional field", () => {
    const { token, failures, statusText } = parseTimestampResponse(response());
    assert.deepEqual([failures, statusText], [["badAlg"], ["granted"]]);
    assert.deepEqual([token?.info.ordering, token?.info.nonce, token?.certificates.length], [true, Uint8Array.of(9), 1]);
    assert.equal(token?.info.genTimeMs, signingTimeMs);
  });

  it("reads a token without any of them", () => {
    const none = { accuracy: [], certificates: [], crls: [], unsigned: [], policies: [] };
    assert.equal(parseTimestampResponse(response(none)).token?.certificates.length, 0);
  });

  // What nobody reads: certificates and revocation lists, attributes that are not signed, the policies of a certificate
  // id, parameters of algorithms that are compared as they stand, and the value of an extension that is not critical.
  const unread = [
    /^\/1\/1\/0\/[34]/, // certificates, crls
    /^\/1\/1\/0\/5\/0\/6/, // unsignedAttrs
    /^\/1\/1\/0\/5\/0\/4$/, // signatureAlgorithm
    /^\/1\/1\/0\/(?:1\/0|5\/0\/2)$/, // a digest algorithm, which may have NULL for its parameters
    /^\/1\/1\/0\/2\/1\/0\/0\/8\/0/, // the name in the TSTInfo
    /^\/1\/1\/0\/5\/0\/3\/2\/1\/0\/0$/, // further certificate ids
    /^\/1\/1\/0\/5\/0\/3\/2\/1\/0\/1/, // policies
  ];

  it("refuses a value after the last of every structure, but where nobody reads", () => {
    const variants = appended(parseDer(response()));
    assert.ok(variants.length > 30, `${variants.length}`);
    const taken: string[] = [];
    for (const { der, where } of variants) {
      try {
        parseTimestampResponse(der);
        taken.push(where);
      } catch (error) {
        assert.ok(isSigillumError(error) && /^TIMESTAMP_/.test(error.code), where);
      }
    }
    assert.deepEqual(
      taken.filter((where) => !unread.some((pattern) => pattern.test(where))),
      [],
    );
  });

  it("refuses other versions, another kind of time, and a name that is none", () => {
    for (const parts of [
      { version: 1 },
      { version: 4 },
      { signerVersion: 3 },
      { genTime: parseDer(derGeneralizedTime(signingTimeMs)).bytes.map((octet, i) => (i === 0 ? 0x17 : octet)) },
      { genTime: derTagged(0x17, encodeUtf8("260601120000Z")) },
      { accuracy: [derTagged(0x02, Uint8Array.of(0, 1))] },
      { accuracy: [derNull()] },
      { tsa: derTagged(0x86, Uint8Array.of(0xff)) },
      { statusTexts: [derNull()] },
    ])
      assert.throws(() => parseTimestampResponse(response(parts)), malformed);
  });

  // Nothing signs the list of digest algorithms, so it has to say what the signer says (RFC 5652 §5.1).
  it("refuses digest algorithms that do not have the signer's, and parameters that are not NULL", () => {
    const sha256Oid = derOid(hashAlgorithmOid("sha256"));
    const other = derSequence(derOid(hashAlgorithmOid("sha512")));
    for (const digestAlgorithms of [[other, sha256Identifier], [derSequence(sha256Oid)]])
      parseTimestampResponse(response({ digestAlgorithms }));
    const threeParts = derSequence(sha256Oid, derNull(), derNull());
    for (const digestAlgorithms of [
      [],
      [other],
      [sha256Identifier, derNull()],
      [derSequence(sha256Oid, derSequence())],
      [threeParts],
    ])
      assert.throws(() => parseTimestampResponse(response({ digestAlgorithms })), malformed);
  });

  it("takes the most that each limit allows, and refuses one more", () => {
    const sized = (text: string): Uint8Array => derUtf8String(text);
    const many = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));
    const extra = (count: number): Uint8Array[] => many(count, (i) => attribute(`1.2.3.${i}`, derNull()));
    const limits: readonly ((more: number) => Partial<Parts>)[] = [
      (more) => ({ certificates: [derTagged(0xa0, ...many(16 + more, () => derSequence()))] }),
      (more) => ({ digestAlgorithms: [sha256Identifier, ...many(15 + more, (i) => derSequence(derOid(`1.2.3.${i}`)))] }),
      (more) => ({ moreAttributes: extra(13 + more) }),
      (more) => ({ statusTexts: many(16 + more, () => sized("x")) }),
    ];
    for (const parts of limits) {
      parseTimestampResponse(response(parts(0)));
      assert.throws(() => parseTimestampResponse(response(parts(1))), malformed);
    }
    const filled = (length: number): Uint8Array => {
      const used = response({ statusTexts: [sized("x".repeat(60_000))] }).length;
      return response({ statusTexts: [sized("x".repeat(60_000 + length - used))] });
    };
    const largest = filled(timestampLimits.maxResponseBytes);
    assert.equal(largest.length, timestampLimits.maxResponseBytes);
    parseTimestampResponse(largest);
    assert.throws(() => parseTimestampResponse(filled(timestampLimits.maxResponseBytes + 1)), { code: "TIMESTAMP_TOO_LARGE" });
  });

  it("holds a certificate id of SHA-256 to its default, and refuses one by SHA-1", () => {
    const { token } = parseTimestampResponse(response({ certificateHash: [sha256Identifier] }));
    assert.equal(token?.signer.signingCertificates[0]?.hash, "sha256");
    const sha1 = derSequence(derOid(hashAlgorithmOid("sha1")));
    assert.throws(() => parseTimestampResponse(response({ certificateHash: [sha1] })), malformed);
  });

  it("reads SigningCertificate of version 1, which has no hash algorithm", () => {
    const id = (...algorithm: Uint8Array[]): Uint8Array => derSequence(...algorithm, derOctetString(digest("sha1")));
    const v1 = (value: Uint8Array): Partial<Parts> => ({
      moreAttributes: [attribute(cmsOids.signingCertificate, derSequence(derSequence(value)))],
    });
    const { token } = parseTimestampResponse(response(v1(id())));
    assert.deepEqual(
      token?.signer.signingCertificates.map(({ hash }) => hash),
      ["sha1", "sha256"],
    );
    assert.throws(() => parseTimestampResponse(response(v1(id(sha256Identifier)))), malformed);
  });
});

describe("parseTimestampRequest", () => {
  const request = encodeTimestampRequest({
    hash: "sha256",
    digest: sha256(),
    nonce: Uint8Array.of(5),
    policy: "1.2.3",
    certReq: true,
  });

  it("refuses a value after the last of every structure", () => {
    for (const { der } of appended(parseDer(request)))
      assert.throws(() => parseTimestampRequest(der), { code: "TIMESTAMP_REQUEST_MALFORMED" });
  });

  it("takes the longest nonce and the longest request, and refuses longer ones", () => {
    const nonce = (length: number): Uint8Array => new Uint8Array(length).fill(0x7f);
    const { maxNonceBytes, maxRequestBytes } = timestampLimits;
    const fields = { hash: "sha256", digest: sha256() } as const;
    parseTimestampRequest(encodeTimestampRequest({ ...fields, nonce: nonce(maxNonceBytes) }));
    assert.throws(() => parseTimestampRequest(encodeTimestampRequest({ ...fields, nonce: nonce(maxNonceBytes + 1) })), {
      code: "TIMESTAMP_TOO_LARGE",
    });
    const sized = (length: number): Uint8Array => {
      const extension = (size: number): Uint8Array => derTagged(0xa0, derOctetString(new Uint8Array(size)));
      const make = (size: number): Uint8Array =>
        derSequence(derInteger(1), derSequence(sha256Identifier, derOctetString(sha256())), extension(size));
      return make(16_000 + length - make(16_000).length);
    };
    assert.equal(parseTimestampRequest(sized(maxRequestBytes)).hasExtensions, true);
    assert.throws(() => parseTimestampRequest(sized(maxRequestBytes + 1)), { code: "TIMESTAMP_TOO_LARGE" });
  });

  it("is written for a digest of its algorithm's length alone", () => {
    assert.throws(() => encodeTimestampRequest({ hash: "sha512", digest: sha256() }), TypeError);
  });
});

describe("signTimestampToken", () => {
  it("needs a chain, and writes the certificate's hash by the request's algorithm", async () => {
    const chain = await createChain("timeStamping", "tsa");
    const fields = { serial: randomSerial(), genTimeMs: signingTimeMs, signer: chain.issuingSigner };
    const over = (hash: "sha256" | "sha512") =>
      parseTimestampRequest(encodeTimestampRequest({ hash, digest: digest(hash, signature) }));
    await assert.rejects(signTimestampToken({ ...fields, request: over("sha256"), chain: [] }), /the chain is empty/);
    for (const hash of ["sha256", "sha512"] as const) {
      const token = await signTimestampToken({ ...fields, request: over(hash), chain: [chain.issuing, chain.root] });
      const made = encodeTimestampResponse(token);
      verifyTimestamp({ response: made, signature, authorities: [authorityOf(chain, "x")] });
      // RFC 5035 §3, X.690 §11.5: the default is left out, so that SHA-256 with NULL parameters stands in the imprint alone.
      const named = Buffer.from(made).toString("hex").split(Buffer.from(sha256Identifier).toString("hex")).length - 1;
      assert.equal(named, hash === "sha256" ? 1 : 0);
    }
  });
});

describe("verifyTimestamp", () => {
  it("tells the reason of the first authority that is named, and takes the second where that holds", async () => {
    const chain = await createChain("timeStamping", "tsa");
    const made = await stamp(chain, signature, signingTimeMs);
    const early = authorityOf(chain, "early", { startMs: 0, endMs: 1 });
    const good = authorityOf(chain, "good");
    assert.equal(verifyTimestamp({ response: made, signature, authorities: [early, good] }).authority, good);
    const other = { ...good, chain: [chain.issuing, (await createChain("timeStamping", "tsa")).root] };
    assert.throws(() => verifyTimestamp({ response: made, signature, authorities: [early, other] }), {
      code: "TIMESTAMP_OUTSIDE_AUTHORITY_VALIDITY",
    });
    assert.throws(() => verifyTimestamp({ response: made, signature, authorities: [other, early] }), {
      code: "X509_SIGNATURE_INVALID",
    });
  });

  it("believes no authority without an anchor above its signing certificate", async () => {
    const chain = await createChain("timeStamping", "tsa");
    const made = await stamp(chain, signature, signingTimeMs);
    for (const certificates of [[chain.issuing], []]) {
      const authorities: TimestampAuthority[] = [{ chain: certificates, validFor: { startMs: 0 } }];
      assert.throws(() => verifyTimestamp({ response: made, signature, authorities }), isSigillumError);
    }
  });

  it("takes an authority whose certificate has no key usage, or nonRepudiation alone", async () => {
    const chain = await createChain("timeStamping", "tsa");
    const { spki } = chain.issuingSigner.publicKey;
    const honest = timestampLeafExtensions({ spki, issuerSpki: chain.root.spki });
    const { issuing } = chain;
    const fields = {
      serial: randomSerial(),
      issuer: issuing.issuer,
      subject: issuing.subject,
      notBeforeMs: issuing.notBeforeMs,
      notAfterMs: issuing.notAfterMs,
      spki,
    };
    for (const [extensions, accepted] of [
      [honest.slice(1), true],
      [[keyUsageExtension(["nonRepudiation"]), ...honest.slice(1)], true],
      [[keyUsageExtension(["keyAgreement"]), ...honest.slice(1)], false],
    ] as const) {
      const own = { ...chain, issuing: await issue({ ...fields, extensions }, chain.rootSigner) };
      const run = async () =>
        verifyTimestamp({
          response: await stamp(own, signature, signingTimeMs),
          signature,
          authorities: [authorityOf(own, "x")],
        });
      if (accepted) await run();
      else await assert.rejects(run, { code: "X509_KEY_USAGE" });
    }
  });

  it("takes RSA under its own name, and refuses the name of another key's algorithm", async () => {
    const rsa = await createChain("timeStamping", "tsa", { startMs: signingTimeMs - 1000, endMs: signingTimeMs + 1000 }, "rsa");
    verifyTimestamp({ response: await stamp(rsa, signature, signingTimeMs), signature, authorities: [authorityOf(rsa, "x")] });
    const ec = await createChain("timeStamping", "tsa");
    const pss = generateSigner("rsa", { padding: "pss" });
    const { issuing } = ec;
    const { spki } = pss.publicKey;
    const fields = {
      serial: randomSerial(),
      issuer: issuing.issuer,
      subject: issuing.subject,
      notBeforeMs: issuing.notBeforeMs,
      notAfterMs: issuing.notAfterMs,
      spki,
    };
    const leaf = await issue(
      { ...fields, extensions: timestampLeafExtensions({ spki, issuerSpki: ec.root.spki }) },
      ec.rootSigner,
    );
    const byPss = { ...ec, issuing: leaf, issuingSigner: pss };
    verifyTimestamp({
      response: await stamp(byPss, signature, signingTimeMs),
      signature,
      authorities: [authorityOf(byPss, "x")],
    });
    await assert.rejects(
      async () =>
        verifyTimestamp({
          response: await stamp(ec, signature, signingTimeMs, generateSigner("rsa")),
          signature,
          authorities: [authorityOf(ec, "x")],
        }),
      { code: "TIMESTAMP_ALGORITHM_UNSUPPORTED" },
    );
  });
});
