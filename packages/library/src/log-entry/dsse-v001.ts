// dsse 0.0.1: the signatures of an envelope and the hashes of envelope and payload, which are not kept. Rekor pkg/types/dsse/v0.0.1.
//
//   {"envelopeHash":{"algorithm":"sha256","value":hex},"payloadHash":{…},"signatures":[{"signature":base64,"verifier":base64(PEM)}]}
import { encodeBase64, encodeHex, type JsonObject } from "../encoding/index.ts";
import { encodeBodyText, readHexHash } from "./body-json.ts";
import { logEntryError } from "./errors.ts";
import { encodeVerifierPem, parseVerifierPem, type Verifier } from "./verifier.ts";

/** One logged signature of an envelope. */
export interface DsseV001Signature {
  readonly signature: Uint8Array;
  readonly verifier: Verifier;
}

/** The fields of a dsse 0.0.1 entry. */
export interface DsseV001 {
  readonly kind: "dsse";
  readonly version: "0.0.1";
  /** SHA-256 of the envelope's JSON text, which nobody can recompute from a bundle. */
  readonly envelopeHash: Uint8Array;
  /** SHA-256 of the payload. */
  readonly payloadHash: Uint8Array;
  readonly signatures: readonly DsseV001Signature[];
}

const maxSignatures = 64;

/** Write the body as Rekor stores it: signatures sorted by their base64 text. */
export function encodeDsseV001(entry: Omit<DsseV001, "kind" | "version">): Uint8Array {
  const signatures = entry.signatures.map(({ signature, verifier }) => ({
    signature: encodeBase64(signature),
    verifier: encodeBase64(encodeVerifierPem(verifier)),
  }));
  const items = signatures
    .sort((a, b) => compareText(a.signature, b.signature))
    .map(({ signature, verifier }) => `{"signature":"${signature}","verifier":"${verifier}"}`);
  return encodeBodyText(
    "dsse",
    "0.0.1",
    `{"envelopeHash":${sha256Text(entry.envelopeHash)},"payloadHash":${sha256Text(entry.payloadHash)},"signatures":[${items.join(",")}]}`,
  );
}

function sha256Text(hash: Uint8Array): string {
  return `{"algorithm":"sha256","value":"${encodeHex(hash)}"}`;
}

/** Read the `spec` of a stored body. No signature was verified. */
export function readDsseV001(spec: JsonObject): DsseV001 {
  const signatures = spec.objects("signatures");
  if (signatures.length === 0 || signatures.length > maxSignatures) {
    throw logEntryError(
      "ENTRY_BODY_MALFORMED",
      `Cannot read ${spec.path}: it has ${signatures.length} signatures, 1 to ${maxSignatures} are read`,
    );
  }
  return {
    kind: "dsse",
    version: "0.0.1",
    envelopeHash: readSha256(spec.object("envelopeHash")),
    payloadHash: readSha256(spec.object("payloadHash")),
    signatures: signatures.map((item) => ({
      signature: item.base64("signature"),
      verifier: parseVerifierPem(item.base64("verifier")),
    })),
  };
}

/** Read a hash of a stored body that must be SHA-256. */
export function readSha256(hash: JsonObject): Uint8Array {
  const { algorithm, digest } = readHexHash(hash, "ENTRY_BODY_MALFORMED");
  if (algorithm === "sha256") return digest;
  throw logEntryError("ENTRY_BODY_MALFORMED", `Cannot read ${hash.path}: its algorithm is ${algorithm}, expected sha256`, {
    found: algorithm,
    expected: "sha256",
  });
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
