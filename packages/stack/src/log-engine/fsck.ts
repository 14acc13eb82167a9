// Checking a whole log: every leaf, every tile, the root, the published checkpoint, and the index both ways.
import { parseCheckpoint, parseSignedNote } from "@sigillum/library/checkpoint";
import { encodeHex, equalBytes, isSigillumError } from "@sigillum/library/encoding";
import { type Hash, TileNodes, tilePath, tileWidth, treeRoot } from "@sigillum/library/merkle";
import type { ObjectStore } from "../storage/index.ts";
import type { EntryIndex, IndexedEntry } from "./entry-index.ts";
import { bundleEntries, type LeafReader, openEntries } from "./index-rebuild.ts";
import { parseTimes, timesPath } from "./tile-store.ts";
import { openTileAt, type TreeState } from "./tree-state.ts";

/** Something that is not as it must be. */
export interface FsckDifference {
  /** `file`: missing or unreadable; `leaf`, `tile`, `root`, `checkpoint`: a hash; `time`: order; `identity`, `search-key`, `index-extra`: the index. */
  readonly kind: "file" | "leaf" | "tile" | "root" | "checkpoint" | "time" | "identity" | "search-key" | "index-extra";
  /** The path, entry or size that it is about. */
  readonly where: string;
  readonly found?: string;
  readonly expected?: string;
}

/** What a check found. */
export interface FsckReport {
  readonly origin: string;
  /** The size that was checked; entries that came meanwhile were not. */
  readonly size: number;
  readonly root: Hash;
  /** The first `maxDifferences` of them; none in a log that is as it must be. */
  readonly differences: readonly FsckDifference[];
  readonly differenceCount: number;
  /** Where the index was made again: what differs after that. */
  readonly rebuilt?: {
    readonly removedKeys: number;
    readonly differences: readonly FsckDifference[];
    readonly differenceCount: number;
  };
}

/** More differences are counted, not listed. */
export const maxDifferences = 1000;

/** What is checked. */
export interface FsckSubject {
  readonly origin: string;
  readonly state: TreeState;
  /** The last published checkpoint, or that of a log which is being opened. */
  readonly checkpoint: string;
  /** Reads the disk, not a cache. */
  readonly objects: ObjectStore;
  readonly format: LeafReader;
  readonly index: EntryIndex;
}

/** Hash everything again and compare it with everything that was recorded. Rejects only when the disk cannot be read. */
export async function checkLog(subject: FsckSubject): Promise<FsckReport> {
  const { origin, state } = subject;
  const check = new Check(subject);
  await check.entries();
  await check.tiles();
  await check.root();
  await check.indexExtras();
  const { differences, count } = check;
  return { origin, size: state.size, root: state.root, differences, differenceCount: count };
}

class Check {
  readonly differences: FsckDifference[] = [];
  count = 0;
  readonly #subject: FsckSubject;
  readonly #expected = { identities: 0, leaves: 0, searchKeys: 0 };
  #lastTimeMs = 0;

  constructor(subject: FsckSubject) {
    this.#subject = subject;
  }

  /** Every bundle: leaves against level 0, times in order, identities and search keys in the index. */
  async entries(): Promise<void> {
    const { state, index } = this.#subject;
    await index.flush(state.size);
    const full = Math.floor(state.size / tileWidth);
    for (let bundle = 0; bundle < full; bundle += 1) await this.#bundle(bundle);
    const open = openEntries(this.#subject, state);
    await this.#leaves(open, 0, full);
    this.#times(state.openTimesMs, full * tileWidth);
    await this.#indexed(open);
  }

  /** Every tile above level 0 against the tiles below it. */
  async tiles(): Promise<void> {
    const { size } = this.#subject.state;
    for (let level = 1; tileWidth ** level <= size; level += 1) {
      const count = Math.floor(size / tileWidth ** level);
      for (let at = 0; at < count; at += 1) {
        const below = await this.#nodes(level - 1, at);
        const above = await this.#nodes(level, Math.floor(at / tileWidth));
        if (below === undefined || above === undefined) continue;
        this.#same(
          "tile",
          `tile ${level}/${Math.floor(at / tileWidth)} hash ${at % tileWidth}`,
          above.node(0, at % tileWidth),
          below.root(),
        );
      }
    }
  }

