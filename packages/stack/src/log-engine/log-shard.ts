// A shard: one Merkle tree with one writer, durable before it answers, and readable as C2SP tiles.

import { parseCheckpoint, parseSignedNote } from "@sigillum/library/checkpoint";
import { sha256 } from "@sigillum/library/crypto";
import { concatBytes, encodeHex, equalBytes } from "@sigillum/library/encoding";
import {
  consistencyProof,
  entryBundlePath,
  type Hash,
  inclusionProof,
  inclusionRoot,
  leafHash,
  parseTilePath,
  type TileNodes,
  TileProver,
  tilePath,
  tileWidth,
  treeRoot,
  widthOfTile,
} from "@sigillum/library/merkle";
import { type Clock, type Logger, MetricsRegistry } from "../host/index.ts";
import { type FileSystem, type KeyValueStore, openKeyValueStore, posixFileSystem } from "../storage/index.ts";
import type { EntryFormat } from "./entry-format.ts";
import { logError } from "./errors.ts";
import { Sequencer, type SequencerLimits } from "./sequencer.ts";
import { ShardStorage } from "./shard-storage.ts";
import { openTileAt, type TreeState } from "./tree-state.ts";

/** What a checkpoint is signed over. */
export interface TreeHead {
  readonly origin: string;
  readonly size: number;
  readonly root: Hash;
}

/** What a shard is made of. */
export interface LogShardOptions<Entry> {
  /** Holds this shard and nothing else; the lock on the data directory is the caller's. */
  readonly directory: string;
  readonly format: EntryFormat<Entry>;
  readonly origin: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Sign a tree head; the text is published as it is. */
  signCheckpoint(head: TreeHead): Promise<string>;
  readonly limits?: Partial<LogLimits>;
  readonly metrics?: MetricsRegistry;
  readonly fileSystem?: FileSystem;
  openKeyValues?(directory: string): Promise<KeyValueStore>;
}

/** Limits of a shard. */
export interface LogLimits extends SequencerLimits {
  readonly maxWriteAheadBytes: number;
  /** Bound of each of the three caches for tiles, nodes and bundles. */
  readonly cacheBytes: number;
}

/** The limits of a shard that names none. */
export const defaultLogLimits: LogLimits = {
  maxBatchEntries: 256,
  maxOutstandingEntries: 4096,
  maxOutstandingBytes: 64 * 1024 * 1024,
  maxWriteAheadBytes: 32 * 1024 * 1024,
  cacheBytes: 48 * 1024 * 1024,
};

/** An entry that the log has. */
export interface Added {
  readonly index: number;
  readonly timeMs: number;
  readonly leaf: Uint8Array;
  /** The log had it before this call. */
  readonly duplicate: boolean;
}

/** An entry as it is stored. */
export interface StoredEntry {
  readonly record: Uint8Array;
  readonly leaf: Uint8Array;
  readonly timeMs: number;
}

/** An inclusion proof against the published tree. */
export interface PublishedProof {
  readonly index: number;
  readonly size: number;
  readonly root: Hash;
  readonly hashes: readonly Hash[];
  /** The signed checkpoint of that size and root. */
  readonly checkpoint: string;
}

interface Published {
  readonly state: TreeState;
  readonly text: string;
  readonly prover: TileProver;
}

class TileNotInMemory extends Error {}

/** An open log. Invariant: everything readable is covered by the published checkpoint, and everything published is durable. */
export class LogShard<Entry> {
  readonly origin: string;
  readonly #options: LogShardOptions<Entry>;
  readonly #storage: ShardStorage;
  readonly #sequencer: Sequencer<Entry>;
  #published: Published;
  #closing: Promise<void> | undefined;

