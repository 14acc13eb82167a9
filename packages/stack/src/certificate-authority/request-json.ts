// Requests of Fulcio v2 and v1 in protobuf JSON, read as grpc-gateway reads them: both spellings of names, both alphabets of base64,
// unknown fields and unknown enum names ignored (certificate-authority §1.2, §1.7).
import { encodeUtf8, type JsonObject } from "@sigillum/library/encoding";
import { certificateAuthorityError } from "./errors.ts";
import type { KeyProof } from "./key-possession.ts";

/** A request for a certificate. */
export interface CertificateRequest {
  /** The token in the body; a header may carry it instead. */
  readonly token?: string;
  readonly proof: KeyProof;
}

/** Reads the body of POST /api/v2/signingCert. */
export function readV2Request(body: JsonObject): CertificateRequest {
  const token = body.optionalObject("credentials")?.optionalString("oidcIdentityToken");
  const request = body.optionalBase64("certificateSigningRequest");
  const keyRequest = body.optionalObject("publicKeyRequest");
  const proof = oneProof(request, keyRequest === undefined ? undefined : v2KeyProof(keyRequest));
  return { ...(token === undefined || token === "" ? {} : { token }), proof };
}

/** Reads the body of POST /api/v1/signingCert, whose token always stands in the header. */
export function readV1Request(body: JsonObject): CertificateRequest {
  const request = body.optionalBase64("certificateSigningRequest");
  const content = body.optionalObject("publicKey")?.optionalBase64("content");
  const signature = body.optionalBase64("signedEmailAddress") ?? new Uint8Array();
  return { proof: oneProof(request, content === undefined ? undefined : { type: "publicKey", content, signature }) };
}

function v2KeyProof(keyRequest: JsonObject): KeyProof {
  const content = keyRequest.optionalObject("publicKey")?.optionalString("content") ?? "";
  return {
    type: "publicKey",
    content: contentBytes(content),
    signature: keyRequest.optionalBase64("proofOfPossession") ?? new Uint8Array(),
  };
}

/** `content` is a string that holds PEM, or the raw octets of DER, one a character. */
function contentBytes(content: string): Uint8Array {
  if (content.includes("-----BEGIN")) return encodeUtf8(content);
  const isOctets = [...content].every((character) => (character.codePointAt(0) ?? 0x100) <= 0xff);
  return isOctets ? Uint8Array.from(content, (character) => character.charCodeAt(0)) : encodeUtf8(content);
}

/** The one of the two that a request has. Throws CA_REQUEST_MALFORMED where it has neither or both. */
export function oneProof(request: Uint8Array | undefined, key: KeyProof | undefined): KeyProof {
  const hasRequest = request !== undefined && request.length > 0;
  if (hasRequest && key === undefined) return { type: "certificationRequest", content: request };
  if (!hasRequest && key !== undefined) return key;
  const found = hasRequest ? "a public key and a certification request" : "neither public key nor certification request";
  throw certificateAuthorityError("CA_REQUEST_MALFORMED", `Cannot issue certificate: the request has ${found}`, {
    found,
    expected: "one of the two",
  });
}
