import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { describe, test } from "node:test";
import fc from "fast-check";
import { createSigner, type Signer } from "../crypto/index.ts";
import {
  DerReader,
  derInteger,
  derNull,
  derOctetString,
  derOid,
  derSequence,
  derTagged,
  encodeHex,
  encodePem,
  encodeUtf8,
  isSigillumError,
  parseDer,
} from "../encoding/index.ts";
import {
  authorityKeyId,
  basicConstraints,
  basicConstraintsExtension,
  type Certificate,
  type CertificateFields,
  ctPoisonExtension,
  describeCertificate,
  emptyName,
  encodeCertificate,
  encodeExtension,
  encodeName,
  encodeTbsCertificate,
  extendedKeyUsage,
  extensionOids,
  fulcioLeafExtensions,
  isCertificateAuthority,
  keyIdentifier,
  keyUsage,
  keyUsageExtension,
  parseCertificate,
  parseCertificatePem,
  parseCertificatesPem,
  schemeOfSignatureAlgorithm,
  sctListExtension,
  signatureAlgorithmIdentifier,
  signCertificate,
  subjectKeyId,
  tbsWithoutExtension,
  verifyIssuedBy,
} from "./index.ts";

const now = Date.UTC(2026, 10, 24, 2);
const signer = newSigner("P-256");
const { spki } = signer.publicKey;
const algorithm = signatureAlgorithmIdentifier(signer.scheme);
const name = encodeName({ organization: "example", commonName: "authority" });

const fields: CertificateFields = {
  serial: Uint8Array.of(0x81, 2, 3),
  issuer: name,
  subject: emptyName,
  notBeforeMs: now,
  notAfterMs: now + 600_000,
  spki,
  extensions: fulcioLeafExtensions({
    spki,
    issuerKeyId: keyIdentifier(spki),
    subjectAltName: { type: "uri", value: "https://example.com/workflow" },
    claims: { issuer: "https://accounts.example.com", tokenSubject: "subject" },
  }),
};
const der = await signCertificate(fields, signer);
const certificate = parseCertificate(der);

function newSigner(namedCurve: string): Signer {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve });
  return createSigner(new Uint8Array(privateKey.export({ format: "der", type: "pkcs8" })));
}

/** A certificate of the fields above with some changed; its signature is not one. */
function unsigned(changes: Partial<CertificateFields>): Uint8Array {
  return encodeCertificate(encodeTbsCertificate({ ...fields, ...changes }, algorithm), algorithm, new Uint8Array(70));
}

function withExtensions(...extensions: Uint8Array[]): Certificate {
  return parseCertificate(unsigned({ extensions }));
}

