// The signed entry timestamp of Rekor v1, its promise to include an entry.
//
//   payload = RFC 8785 of {"body": base64, "integratedTime": seconds, "logID": hex, "logIndex": global index}

import { isValidSignature, type PublicKey, type SignatureScheme } from "../crypto/index.ts";
import { encodeBase64, encodeHex, encodeUtf8 } from "../encoding/index.ts";
import { logEntryError } from "./errors.ts";

/** What a promise covers. */
export interface SetFields {
  readonly body: Uint8Array;
  /** Base64 of `body`, from callers that have it. */
  readonly bodyBase64?: string;
  /** Seconds since 1970. */
  readonly integratedTime: number;
  /** 32 bytes. */
  readonly logId: Uint8Array;
  /** The index over all shards, not that in the tree. */
  readonly logIndex: number;
}

/** The bytes that a signed entry timestamp covers. */
export function setPayload(entry: SetFields): Uint8Array {
  // RFC 8785 of these four, in its order: no text among them has a character that is escaped.
  const body = entry.bodyBase64 ?? encodeBase64(entry.body);
  const logId = encodeHex(entry.logId);
  return encodeUtf8(
    `{"body":"${body}","integratedTime":${entry.integratedTime},"logID":"${logId}","logIndex":${entry.logIndex}}`,
  );
}

/** Verify a signed entry timestamp. When it returns, the log's key signed body, time and index; whether it was valid then was not checked. */
export function verifySet(
  entry: SetFields,
  signature: Uint8Array,
  log: { readonly publicKey: PublicKey; readonly scheme: SignatureScheme },
): void {
  if (isValidSignature(log.publicKey, log.scheme, setPayload(entry), signature)) return;
  throw logEntryError(
    "SET_INVALID",
    `Cannot verify signed entry timestamp of entry ${entry.logIndex}: the signature does not verify with the log's key`,
  );
}
