// A shard: one Merkle tree with one writer, durable before it answers, and readable as C2SP tiles.

import { parseCheckpoint, parseSignedNote } from "@sigillum/library/checkpoint";
import { sha256 } from "@sigillum/library/crypto";
import { encodeHex, equalBytes, type JsonValue } from "@sigillum/library/encoding";
import type { Hash } from "@sigillum/library/merkle";
import { type Clock, type Logger, MetricsRegistry } from "../host/index.ts";
import { type FileSystem, type KeyValueStore, openPosixShardStore, type ShardStore } from "../storage/index.ts";
import type { CheckpointCosigner } from "./cosigner.ts";
import type { EntryFormat } from "./entry-format.ts";
import type { FoundEntry } from "./entry-index.ts";
import { logError } from "./errors.ts";
import { checkLog, type FsckReport } from "./fsck.ts";
import { repairIndex } from "./index-rebuild.ts";
import { type PublishedProof, PublishedTree, type StoredEntry } from "./published-tree.ts";
import type { Seal } from "./seal.ts";
import { Sequencer, type SequencerLimits } from "./sequencer.ts";
import { ShardStorage } from "./shard-storage.ts";
import type { TreeState } from "./tree-state.ts";

/** What a checkpoint is signed over. */
export interface TreeHead {
  readonly origin: string;
  readonly size: number;
  readonly root: Hash;
}

/** What a shard is made of. */
export interface LogShardOptions<Entry> {
  /** Holds this shard and nothing else; the lock on the data directory is the caller's. Not used where there is a `store`. */
  readonly directory: string;
  /** Where the shard is kept in place of files and LevelDB in `directory`; closed with the shard. */
  readonly store?: ShardStore;
  readonly format: EntryFormat<Entry>;
  readonly origin: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Sign a tree head; the text is published as it is. */
  signCheckpoint(head: TreeHead): Promise<string>;
  /** Gathers cosignatures on what is published; the shard closes it. */
  readonly cosigner?: CheckpointCosigner;
  readonly limits?: Partial<LogLimits>;
  readonly metrics?: MetricsRegistry;
  readonly fileSystem?: FileSystem;
  openKeyValues?(directory: string): Promise<KeyValueStore>;
}

/** Limits of a shard. */
export interface LogLimits extends SequencerLimits {
  /** While more than this waits for a store that takes no objects, entries are refused. */
  readonly maxBacklogBytes: number;
  readonly maxWriteAheadBytes: number;
  /** Bound of each of the three caches for tiles, nodes and bundles. */
  readonly cacheBytes: number;
  /** Bound of the filter of identities, two bytes an entry; a shard that outgrows it looks for each entry in the index. */
  readonly filterBytes: number;
}

/** The limits of a shard that names none. */
export const defaultLogLimits: LogLimits = {
  maxBatchEntries: 256,
  maxOutstandingEntries: 4096,
  maxOutstandingBytes: 64 * 1024 * 1024,
  maxBacklogBytes: 64 * 1024 * 1024,
  maxWriteAheadBytes: 24 * 1024 * 1024,
  cacheBytes: 16 * 1024 * 1024,
  filterBytes: 64 * 1024 * 1024,
};

/** An entry that the log has. */
export interface Added {
  readonly index: number;
  readonly timeMs: number;
  readonly leaf: Uint8Array;
  /** The log had it before this call. */
  readonly duplicate: boolean;
}

/** An open log. Invariant: everything readable is covered by the published checkpoint, and everything published is durable. */
export class LogShard<Entry> {
  readonly origin: string;
  readonly #options: LogShardOptions<Entry>;
  readonly #storage: ShardStorage;
  readonly #sequencer: Sequencer<Entry>;
  #published: PublishedTree;
  #seal: Seal | undefined;
  #sealing: Promise<Seal> | undefined;
  #closing: Promise<void> | undefined;

