// A shard in its store (room `storage`). What each part is, and what a crash at any moment leaves; on POSIX the parts are these files:
//
//   journal             wal/<segment>: batches; a batch is committed when its record is. A torn last record was acknowledged to nobody.
//   objects             tile/, meta/: full tiles, bundles, times and index keys, written after the commit, synced before the journal's
//                       segment that has their entries is dropped. Lost or missing ones are written again from it.
//                       checkpoint: the last published one, to refuse a state that is older.
//                       meta/identities/: the filter of the index; lost, it is made from the index again while the log answers.
//   document head.json  state/head.json: the snapshot that the first segment of the journal follows; replaced in one durable step.
//   document sealed.json  state/sealed.json: there once the shard is sealed: its final size, root and checkpoint.
//   index               index/: key-value store that follows the log; its cursor says how far. Lost, it is rebuilt when the log is opened.
import { encodeUtf8, isSigillumError } from "@sigillum/library/encoding";
import type { Logger } from "../host/index.ts";
import type { Journal, KeyValueStore, ObjectStore, ShardStore } from "../storage/index.ts";
import { type Batch, encodeBatch } from "./batch.ts";
import { CheckpointCopy } from "./checkpoint-copy.ts";
import { EntryIndex, readCursor } from "./entry-index.ts";
import { logError } from "./errors.ts";
import { IdentityFilter } from "./identity-filter.ts";
import { type LeafReader, rebuildIndex } from "./index-rebuild.ts";
import { replayJournal } from "./replay.ts";
import { encodeSeal, parseSeal, type Seal } from "./seal.ts";
import { encodeSnapshot, headDocument, loadState, parseSnapshot, type Snapshot } from "./snapshot.ts";
import { TileStore } from "./tile-store.ts";
import { type Grown, partialObjects, type TreeState } from "./tree-state.ts";

/** More full tiles than this do not wait in memory while batches go on. */
const maxUnwrittenBytes = 8 * 1024 * 1024;

const catchUpPauseMs = 250;

/** What a shard's storage is made of. */
export interface ShardStorageOptions {
  /** Closed with the shard, also when opening fails. */
  readonly store: ShardStore;
  readonly origin: string;
  readonly format: LeafReader;
  readonly logger: Logger;
  /** A segment of the journal longer than this is followed by a new one. */
  readonly maxWriteAheadBytes: number;
  /** While more than this waits to be written, the shard is `backlogged`. */
  readonly maxBacklogBytes: number;
  readonly cacheBytes: number;
  /** Bound of the filter of identities. */
  readonly filterBytes: number;
}

const sealDocument = "sealed.json";
const cosignersDocument = "cosigners.json";

/** The store of one shard, recovered and open for its one writer. */
export class ShardStorage {
  readonly tiles: TileStore;
  readonly index: EntryIndex;
  readonly objects: ObjectStore;
  readonly #options: ShardStorageOptions;
  readonly #store: ShardStore;
  #journal: Journal | undefined;
  #snapshot: Snapshot;
  #snapshotting: Promise<void> | undefined;
  #catchingUp: Promise<void> | undefined;
  readonly #checkpoint: CheckpointCopy;

  private constructor(options: ShardStorageOptions, index: EntryIndex, snapshot: Snapshot) {
    const { objects } = options.store;
    this.#options = options;
    this.#store = options.store;
    this.#snapshot = snapshot;
    this.objects = objects;
    this.index = index;
    this.#checkpoint = new CheckpointCopy((text) => objects.write("checkpoint", encodeUtf8(text)), options.logger);
    this.tiles = new TileStore(objects, (bundle) => options.format.splitBundle(bundle), options.cacheBytes);
  }

