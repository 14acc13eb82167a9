// Certification requests (PKCS#10). RFC 2986 §4.
//
//   CertificationRequest ::= SEQUENCE { certificationRequestInfo, signatureAlgorithm AlgorithmIdentifier, signature BIT STRING }
//   CertificationRequestInfo ::= SEQUENCE { version INTEGER { v1(0) }, subject Name, subjectPKInfo SubjectPublicKeyInfo, attributes [0] }
import { isValidSignature, type PublicKey, parsePublicKey, type SignatureScheme, type Signer } from "../crypto/index.ts";
import { DerReader, derBitString, derInteger, derSequence, derTagged, parseDer, parsePem } from "../encoding/index.ts";
import { schemeOfSignatureAlgorithm, signatureAlgorithmIdentifier } from "./algorithm.ts";
import { parsing, x509Error } from "./errors.ts";
import { emptyName, parseName } from "./name.ts";

/** A parsed certification request; its signature is not verified by the parser. */
export interface CertificationRequest {
  readonly der: Uint8Array;
  /** CertificationRequestInfo: the bytes that the request's key signed. */
  readonly info: Uint8Array;
  /** The Name asked for, DER; Fulcio ignores it. */
  readonly subject: Uint8Array;
  readonly publicKey: PublicKey;
  readonly spki: Uint8Array;
  readonly signatureAlgorithmIdentifier: Uint8Array;
  readonly signature: Uint8Array;
}

/** Longest request that is read. */
export const maxRequestBytes: number = 64 * 1024;

/** Read one DER certification request, its public key included; attributes are skipped, the signature is not checked. */
export function parseCertificationRequest(der: Uint8Array): CertificationRequest {
  if (der.length > maxRequestBytes) {
    const found = `${der.length} bytes`;
    throw x509Error(
      "X509_CERTIFICATE_TOO_LARGE",
      `Cannot parse certification request: found ${found}, expected at most ${maxRequestBytes}`,
      { found },
    );
  }
  return parsing("X509_REQUEST_MALFORMED", "parse certification request", () => {
    const reader = DerReader.sequence(parseDer(der));
    const info = reader.expect(0x30, "certification request info");
    const algorithm = reader.expect(0x30, "signature algorithm").bytes;
    const signature = reader.bitString("signature");
    reader.end("certification request");
    const fields = DerReader.sequence(info);
    const version = fields.smallInteger("version");
    if (version !== 0)
      throw x509Error(
        "X509_REQUEST_MALFORMED",
        `Cannot parse certification request: found version ${version + 1}, expected version 1`,
      );
    const subject = parseName(fields.expect(0x30, "subject"));
    const spki = fields.expect(0x30, "public key").bytes;
    fields.optional(0xa0); // some writers leave the empty set of attributes out
    fields.end("certification request info");
    const publicKey = parsing("X509_PUBLIC_KEY_UNSUPPORTED", "parse certification request", () => parsePublicKey(spki));
    return { der, info: info.bytes, subject, publicKey, spki, signatureAlgorithmIdentifier: algorithm, signature };
  });
}

/** Read one request from PEM text labelled CERTIFICATE REQUEST or NEW CERTIFICATE REQUEST. */
export function parseCertificationRequestPem(pem: string): CertificationRequest {
  const blocks = parsing("X509_REQUEST_MALFORMED", "parse certification request", () => parsePem(pem));
  const [block] = blocks;
  if (block === undefined || blocks.length !== 1 || !/^(?:NEW )?CERTIFICATE REQUEST$/u.test(block.label)) {
    const found = block === undefined ? "no PEM block" : `${blocks.length} PEM blocks, the first labelled ${block.label}`;
    throw x509Error(
      "X509_REQUEST_MALFORMED",
      `Cannot parse certification request: found ${found}, expected one CERTIFICATE REQUEST`,
      { found },
    );
  }
  return parseCertificationRequest(block.bytes);
}

/** Verify that a request is signed by its own key, and return the scheme it was signed with: proof of possession. */
export function verifyCertificationRequest(request: CertificationRequest): SignatureScheme {
  const scheme = schemeOfSignatureAlgorithm(request.signatureAlgorithmIdentifier, request.publicKey);
  if (!isValidSignature(request.publicKey, scheme, request.info, request.signature)) {
    throw x509Error(
      "X509_REQUEST_SIGNATURE_INVALID",
      "Cannot verify certification request: it is not signed by the key it names",
    );
  }
  return scheme;
}

/** Write and sign a certification request without attributes; the subject is empty unless given. */
export async function signCertificationRequest(signer: Signer, subject: Uint8Array = emptyName): Promise<Uint8Array> {
  const info = derSequence(derInteger(0), subject, signer.publicKey.spki, derTagged(0xa0));
  return derSequence(info, signatureAlgorithmIdentifier(signer.scheme), derBitString(await signer.sign(info)));
}
