// hashedrekord 0.0.1: a signature over an artifact of which only the digest is known. Rekor pkg/types/hashedrekord/v0.0.1.
//
//   {"data":{"hash":{"algorithm":"sha256","value":hex}},"signature":{"content":base64,"publicKey":{"content":base64(PEM)}}}
import { encodeBase64, encodeHex, type JsonObject, type JsonValue } from "../encoding/index.ts";
import type { EntryHash } from "./algorithm.ts";
import { encodeBodyText, type JsonCode, readHexHash } from "./body-json.ts";
import { encodeVerifierPem, parseSingleVerifierPem, parseVerifierPem, type Verifier } from "./verifier.ts";

/** The fields of a hashedrekord 0.0.1 entry. */
export interface HashedRekordV001 {
  readonly kind: "hashedrekord";
  readonly version: "0.0.1";
  readonly hashAlgorithm: EntryHash;
  readonly digest: Uint8Array;
  /** The digest as the client wrote it, where that is not lower-case hexadecimal: it is stored as it came. */
  readonly digestText?: string;
  readonly signature: Uint8Array;
  readonly verifier: Verifier;
}

/** Write the body as Rekor stores it. */
export function encodeHashedRekordV001(entry: Omit<HashedRekordV001, "kind" | "version">): Uint8Array {
  const signature = encodeBase64(entry.signature);
  const pem = encodeBase64(encodeVerifierPem(entry.verifier));
  return encodeBodyText(
    "hashedrekord",
    "0.0.1",
    `{"data":{"hash":{"algorithm":"${entry.hashAlgorithm}","value":"${entry.digestText ?? encodeHex(entry.digest)}"}},"signature":{"content":"${signature}","publicKey":{"content":"${pem}"}}}`,
  );
}

/** The `spec` of an entry: the same in a request and, in canonical form, in the stored body. */
export function hashedRekordV001Spec(entry: Omit<HashedRekordV001, "kind" | "version">): JsonValue {
  return {
    data: { hash: { algorithm: entry.hashAlgorithm, value: entry.digestText ?? encodeHex(entry.digest) } },
    signature: {
      content: encodeBase64(entry.signature),
      publicKey: { content: encodeBase64(encodeVerifierPem(entry.verifier)) },
    },
  };
}

/** Read the `spec` of a stored body or of a request. The signature was not verified. */
export function readHashedRekordV001(spec: JsonObject, code: JsonCode): HashedRekordV001 {
  const signature = spec.object("signature");
  const { algorithm, digest, text } = readHexHash(spec.object("data").object("hash"), code);
  const pem = signature.object("publicKey").base64("content");
  return {
    kind: "hashedrekord",
    version: "0.0.1",
    hashAlgorithm: algorithm,
    digest,
    ...(text === text.toLowerCase() ? {} : { digestText: text }),
    signature: signature.base64("content"),
    verifier: code === "ENTRY_REQUEST_MALFORMED" ? parseSingleVerifierPem(pem) : parseVerifierPem(pem),
  };
}
