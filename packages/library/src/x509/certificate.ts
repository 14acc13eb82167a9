// Certificates, strictly. RFC 5280 §4.1.
//
//   Certificate ::= SEQUENCE { tbsCertificate TBSCertificate, signatureAlgorithm AlgorithmIdentifier, signatureValue BIT STRING }
//   TBSCertificate ::= SEQUENCE { version [0] EXPLICIT INTEGER DEFAULT v1, serialNumber INTEGER, signature AlgorithmIdentifier,
//     issuer Name, validity SEQUENCE { notBefore Time, notAfter Time }, subject Name, subjectPublicKeyInfo SubjectPublicKeyInfo,
//     issuerUniqueID [1] IMPLICIT OPTIONAL, subjectUniqueID [2] IMPLICIT OPTIONAL, extensions [3] EXPLICIT OPTIONAL }
import { type PublicKey, parsePublicKey } from "../crypto/index.ts";
import {
  DerReader,
  type DerValue,
  derSequence,
  derTagged,
  encodeHex,
  equalBytes,
  parseDer,
  parsePem,
} from "../encoding/index.ts";
import { algorithmOid } from "./algorithm.ts";
import { parsing, x509Error } from "./errors.ts";
import { type Extension, parseExtensions } from "./extension.ts";
import { formatName, parseName } from "./name.ts";

/** A parsed certificate. Byte fields are views of `der`; nothing about it has been verified. */
export interface Certificate {
  readonly der: Uint8Array;
  /** The TBSCertificate: the bytes that the issuer signed. */
  readonly tbs: Uint8Array;
  /** The serial number's content octets. */
  readonly serial: Uint8Array;
  /** Object identifier of the signature algorithm. */
  readonly signatureAlgorithm: string;
  /** The whole AlgorithmIdentifier of the signature. */
  readonly signatureAlgorithmIdentifier: Uint8Array;
  readonly signature: Uint8Array;
  /** The issuer's Name, DER. */
  readonly issuer: Uint8Array;
  /** The subject's Name, DER. */
  readonly subject: Uint8Array;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly publicKey: PublicKey;
  readonly spki: Uint8Array;
  readonly extensions: readonly Extension[];
}

/** Limits on a certificate: the largest seen at Sigstore has 2.6 kB. */
export const certificateLimits: {
  readonly maxBytes: number;
  readonly maxSerialBytes: number;
  readonly maxPemCertificates: number;
} = {
  maxBytes: 64 * 1024,
  maxSerialBytes: 32, // RFC 5280 §4.1.2.2 allows 20; others were issued, and a longer one harms nobody
  maxPemCertificates: 64,
};

/** Read one DER certificate of version 3, its public key included. Neither signature, validity nor any extension's value is checked. */
export function parseCertificate(der: Uint8Array): Certificate {
  if (der.length > certificateLimits.maxBytes) {
    const found = `${der.length} bytes`;
    const expected = `at most ${certificateLimits.maxBytes}`;
    throw x509Error("X509_CERTIFICATE_TOO_LARGE", `Cannot parse certificate: found ${found}, expected ${expected}`, {
      found,
      expected,
    });
  }
  return parsing("X509_CERTIFICATE_MALFORMED", "parse certificate", () => {
    const reader = DerReader.sequence(parseDer(der));
    const tbs = reader.expect(0x30, "TBSCertificate");
    const algorithm = reader.expect(0x30, "signature algorithm");
    const signature = reader.bitString("signature");
    reader.end("certificate");
    const fields = parseTbs(tbs);
    // RFC 5280 §4.1.1.2: the two must be the same.
    if (!equalBytes(fields.algorithm.bytes, algorithm.bytes)) throw malformed("the two signature algorithms differ");
    return {
      der,
      tbs: tbs.bytes,
      ...fields.content,
      signatureAlgorithm: algorithmOid(algorithm),
      signatureAlgorithmIdentifier: algorithm.bytes,
      signature,
    };
  });
}

/** Read exactly one certificate from PEM text. */
export function parseCertificatePem(pem: string): Certificate {
  const certificates = parseCertificatesPem(pem);
  const [certificate] = certificates;
  if (certificate !== undefined && certificates.length === 1) return certificate;
  const found = `${certificates.length} certificates`;
  throw x509Error("X509_CERTIFICATE_MALFORMED", `Cannot parse certificate: PEM holds ${found}, expected exactly 1`, {
    found,
    expected: "1",
  });
}

