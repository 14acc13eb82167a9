// The snapshot of a shard: a tree that is whole on the disk without the write-ahead file, and which write-ahead files follow it.
import { encodeHex, encodeUtf8, equalBytes, isSigillumError, JsonObject, parseHex, parseJson } from "@sigillum/library/encoding";
import { entryBundlePath, leafHash, TileEdge, type TileNodes, tilePath, tileWidth, widthOfTile } from "@sigillum/library/merkle";
import type { ObjectStore } from "../storage/index.ts";
import { logError } from "./errors.ts";
import type { KeptChunk } from "./identity-filter.ts";
import { emptyKeyRecord, keysPath, splitKeyBlock } from "./key-record.ts";
import { parseTimes, timesPath } from "./tile-store.ts";
import { emptyState, type TreeState } from "./tree-state.ts";

/** The contents of `state/head.json`. */
export interface Snapshot {
  readonly origin: string;
  readonly size: number;
  readonly root: Uint8Array;
  readonly timeMs: number;
  /** The first write-ahead file that holds batches after `size`. */
  readonly firstGeneration: number;
  /** Partial objects that were written for this snapshot; the next one removes them. */
  readonly partials: readonly string[];
  /** The filter of the identities of `size` entries, where there is one. */
  readonly identities: readonly KeptChunk[];
}

/** The document that has the snapshot. */
export const headDocument = "head.json";

/** The first segment of the journal that is needed beside a snapshot, as it is stored; undefined stands for a log that has none yet. */
export function firstSegmentOf(stored: Uint8Array | undefined): number {
  return stored === undefined ? 1 : parseSnapshot(stored, headDocument).firstGeneration;
}

/** Write a snapshot's text. */
export function encodeSnapshot(snapshot: Snapshot): Uint8Array {
  return encodeUtf8(`${JSON.stringify({ version: 1, ...snapshot, root: encodeHex(snapshot.root) }, undefined, 2)}\n`);
}

/** Read a snapshot's text. */
export function parseSnapshot(bytes: Uint8Array, path: string): Snapshot {
  try {
    const fields = JsonObject.from(parseJson(bytes), "head");
    if (fields.safeInteger("version") !== 1)
      throw logError(
        "LOG_STATE_CORRUPT",
        `Cannot read ${path}: it is of version ${fields.safeInteger("version")}, this program reads 1`,
      );
    return {
      origin: fields.string("origin"),
      size: fields.safeInteger("size"),
      root: parseHex(fields.string("root")),
      timeMs: fields.safeInteger("timeMs"),
      firstGeneration: fields.safeInteger("firstGeneration"),
      partials: fields.array("partials").map((item) => item.string()),
      identities: fields
        .optionalObjects("identities")
        .map((chunk) => ({ path: chunk.string("path"), sha256: chunk.string("sha256") })),
    };
  } catch (cause) {
    if (isSigillumError(cause) && cause.code === "LOG_STATE_CORRUPT") throw cause;
    throw logError("LOG_STATE_CORRUPT", `Cannot read ${path}: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
}

/** What taking up a tree needs of the format. */
export interface RecordReader {
  splitBundle(bundle: Uint8Array): Uint8Array[];
  leafOfRecord(record: Uint8Array): Uint8Array;
}

/**
 * Take up the tree of a snapshot. Its right edge was read from the tiles and leads to the recorded root, and the entries of the
 * open bundle hash to their leaves; tiles left of the edge were not looked at (that is `fsck`).
 */
export async function loadState(snapshot: Snapshot, objects: ObjectStore, format: RecordReader): Promise<TreeState> {
  if (snapshot.size === 0) return emptyState();
  const edge = await loadEdge(snapshot.size, objects);
  const root = edge.root();
  if (!equalBytes(root, snapshot.root)) {
    throw logError(
      "LOG_ROOT_MISMATCH",
      `Cannot open log ${snapshot.origin}: its tiles lead to root ${encodeHex(root)} at size ${snapshot.size}, it recorded ${encodeHex(snapshot.root)}`,
      {
        found: encodeHex(root),
        expected: encodeHex(snapshot.root),
      },
    );
  }
  const width = snapshot.size % tileWidth;
  const index = Math.floor(snapshot.size / tileWidth);
  const openRecords = width === 0 ? [] : format.splitBundle(await required(objects, entryBundlePath(index, width)));
  const openTimesMs = width === 0 ? [] : parseTimes(await required(objects, timesPath(index, width)));
  const openKeys = width === 0 ? [] : await loadOpenKeys(objects, index, width);
  requireOpenEntries(snapshot, edge.openTile(0), openRecords, openTimesMs, format);
  return { size: snapshot.size, root, edge, openRecords, openTimesMs, openKeys, timeMs: snapshot.timeMs };
}

// Keys only serve to rebuild the index, so a lost block keeps no log from opening: `fsck` names it.
async function loadOpenKeys(objects: ObjectStore, index: number, width: number): Promise<readonly Uint8Array[]> {
  const path = keysPath(index, width);
  const block = await objects.read(path);
  const records = block === undefined ? [] : splitKeyBlock(block, path);
  return Array.from({ length: width }, (_, position) => records[position] ?? emptyKeyRecord);
}

async function loadEdge(size: number, objects: ObjectStore): Promise<TileEdge> {
  const tiles = new Map<number, Uint8Array>();
  for (let level = 0; tileWidth ** level <= size; level += 1) {
    const index = Math.floor(size / tileWidth ** (level + 1));
    const width = widthOfTile(level, index, size);
    if (width > 0) tiles.set(level, await required(objects, tilePath({ level, index, width })));
  }
  return TileEdge.from(size, (level) => tiles.get(level) ?? new Uint8Array(0));
}

function requireOpenEntries(
  snapshot: Snapshot,
  tile: TileNodes | undefined,
  records: readonly Uint8Array[],
  timesMs: readonly number[],
  format: RecordReader,
): void {
  const width = snapshot.size % tileWidth;
  if (records.length !== width || timesMs.length !== width) {
    throw logError(
      "LOG_STATE_CORRUPT",
      `Cannot open log ${snapshot.origin}: its open bundle has ${records.length} entries and ${timesMs.length} times, expected ${width}`,
    );
  }
  for (const [position, record] of records.entries()) {
    const found = leafHash(format.leafOfRecord(record));
    if (tile !== undefined && equalBytes(found, tile.node(0, position))) continue;
    throw logError(
      "LOG_ROOT_MISMATCH",
      `Cannot open log ${snapshot.origin}: entry ${snapshot.size - width + position} does not hash to its leaf`,
      { found: encodeHex(found) },
    );
  }
}

async function required(objects: ObjectStore, path: string): Promise<Uint8Array> {
  const bytes = await objects.read(path);
  if (bytes === undefined) throw logError("LOG_STATE_CORRUPT", `Cannot open log: ${path} is missing`, { found: path });
  return bytes;
}
