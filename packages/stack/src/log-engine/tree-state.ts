// The committed tree: its open tiles and the entries of its open bundle. A state never changes; a batch makes the next one.
import { concatBytes, equalBytes } from "@sigillum/library/encoding";
import { entryBundlePath, type Hash, type Tile, TileEdge, type TileNodes, tilePath, tileWidth } from "@sigillum/library/merkle";
import { encodeKeyBlock, encodeKeyRecord, keysPath } from "./key-record.ts";
import { encodeTimes, type StoredObject, timesPath } from "./tile-store.ts";

/** A tree at one size. */
export interface TreeState {
  readonly size: number;
  readonly root: Hash;
  readonly edge: TileEdge;
  /** Records of the entries after the last full bundle. */
  readonly openRecords: readonly Uint8Array[];
  readonly openTimesMs: readonly number[];
  /** Key records of the same entries. */
  readonly openKeys: readonly Uint8Array[];
  /** Time of the last batch; later ones are not before it. */
  readonly timeMs: number;
}

/** The tree without entries. */
export function emptyState(): TreeState {
  const edge = new TileEdge();
  return { size: 0, root: edge.root(), edge, openRecords: [], openTimesMs: [], openKeys: [], timeMs: 0 };
}

/** What adding entries to a state gives. */
export interface Grown {
  readonly state: TreeState;
  /** Objects that became full, for the tile store. */
  readonly full: readonly StoredObject[];
  /** The tiles among them, with their nodes. */
  readonly tiles: readonly Tile[];
}

/** An entry that a state grows by. */
export interface GrownEntry {
  readonly record: Uint8Array;
  readonly leafHash: Hash;
  readonly identity: Uint8Array;
  readonly searchKeys: readonly Uint8Array[];
}

/** Grow a state by entries. The state given stays as it was, so that a batch that is not durable leaves no trace. */
export function growState(before: TreeState, entries: readonly GrownEntry[], timeMs: number): Grown {
  const edge = before.edge.clone();
  const full: StoredObject[] = [];
  let records = [...before.openRecords];
  let timesMs = [...before.openTimesMs];
  let keys = [...before.openKeys];
  let size = before.size;
  for (const entry of entries) {
    edge.append(entry.leafHash);
    records.push(entry.record);
    timesMs.push(timeMs);
    keys.push(keyRecordOf(entry));
    size += 1;
    if (records.length === tileWidth) {
      const index = size / tileWidth - 1;
      full.push(
        { path: entryBundlePath(index, tileWidth), bytes: concatBytes(...records) },
        { path: timesPath(index, tileWidth), bytes: encodeTimes(timesMs) },
        { path: keysPath(index, tileWidth), bytes: encodeKeyBlock(keys) },
      );
      records = [];
      timesMs = [];
      keys = [];
    }
  }
  const tiles = edge.takeTiles().filter((tile) => tile.width === tileWidth);
  for (const tile of tiles) full.push({ path: tilePath(tile), bytes: tile.bytes });
  const state = { size, root: edge.root(), edge, openRecords: records, openTimesMs: timesMs, openKeys: keys, timeMs };
  return { state, full, tiles };
}

function keyRecordOf({ identity, leafHash, searchKeys }: GrownEntry): Uint8Array {
  return encodeKeyRecord(equalBytes(identity, leafHash) ? { searchKeys } : { identity, searchKeys });
}

/** The partial tiles, bundle and times of a state: with the full ones they are the whole tree. */
export function partialObjects(state: TreeState): StoredObject[] {
  const objects: StoredObject[] = [];
  for (let level = 0; tileWidth ** level <= state.size; level += 1) {
    const nodes = state.edge.openTile(level);
    if (nodes === undefined) continue;
    const index = Math.floor(state.size / tileWidth ** (level + 1));
    objects.push({ path: tilePath({ level, index, width: nodes.width }), bytes: nodes.bytes() });
  }
  const width = state.openRecords.length;
  if (width > 0) {
    const index = Math.floor(state.size / tileWidth);
    objects.push(
      { path: entryBundlePath(index, width), bytes: concatBytes(...state.openRecords) },
      { path: timesPath(index, width), bytes: encodeTimes(state.openTimesMs) },
      { path: keysPath(index, width), bytes: encodeKeyBlock(state.openKeys) },
    );
  }
  return objects;
}

/** The open tile at these coordinates, when the state has it. */
export function openTileAt(state: TreeState, level: number, index: number): TileNodes | undefined {
  return Math.floor(state.size / tileWidth ** (level + 1)) === index ? state.edge.openTile(level) : undefined;
}
