// rfc3161 0.0.1: a timestamp response, stored as it is. Rekor pkg/types/rfc3161.
//
//   in and stored: {"tsr":{"content":base64}}
import { digest, isValidSignature, type SignatureScheme } from "@sigillum/library/crypto";
import { encodeBase64, equalBytes, isSigillumError, type JsonObject } from "@sigillum/library/encoding";
import { encodeBody } from "@sigillum/library/log-entry";
import { parseTimestampResponse, type TimestampToken } from "@sigillum/library/timestamp";
import {
  algorithmOid,
  type Certificate,
  hashAlgorithmOfOid,
  parseCertificate,
  schemeOfSignatureAlgorithm,
} from "@sigillum/library/x509";
import { hashKey } from "./index-keys.ts";
import type { PreparedBody } from "./prepared.ts";
import { invalid, malformed } from "./refusals.ts";

/** The longest response that Rekor takes. */
const maxResponseBytes = 10 * 1024;

const rsaEncryption = "1.2.840.113549.1.1.1";

/** Read a rfc3161 0.0.1 proposal. Its signature verifies with a certificate that it carries; whether that is anyone's was not checked. */
export function prepareRfc3161(spec: JsonObject): PreparedBody {
  spec.onlyNames(["tsr"]);
  const tsr = spec.object("tsr");
  tsr.onlyNames(["content"]);
  const response = tsr.base64("content");
  if (response.length > maxResponseBytes)
    throw malformed("rfc3161", `the response has ${response.length} bytes, at most ${maxResponseBytes} are accepted`);
  try {
    verifyResponse(response);
  } catch (cause) {
    if (!isSigillumError(cause) || cause.code.startsWith("LEGACY_")) throw cause;
    throw malformed("rfc3161", cause.message, cause);
  }
  return { body: encodeBody("rfc3161", "0.0.1", { tsr: { content: encodeBase64(response) } }), searchKeys: [hashKey(response)] };
}

function verifyResponse(bytes: Uint8Array): void {
  const { status, token } = parseTimestampResponse(bytes);
  // RFC 3161 §2.4.2: 0 granted, 1 granted with modifications.
  if (token === undefined || (status !== 0 && status !== 1)) throw malformed("rfc3161", `the response has status ${status}`);
  verifyToken(token);
}

// RFC 5652 §5.4: the digest of the content stands in the signed attributes, and those are signed.
function verifyToken(token: TimestampToken): void {
  const { signer, content } = token;
  const hash = hashAlgorithmOfOid(signer.digestAlgorithm);
  if (hash === undefined) throw malformed("rfc3161", `the token's digest algorithm ${signer.digestAlgorithm} is not known`);
  if (!equalBytes(digest(hash, content), signer.messageDigest))
    throw invalid("rfc3161", "the digest in the token's signed attributes is not that of its content");
  const certificate = signerOf(token);
  if (certificate === undefined) throw malformed("rfc3161", "the token does not carry its signer's certificate");
  const { publicKey } = certificate;
  const identifier = signer.signatureAlgorithmIdentifier;
  // RFC 5754 §3: RSA may be named without its hash, which then is the signer's digest algorithm.
  const scheme: SignatureScheme =
    publicKey.type === "rsa" && algorithmOid(identifier) === rsaEncryption
      ? { type: "rsa", hash, padding: "pkcs1" }
      : schemeOfSignatureAlgorithm(identifier, publicKey);
  if (!isValidSignature(publicKey, scheme, signer.signedAttributes, signer.signature))
    throw invalid("rfc3161", "the token's signature does not verify with the certificate that it carries");
}

function signerOf({ certificates, signer }: TimestampToken): Certificate | undefined {
  return certificates
    .map((der) => parseCertificate(der))
    .find(({ issuer, serial }) => equalBytes(issuer, signer.issuer) && equalBytes(serial, signer.serial));
}