describe("parseCertificate", () => {
  test("reads what encodeTbsCertificate wrote", () => {
    assert.equal(encodeHex(certificate.serial), "00810203");
    assert.deepEqual(certificate.issuer, name);
    assert.equal(encodeHex(certificate.subject), "3000");
    assert.equal(certificate.notBeforeMs, now);
    assert.equal(certificate.notAfterMs, now + 600_000);
    assert.deepEqual(certificate.spki, spki);
    assert.equal(certificate.publicKey.type, "ecdsa-p256");
    assert.equal(certificate.signatureAlgorithm, "1.2.840.10045.4.3.2");
    assert.deepEqual([...(keyUsage(certificate) ?? [])], ["digitalSignature"]);
    assert.deepEqual([...(extendedKeyUsage(certificate) ?? [])], ["1.3.6.1.5.5.7.3.3"]);
    assert.deepEqual(subjectKeyId(certificate), keyIdentifier(spki));
    assert.deepEqual(authorityKeyId(certificate), keyIdentifier(spki));
    assert.equal(basicConstraints(certificate), undefined);
    assert.equal(isCertificateAuthority(certificate), false);
    assert.doesNotThrow(() => verifyIssuedBy(certificate, certificate));
  });

  test("writes times through 2049 as UTCTime and later ones as GeneralizedTime", () => {
    const late = Date.UTC(2050, 0, 1);
    const parsed = parseCertificate(unsigned({ notAfterMs: late }));
    assert.equal(parsed.notAfterMs, late);
    assert.ok(encodeHex(parsed.tbs).includes(`180f${encodeHex(encodeUtf8("20500101000000Z"))}`));
  });

  test("reads PEM, and one certificate only where one is meant", () => {
    const pem = encodePem("CERTIFICATE", der);
    assert.deepEqual(parseCertificatePem(pem), certificate);
    assert.equal(parseCertificatesPem(pem + pem).length, 2);
    assert.throws(() => parseCertificatePem(pem + pem), { code: "X509_CERTIFICATE_MALFORMED", found: "2 certificates" });
    assert.throws(() => parseCertificatePem(encodePem("PUBLIC KEY", spki)), { code: "X509_CERTIFICATE_MALFORMED" });
    assert.throws(() => parseCertificatePem("no PEM"), { code: "X509_CERTIFICATE_MALFORMED" });
  });

  test("names a certificate with an empty subject by its issuer", () => {
    assert.equal(describeCertificate(certificate), 'certificate "issued by O=example, CN=authority" (serial 00810203)');
  });

  test("refuses bytes after the certificate and an inner length that lies", () => {
    assert.throws(() => parseCertificate(Uint8Array.of(...der, 0)), { code: "X509_CERTIFICATE_MALFORMED" });
    assert.throws(() => parseCertificate(der.subarray(0, -1)), { code: "X509_CERTIFICATE_MALFORMED" });
    assert.throws(() => parseCertificate(new Uint8Array()), { code: "X509_CERTIFICATE_MALFORMED" });
  });

  test("refuses a field too many at every level, a serial number too long, and an empty list of extensions", () => {
    const read = DerReader.sequence(encodeTbsCertificate(fields, algorithm));
    const parts: Uint8Array[] = [];
    while (!read.atEnd) parts.push(read.next().bytes);
    const certificateOf = (tbsParts: readonly Uint8Array[], ...more: Uint8Array[]): Uint8Array => {
      const { contents } = parseDer(encodeCertificate(derSequence(...tbsParts), algorithm, new Uint8Array(70)));
      return derSequence(contents, ...more);
    };
    const changed = (index: number, value: Uint8Array): Uint8Array => certificateOf(parts.with(index, value));
    assert.doesNotThrow(() => parseCertificate(certificateOf(parts)));
    const validity = parseDer(parts[4] ?? derNull()).contents;
    const extension = derSequence(derOid("1.2.3.4"), derOctetString(), derNull());
    const code = "X509_CERTIFICATE_MALFORMED";
    assert.throws(() => parseCertificate(certificateOf(parts, derNull())), { code });
    assert.throws(() => parseCertificate(certificateOf([...parts, derNull()])), { code });
    assert.throws(() => parseCertificate(changed(4, derSequence(validity, derNull()))), { code });
    assert.throws(() => parseCertificate(changed(7, derTagged(0xa3, derSequence(extension)))), { code });
    assert.throws(() => parseCertificate(changed(1, derInteger(new Uint8Array(33).fill(1)))), { code, message: /33 bytes/ });
    assert.throws(() => parseCertificate(changed(7, derTagged(0xa3, derSequence()))), { code: "X509_EXTENSION_MALFORMED" });
  });

  test("refuses versions 1 and 2", () => {
    const tbs = encodeTbsCertificate(fields, algorithm);
    const rest = parseDer(tbs).contents.subarray(5);
    for (const version of [[], [derTagged(0xa0, derInteger(1))]]) {
      const old = encodeCertificate(derSequence(...version, rest), algorithm, new Uint8Array(70));
      assert.throws(() => parseCertificate(old), { code: "X509_CERTIFICATE_MALFORMED", expected: "version 3" });
    }
  });

  test("refuses a signature algorithm outside that differs from the one inside", () => {
    const other = signatureAlgorithmIdentifier({ type: "ecdsa-p256", hash: "sha384" });
    const mixed = encodeCertificate(encodeTbsCertificate(fields, algorithm), other, new Uint8Array(70));
    assert.throws(() => parseCertificate(mixed), {
      code: "X509_CERTIFICATE_MALFORMED",
      message: /two signature algorithms differ/,
    });
  });

  test("refuses a duplicate extension, too many of them, and too many bytes", () => {
    const one = encodeExtension("1.2.3.4", false, derNull());
    assert.throws(() => withExtensions(one, one), { code: "X509_DUPLICATE_EXTENSION", found: "1.2.3.4" });
    const many = Array.from({ length: 65 }, (_, i) => encodeExtension(`1.2.3.${i}`, false, derNull()));
    assert.throws(() => withExtensions(...many), { code: "X509_CERTIFICATE_TOO_LARGE" });
    assert.throws(() => parseCertificate(new Uint8Array(64 * 1024 + 1)), { code: "X509_CERTIFICATE_TOO_LARGE" });
  });

  test("keeps unknown extensions", () => {
    const parsed = withExtensions(encodeExtension("1.2.3.4", true, derNull()));
    assert.deepEqual(parsed.extensions, [{ oid: "1.2.3.4", critical: true, value: derNull() }]);
  });

  test("refuses a public key that is not on its curve", () => {
    const broken = spki.slice();
    broken[broken.length - 1] = (broken.at(-1) ?? 0) ^ 1;
    assert.throws(() => parseCertificate(unsigned({ spki: broken })), { code: "X509_PUBLIC_KEY_UNSUPPORTED" });
  });
});

