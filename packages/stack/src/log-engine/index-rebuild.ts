// The index of a shard made again from its files: nothing in it cannot be had from the entry bundles and the key blocks beside them.
import { entryBundlePath, leafHash, tileWidth } from "@sigillum/library/merkle";
import type { Logger } from "../host/index.ts";
import type { KeyValueStore, ObjectStore } from "../storage/index.ts";
import { type IndexedEntry, removeExtras, rewriteEntries, writeEntries } from "./entry-index.ts";
import { logError } from "./errors.ts";
import { keysPath, parseKeyRecord, splitKeyBlock } from "./key-record.ts";
import type { TreeState } from "./tree-state.ts";

/** What rebuilding needs of the format. */
export interface LeafReader {
  splitBundle(bundle: Uint8Array): Uint8Array[];
  leafOfRecord(record: Uint8Array): Uint8Array;
  identityOfLeaf?(leaf: Uint8Array): Uint8Array;
}

/** Where the entries come from. */
export interface RebuildSource {
  readonly origin: string;
  readonly objects: ObjectStore;
  readonly format: LeafReader;
  readonly logger: Logger;
}

/** Bundles of one synced write. */
const bundlesPerWrite = 8;
const rememberedBundles = 64;

/**
 * Index the entries from `from` to the end of a state. When it returns they are in the store and its cursor stands behind them; after a
 * crash on the way the next open goes on where this one stopped.
 */
export async function rebuildIndex(source: RebuildSource, store: KeyValueStore, from: number, state: TreeState): Promise<void> {
  source.logger.warn("log.index-rebuilding", { origin: source.origin, from, size: state.size });
  const last = Math.floor(state.size / tileWidth);
  let waiting: IndexedEntry[] = [];
  for (let bundle = Math.floor(from / tileWidth); bundle < last; bundle += 1) {
    waiting.push(...(await bundleEntries(source, bundle)).filter(({ index }) => index >= from));
    if (waiting.length < bundlesPerWrite * tileWidth) continue;
    await writeEntries(store, waiting);
    waiting = [];
  }
  waiting.push(...openEntries(source, state).filter(({ index }) => index >= from));
  if (waiting.length > 0) await writeEntries(store, waiting);
  source.logger.warn("log.index-rebuilt", { origin: source.origin, from, size: state.size });
}

/**
 * Make an index that is in use right again: every key of every entry is written, and keys that belong to no entry are removed. Entries that
 * come meanwhile are not touched. Returns how many keys were removed.
 */
export async function repairIndex(source: RebuildSource, store: KeyValueStore, state: TreeState): Promise<number> {
  source.logger.warn("log.index-repairing", { origin: source.origin, size: state.size });
  const full = Math.floor(state.size / tileWidth);
  const entriesOf = async (bundle: number): Promise<readonly IndexedEntry[]> =>
    bundle < full ? bundleEntries(source, bundle) : openEntries(source, state);
  for (let bundle = 0; bundle <= full; bundle += 1) await rewriteEntries(store, await entriesOf(bundle));
  // Keys stand in no order of entries: a few bundles are remembered while they are looked through.
  const recent = new Map<number, Promise<readonly IndexedEntry[]>>();
  const removed = await removeExtras(store, state.size, async (index) => {
    const bundle = Math.floor(index / tileWidth);
    const known = recent.get(bundle) ?? entriesOf(bundle);
    recent.delete(bundle);
    recent.set(bundle, known);
    const [oldest] = recent.keys();
    if (recent.size > rememberedBundles && oldest !== undefined) recent.delete(oldest);
    return (await known)[index % tileWidth];
  });
  source.logger.warn("log.index-repaired", { origin: source.origin, size: state.size, removed });
  return removed;
}

/** The entries of a full bundle as the index takes them. */
export async function bundleEntries(source: Omit<RebuildSource, "logger">, bundle: number): Promise<IndexedEntry[]> {
  const path = entryBundlePath(bundle, tileWidth);
  const bytes = await source.objects.read(path);
  if (bytes === undefined) throw missing(source.origin, path);
  const keysAt = keysPath(bundle, tileWidth);
  const block = await source.objects.read(keysAt);
  if (block === undefined) throw missing(source.origin, keysAt);
  return indexedEntries(source, source.format.splitBundle(bytes), splitKeyBlock(block, keysAt), bundle * tileWidth);
}

/** The entries after the last full bundle as the index takes them. */
export function openEntries(source: Omit<RebuildSource, "logger" | "objects">, state: TreeState): IndexedEntry[] {
  return indexedEntries(source, state.openRecords, state.openKeys, state.size - state.openRecords.length);
}

function indexedEntries(
  { origin, format }: Omit<RebuildSource, "logger" | "objects">,
  records: readonly Uint8Array[],
  keys: readonly Uint8Array[],
  start: number,
): IndexedEntry[] {
  if (records.length !== keys.length) {
    throw logError(
      "LOG_STATE_CORRUPT",
      `Cannot index log ${origin}: the ${records.length} entries from ${start} have ${keys.length} key records`,
      { found: String(keys.length), expected: String(records.length) },
    );
  }
  return records.map((record, position) => {
    const leaf = format.leafOfRecord(record);
    const hash = leafHash(leaf);
    const { identity, searchKeys } = parseKeyRecord(keys[position] ?? record);
    return { index: start + position, leafHash: hash, identity: identity ?? format.identityOfLeaf?.(leaf) ?? hash, searchKeys };
  });
}

function missing(origin: string, path: string): Error {
  return logError("LOG_STATE_CORRUPT", `Cannot index log ${origin}: ${path} is missing`, { found: path });
}
