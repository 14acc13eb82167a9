// Entries whose leaf is a finished body that does not depend on its place: those of Rekor.
import { hash } from "node:crypto";
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

// Where texts are written: an array of its own for each would cost more than what is written into it.
const slabBytes = 64 * 1024;
let slab = Buffer.allocUnsafeSlow(slabBytes);
let slabUsed = 0;

function takeFromSlab(length: number): Buffer {
  if (length > slabBytes) return Buffer.allocUnsafeSlow(length);
  if (slabUsed + length > slabBytes) {
    slab = Buffer.allocUnsafeSlow(slabBytes);
    slabUsed = 0;
  }
  slabUsed += length;
  return slab.subarray(slabUsed - length, slabUsed);
}

/** As `encodeBodyEntry(bodyEntry(body, searchKeys))`, of a body that is ASCII; before it `room` octets are left to the caller. */
export function encodeTextEntry(body: string, searchKeys: readonly string[], room: number): Uint8Array {
  const keysStart = room + hashLength + countLength;
  const bodyStart = keysStart + searchKeys.length * hashLength;
  const bytes = takeFromSlab(bodyStart + body.length);
  bytes.write(body, bodyStart, "latin1");
  // RFC 9162 §2.1.1: a leaf is hashed behind an octet 0, which stands for a moment where count or keys go.
  bytes[bodyStart - 1] = 0;
  bytes.write(hash("sha256", bytes.subarray(bodyStart - 1), "binary"), room, "latin1");
  bytes.writeUInt16BE(searchKeys.length, room + hashLength);
  for (const [position, key] of searchKeys.entries())
    bytes.write(hash("sha256", key, "binary"), keysStart + position * hashLength, "latin1");
  return bytes;
}

/** Read what `encodeBodyEntry` wrote; bytes of any other origin must not come here. */
export function parseBodyEntry(bytes: Uint8Array): BodyEntry {
  const count = (bytes[hashLength] ?? 0) * 256 + (bytes[hashLength + 1] ?? 0);
  const keysStart = hashLength + countLength;
  const searchKeyHashes = Array.from({ length: count }, (_, position) =>
    bytes.subarray(keysStart + position * hashLength, keysStart + (position + 1) * hashLength),
  );
  return { leafHash: bytes.subarray(0, hashLength), searchKeyHashes, body: bytes.subarray(keysStart + count * hashLength) };
}
