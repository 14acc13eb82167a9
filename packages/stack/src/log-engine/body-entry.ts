// Entries whose leaf is a finished body that does not depend on its place: those of Rekor.
import { sha256 } from "@sigillum/library/crypto";
import { encodeUtf8 } from "@sigillum/library/encoding";
import { leafHash } from "@sigillum/library/merkle";
import { type EntryFormat, encodeTileRecord, splitTileBundle } from "./entry-format.ts";

/** An entry that is ready to be added. */
export interface BodyEntry {
  readonly body: Uint8Array;
  /** The leaf hash of `body`: the entry's identity. */
  readonly leafHash: Uint8Array;
  /** SHA-256 of each text under which the entry is found. */
  readonly searchKeyHashes: readonly Uint8Array[];
}

/** Make an entry of a body and the texts under which it is found. */
export function bodyEntry(body: Uint8Array, searchKeys: readonly string[]): BodyEntry {
  return { body, leafHash: leafHash(body), searchKeyHashes: searchKeys.map((key) => sha256(encodeUtf8(key))) };
}

/** Entries of finished bodies, in bundles as C2SP tlog-tiles has them. */
export const bodyEntryFormat: EntryFormat<BodyEntry> = {
  identity: (entry) => entry.leafHash,
  leaf: (entry) => entry.body,
  leafHash: (entry) => entry.leafHash,
  record: (_, leaf) => encodeTileRecord(leaf),
  splitBundle: splitTileBundle,
  leafOfRecord: (record) => record.subarray(2),
  identityOfLeaf: (leaf) => leafHash(leaf),
  searchKeyHashes: (entry) => entry.searchKeyHashes,
  byteLength: (entry) => entry.body.length,
};

const hashLength = 32;
const countLength = 2;

/** Write an entry for the way from a thread: leafHash[32] ‖ count of keys:u16 ‖ keyHash[32]* ‖ body. */
export function encodeBodyEntry(entry: BodyEntry): Uint8Array {
  const keysStart = hashLength + countLength;
  const bodyStart = keysStart + entry.searchKeyHashes.length * hashLength;
  const bytes = new Uint8Array(bodyStart + entry.body.length);
  bytes.set(entry.leafHash);
  new DataView(bytes.buffer).setUint16(hashLength, entry.searchKeyHashes.length);
  for (const [position, hash] of entry.searchKeyHashes.entries()) bytes.set(hash, keysStart + position * hashLength);
  bytes.set(entry.body, bodyStart);
  return bytes;
}

/** Read what `encodeBodyEntry` wrote; bytes of any other origin must not come here. */
export function parseBodyEntry(bytes: Uint8Array): BodyEntry {
  const count = new DataView(bytes.buffer, bytes.byteOffset).getUint16(hashLength);
  const keysStart = hashLength + countLength;
  const searchKeyHashes = Array.from({ length: count }, (_, position) =>
    bytes.subarray(keysStart + position * hashLength, keysStart + (position + 1) * hashLength),
  );
  return { leafHash: bytes.subarray(0, hashLength), searchKeyHashes, body: bytes.subarray(keysStart + count * hashLength) };
}
