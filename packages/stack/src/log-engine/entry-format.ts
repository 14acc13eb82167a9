// What the engine knows of an entry: how to name it, write it and find it. Nothing else.
import { logError } from "./errors.ts";

/** How entries of one kind of log are named, written and found. */
export interface EntryFormat<Entry> {
  /** 32 bytes; two entries of one identity are the same entry, and the log keeps the first. */
  identity(entry: Entry): Uint8Array;
  /** The leaf of the Merkle tree. */
  leaf(entry: Entry, index: number, timeMs: number): Uint8Array;
  /** The entry as it stands in an entry bundle, its length framing included. */
  record(entry: Entry, leaf: Uint8Array): Uint8Array;
  /** Take a bundle apart into the records it was put together from; throws when it is no bundle. */
  splitBundle(bundle: Uint8Array): Uint8Array[];
  leafOfRecord(record: Uint8Array): Uint8Array;
  /** Texts under which `search` finds the entry; hashed before they are stored. */
  searchKeys?(entry: Entry): readonly Uint8Array[];
  /** SHA-256 of such texts, from formats that have hashed them already. */
  searchKeyHashes?(entry: Entry): readonly Uint8Array[];
  /** The Merkle hash of the leaf, from formats that know it without its place. */
  leafHash?(entry: Entry): Uint8Array;
  /**
   * The identity of an entry from its leaf, where that is enough. Formats without it have identities that are lost with the index's
   * side files (which hold them), and are found in those alone when an index is rebuilt.
   */
  identityOfLeaf?(leaf: Uint8Array): Uint8Array;
  /** About how many bytes the entry takes while it waits; without it 2,048 are counted. */
  byteLength?(entry: Entry): number;
}

/** The longest leaf that fits a bundle of C2SP tlog-tiles: its length stands in 16 bits. */
export const maxLeafBytes = 65_535;

/** Frame a leaf as C2SP tlog-tiles does: a 16-bit big-endian length, then the leaf. */
export function encodeTileRecord(leaf: Uint8Array): Uint8Array {
  if (leaf.length > maxLeafBytes) {
    throw logError(
      "LOG_ENTRY_TOO_LARGE",
      `Cannot add entry: its stored form has ${leaf.length} bytes, at most ${maxLeafBytes} fit an entry bundle`,
      {
        found: String(leaf.length),
        expected: `at most ${maxLeafBytes}`,
      },
    );
  }
  const record = new Uint8Array(2 + leaf.length);
  record[0] = leaf.length >>> 8;
  record[1] = leaf.length & 0xff;
  record.set(leaf, 2);
  return record;
}

/** Take apart a bundle of records with 16-bit lengths. */
export function splitTileBundle(bundle: Uint8Array): Uint8Array[] {
  const records: Uint8Array[] = [];
  for (let at = 0; at < bundle.length; ) {
    const high = bundle[at];
    const low = bundle[at + 1];
    const end = high === undefined || low === undefined ? Number.POSITIVE_INFINITY : at + 2 + high * 256 + low;
    if (end > bundle.length)
      throw logError("LOG_STATE_CORRUPT", `Cannot read entry bundle: the record at byte ${at} does not end within it`);
    records.push(bundle.subarray(at, end));
    at = end;
  }
  return records;
}
