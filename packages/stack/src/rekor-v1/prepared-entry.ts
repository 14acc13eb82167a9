// A prepared entry on its way from a thread.
//
//   entry = length of the body entry:u32 ‖ body entry ‖ attestation key (71 octets) and bytes, where there is one
import { concatBytes, encodeUtf8, parseUtf8 } from "@sigillum/library/encoding";
import { encodeBodyEntry, parseBodyEntry } from "../log-engine/index.ts";
import type { PreparedEntry } from "./entries.ts";

const lengthBytes = 4;
const keyLength = "sha256:".length + 64;

/** Write an entry for the way from a thread, when it is prepared. */
export function encodeWhenPrepared(prepared: PreparedEntry | Promise<PreparedEntry>): Uint8Array | Promise<Uint8Array> {
  return prepared instanceof Promise ? prepared.then(encodePreparedEntry) : encodePreparedEntry(prepared);
}

/** Write a prepared entry for the way from a thread. */
export function encodePreparedEntry({ entry, attestation }: PreparedEntry): Uint8Array {
  const body = encodeBodyEntry(entry);
  const length = new Uint8Array(lengthBytes);
  new DataView(length.buffer).setUint32(0, body.length);
  const rest = attestation === undefined ? [] : [encodeUtf8(attestation.key), attestation.bytes];
  return concatBytes(length, body, ...rest);
}

/** Read what `encodePreparedEntry` wrote; bytes of any other origin must not come here. */
export function parsePreparedEntry(bytes: Uint8Array): PreparedEntry {
  const end = lengthBytes + new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  const entry = parseBodyEntry(bytes.subarray(lengthBytes, end));
  if (end === bytes.length) return { entry };
  const key = parseUtf8(bytes.subarray(end, end + keyLength));
  return { entry, attestation: { key, bytes: bytes.subarray(end + keyLength) } };
}