  /** Open the parts and bring tiles and index up to the last committed batch. */
  static async open(options: ShardStorageOptions): Promise<{ storage: ShardStorage; state: TreeState }> {
    const { store } = options;
    let keyValues: KeyValueStore | undefined;
    try {
      keyValues = await openIndex(options);
      await sweep(options);
      const snapshot = await readSnapshot(options);
      const state = await loadState(snapshot, store.objects, options.format);
      const indexed = await readCursor(keyValues);
      // Nothing but a lost or emptied index is behind the snapshot: what the journal no longer has, the bundles have.
      if (indexed < snapshot.size) await rebuildIndex({ ...options, objects: store.objects }, keyValues, indexed, state);
      const filter = await IdentityFilter.load(snapshot.identities, snapshot.size, store.objects, options.filterBytes);
      const index = await EntryIndex.open(keyValues, options.logger, { filter, filterBytes: options.filterBytes });
      const storage = new ShardStorage(options, index, snapshot);
      return { storage, state: await storage.#recover(state) };
    } catch (error) {
      await keyValues?.close();
      await store.close();
      throw error;
    }
  }

  async #recover(start: TreeState): Promise<TreeState> {
    const accept = (...batch: Parameters<typeof this.accept>): Promise<void> => this.#acceptReplayed(...batch);
    const { state, journal } = await replayJournal(this.#options, this.#snapshot, start, accept);
    this.#journal = journal;
    try {
      this.#requireIndexFits(state);
    } catch (error) {
      await journal.close();
      throw error;
    }
    return state;
  }

  /**
   * After opening: have a long journal followed by a snapshot, in the background. What a killed process left is read once then, and whoever
   * is killed again and again does not read ever more.
   */
  async shortenJournal(state: TreeState): Promise<void> {
    if (this.#journal === undefined || state.size <= this.#snapshot.size) return;
    const { segment, length } = this.#journal;
    if (segment === this.#snapshot.firstGeneration && length <= this.#options.maxWriteAheadBytes) return;
    try {
      await this.#roll(state);
    } catch (error) {
      // A full disk is no reason not to serve what it has.
      this.#logSettleFailure(error, state);
    }
  }

  /** The commit point: after it returns the batch survives a power cut. One record of the journal. */
  async commit(batch: Batch): Promise<void> {
    if (this.#journal === undefined) throw logError("LOG_STOPPED", "Cannot add entries: the log is closed");
    await this.#journal.append([encodeBatch(batch)]);
  }

  /** After a commit: keep its objects and index its entries. Both are also in the journal. */
  accept(grown: Grown, batch: Batch, leafHashes: readonly Uint8Array[]): void {
    this.tiles.add(grown.full);
    for (const tile of grown.tiles) this.tiles.keepNodes(tile.level, tile.index, tile.nodes);
    this.index.add(
      // Without the records: what waits for the index must not keep them in memory.
      batch.entries.map(({ identity, searchKeys }, position) => ({
        index: batch.start + position,
        identity,
        leafHash: leafHashes[position] ?? identity,
        searchKeys,
      })),
    );
  }

  /**
   * Bring full tiles to the disk in the background, and begin a new segment of the journal when this one is long. Waits only while much is
   * still unwritten, or while the journal has become so long that reading it would hold up the next opening. Errors leave everything in
   * memory and in the journal.
   */
  async settle(state: TreeState): Promise<void> {
    try {
      if (this.tiles.unwrittenBytes > maxUnwrittenBytes) await this.tiles.flush();
      else this.tiles.flush().catch((error: unknown) => this.#logSettleFailure(error, state));
      const { maxWriteAheadBytes } = this.#options;
      const length = this.#journal?.length ?? 0;
      if (length > 2 * maxWriteAheadBytes) await this.#snapshotting;
      if (length > maxWriteAheadBytes && this.#snapshotting === undefined) await this.#roll(state);
    } catch (error) {
      this.#logSettleFailure(error, state);
    }
  }

  #logSettleFailure(error: unknown, state?: TreeState): void {
    this.#options.logger.error("log.settle-failed", { error, ...(state === undefined ? {} : { size: state.size }) });
  }

  /** So much waits for a store that takes no objects that memory must not take more; who asks has it tried again, at most a few times a second. */
  get backlogged(): boolean {
    if (this.tiles.unwrittenBytes <= this.#options.maxBacklogBytes) return false;
    this.#catchingUp ??= this.tiles
      .flush()
      .catch((error: unknown) => this.#logSettleFailure(error))
      .then(() => new Promise<void>((resolve) => setTimeout(resolve, catchUpPauseMs).unref()))
      .finally(() => {
        this.#catchingUp = undefined;
      });
    return true;
  }

  /** The last published checkpoint that the disk has, or undefined. */
  async readCheckpoint(): Promise<string | undefined> {
    const bytes = await this.objects.read("checkpoint");
    // A power cut may leave the name without contents: the checkpoint is not synced with each batch.
    return bytes === undefined || bytes.length === 0 ? undefined : Buffer.from(bytes).toString("utf8");
  }

  /** The seal of the shard, or undefined. */
  async readSeal(): Promise<Seal | undefined> {
    const bytes = await this.#store.documents.read(sealDocument);
    return bytes === undefined ? undefined : parseSeal(bytes, sealDocument);
  }

  /** Seal the shard: after this returns it is sealed whatever happens. */
  writeSeal(seal: Seal): Promise<void> {
    return this.#store.documents.write(sealDocument, encodeSeal(seal));
  }

  /** What the gatherer of cosignatures kept, or undefined. */
  readCosigners(): Promise<Uint8Array | undefined> {
    return this.#store.documents.read(cosignersDocument);
  }

  /** Keep it. */
  writeCosigners(bytes: Uint8Array): Promise<void> {
    return this.#store.documents.write(cosignersDocument, bytes);
  }

  /** Bring the whole tree into files, in the background. */
  async settleSealed(state: TreeState): Promise<void> {
    try {
      await this.#snapshotting;
      if (this.#journal !== undefined && state.size > this.#snapshot.size) await this.#roll(state);
    } catch (error) {
      this.#logSettleFailure(error, state);
    }
  }

  /** Note what was published, for the copy on the disk. */
  keepCheckpoint(text: string): void {
    this.#checkpoint.keep(text);
  }

  /** Close with a snapshot, so that the objects are the whole tree and the next open replays nothing. What was open is closed in any case. */
  async close(state: TreeState): Promise<void> {
    try {
      await this.#snapshotting;
      await this.#checkpoint.flush();
      if (this.#journal !== undefined && state.size > this.#snapshot.size) await this.#roll(state);
      await this.#snapshotting;
    } finally {
      await this.#letGo(() => this.index.close());
    }
  }

  /** Close after a failure: nothing is written any more. */
  async abandon(): Promise<void> {
    try {
      await this.#snapshotting;
      await this.#checkpoint.flush();
    } finally {
      await this.#letGo(() => this.index.abandon());
    }
  }

  async #letGo(closeIndex: () => Promise<void>): Promise<void> {
    const journal = this.#journal;
    this.#journal = undefined;
    try {
      await journal?.close();
    } finally {
      try {
        await closeIndex();
      } finally {
        await this.#store.close();
      }
    }
  }

  #requireIndexFits(state: TreeState): void {
    const { origin } = this.#options;
    if (this.index.stored > state.size) {
      const fields = { found: String(state.size), expected: `at least ${this.index.stored}` };
      const message = `Cannot open log ${origin}: it has ${state.size} entries but its index knows ${this.index.stored}; going on would fork it`;
      throw logError("LOG_STATE_BEHIND_CHECKPOINT", message, fields);
    }
  }

  // What a batch made full may be there already; whatever stands there, the journal decides.
  async #acceptReplayed(grown: Grown, batch: Batch, leafHashes: readonly Uint8Array[]): Promise<void> {
    const stored = await Promise.all(grown.full.map(({ path }) => this.objects.read(path)));
    const missing = grown.full.filter(({ bytes }, position) => {
      const found = stored[position];
      return found === undefined || Buffer.compare(found, bytes) !== 0;
    });
    this.accept({ ...grown, full: missing }, batch, leafHashes);
    if (this.tiles.unwrittenBytes > maxUnwrittenBytes) await this.tiles.flush();
  }

  async #roll(state: TreeState): Promise<void> {
    if (this.#journal === undefined) return;
    const next = await this.#journal.beginSegment();
    this.#snapshotting = this.#takeSnapshot(state, next)
      .catch((error: unknown) => this.#options.logger.error("log.snapshot-failed", { error, size: state.size }))
      .finally(() => {
        this.#snapshotting = undefined;
      });
  }

  async #takeSnapshot(state: TreeState, firstSegment: number): Promise<void> {
    await this.tiles.flush();
    await this.index.flush(state.size);
    const partials = partialObjects(state);
    const { filter } = this.index;
    const kept = filter?.keep(state.size) ?? { chunks: [], objects: [] };
    for (const object of [...partials, ...kept.objects]) await this.objects.write(object.path, object.bytes);
    await this.objects.sync();
    filter?.kept(kept.chunks, state.size);
    const snapshot: Snapshot = {
      origin: this.#options.origin,
      size: state.size,
      root: state.root,
      timeMs: state.timeMs,
      firstGeneration: firstSegment,
      partials: [...partials, ...kept.objects].map(({ path }) => path),
      identities: kept.chunks,
    };
    // A crash before this line leaves the old snapshot with all its segments; after it, segments that the next open drops.
    await this.#store.documents.write(headDocument, encodeSnapshot(snapshot));
    const before = this.#snapshot;
    this.#snapshot = snapshot;
    await this.#journal?.removeBefore(firstSegment);
    const needed = new Set([...snapshot.partials, ...snapshot.identities.map(({ path }) => path)]);
    for (const path of before.partials) if (!needed.has(path)) await this.objects.remove(path);
  }
}

async function openIndex({ origin, store }: ShardStorageOptions): Promise<KeyValueStore> {
  try {
    return await store.openIndex();
  } catch (cause) {
    if (!isSigillumError(cause)) throw cause;
    throw logError(
      "LOG_INDEX_UNREADABLE",
      `Cannot open log ${origin}: ${cause.message}; when no other process has it open, remove ${store.indexPlace}, and it is rebuilt from the log`,
      { cause, found: store.indexPlace },
    );
  }
}

/** What a crash left of writes under way; nothing reads it. */
async function sweep({ store, origin, logger }: ShardStorageOptions): Promise<void> {
  const swept = await store.sweep();
  if (swept > 0) logger.info("log.temporary-files-removed", { origin, count: swept });
}

async function readSnapshot({ store, origin }: ShardStorageOptions): Promise<Snapshot> {
  const bytes = await store.documents.read(headDocument);
  if (bytes === undefined)
    return { origin, size: 0, root: new Uint8Array(32), timeMs: 0, firstGeneration: 1, partials: [], identities: [] };
  const snapshot = parseSnapshot(bytes, headDocument);
  if (snapshot.origin !== origin) {
    throw logError("LOG_ORIGIN_MISMATCH", `Cannot open log ${origin}: ${headDocument} belongs to log ${snapshot.origin}`, {
      found: snapshot.origin,
      expected: origin,
    });
  }
  return snapshot;
}
