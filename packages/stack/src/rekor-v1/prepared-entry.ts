// A prepared entry on its way from a thread.
//
//   entry = length of the body entry:u32 ‖ body entry ‖ attestation key (71 octets) and bytes, where there is one
import { concatBytes, encodeUtf8, parseUtf8 } from "@sigillum/library/encoding";
import { encodeBodyEntry, encodeTextEntry, parseBodyEntry } from "../log-engine/index.ts";
import { type PreparedEntry, prepareEntry } from "./entries.ts";
import { quickEntry } from "./quick-entry.ts";

const lengthBytes = 4;
const keyLength = "sha256:".length + 64;

/** As `prepareEntry`, written for the way from a thread: what most clients send, by the shorter way. */
export function prepareEncoded(requestBody: Uint8Array, accepted: ReadonlySet<string>): Uint8Array | Promise<Uint8Array> {
  const quick = quickEntry(requestBody, accepted);
  if (quick === undefined) return encodeWhenPrepared(prepareEntry(requestBody, accepted));
  const bytes = encodeTextEntry(quick.body, quick.searchKeys, lengthBytes);
  writeLength(bytes, bytes.length - lengthBytes);
  return bytes;
}

/** Write an entry for the way from a thread, when it is prepared. */
export function encodeWhenPrepared(prepared: PreparedEntry | Promise<PreparedEntry>): Uint8Array | Promise<Uint8Array> {
  return prepared instanceof Promise ? prepared.then(encodePreparedEntry) : encodePreparedEntry(prepared);
}

/** Write a prepared entry for the way from a thread. */
export function encodePreparedEntry({ entry, attestation }: PreparedEntry): Uint8Array {
  const body = encodeBodyEntry(entry);
  const length = new Uint8Array(lengthBytes);
  writeLength(length, body.length);
  const rest = attestation === undefined ? [] : [encodeUtf8(attestation.key), attestation.bytes];
  return concatBytes(length, body, ...rest);
}

/** Read what `encodePreparedEntry` wrote; bytes of any other origin must not come here. */
export function parsePreparedEntry(bytes: Uint8Array): PreparedEntry {
  const [a = 0, b = 0, c = 0, d = 0] = bytes;
  const end = lengthBytes + a * 2 ** 24 + b * 2 ** 16 + c * 2 ** 8 + d;
  const entry = parseBodyEntry(bytes.subarray(lengthBytes, end));
  if (end === bytes.length) return { entry };
  const key = parseUtf8(bytes.subarray(end, end + keyLength));
  return { entry, attestation: { key, bytes: bytes.subarray(end + keyLength) } };
}

function writeLength(bytes: Uint8Array, length: number): void {
  bytes[0] = length >>> 24;
  bytes[1] = length >>> 16;
  bytes[2] = length >>> 8;
  bytes[3] = length;
}
