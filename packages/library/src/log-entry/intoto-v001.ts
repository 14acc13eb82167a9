// intoto 0.0.1: the hash of an envelope's JSON text, without the envelope. Rekor pkg/types/intoto/v0.0.1; cosign 1.x wrote it. Read for
// verification only.
//
//   {"content":{"hash":{"algorithm":"sha256","value":hex},"payloadHash":{…} (since 1.0)},"publicKey":base64(PEM)}
import type { JsonObject } from "../encoding/index.ts";
import { readSha256 } from "./dsse-v001.ts";
import { parseVerifierPem, type Verifier } from "./verifier.ts";

/** The fields of an intoto 0.0.1 entry. It holds no signature: the hash of the whole envelope stands for it. */
export interface IntotoV001 {
  readonly kind: "intoto";
  readonly version: "0.0.1";
  /** SHA-256 of the envelope's JSON text as it was logged. */
  readonly envelopeHash: Uint8Array;
  /** SHA-256 of the payload, which early entries leave out. */
  readonly payloadHash?: Uint8Array;
  readonly verifier: Verifier;
}

/** Read the `spec` of a stored body. Nothing was compared. */
export function readIntotoV001(spec: JsonObject): IntotoV001 {
  const content = spec.object("content");
  const payloadHash = content.optionalObject("payloadHash");
  return {
    kind: "intoto",
    version: "0.0.1",
    envelopeHash: readSha256(content.object("hash")),
    ...(payloadHash === undefined ? {} : { payloadHash: readSha256(payloadHash) }),
    verifier: parseVerifierPem(spec.base64("publicKey")),
  };
}
