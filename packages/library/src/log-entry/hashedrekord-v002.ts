// hashedrekord 0.0.2, the one kind of Rekor v2: also for DSSE envelopes, whose digest covers the pre-authentication encoding.
// rekor-tiles, transparency-log.md of the specs page: RFC 8785 over protobuf JSON.
//
//   {"hashedRekordV002":{"data":{"algorithm":"SHA2_256","digest":base64},
//     "signature":{"content":base64,"verifier":{"keyDetails":name,"x509Certificate" or "publicKey":{"rawBytes":base64}}}}}
import { canonicalText, encodeBase64, type JsonObject, type JsonValue, quote } from "../encoding/index.ts";
import { digestLengths, type EntryHash, hashOfProtoName, protoHashName } from "./algorithm.ts";
import { encodeBodyText } from "./body-json.ts";
import { logEntryError } from "./errors.ts";
import type { Verifier } from "./verifier.ts";

/** The fields of a hashedrekord 0.0.2 entry. */
export interface HashedRekordV002 {
  readonly kind: "hashedrekord";
  readonly version: "0.0.2";
  readonly hashAlgorithm: EntryHash;
  readonly digest: Uint8Array;
  readonly signature: Uint8Array;
  /** Name of a PublicKeyDetails value of sigstore's protobuf. */
  readonly keyDetails: string;
  readonly verifier: Verifier;
}

/** Write the body as Rekor v2 stores it. */
export function encodeHashedRekordV002(entry: Omit<HashedRekordV002, "kind" | "version">): Uint8Array {
  const data = `{"algorithm":"${protoHashName(entry.hashAlgorithm)}","digest":"${encodeBase64(entry.digest)}"}`;
  const raw = `{"rawBytes":"${encodeBase64(entry.verifier.der)}"}`;
  // RFC 8785 order: keyDetails, publicKey, x509Certificate. Key details come from callers too, so they are written with care.
  const key = entry.verifier.type === "certificate" ? "x509Certificate" : "publicKey";
  const verifier = `{"keyDetails":${canonicalText(entry.keyDetails)},"${key}":${raw}}`;
  const signature = `{"content":"${encodeBase64(entry.signature)}","verifier":${verifier}}`;
  return encodeBodyText("hashedrekord", "0.0.2", `{"hashedRekordV002":{"data":${data},"signature":${signature}}}`);
}

/** The signature with its verifier, as stored bodies and requests of Rekor v2 have it. */
export function signatureV2Json(entry: Pick<HashedRekordV002, "signature" | "keyDetails" | "verifier">): JsonValue {
  return { content: encodeBase64(entry.signature), verifier: verifierV2Json(entry) };
}

/** The verifier as stored bodies and requests of Rekor v2 have it. */
export function verifierV2Json({ keyDetails, verifier }: Pick<HashedRekordV002, "keyDetails" | "verifier">): JsonValue {
  const raw = { rawBytes: encodeBase64(verifier.der) };
  return verifier.type === "certificate" ? { keyDetails, x509Certificate: raw } : { keyDetails, publicKey: raw };
}

/** Read the `spec` of a stored body. The signature was not verified, nor the key details compared with the key. */
export function readHashedRekordV002(spec: JsonObject): HashedRekordV002 {
  const content = spec.object("hashedRekordV002");
  const data = content.object("data");
  const signature = content.object("signature");
  const name = data.string("algorithm");
  const hashAlgorithm = hashOfProtoName(name);
  const digest = data.base64("digest");
  if (hashAlgorithm === undefined || digest.length !== digestLengths[hashAlgorithm]) {
    throw logEntryError(
      "ENTRY_BODY_MALFORMED",
      `Cannot read ${data.path}: ${digest.length} bytes are no digest of algorithm ${quote(name)}`,
      { found: quote(name) },
    );
  }
  const verifier = signature.object("verifier");
  return {
    kind: "hashedrekord",
    version: "0.0.2",
    hashAlgorithm,
    digest,
    signature: signature.base64("content"),
    keyDetails: verifier.string("keyDetails"),
    verifier: readVerifierV2(verifier, "ENTRY_BODY_MALFORMED"),
  };
}

/** Read a verifier of Rekor v2: exactly one of a certificate and a public key. */
export function readVerifierV2(verifier: JsonObject, code: "ENTRY_BODY_MALFORMED" | "ENTRY_REQUEST_MALFORMED"): Verifier {
  const certificate = verifier.optionalObject("x509Certificate");
  const publicKey = verifier.optionalObject("publicKey");
  if (certificate !== undefined && publicKey === undefined) return { type: "certificate", der: certificate.base64("rawBytes") };
  if (publicKey !== undefined && certificate === undefined) return { type: "publicKey", der: publicKey.base64("rawBytes") };
  throw logEntryError(
    code,
    `Cannot read ${verifier.path}: it has ${certificate === undefined ? "neither" : "both"} of certificate and public key`,
  );
}