describe("extension readers", () => {
  const cases: readonly (readonly [string, keyof typeof extensionOids, string, (c: Certificate) => unknown])[] = [
    ["keyUsage with trailing zero bits", "keyUsage", "03020680", keyUsage],
    ["keyUsage without a bit", "keyUsage", "030100", keyUsage],
    ["keyUsage with three octets", "keyUsage", "0304000000ff", keyUsage],
    ["basicConstraints with a path length and no CA", "basicConstraints", "3003020100", basicConstraints],
    ["basicConstraints with a negative path length", "basicConstraints", "30060101ff0201ff", basicConstraints],
    ["basicConstraints with something after", "basicConstraints", "30050101ff0500", basicConstraints],
    ["extendedKeyUsage without a purpose", "extendedKeyUsage", "3000", extendedKeyUsage],
    ["subjectKeyId that is no OCTET STRING", "subjectKeyId", "0500", subjectKeyId],
    ["authorityKeyId that is no SEQUENCE", "authorityKeyId", "0500", authorityKeyId],
  ];
  for (const [title, extension, hex, read] of cases) {
    test(`refuse ${title}`, () => {
      const parsed = withExtensions(encodeExtension(extensionOids[extension], false, Buffer.from(hex, "hex")));
      assert.throws(() => read(parsed), { code: "X509_EXTENSION_MALFORMED" });
    });
  }

  test("read usages of two octets, and a path length", () => {
    const usages = ["keyAgreement", "decipherOnly"] as const;
    const parsed = withExtensions(keyUsageExtension(usages), basicConstraintsExtension(3));
    assert.deepEqual([...(keyUsage(parsed) ?? [])], usages);
    assert.deepEqual(basicConstraints(parsed), { isCa: true, pathLength: 3 });
  });
});

describe("tbsWithoutExtension", () => {
  const body = fields.extensions;

  test("gives the same bytes from precertificate and certificate", () => {
    const precertificate = parseCertificate(unsigned({ extensions: [...body, ctPoisonExtension()] }));
    const final = parseCertificate(unsigned({ extensions: [...body, sctListExtension(Uint8Array.of(1, 2, 3))] }));
    const plain = encodeTbsCertificate(fields, algorithm);
    assert.deepEqual(tbsWithoutExtension(precertificate, extensionOids.ctPoison), plain);
    assert.deepEqual(tbsWithoutExtension(final, extensionOids.sctList), plain);
    assert.deepEqual(tbsWithoutExtension(final, extensionOids.ctPoison), final.tbs);
  });

  test("takes one from the middle and leaves the order", () => {
    const [first, second, ...rest] = body;
    assert.ok(first && second);
    const parsed = parseCertificate(unsigned({ extensions: [first, ctPoisonExtension(), second, ...rest] }));
    assert.deepEqual(tbsWithoutExtension(parsed, extensionOids.ctPoison), encodeTbsCertificate(fields, algorithm));
  });

  test("leaves no empty list of extensions", () => {
    const parsed = withExtensions(ctPoisonExtension());
    const without = tbsWithoutExtension(parsed, extensionOids.ctPoison);
    assert.equal(without.at(-spki.length), 0x30);
    assert.deepEqual(without.subarray(-spki.length), spki);
  });
});

