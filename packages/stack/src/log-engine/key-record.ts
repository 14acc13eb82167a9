// What the index of an entry cannot be rebuilt from its leaf: its identity where that is no function of the leaf, and its search keys,
// some of which come from what was posted and not stored. Kept beside the entry bundles, 256 entries a file like them:
//
//   meta/keys/<N>[.p/<W>] = record*
//   record = flags:u8 ‖ count:u16 ‖ identity[32] (where flags has bit 0) ‖ keyHash[32]*count          (big-endian)
import { concatBytes } from "@sigillum/library/encoding";
import { entryBundlePath } from "@sigillum/library/merkle";
import { logError } from "./errors.ts";

/** Identity and search keys of one entry. */
export interface EntryKeys {
  /** Absent where the identity follows from the leaf. */
  readonly identity?: Uint8Array;
  readonly searchKeys: readonly Uint8Array[];
}

const hashLength = 32;
const headLength = 3;
const identityFlag = 1;

/** The path of a block of key records below a log's directory. */
export function keysPath(index: number, width: number): string {
  return entryBundlePath(index, width).replace(/^tile\/entries\//, "meta/keys/");
}

/** Write one record; the hashes are copied. */
export function encodeKeyRecord({ identity, searchKeys }: EntryKeys): Uint8Array {
  const record = new Uint8Array(headLength + (searchKeys.length + (identity === undefined ? 0 : 1)) * hashLength);
  record[0] = identity === undefined ? 0 : identityFlag;
  record[1] = searchKeys.length >>> 8;
  record[2] = searchKeys.length;
  let at = headLength;
  for (const hash of identity === undefined ? searchKeys : [identity, ...searchKeys]) {
    record.set(hash, at);
    at += hashLength;
  }
  return record;
}

/** The record of an entry of which nothing is known but its leaf. */
export const emptyKeyRecord: Uint8Array = encodeKeyRecord({ searchKeys: [] });

/** Put records together to a block. */
export function encodeKeyBlock(records: readonly Uint8Array[]): Uint8Array {
  return concatBytes(...records);
}

/** Take a block apart into its records. */
export function splitKeyBlock(block: Uint8Array, path: string): Uint8Array[] {
  const records: Uint8Array[] = [];
  for (let at = 0; at < block.length; ) {
    const end = at + recordLength(block, at);
    if (end > block.length)
      throw logError("LOG_STATE_CORRUPT", `Cannot read ${path}: the record at byte ${at} does not end within it`, {
        found: path,
      });
    records.push(block.subarray(at, end));
    at = end;
  }
  return records;
}

/** Read one record that `splitKeyBlock` or `encodeKeyRecord` gave. */
export function parseKeyRecord(record: Uint8Array): EntryKeys {
  const hashes: Uint8Array[] = [];
  for (let at = headLength; at < record.length; at += hashLength) hashes.push(record.subarray(at, at + hashLength));
  if (record[0] !== identityFlag) return { searchKeys: hashes };
  const [identity, ...searchKeys] = hashes;
  return identity === undefined ? { searchKeys } : { identity, searchKeys };
}

function recordLength(block: Uint8Array, at: number): number {
  if (at + headLength > block.length) return Number.POSITIVE_INFINITY;
  const count = (block[at + 1] ?? 0) * 256 + (block[at + 2] ?? 0);
  return headLength + (count + (block[at] === identityFlag ? 1 : 0)) * hashLength;
}
