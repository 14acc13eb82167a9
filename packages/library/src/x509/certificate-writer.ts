// Writing certificates: finished parts are joined, nothing is parsed again. certificate-authority §3.1 and §11.
import type { Signer } from "../crypto/index.ts";
import { derBitString, derInteger, derSequence, derTagged, derX509Time } from "../encoding/index.ts";
import { signatureAlgorithmIdentifier } from "./algorithm.ts";
import { x509Error } from "./errors.ts";

/** What stands in a certificate; every part but the validity and the serial is finished DER. */
export interface CertificateFields {
  /** Unsigned, big-endian. */
  readonly serial: Uint8Array;
  /** Name, DER: the bytes of the issuing certificate's subject. */
  readonly issuer: Uint8Array;
  /** Name, DER. */
  readonly subject: Uint8Array;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly spki: Uint8Array;
  /** Finished extensions, in the order they are to stand. */
  readonly extensions: readonly Uint8Array[];
}

const version3 = derTagged(0xa0, derInteger(2));

/** Write a TBSCertificate. A precertificate and its final certificate differ only in the last of `extensions`. */
export function encodeTbsCertificate(fields: CertificateFields, signatureAlgorithm: Uint8Array): Uint8Array {
  checkFields(fields);
  return derSequence(
    version3,
    derInteger(fields.serial),
    signatureAlgorithm,
    fields.issuer,
    derSequence(derX509Time(fields.notBeforeMs), derX509Time(fields.notAfterMs)),
    fields.subject,
    fields.spki,
    derTagged(0xa3, derSequence(...fields.extensions)),
  );
}

/** Join a TBSCertificate, its algorithm and its signature to a certificate; that they belong together is not checked. */
export function encodeCertificate(tbs: Uint8Array, signatureAlgorithm: Uint8Array, signature: Uint8Array): Uint8Array {
  return derSequence(tbs, signatureAlgorithm, derBitString(signature));
}

/** Write and sign a certificate. That the issuer name is the signer's is for the caller to see to. */
export async function signCertificate(fields: CertificateFields, signer: Signer): Promise<Uint8Array> {
  const algorithm = signatureAlgorithmIdentifier(signer.scheme);
  const tbs = encodeTbsCertificate(fields, algorithm);
  return encodeCertificate(tbs, algorithm, await signer.sign(tbs));
}

function checkFields({ serial, notBeforeMs, notAfterMs, extensions }: CertificateFields): void {
  // RFC 5280 §4.1.2.2: positive and at most 20 octets, the sign octet included.
  const tooLong = serial.length > 20 || (serial.length === 20 && (serial[0] ?? 0) > 0x7f);
  if (tooLong || serial.every((byte) => byte === 0)) {
    const found = `${serial.length} bytes`;
    throw x509Error(
      "X509_NOT_ENCODABLE",
      "Cannot write certificate: the serial number is not a positive integer of at most 20 octets",
      { found },
    );
  }
  if (notAfterMs < notBeforeMs) throw x509Error("X509_NOT_ENCODABLE", "Cannot write certificate: it would end before it begins");
  if (extensions.length === 0) throw x509Error("X509_NOT_ENCODABLE", "Cannot write certificate: it would have no extension");
}
