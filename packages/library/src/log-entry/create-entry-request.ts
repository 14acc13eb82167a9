// What a client posts to Rekor v2: protobuf JSON of dev.sigstore.rekor.v2.CreateEntryRequest.
//
//   {"hashedRekordRequestV002":{"digest":base64,"signature":{"content":base64,"verifier":{"keyDetails":…,"x509Certificate" or "publicKey":…}}}}
//   {"dsseRequestV002":{"envelope":{…},"verifiers":[{…}]}}     stored as hashedrekord over the hash of the pre-authentication encoding

import { type Envelope, envelopeFromJson, preAuthenticationEncoding } from "../attestation/index.ts";
import { digest as computeDigest } from "../crypto/index.ts";
import { encodeBase64, isSigillumError, type JsonObject, quote } from "../encoding/index.ts";
import { digestLengths, entryScheme } from "./algorithm.ts";
import { readProto } from "./body-json.ts";
import { logEntryError } from "./errors.ts";
import { type HashedRekordV002, readVerifierV2, signatureV2Json } from "./hashedrekord-v002.ts";
import { publicKeyOf, type Verifier } from "./verifier.ts";

/** An entry that a client asks Rekor v2 to log. */
export interface CreateEntryRequestV2 {
  readonly entry: HashedRekordV002;
  /** What was signed, when the request carried it: the entry's digest is its hash. */
  readonly message?: Uint8Array;
}

/** The key details that Rekor v2 accepts by default, by name; the numbers are those of sigstore's protobuf enum. */
export const acceptedKeyDetails: ReadonlyMap<number, string> = new Map([
  [5, "PKIX_ECDSA_P256_SHA_256"],
  [9, "PKIX_RSA_PKCS1V15_2048_SHA256"],
  [10, "PKIX_RSA_PKCS1V15_3072_SHA256"],
  [11, "PKIX_RSA_PKCS1V15_4096_SHA256"],
  [12, "PKIX_ECDSA_P384_SHA_384"],
  [13, "PKIX_ECDSA_P521_SHA_512"],
]);

/**
 * Read what a client posts. Key, key details and digest length fit together afterwards; the signature was not verified:
 * verifyEntrySignature(request.entry, request.message) does.
 */
export function parseCreateEntryRequestV2(json: Uint8Array | string): CreateEntryRequestV2 {
  const object = readProto(json, "ENTRY_REQUEST_MALFORMED", "request");
  object.onlyNames(["hashedRekordRequestV002", "dsseRequestV002"]);
  const hashedRekord = object.optionalObject("hashedRekordRequestV002");
  const dsse = object.optionalObject("dsseRequestV002");
  if (hashedRekord !== undefined && dsse === undefined) return { entry: readHashedRekordRequest(hashedRekord) };
  if (dsse !== undefined && hashedRekord === undefined) return readDsseRequest(dsse);
  throw logEntryError(
    "ENTRY_REQUEST_MALFORMED",
    "Cannot accept entry: the request must have exactly one of hashedRekordRequestV002 and dsseRequestV002",
  );
}

/** The request for a hashedrekord 0.0.2 entry. */
export function encodeCreateEntryRequestV2(entry: Omit<HashedRekordV002, "kind" | "version">): string {
  return JSON.stringify({ hashedRekordRequestV002: { digest: encodeBase64(entry.digest), signature: signatureV2Json(entry) } });
}

function readHashedRekordRequest(request: JsonObject): HashedRekordV002 {
  request.onlyNames(["digest", "signature"]);
  const signature = request.object("signature");
  signature.onlyNames(["content", "verifier"]);
  const { verifier, keyDetails, hashAlgorithm } = readRequestVerifier(signature.object("verifier"));
  const digest = request.base64("digest");
  if (digest.length !== digestLengths[hashAlgorithm]) {
    throw logEntryError(
      "ENTRY_REQUEST_MALFORMED",
      `Cannot read ${request.path}.digest: it has ${digest.length} bytes, ${keyDetails} demands ${digestLengths[hashAlgorithm]}`,
      {
        found: `${digest.length}`,
        expected: `${digestLengths[hashAlgorithm]}`,
      },
    );
  }
  return entryOf(hashAlgorithm, digest, nonEmpty(signature.base64("content")), keyDetails, verifier);
}