  /** The root that the tiles lead to, and the checkpoint over it. */
  async root(): Promise<void> {
    const { state, checkpoint } = this.#subject;
    try {
      const found = await treeRoot(state.size, async (level, at) => (await this.#nodes(level, at)) ?? new TileNodes());
      this.#same("root", `size ${state.size}`, found, state.root);
    } catch (error) {
      // A tile that is missing was named already; without it there is no root.
      if (!isSigillumError(error)) throw error;
    }
    const head = parseCheckpoint(parseSignedNote(checkpoint).text);
    this.#same("checkpoint", `size ${head.treeSize}`, head.root, state.root);
  }

  /** Keys of the index that belong to no entry: everything right was found before, so more keys than entries gave are too many. */
  async indexExtras(): Promise<void> {
    const { index, state } = this.#subject;
    const found = await index.count(state.size);
    for (const name of ["identities", "leaves", "searchKeys"] as const) {
      if (found[name] > this.#expected[name])
        this.#add({ kind: "index-extra", where: name, found: String(found[name]), expected: String(this.#expected[name]) });
    }
  }

  async #bundle(bundle: number): Promise<void> {
    const path = timesPath(bundle, tileWidth);
    const times = await this.#subject.objects.read(path);
    if (times?.length === 8 * tileWidth) this.#times(parseTimes(times), bundle * tileWidth);
    else this.#add({ kind: "file", where: path, found: times === undefined ? "nothing" : `${times.length} bytes` });
    let entries: IndexedEntry[];
    try {
      entries = await bundleEntries(this.#subject, bundle);
    } catch (error) {
      if (!isSigillumError(error) || error.code !== "LOG_STATE_CORRUPT") throw error;
      this.#add({ kind: "file", where: error.found ?? `bundle ${bundle}`, found: error.message });
      return;
    }
    if (entries.length !== tileWidth)
      this.#add({ kind: "file", where: `bundle ${bundle}`, found: `${entries.length} entries`, expected: String(tileWidth) });
    await this.#leaves(entries, 0, bundle);
    await this.#indexed(entries);
  }

  async #leaves(entries: readonly IndexedEntry[], level: number, tile: number): Promise<void> {
    if (entries.length === 0) return;
    const nodes = await this.#nodes(level, tile);
    if (nodes === undefined) return;
    for (const { index, leafHash } of entries) this.#same("leaf", `entry ${index}`, leafHash, nodes.node(0, index % tileWidth));
  }

  #times(timesMs: readonly number[], start: number): void {
    for (const [position, timeMs] of timesMs.entries()) {
      if (timeMs < this.#lastTimeMs)
        this.#add({
          kind: "time",
          where: `entry ${start + position}`,
          found: String(timeMs),
          expected: `at least ${this.#lastTimeMs}`,
        });
      this.#lastTimeMs = timeMs;
    }
  }

  async #indexed(entries: readonly IndexedEntry[]): Promise<void> {
    const { index } = this.#subject;
    const identities = await index.findIdentities(entries.map(({ identity }) => identity));
    const leaves = await index.findLeafHashes(entries.map(({ leafHash }) => leafHash));
    const keys = await index.hasSearchKeys(entries);
    for (const [position, entry] of entries.entries()) {
      const where = `entry ${entry.index}`;
      const expected = String(entry.index);
      if (identities[position] !== entry.index)
        this.#add({ kind: "identity", where, found: `identity -> ${identities[position] ?? "nothing"}`, expected });
      // Two entries of different identities may have one leaf; either index is right.
      if (leaves[position] === undefined) this.#add({ kind: "identity", where, found: "leaf hash -> nothing", expected });
      for (const missing of keys[position] ?? [])
        this.#add({ kind: "search-key", where, found: "nothing", expected: encodeHex(missing) });
      this.#expected.identities += 1;
      if (!equalBytes(entry.identity, entry.leafHash)) this.#expected.leaves += 1;
      this.#expected.searchKeys += new Set(entry.searchKeys.map((key) => encodeHex(key))).size;
    }
  }

  async #nodes(level: number, at: number): Promise<TileNodes | undefined> {
    const { state, objects } = this.#subject;
    const open = openTileAt(state, level, at);
    if (open !== undefined) return open;
    const path = tilePath({ level, index: at, width: tileWidth });
    const bytes = await objects.read(path);
    if (bytes?.length === 32 * tileWidth) return TileNodes.from(bytes);
    const found = bytes === undefined ? "nothing" : `${bytes.length} bytes`;
    if (!this.differences.some(({ kind, where }) => kind === "file" && where === path))
      this.#add({ kind: "file", where: path, found });
    return undefined;
  }

  #same(kind: FsckDifference["kind"], where: string, found: Uint8Array, expected: Uint8Array): void {
    if (!equalBytes(found, expected)) this.#add({ kind, where, found: encodeHex(found), expected: encodeHex(expected) });
  }

  #add(difference: FsckDifference): void {
    this.count += 1;
    if (this.differences.length < maxDifferences) this.differences.push(difference);
  }
}
