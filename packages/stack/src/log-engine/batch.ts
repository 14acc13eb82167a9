// One batch as it stands in the write-ahead file: everything that the commit of its entries needs.
//
//   batch = version:u8 (1) ‖ start:u64 ‖ timeMs:u64 ‖ count:u32 ‖ root[32] ‖ entry[count]          (big-endian)
//   entry = identity[32] ‖ keyCount:u16 ‖ key[32]* ‖ length:u32 ‖ record[length]
import { logError } from "./errors.ts";

/** An entry of a batch, sequenced. */
export interface BatchEntry {
  readonly identity: Uint8Array;
  /** Hashes of the search keys, 32 bytes each. */
  readonly searchKeys: readonly Uint8Array[];
  readonly record: Uint8Array;
}

/** Entries that become part of the tree in one step, in the order of their indexes. */
export interface Batch {
  /** Index of the first entry: the size of the tree before. */
  readonly start: number;
  readonly timeMs: number;
  /** Root of the tree after the last entry. */
  readonly root: Uint8Array;
  readonly entries: readonly BatchEntry[];
}

const version = 1;
const hashLength = 32;
const headLength = 1 + 8 + 8 + 4 + hashLength;

/** Write a batch, in one piece: a part for each entry would be hashed and written one by one. */
export function encodeBatch(batch: Batch): Uint8Array {
  let length = headLength;
  for (const { searchKeys, record } of batch.entries)
    length += hashLength + 2 + searchKeys.length * hashLength + 4 + record.length;
  const bytes = Buffer.allocUnsafeSlow(length);
  bytes.writeUInt8(version, 0);
  bytes.writeBigUInt64BE(BigInt(batch.start), 1);
  bytes.writeBigUInt64BE(BigInt(batch.timeMs), 9);
  bytes.writeUInt32BE(batch.entries.length, 17);
  bytes.set(batch.root, 21);
  let at = headLength;
  for (const { identity, searchKeys, record } of batch.entries) {
    bytes.set(identity, at);
    at = bytes.writeUInt16BE(searchKeys.length, at + hashLength);
    for (const key of searchKeys) {
      bytes.set(key, at);
      at += hashLength;
    }
    at = bytes.writeUInt32BE(record.length, at);
    bytes.set(record, at);
    at += record.length;
  }
  return bytes;
}

/** Read a batch back; `where` names it in errors. */
export function parseBatch(bytes: Uint8Array, where: string): Batch {
  try {
    return readBatch(bytes);
  } catch (cause) {
    // DataView throws RangeError past the end; the frame's checksum was right, so this is not what we wrote.
    throw logError("LOG_STATE_CORRUPT", `Cannot read ${where}: it is no batch of this version`, { cause });
  }
}

function readBatch(bytes: Uint8Array): Batch {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.getUint8(0) !== version) throw new RangeError(`batch version ${view.getUint8(0)}`);
  const count = view.getUint32(17);
  let at = headLength;
  const take = (length: number): Uint8Array => {
    if (at + length > bytes.length) throw new RangeError("batch ends early");
    at += length;
    return bytes.subarray(at - length, at);
  };
  const root = bytes.subarray(21, headLength);
  const entries: BatchEntry[] = [];
  for (let n = 0; n < count; n += 1) {
    const identity = take(hashLength);
    const keyCount = view.getUint16(at);
    at += 2;
    const searchKeys = Array.from({ length: keyCount }, () => take(hashLength));
    const length = view.getUint32(at);
    at += 4;
    entries.push({ identity, searchKeys, record: take(length) });
  }
  if (at !== bytes.length) throw new RangeError("batch has bytes after its last entry");
  return { start: Number(view.getBigUint64(1)), timeMs: Number(view.getBigUint64(9)), root, entries };
}