// Divergence: rekor-tiles has refused this request since v2.3.0, but sigstore-js and sigstore-go up to 1.1 still send it.
function readDsseRequest(request: JsonObject): CreateEntryRequestV2 {
  request.onlyNames(["envelope", "verifiers"]);
  const envelope = readEnvelope(request);
  const verifiers = request.objects("verifiers");
  const [signature] = envelope.signatures;
  const [onlyVerifier] = verifiers;
  if (signature === undefined || onlyVerifier === undefined || envelope.signatures.length !== 1 || verifiers.length !== 1) {
    const found = `${envelope.signatures.length} signatures and ${verifiers.length} verifiers`;
    throw logEntryError("ENTRY_SIGNATURE_COUNT", `Cannot accept entry: the request has ${found}, expected one of each`, {
      found,
      expected: "1 and 1",
    });
  }
  const { verifier, keyDetails, hashAlgorithm } = readRequestVerifier(onlyVerifier);
  const message = preAuthenticationEncoding(envelope.payloadType, envelope.payload);
  return {
    entry: entryOf(hashAlgorithm, computeDigest(hashAlgorithm, message), nonEmpty(signature.sig), keyDetails, verifier),
    message,
  };
}

function readEnvelope(request: JsonObject): Envelope {
  const object = request.object("envelope");
  object.onlyNames(["payload", "payloadType", "signatures"]);
  for (const signature of object.optionalObjects("signatures")) signature.onlyNames(["sig", "keyid"]);
  try {
    return envelopeFromJson(request.value("envelope") ?? null, object.path);
  } catch (cause) {
    if (!isSigillumError(cause)) throw cause;
    throw logEntryError("ENTRY_REQUEST_MALFORMED", cause.message, { cause });
  }
}

function readRequestVerifier(object: JsonObject): {
  verifier: Verifier;
  keyDetails: string;
  hashAlgorithm: HashedRekordV002["hashAlgorithm"];
} {
  object.onlyNames(["keyDetails", "publicKey", "x509Certificate"]);
  for (const name of ["publicKey", "x509Certificate"]) object.optionalObject(name)?.onlyNames(["rawBytes"]);
  const keyDetails = readKeyDetails(object);
  const verifier = readVerifierV2(object, "ENTRY_REQUEST_MALFORMED");
  return { verifier, keyDetails, hashAlgorithm: entryScheme(keyDetails, publicKeyOf(verifier)).hash };
}

// An enum in protobuf JSON is its name or its number.
function readKeyDetails(object: JsonObject): string {
  const value = object.value("keyDetails");
  const name = typeof value === "number" ? acceptedKeyDetails.get(value) : value;
  for (const accepted of acceptedKeyDetails.values()) if (accepted === name) return accepted;
  throw logEntryError("ENTRY_KEY_UNSUPPORTED", `Cannot read ${object.path}.keyDetails: ${quote(String(value))} is not accepted`, {
    found: quote(String(value)),
    expected: [...acceptedKeyDetails.values()].join(", "),
  });
}

function nonEmpty(signature: Uint8Array): Uint8Array {
  if (signature.length > 0) return signature;
  throw logEntryError("ENTRY_REQUEST_MALFORMED", "Cannot accept entry: its signature is empty");
}

function entryOf(
  hashAlgorithm: HashedRekordV002["hashAlgorithm"],
  digest: Uint8Array,
  signature: Uint8Array,
  keyDetails: string,
  verifier: Verifier,
): HashedRekordV002 {
  return { kind: "hashedrekord", version: "0.0.2", hashAlgorithm, digest, signature, keyDetails, verifier };
}
