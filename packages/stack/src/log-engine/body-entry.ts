// Entries whose leaf is a finished body that does not depend on its place: those of Rekor.
import { concatBytes, encodeUtf8, parseUtf8 } from "@sigillum/library/encoding";
import { type EntryFormat, encodeTileRecord, splitTileBundle } from "./entry-format.ts";

/** An entry that is ready to be added. */
export interface BodyEntry {
  readonly body: Uint8Array;
  /** The leaf hash of `body`: the entry's identity. */
  readonly leafHash: Uint8Array;
  readonly searchKeys: readonly string[];
}

/** Entries of finished bodies, in bundles as C2SP tlog-tiles has them. */
export const bodyEntryFormat: EntryFormat<BodyEntry> = {
  identity: (entry) => entry.leafHash,
  leaf: (entry) => entry.body,
  record: (_, leaf) => encodeTileRecord(leaf),
  splitBundle: splitTileBundle,
  leafOfRecord: (record) => record.subarray(2),
  searchKeys: (entry) => entry.searchKeys.map((key) => encodeUtf8(key)),
  byteLength: (entry) => entry.body.length,
};

const hashLength = 32;

/** Write an entry for the way from a thread: leafHash[32] ‖ length of keys:u32 ‖ keys joined by NUL ‖ body. */
export function encodeBodyEntry(entry: BodyEntry): Uint8Array {
  const keys = encodeUtf8(entry.searchKeys.join("\0"));
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, keys.length);
  return concatBytes(entry.leafHash, length, keys, entry.body);
}

/** Read what `encodeBodyEntry` wrote; bytes of any other origin must not come here. */
export function parseBodyEntry(bytes: Uint8Array): BodyEntry {
  const keysStart = hashLength + 4;
  const keysEnd = keysStart + new DataView(bytes.buffer, bytes.byteOffset).getUint32(hashLength);
  const keys = parseUtf8(bytes.subarray(keysStart, keysEnd));
  return {
    leafHash: bytes.subarray(0, hashLength),
    searchKeys: keys === "" ? [] : keys.split("\0"),
    body: bytes.subarray(keysEnd),
  };
}