/** Read every certificate from PEM text, in order; a block with another label is refused. */
export function parseCertificatesPem(pem: string): Certificate[] {
  const blocks = parsing("X509_CERTIFICATE_MALFORMED", "parse certificates", () => parsePem(pem));
  if (blocks.length > certificateLimits.maxPemCertificates) {
    const found = `${blocks.length} PEM blocks`;
    throw x509Error("X509_CERTIFICATE_TOO_LARGE", `Cannot parse certificates: found ${found}`, { found });
  }
  return blocks.map(({ label, bytes }) => {
    if (label !== "CERTIFICATE") throw malformed(`PEM block is labelled ${label}, expected CERTIFICATE`);
    return parseCertificate(bytes);
  });
}

/** Subject (or issuer where the subject is empty) and serial number, to name a certificate in a message. */
export function describeCertificate(certificate: Certificate): string {
  const subject = formatName(certificate.subject);
  const name = subject === "" ? `issued by ${formatName(certificate.issuer)}` : subject;
  return `certificate "${name}" (serial ${encodeHex(certificate.serial)})`;
}

/**
 * The TBSCertificate re-encoded without one extension, the others in their order: what a CT log signs (RFC 6962 §3.2).
 * Returned unchanged where the certificate lacks the extension.
 */
export function tbsWithoutExtension(certificate: Certificate, oid: string): Uint8Array {
  const index = certificate.extensions.findIndex((extension) => extension.oid === oid);
  if (index === -1) return certificate.tbs;
  const reader = DerReader.sequence(certificate.tbs);
  const parts: Uint8Array[] = [];
  while (!reader.atEnd) {
    const field = reader.next();
    if (field.tag !== 0xa3) {
      parts.push(field.bytes);
      continue;
    }
    const kept = membersWithout(DerReader.sequence(field.contents), index);
    if (kept.length > 0) parts.push(derTagged(0xa3, derSequence(...kept)));
  }
  return derSequence(...parts);
}

function membersWithout(reader: DerReader, index: number): Uint8Array[] {
  const kept: Uint8Array[] = [];
  for (let i = 0; !reader.atEnd; i++) {
    const { bytes } = reader.next();
    if (i !== index) kept.push(bytes);
  }
  return kept;
}

type TbsContent = Pick<
  Certificate,
  "serial" | "issuer" | "subject" | "notBeforeMs" | "notAfterMs" | "publicKey" | "spki" | "extensions"
>;

function parseTbs(tbs: DerValue): { content: TbsContent; algorithm: DerValue } {
  const reader = DerReader.sequence(tbs);
  parseVersion(reader);
  const serial = reader.integer("serial number");
  if (serial.length > certificateLimits.maxSerialBytes) throw malformed(`serial number has ${serial.length} bytes`);
  const algorithm = reader.expect(0x30, "signature algorithm");
  const issuer = parseName(reader.expect(0x30, "issuer"));
  const validity = reader.sequence("validity");
  const notBeforeMs = validity.time("notBefore");
  const notAfterMs = validity.time("notAfter");
  validity.end("validity");
  const subject = parseName(reader.expect(0x30, "subject"));
  const spki = reader.expect(0x30, "public key").bytes;
  reader.optional(0x81);
  reader.optional(0x82);
  const wrapped = reader.optional(0xa3);
  reader.end("TBSCertificate");
  const extensions = wrapped === undefined ? [] : parseExtensions(parseDer(wrapped.contents));
  const publicKey = parsing("X509_PUBLIC_KEY_UNSUPPORTED", "parse certificate", () => parsePublicKey(spki));
  return { content: { serial, issuer, subject, notBeforeMs, notAfterMs, publicKey, spki, extensions }, algorithm };
}

function parseVersion(reader: DerReader): void {
  const wrapped = reader.optional(0xa0);
  const version = wrapped === undefined ? 0 : new DerReader(wrapped.contents).smallInteger("version");
  if (version !== 2 || (wrapped !== undefined && wrapped.contents.length !== 3)) {
    const found = `version ${version + 1}`;
    throw x509Error("X509_CERTIFICATE_MALFORMED", `Cannot parse certificate: found ${found}, expected version 3`, {
      found,
      expected: "version 3",
    });
  }
}

function malformed(why: string): Error {
  return x509Error("X509_CERTIFICATE_MALFORMED", `Cannot parse certificate: ${why}`);
}
