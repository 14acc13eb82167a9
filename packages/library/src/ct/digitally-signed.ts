// The signature structure of TLS 1.2 that certificate transparency uses. RFC 5246 §4.7, RFC 6962 §2.1.4.
//
//   struct { uint8 hash_algorithm; uint8 signature_algorithm; opaque signature<0..2^16-1>; } DigitallySigned;
import { isValidSignature, type PublicKey, type SignatureScheme, type Signer } from "../crypto/index.ts";
import { TlsReader, TlsWriter } from "../encoding/index.ts";
import { ctError, parsing } from "./errors.ts";

/** A signature with the numbers of its algorithms, as read; they may name anything. */
export interface DigitallySigned {
  readonly hashAlgorithm: number;
  readonly signatureAlgorithm: number;
  readonly signature: Uint8Array;
}

const sha256 = 4;
const rsa = 1;
const ecdsa = 3;

/** Read a DigitallySigned from a structure that goes on after it. */
export function readDigitallySigned(reader: TlsReader): DigitallySigned {
  return {
    hashAlgorithm: reader.uint8("hash algorithm"),
    signatureAlgorithm: reader.uint8("signature algorithm"),
    signature: reader.vector16("signature"),
  };
}

/** Read a DigitallySigned, to its last byte: `signature` of a log's answer to add-chain, `tree_head_signature` of get-sth. */
export function parseDigitallySigned(bytes: Uint8Array): DigitallySigned {
  return parsing("CT_SIGNATURE_MALFORMED", "parse signature of CT log", () => {
    const reader = new TlsReader(bytes);
    const signed = readDigitallySigned(reader);
    reader.end("signature of CT log");
    return signed;
  });
}

/** Write a DigitallySigned: the counterpart of `parseDigitallySigned`. */
export function encodeDigitallySigned(signed: DigitallySigned): Uint8Array {
  return writeDigitallySigned(new TlsWriter(96), signed).finish();
}

/** Write a DigitallySigned into a structure that goes on after it. */
export function writeDigitallySigned(writer: TlsWriter, signed: DigitallySigned): TlsWriter {
  return writer.uint8(signed.hashAlgorithm).uint8(signed.signatureAlgorithm).vector16(signed.signature);
}

/** Sign as a log: ECDSA or RSA (PKCS#1) with SHA-256, which RFC 6962 §2.1.4 allows alone; any other signer is a TypeError. */
export async function digitallySign(signer: Signer, message: Uint8Array): Promise<DigitallySigned> {
  const { scheme } = signer;
  const number = signatureNumber(scheme);
  if (number === undefined || scheme.hash !== "sha256")
    throw new TypeError(`Cannot sign for certificate transparency: ${scheme.type} with ${scheme.hash} is not allowed`);
  return { hashAlgorithm: sha256, signatureAlgorithm: number, signature: await signer.sign(message) };
}

/** Whether a log's key made this signature. Throws CT_ALGORITHM_UNSUPPORTED where the algorithms are others or do not fit the key. */
export function isDigitallySigned(key: PublicKey, message: Uint8Array, signed: DigitallySigned): boolean {
  // RSA is PKCS #1 v1.5, as everywhere that names no padding.
  const scheme: SignatureScheme = { type: key.type, hash: "sha256" };
  const expected = signatureNumber(scheme);
  if (signed.hashAlgorithm !== sha256 || expected === undefined || signed.signatureAlgorithm !== expected) {
    const found = `hash ${signed.hashAlgorithm}, signature ${signed.signatureAlgorithm} for a key of type ${key.type}`;
    throw ctError("CT_ALGORITHM_UNSUPPORTED", `Cannot verify signature of CT log: found ${found}`, {
      found,
      expected: "SHA-256 with ECDSA or RSA",
    });
  }
  return isValidSignature(key, scheme, message, signed.signature);
}

function signatureNumber(scheme: SignatureScheme): number | undefined {
  if (scheme.type === "rsa") return scheme.padding === "pss" ? undefined : rsa;
  return scheme.type.startsWith("ecdsa-") ? ecdsa : undefined;
}