  private constructor(options: LogShardOptions<Entry>, storage: ShardStorage, state: TreeState, seal: Seal | undefined) {
    this.origin = options.origin;
    this.#options = options;
    this.#storage = storage;
    this.#seal = seal;
    // Not visible to anyone: `open` hands the shard out after it has published with a checkpoint.
    this.#published = this.#treeOf(state, "", []);
    const metrics = options.metrics ?? new MetricsRegistry();
    const added = metrics.counter("sigillum_log_entries_added_total", "Entries added", ["origin"]);
    const batches = metrics.counter("sigillum_log_batches_total", "Batches committed, each with one fdatasync", ["origin"]);
    metrics.gauge("sigillum_log_size", "Entries in the published tree", () => this.#published.state.size, {
      origin: this.origin,
    });
    const parts = {
      format: options.format,
      storage,
      clock: options.clock,
      limits: { ...defaultLogLimits, ...options.limits },
      publish: (next: TreeState) => this.#publish(next, { wait: true }),
      publishedSize: () => this.#published.state.size,
      onBatch: (entries: number) => {
        added.add(entries, this.origin);
        batches.add(1, this.origin);
      },
    };
    this.#sequencer = new Sequencer(parts, state, seal !== undefined);
  }

  /**
   * Open a shard, or make one. When it returns, everything that was ever acknowledged is there, the tree leads to the roots that
   * were recorded, it extends the last published checkpoint, and a checkpoint over it is published. Entries left of the right
   * edge were not hashed again: that is `fsck`.
   */
  static async open<Entry>(options: LogShardOptions<Entry>): Promise<LogShard<Entry>> {
    const limits = { ...defaultLogLimits, ...options.limits };
    const { storage, state } = await ShardStorage.open({
      store: options.store ?? (await openPosixShardStore(options)),
      origin: options.origin,
      format: options.format,
      logger: options.logger,
      maxWriteAheadBytes: limits.maxWriteAheadBytes,
      maxBacklogBytes: limits.maxBacklogBytes,
      cacheBytes: limits.cacheBytes,
      filterBytes: limits.filterBytes,
    });
    try {
      const shard = new LogShard(options, storage, state, await storage.readSeal());
      await shard.#requireExtendsCheckpoint();
      await shard.#startCosigner();
      await shard.#publish(state, { wait: false });
      await storage.shortenJournal(state);
      return shard;
    } catch (error) {
      await options.cosigner?.close();
      await storage.abandon();
      throw error;
    }
  }

  /**
   * Add an entry. Resolves when it is durable and a published checkpoint covers it; one that is there already resolves to what is
   * there. Rejects LOG_OVERLOADED, LOG_NOT_PUBLISHED, LOG_STOPPED, or what the format or the storage throws.
   */
  async add(entry: Entry): Promise<Added> {
    const { index, duplicate, placed } = await this.#sequencer.add(entry);
    const { leaf, timeMs } = placed ?? (await this.#published.entry(index));
    return { index, timeMs, leaf, duplicate };
  }

  /** The published tree. */
  head(): { readonly size: number; readonly root: Hash } {
    const { size, root } = this.#published.state;
    return { size, root };
  }

  /** The published checkpoint; `cosigned` has the lines of cosigners too. */
  checkpoint(): { readonly text: string; readonly cosigned: string; readonly size: number } {
    const { checkpoint: text, cosignedCheckpoint: cosigned, state } = this.#published;
    return { text, cosigned, size: state.size };
  }

  /** How those who cosign stand; undefined where nobody is asked. */
  cosigners(): JsonValue | undefined {
    return this.#options.cosigner?.status();
  }

  /** The seal, once the shard has its final size. */
  get sealed(): Seal | undefined {
    return this.#seal;
  }

  /**
   * Give the shard its final size: everything accepted is placed, later entries are refused with LOG_SEALED, and the last checkpoint is
   * kept, so that the key is not needed to open the shard again. When it rejects, the shard goes on as before. `publishedSize` notes that
   * more entries had been published than there are.
   */
  seal(options: { readonly publishedSize?: number } = {}): Promise<Seal> {
    this.#sealing ??= this.#makeSeal(options.publishedSize ?? 0).catch((error: unknown) => {
      this.#sealing = undefined;
      throw error;
    });
    return this.#sealing;
  }

  /** Why the shard accepts nothing any more, or undefined. */
  get failure(): unknown {
    return this.#sequencer.failure;
  }

  /**
   * The proof of an entry against the published checkpoint. It was verified before it is returned: from `leafHash`, which the caller
   * knows to be the entry's, or from the leaf as it is stored.
   */
  proof(index: number, leafHash?: Hash): Promise<PublishedProof> {
    return this.#published.proof(index, leafHash);
  }

  /** The proof of an entry in the tree of any published size. */
  inclusionProof(index: number, size: number): Promise<Hash[]> {
    return this.#published.inclusionProof(index, size);
  }

  /** The proof that the tree of `size2` entries extends that of `size1`. */
  consistencyProof(size1: number, size2: number): Promise<Hash[]> {
    return this.#published.consistencyProof(size1, size2);
  }

  /** The root of the tree at any published size. */
  rootAt(size: number): Promise<Hash> {
    return this.#published.rootAt(size);
  }

  /** An entry of the published tree. */
  entry(index: number): Promise<StoredEntry> {
    return this.#published.entry(index);
  }

  /**
   * A tile or entry bundle by its path (`tile/0/x001/067`, `tile/entries/000.p/5`); undefined when the published tree has none
   * such. A partial one of any width up to that of the published tree is served, as every published size needs it.
   */
  tile(path: string): Promise<Uint8Array | undefined> {
    return this.#published.tile(path);
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

  /** Entries of the published tree under a search key, with an index below `before`, newest first. */
  search(key: Uint8Array, limit: number, before: number = Number.MAX_SAFE_INTEGER): Promise<readonly FoundEntry[]> {
    return this.#storage.index.search(sha256(key), limit, Math.min(before, this.#published.state.size));
  }

  /**
   * Hash every entry and every tile again as they stand on the disk, and hold the root, the published checkpoint and the index against
   * them. Everything that differs is named in the report; the log goes on meanwhile. Signatures and the entries' contents are not checked.
   * With `rebuildIndex` the whole index is then made again from the entries, and the report says what differs after that, too.
   */
  async fsck(options: { readonly rebuildIndex?: boolean } = {}): Promise<FsckReport> {
    const { state, checkpoint } = this.#published;
    // What became full is written after it is acknowledged.
    await this.#storage.tiles.flush();
    const before = await this.#check(state, checkpoint);
    if (options.rebuildIndex !== true) return before;
    const { objects, index } = this.#storage;
    const { format, logger } = this.#options;
    const source = { origin: this.origin, objects, format, logger };
    const removedKeys = await index.repair((store) => repairIndex(source, store, state));
    const { differences, differenceCount } = await this.#check(state, checkpoint);
    return { ...before, rebuilt: { removedKeys, differences, differenceCount } };
  }

  #check(state: TreeState, checkpoint: string): Promise<FsckReport> {
    const { format } = this.#options;
    return checkLog({
      origin: this.origin,
      state,
      checkpoint,
      objects: this.#storage.objects,
      format,
      index: this.#storage.index,
    });
  }

  /** Finish what was accepted and close, leaving the whole tree as files. After a failure nothing more is written. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #makeSeal(publishedSize: number): Promise<Seal> {
    if (this.#seal !== undefined) return this.#seal;
    await this.#sequencer.seal();
    try {
      if (this.#sequencer.failure !== undefined) throw this.#sequencer.failure;
      const { state } = this.#sequencer;
      // What is durable but could not be published before is in the final tree too.
      if (this.#published.state.size < state.size) await this.#publish(state, { wait: true });
      const sealedMs = Math.max(state.timeMs, this.#options.clock.nowMs());
      const seal: Seal = {
        origin: this.origin,
        size: state.size,
        root: state.root,
        checkpoint: this.#published.checkpoint,
        sealedMs,
        ...(publishedSize > state.size ? { publishedSize } : {}),
      };
      // A crash before this line leaves a shard that accepts entries; after it, a sealed one.
      await this.#storage.writeSeal(seal);
      this.#seal = seal;
      await this.#storage.settleSealed(state);
      return seal;
    } catch (error) {
      if (this.#seal === undefined) this.#sequencer.unseal();
      throw error;
    }
  }

  async #close(): Promise<void> {
    await this.#sequencer.close();
    await this.#options.cosigner?.close();
    if (this.#sequencer.failure === undefined) await this.#storage.close(this.#sequencer.state);
    else await this.#storage.abandon();
  }

  async #publish(state: TreeState, options: { readonly wait: boolean }): Promise<void> {
    const { size, root } = state;
    const { origin } = this;
    const text = this.#seal?.checkpoint ?? (await this.#options.signCheckpoint({ origin, size, root }));
    const { cosigner } = this.#options;
    // The state was committed before: a cosigner never hears of a tree that a crash could take back.
    if (cosigner !== undefined && size > 0) {
      const tree = this.#treeOf(state, text, []);
      const consistencyProof = (oldSize: number): Promise<Hash[]> => tree.consistencyProof(oldSize, size);
      await cosigner.cosign({ origin, size, root, note: text, consistencyProof }, options);
    }
    this.#show(state, text);
  }

  #show(state: TreeState, text: string): void {
    this.#published = this.#treeOf(state, text, this.#options.cosigner?.lines(state) ?? []);
    this.#storage.keepCheckpoint(this.#published.cosignedCheckpoint);
  }

  async #startCosigner(): Promise<void> {
    const { cosigner, logger } = this.#options;
    if (cosigner === undefined) return;
    const storage = this.#storage;
    cosigner.start({
      origin: this.origin,
      memory: await storage.readCosigners(),
      keep: (memory) => storage.writeCosigners(memory),
      changed: () => {
        const { state, checkpoint, cosignedCheckpoint } = this.#published;
        // Lines for a head that is yet to be published come with it.
        if (checkpoint + cosigner.lines(state).join("") === cosignedCheckpoint) return;
        this.#show(state, checkpoint);
        logger.debug("log.cosigned", { origin: this.origin, size: state.size });
      },
    });
  }

  #treeOf(state: TreeState, checkpoint: string, cosignatures: readonly string[]): PublishedTree {
    const { format } = this.#options;
    const leafOfRecord = (record: Uint8Array): Uint8Array => format.leafOfRecord(record);
    const splitBundle = (bundle: Uint8Array): Uint8Array[] => format.splitBundle(bundle);
    const { origin } = this;
    return new PublishedTree({
      state,
      checkpoint,
      cosignatures,
      origin,
      tiles: this.#storage.tiles,
      leafOfRecord,
      splitBundle,
    });
  }

  #ifPublished(index: number | undefined): number | undefined {
    return index !== undefined && index < this.#published.state.size ? index : undefined;
  }

  // A sealed shard has exactly the size and root of its seal.
  #requireFitsSeal(): void {
    if (this.#seal === undefined) return;
    const { size, root } = this.#published.state;
    const where = `Cannot open log ${this.origin}: it is sealed`;
    if (this.#seal.size !== size) {
      const fields = { found: String(size), expected: String(this.#seal.size) };
      throw logError(
        "LOG_STATE_BEHIND_CHECKPOINT",
        `${where} at size ${fields.expected}, and its files have ${fields.found}`,
        fields,
      );
    }
    if (equalBytes(this.#seal.root, root)) return;
    const fields = { found: encodeHex(root), expected: encodeHex(this.#seal.root) };
    throw logError("LOG_ROOT_MISMATCH", `${where} with root ${fields.expected}, and its files lead to ${fields.found}`, fields);
  }

  async #requireExtendsCheckpoint(): Promise<void> {
    this.#requireFitsSeal();
    const text = await this.#storage.readCheckpoint();
    if (text === undefined) return;
    const last = readStoredCheckpoint(text, this.origin);
    const where = `Cannot open log ${this.origin}`;
    if (last.origin !== this.origin) {
      const fields = { found: last.origin, expected: this.origin };
      throw logError("LOG_ORIGIN_MISMATCH", `${where}: its last checkpoint is of log ${last.origin}`, fields);
    }
    const { size } = this.#published.state;
    if (last.treeSize > size) {
      const fields = { found: String(size), expected: `at least ${last.treeSize}` };
      const message = `${where}: it has ${size} entries but published a checkpoint of ${last.treeSize}; going on would fork it`;
      throw logError("LOG_STATE_BEHIND_CHECKPOINT", message, fields);
    }
    const root = await this.#published.rootAt(last.treeSize);
    if (equalBytes(root, last.root)) return;
    const fields = { found: encodeHex(root), expected: encodeHex(last.root) };
    const message = `${where}: its tiles lead to root ${fields.found} at size ${last.treeSize}, its last checkpoint has ${fields.expected}`;
    throw logError("LOG_ROOT_MISMATCH", message, fields);
  }
}

function readStoredCheckpoint(text: string, origin: string): ReturnType<typeof parseCheckpoint> {
  try {
    return parseCheckpoint(parseSignedNote(text).text);
  } catch (cause) {
    throw logError("LOG_STATE_CORRUPT", `Cannot open log ${origin}: its last checkpoint cannot be read`, { cause });
  }
}