describe("encodeTbsCertificate refuses", () => {
  const refuses = (changes: Partial<CertificateFields>): void => {
    assert.throws(() => encodeTbsCertificate({ ...fields, ...changes }, algorithm), { code: "X509_NOT_ENCODABLE" });
  };

  test("a serial number of zero, of no bytes and of more than 20 octets", () => {
    refuses({ serial: new Uint8Array() });
    refuses({ serial: new Uint8Array(4) });
    refuses({ serial: new Uint8Array(20).fill(0x80) });
    refuses({ serial: new Uint8Array(21).fill(1) });
    assert.doesNotThrow(() => encodeTbsCertificate({ ...fields, serial: new Uint8Array(20).fill(0x7f) }, algorithm));
  });

  test("an end before the beginning, and no extension", () => {
    refuses({ notAfterMs: now - 1 });
    refuses({ extensions: [] });
  });
});

describe("signature algorithms", () => {
  const rsa = newRsaSigner();

  test("are read as they are written, for every scheme", () => {
    const p384 = newSigner("P-384").publicKey;
    const p521 = newSigner("P-521").publicKey;
    for (const hash of ["sha256", "sha384", "sha512"] as const) {
      for (const key of [signer.publicKey, p384, p521]) {
        const scheme = { type: key.type, hash };
        assert.deepEqual(schemeOfSignatureAlgorithm(signatureAlgorithmIdentifier(scheme), key), scheme);
      }
      for (const padding of ["pkcs1", "pss"] as const) {
        const scheme = { type: "rsa", hash, padding } as const;
        assert.deepEqual(schemeOfSignatureAlgorithm(signatureAlgorithmIdentifier(scheme), rsa.publicKey), scheme);
      }
    }
  });

  test("are refused when unknown, of another family, or with parameters they must not have", () => {
    const refuses = (identifier: Uint8Array, key = signer.publicKey): void => {
      assert.throws(() => schemeOfSignatureAlgorithm(identifier, key), { code: "X509_ALGORITHM_UNSUPPORTED" });
    };
    refuses(derSequence(derOid("1.2.3.4")));
    refuses(derSequence(derOid("1.2.840.113549.1.1.5"), derNull()), rsa.publicKey); // SHA-1
    refuses(signatureAlgorithmIdentifier(rsa.scheme));
    refuses(algorithm, rsa.publicKey);
    refuses(derSequence(derOid("1.2.840.10045.4.3.2"), derNull()));
    refuses(derSequence(derOid("1.2.840.113549.1.1.11"), derOctetString(Uint8Array.of())), rsa.publicKey);
    refuses(derSequence(derOid("1.2.840.113549.1.1.10"), derSequence()), rsa.publicKey); // PSS with SHA-1 by default
    assert.throws(() => signatureAlgorithmIdentifier({ type: "ecdsa-p256", hash: "sha1" }), {
      code: "X509_ALGORITHM_UNSUPPORTED",
    });
  });

  test("RSA without parameters is accepted", () => {
    const bare = derSequence(derOid("1.2.840.113549.1.1.11"));
    assert.deepEqual(schemeOfSignatureAlgorithm(bare, rsa.publicKey), { type: "rsa", hash: "sha256", padding: "pkcs1" });
  });
});

function newRsaSigner(): Signer {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  return createSigner(new Uint8Array(privateKey.export({ format: "der", type: "pkcs8" })));
}

test("a certificate with any byte changed does not verify and throws nothing but our errors", () => {
  fc.assert(
    fc.property(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
      const mutated = der.slice();
      mutated[at] = (mutated[at] ?? 0) ^ change;
      assert.throws(() => verifyIssuedBy(parseCertificate(mutated), certificate), isSigillumError);
    }),
    { numRuns: 400 },
  );
});

test("any bytes are a certificate or one of our errors", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      assert.throws(() => parseCertificate(bytes), isSigillumError);
    }),
  );
});