  private constructor(options: LogShardOptions<Entry>, storage: ShardStorage, state: TreeState) {
    this.origin = options.origin;
    this.#options = options;
    this.#storage = storage;
    const metrics = options.metrics ?? new MetricsRegistry();
    const added = metrics.counter("sigillum_log_entries_added_total", "Entries added", ["origin"]);
    const batches = metrics.counter("sigillum_log_batches_total", "Batches committed, each with one fdatasync", ["origin"]);
    metrics.gauge("sigillum_log_size", "Entries in the published tree", () => this.#published.state.size, {
      origin: options.origin,
    });
    // Nothing is published before the first `#publish`, which `open` awaits.
    this.#published = { state, text: "", prover: this.#proverOf(state) };
    const limits = { ...defaultLogLimits, ...options.limits };
    this.#sequencer = new Sequencer(
      {
        format: options.format,
        storage,
        clock: options.clock,
        limits,
        publish: (next) => this.#publish(next),
        publishedSize: () => this.#published.state.size,
        onBatch: (entries) => {
          added.add(entries, options.origin);
          batches.add(1, options.origin);
        },
      },
      state,
    );
  }

  /**
   * Open a shard, or make one. When it returns, everything that was ever acknowledged is there, the tree leads to the roots that
   * were recorded, it extends the last published checkpoint, and a checkpoint over it is published. Entries left of the right
   * edge were not hashed again: that is `fsck`.
   */
  static async open<Entry>(options: LogShardOptions<Entry>): Promise<LogShard<Entry>> {
    const limits = { ...defaultLogLimits, ...options.limits };
    const { storage, state } = await ShardStorage.open({
      directory: options.directory,
      origin: options.origin,
      format: options.format,
      logger: options.logger,
      fileSystem: options.fileSystem ?? posixFileSystem,
      openKeyValues: options.openKeyValues ?? ((directory) => openKeyValueStore(directory)),
      maxWriteAheadBytes: limits.maxWriteAheadBytes,
      cacheBytes: limits.cacheBytes,
    });
    const shard = new LogShard(options, storage, state);
    try {
      await shard.#requireExtendsCheckpoint(state);
      await shard.#publish(state);
    } catch (error) {
      await storage.abandon();
      throw error;
    }
    return shard;
  }

  /** Add an entry. Resolves when it is durable and a published checkpoint covers it; one that is there already resolves to what is there. */
  async add(entry: Entry): Promise<Added> {
    const { index, duplicate } = await this.#sequencer.add(entry);
    const { leaf, timeMs } = await this.entry(index);
    return { index, timeMs, leaf, duplicate };
  }

  /** The published tree. */
  head(): { readonly size: number; readonly root: Hash } {
    const { size, root } = this.#published.state;
    return { size, root };
  }

  /** The published checkpoint. */
  checkpoint(): { readonly text: string; readonly size: number } {
    return { text: this.#published.text, size: this.#published.state.size };
  }

  /** Why the shard accepts nothing any more, or undefined. */
  get failure(): unknown {
    return this.#sequencer.failure;
  }

  /** The proof of an entry against the published checkpoint; it was verified before it is returned. */
  async proof(index: number): Promise<PublishedProof> {
    const { state, text, prover } = this.#published;
    requireBelow(index, state.size, "entry");
    const hashes = await this.#hot(
      () => prover.inclusionProof(index),
      () => inclusionProof(index, state.size, this.#readerOf(state)),
    );
    const { leaf } = await this.entry(index);
    const found = inclusionRoot({ leafHash: leafHash(leaf), leafIndex: index, treeSize: state.size, proof: hashes });
    if (!equalBytes(found, state.root)) throw this.#rootMismatch(`entry ${index} at size ${state.size}`, found, state.root);
    return { index, size: state.size, root: state.root, hashes, checkpoint: text };
  }

  /** The proof of an entry in the tree of any published size. */
  async inclusionProof(index: number, size: number): Promise<Hash[]> {
    const { state, prover } = this.#published;
    requireBelow(size, state.size + 1, "tree size");
    requireBelow(index, size, "entry");
    if (size === state.size)
      return this.#hot(
        () => prover.inclusionProof(index),
        () => inclusionProof(index, size, this.#readerOf(state)),
      );
    return inclusionProof(index, size, this.#readerOf(state));
  }

  /** The proof that the tree of `size2` entries extends that of `size1`. */
  async consistencyProof(size1: number, size2: number): Promise<Hash[]> {
    const { state } = this.#published;
    requireBelow(size2, state.size + 1, "tree size");
    requireBelow(size1, size2 + 1, "tree size");
    return consistencyProof(size1, size2, this.#readerOf(state));
  }

  /** The root of the tree at any published size. */
  async rootAt(size: number): Promise<Hash> {
    const { state } = this.#published;
    requireBelow(size, state.size + 1, "tree size");
    return size === state.size ? state.root : treeRoot(size, this.#readerOf(state));
  }

  /** An entry of the published tree. */
  async entry(index: number): Promise<StoredEntry> {
    const { state } = this.#published;
    requireBelow(index, state.size, "entry");
    const position = index % tileWidth;
    const bundleIndex = Math.floor(index / tileWidth);
    const open = bundleIndex === Math.floor(state.size / tileWidth);
    const { records, timesMs } = open
      ? { records: state.openRecords, timesMs: state.openTimesMs }
      : await this.#storage.tiles.bundle(bundleIndex);
    const record = records[position];
    const timeMs = timesMs[position];
    if (record === undefined || timeMs === undefined)
      throw logError("LOG_STATE_CORRUPT", `Cannot read entry ${index}: its bundle ends before it`);
    return { record, leaf: this.#options.format.leafOfRecord(record), timeMs };
  }

  /** The index of the entry with this identity. */
  async findByIdentity(identity: Uint8Array): Promise<number | undefined> {
    const [index] = await this.#storage.index.findIdentities([identity]);
    return this.#ifPublished(index);
  }

  /** The index of the entry whose leaf has this hash. */
  async findByLeafHash(hash: Hash): Promise<number | undefined> {
    return this.#ifPublished(await this.#storage.index.findLeafHash(hash));
  }

  /** Indexes of entries under a search key, newest first. */
  async search(key: Uint8Array, limit: number): Promise<number[]> {
    const found = await this.#storage.index.search(sha256(key), limit);
    return found.filter((index) => index < this.#published.state.size);
  }

  /**
   * A tile or entry bundle by its path (`tile/0/x001/067`, `tile/entries/000.p/5`); undefined when the published tree has none
   * such. A partial one of any width up to that of the published tree is served, as every published size needs it.
   */
  async tile(path: string): Promise<Uint8Array | undefined> {
    const tile = parseTilePath(path);
    const { state } = this.#published;
    const level = tile.kind === "tile" ? tile.level : 0;
    const width = widthOfTile(level, tile.index, state.size);
    if (tile.width > width) return undefined;
    if (width === tileWidth) return this.#fullTile(tile, tile.width);
    if (tile.kind === "tile") return openTileAt(state, level, tile.index)?.bytes(tile.width);
    return concatBytes(...state.openRecords.slice(0, tile.width));
  }

  /** Hash every entry and every tile again; rejects LOG_ROOT_MISMATCH or LOG_STATE_CORRUPT at the first that is wrong. Returns the size checked. */
  async fsck(): Promise<number> {
    const { state } = this.#published;
    for (let index = 0; index < state.size; index += 1) {
      const hash = leafHash((await this.entry(index)).leaf);
      const nodes = await this.#nodesAt(state, 0, Math.floor(index / tileWidth));
      if (!equalBytes(nodes.node(0, index % tileWidth), hash))
        throw this.#rootMismatch(`entry ${index}`, hash, nodes.node(0, index % tileWidth));
    }
    for (let level = 1; tileWidth ** level <= state.size; level += 1) {
      const count = Math.floor(state.size / tileWidth ** level);
      for (let at = 0; at < count; at += 1) {
        const below = (await this.#nodesAt(state, level - 1, at)).root();
        const here = (await this.#nodesAt(state, level, Math.floor(at / tileWidth))).node(0, at % tileWidth);
        if (!equalBytes(below, here)) throw this.#rootMismatch(`tile ${level}/${at}`, below, here);
      }
    }
    const root = await treeRoot(state.size, this.#readerOf(state));
    if (!equalBytes(root, state.root)) throw this.#rootMismatch(`size ${state.size}`, root, state.root);
    return state.size;
  }

  /** Finish what was accepted and close, leaving the whole tree as files. After a failure nothing more is written. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#sequencer.close();
    if (this.#sequencer.failure === undefined) await this.#storage.close(this.#sequencer.state);
    else await this.#storage.abandon();
  }

  async #publish(state: TreeState): Promise<void> {
    const text = await this.#options.signCheckpoint({ origin: this.origin, size: state.size, root: state.root });
    this.#published = { state, text, prover: this.#proverOf(state) };
    this.#storage.keepCheckpoint(text);
  }

  async #requireExtendsCheckpoint(state: TreeState): Promise<void> {
    const text = await this.#storage.readCheckpoint();
    if (text === undefined) return;
    const last = readStoredCheckpoint(text, this.origin);
    if (last.origin !== this.origin) {
      throw logError("LOG_ORIGIN_MISMATCH", `Cannot open log ${this.origin}: its last checkpoint is of log ${last.origin}`, {
        found: last.origin,
        expected: this.origin,
      });
    }
    if (last.treeSize > state.size) {
      throw logError(
        "LOG_STATE_BEHIND_CHECKPOINT",
        `Cannot open log ${this.origin}: it has ${state.size} entries but published a checkpoint of ${last.treeSize}; going on would fork it`,
        {
          found: String(state.size),
          expected: `at least ${last.treeSize}`,
        },
      );
    }
    const root = last.treeSize === state.size ? state.root : await treeRoot(last.treeSize, this.#readerOf(state));
    if (!equalBytes(root, last.root)) throw this.#rootMismatch(`the published size ${last.treeSize}`, root, last.root);
  }

  #proverOf(state: TreeState): TileProver {
    return new TileProver(state.size, (level, index) => {
      const nodes = openTileAt(state, level, index) ?? this.#storage.tiles.hotNodes(level, index);
      if (nodes === undefined) throw new TileNotInMemory();
      return nodes;
    });
  }

  async #hot(fromMemory: () => Hash[], fromDisk: () => Promise<Hash[]>): Promise<Hash[]> {
    try {
      return fromMemory();
    } catch (error) {
      if (error instanceof TileNotInMemory) return fromDisk();
      throw error;
    }
  }

  #readerOf(state: TreeState): (level: number, index: number) => Promise<TileNodes> {
    return (level, index) => this.#nodesAt(state, level, index);
  }

  async #nodesAt(state: TreeState, level: number, index: number): Promise<TileNodes> {
    return openTileAt(state, level, index) ?? (await this.#storage.tiles.nodes(level, index));
  }

  async #fullTile(tile: ReturnType<typeof parseTilePath>, width: number): Promise<Uint8Array | undefined> {
    const full = { ...tile, width: tileWidth };
    if (full.kind === "tile") {
      const bytes = await this.#storage.tiles.file(tilePath(full));
      return width === tileWidth ? bytes : bytes?.subarray(0, width * 32);
    }
    if (width === tileWidth) return this.#storage.tiles.file(entryBundlePath(full.index, tileWidth));
    return concatBytes(...(await this.#storage.tiles.bundle(full.index)).records.slice(0, width));
  }

  #ifPublished(index: number | undefined): number | undefined {
    return index !== undefined && index < this.#published.state.size ? index : undefined;
  }

  #rootMismatch(what: string, found: Hash, expected: Hash): Error {
    const fields = { found: encodeHex(found), expected: encodeHex(expected) };
    return logError(
      "LOG_ROOT_MISMATCH",
      `Cannot use log ${this.origin}: ${what} leads to ${fields.found}, recorded is ${fields.expected}`,
      fields,
    );
  }
}

function readStoredCheckpoint(text: string, origin: string): ReturnType<typeof parseCheckpoint> {
  try {
    return parseCheckpoint(parseSignedNote(text).text);
  } catch (cause) {
    throw logError("LOG_STATE_CORRUPT", `Cannot open log ${origin}: its last checkpoint cannot be read`, { cause });
  }
}

function requireBelow(value: number, bound: number, what: string): void {
  if (Number.isSafeInteger(value) && value >= 0 && value < bound) return;
  throw logError("LOG_INDEX_OUT_OF_RANGE", `Cannot read log: ${what} ${value} is not below ${bound}`, {
    found: String(value),
    expected: `below ${bound}`,
  });
}
