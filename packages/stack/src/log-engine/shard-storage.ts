// A shard on the disk. What each file is, and what a crash at any moment leaves:
//
//   wal/<generation>    batches; a batch is committed when its record is synced. A torn last record was acknowledged to nobody.
//   tile/, meta/        full tiles, bundles, times and index keys, written after the commit, synced before the write-ahead file that has
//                       their entries is removed. Lost or missing ones are written again from it.
//   state/head.json     the snapshot that the first write-ahead file follows; replaced in one durable step.
//   index/              key-value store that follows the log; its cursor says how far. Lost, it is rebuilt when the log is opened.
//   .tmp/               files that are being written, before they get their names; emptied when the log is opened.
//   state/sealed.json   there once the shard is sealed: its final size, root and checkpoint.
//   checkpoint          the last published checkpoint, to refuse a state that is older.
import { dirname, join } from "node:path";
import { encodeUtf8, equalBytes, isSigillumError } from "@sigillum/library/encoding";
import type { Logger } from "../host/index.ts";
import {
  DirectoryObjectStore,
  type FileSystem,
  type KeyValueStore,
  removeTemporaryFiles,
  WriteAheadFile,
  writeFileDurably,
} from "../storage/index.ts";
import { type Batch, encodeBatch } from "./batch.ts";
import { CheckpointCopy } from "./checkpoint-copy.ts";
import { EntryIndex, readCursor } from "./entry-index.ts";
import { logError } from "./errors.ts";
import { type LeafReader, rebuildIndex } from "./index-rebuild.ts";
import { replayWriteAhead, writeAheadPath } from "./replay.ts";
import { encodeSeal, parseSeal, type Seal } from "./seal.ts";
import { encodeSnapshot, loadState, parseSnapshot, type Snapshot } from "./snapshot.ts";
import { type StoredObject, TileStore } from "./tile-store.ts";
import { type Grown, partialObjects, type TreeState } from "./tree-state.ts";

/** More full tiles than this do not wait in memory while batches go on. */
const maxUnwrittenBytes = 16 * 1024 * 1024;

/** What a shard's storage is made of. */
export interface ShardStorageOptions {
  readonly directory: string;
  readonly origin: string;
  readonly format: LeafReader;
  readonly logger: Logger;
  readonly fileSystem: FileSystem;
  openKeyValues(directory: string): Promise<KeyValueStore>;
  /** A write-ahead file longer than this is followed by a new one. */
  readonly maxWriteAheadBytes: number;
  readonly cacheBytes: number;
}

/** The files of one shard, recovered and open for its one writer. */
export class ShardStorage {
  readonly tiles: TileStore;
  readonly index: EntryIndex;
  readonly objects: DirectoryObjectStore;
  readonly #options: ShardStorageOptions;
  #wal: WriteAheadFile | undefined;
  #generation: number;
  #snapshot: Snapshot;
  #snapshotting: Promise<void> | undefined;
  readonly #checkpoint: CheckpointCopy;

  private constructor(options: ShardStorageOptions, objects: DirectoryObjectStore, index: EntryIndex, snapshot: Snapshot) {
    this.#options = options;
    this.#snapshot = snapshot;
    this.#generation = snapshot.firstGeneration;
    this.objects = objects;
    this.index = index;
    this.#checkpoint = new CheckpointCopy((text) => objects.write("checkpoint", encodeUtf8(text)), options.logger);
    this.tiles = new TileStore(objects, (bundle) => options.format.splitBundle(bundle), options.cacheBytes);
  }

  /** Open the files and bring tiles and index up to the last committed batch. */
  static async open(options: ShardStorageOptions): Promise<{ storage: ShardStorage; state: TreeState }> {
    const { directory, fileSystem } = options;
    const fresh = await fileSystem.makeDirectory(directory);
    for (const name of ["wal", "state"]) await fileSystem.makeDirectory(join(directory, name));
    const keyValues = await openIndex(options);
    try {
      for (const path of fresh ? [directory, dirname(directory), dirname(dirname(directory))] : [directory])
        await fileSystem.syncDirectory(path);
      const objects = new DirectoryObjectStore(directory, fileSystem);
      await sweepTemporaryFiles(options, objects);
      const snapshot = await readSnapshot(options);
      const state = await loadState(snapshot, objects, options.format);
      const indexed = await readCursor(keyValues);
      // Nothing but a lost or emptied index is behind the snapshot: what the write-ahead file no longer has, the bundles have.
      if (indexed < snapshot.size) await rebuildIndex({ ...options, objects }, keyValues, indexed, state);
      const storage = new ShardStorage(options, objects, await EntryIndex.open(keyValues, options.logger), snapshot);
      return { storage, state: await storage.#recover(state) };
    } catch (error) {
      await keyValues.close();
      throw error;
    }
  }

  async #recover(start: TreeState): Promise<TreeState> {
    const accept = (...batch: Parameters<typeof this.accept>): Promise<void> => this.#acceptReplayed(...batch);
    const { state, wal, generation } = await replayWriteAhead(this.#options, this.#snapshot, start, accept);
    this.#wal = wal;
    this.#generation = generation;
    try {
      this.#requireIndexFits(state);
    } catch (error) {
      await wal.close();
      throw error;
    }
    return state;
  }

  /** The commit point: after it returns the batch survives a power cut. One fdatasync. */
  async commit(batch: Batch): Promise<void> {
    if (this.#wal === undefined) throw logError("LOG_STOPPED", "Cannot add entries: the log is closed");
    await this.#wal.append(encodeBatch(batch));
  }

  /** After a commit: keep its objects and index its entries. Both are also in the write-ahead file. */
  accept(grown: Grown, batch: Batch, leafHashes: readonly Uint8Array[]): void {
    this.tiles.add(grown.full);
    for (const tile of grown.tiles) this.tiles.keepNodes(tile.level, tile.index, tile.nodes);
    this.index.add(
      batch.entries.map((entry, position) => ({
        ...entry,
        index: batch.start + position,
        leafHash: leafHashes[position] ?? entry.identity,
      })),
    );
  }

  /**
   * Bring full tiles to the disk in the background, and begin a new write-ahead file when this one is long. Waits only while much is
   * still unwritten. Errors leave everything in memory and in the write-ahead file.
   */
  async settle(state: TreeState): Promise<void> {
    try {
      if (this.tiles.unwrittenBytes > maxUnwrittenBytes) await this.tiles.flush();
      else this.tiles.flush().catch((error: unknown) => this.#logSettleFailure(error, state));
      if (this.#wal !== undefined && this.#wal.length > this.#options.maxWriteAheadBytes && this.#snapshotting === undefined)
        await this.#roll(state);
    } catch (error) {
      this.#logSettleFailure(error, state);
    }
  }

  #logSettleFailure(error: unknown, state: TreeState): void {
    this.#options.logger.error("log.settle-failed", { error, size: state.size });
  }

  /** The last published checkpoint that the disk has, or undefined. */
  async readCheckpoint(): Promise<string | undefined> {
    const bytes = await this.#options.fileSystem.readFile(this.#checkpointPath);
    // A power cut may leave the name without contents: the checkpoint is not synced with each batch.
    return bytes === undefined || bytes.length === 0 ? undefined : Buffer.from(bytes).toString("utf8");
  }

  /** The seal of the shard, or undefined. */
  async readSeal(): Promise<Seal | undefined> {
    const bytes = await this.#options.fileSystem.readFile(this.#sealPath);
    return bytes === undefined ? undefined : parseSeal(bytes, this.#sealPath);
  }

  /** Seal the shard: after this returns it is sealed whatever happens. */
  writeSeal(seal: Seal): Promise<void> {
    return writeFileDurably(this.#sealPath, encodeSeal(seal), this.#options.fileSystem);
  }

  /** Bring the whole tree into files, in the background. */
  async settleSealed(state: TreeState): Promise<void> {
    try {
      await this.#snapshotting;
      if (this.#wal !== undefined && state.size > this.#snapshot.size) await this.#roll(state);
    } catch (error) {
      this.#logSettleFailure(error, state);
    }
  }

  get #sealPath(): string {
    return join(this.#options.directory, "state", "sealed.json");
  }

  /** Note what was published, for the copy on the disk. */
  keepCheckpoint(text: string): void {
    this.#checkpoint.keep(text);
  }

  /** Close with a snapshot, so that the directory holds the whole tree as files and the next open replays nothing. */
  async close(state: TreeState): Promise<void> {
    await this.#snapshotting;
    await this.#checkpoint.flush();
    if (this.#wal !== undefined && state.size > this.#snapshot.size) await this.#roll(state);
    await this.#snapshotting;
    await this.#wal?.close();
    this.#wal = undefined;
    await this.index.close();
  }

  /** Close after a failure: nothing is written any more. */
  async abandon(): Promise<void> {
    await this.#snapshotting;
    await this.#checkpoint.flush();
    await this.#wal?.close();
    this.#wal = undefined;
    await this.index.abandon();
  }

  get #checkpointPath(): string {
    return join(this.#options.directory, "checkpoint");
  }

  #requireIndexFits(state: TreeState): void {
    const { origin } = this.#options;
    if (this.index.stored > state.size) {
      const fields = { found: String(state.size), expected: `at least ${this.index.stored}` };
      const message = `Cannot open log ${origin}: it has ${state.size} entries but its index knows ${this.index.stored}; going on would fork it`;
      throw logError("LOG_STATE_BEHIND_CHECKPOINT", message, fields);
    }
  }

  // What a batch made full may be there already; whatever stands there, the write-ahead file decides.
  async #acceptReplayed(grown: Grown, batch: Batch, leafHashes: readonly Uint8Array[]): Promise<void> {
    const missing: StoredObject[] = [];
    for (const object of grown.full) {
      const stored = await this.objects.read(object.path);
      if (stored === undefined || !equalBytes(stored, object.bytes)) missing.push(object);
    }
    this.accept({ ...grown, full: missing }, batch, leafHashes);
    await this.tiles.flush();
  }

  async #roll(state: TreeState): Promise<void> {
    const { directory } = this.#options;
    const next = this.#generation + 1;
    const { file } = await WriteAheadFile.open(writeAheadPath(directory, next), this.#options.fileSystem);
    // The name must be durable before a batch in the file counts as durable.
    await this.#options.fileSystem.syncDirectory(join(directory, "wal"));
    await this.#wal?.close();
    this.#wal = file;
    this.#generation = next;
    this.#snapshotting = this.#takeSnapshot(state, next)
      .catch((error: unknown) => this.#options.logger.error("log.snapshot-failed", { error, size: state.size }))
      .finally(() => {
        this.#snapshotting = undefined;
      });
  }

  async #takeSnapshot(state: TreeState, firstGeneration: number): Promise<void> {
    const { fileSystem, directory, origin } = this.#options;
    await this.tiles.flush();
    await this.index.flush(state.size);
    const partials = partialObjects(state);
    for (const object of partials) await this.objects.write(object.path, object.bytes);
    await this.objects.sync();
    const snapshot: Snapshot = {
      origin,
      size: state.size,
      root: state.root,
      timeMs: state.timeMs,
      firstGeneration,
      partials: partials.map(({ path }) => path),
    };
    // A crash before this line leaves the old snapshot with all its write-ahead files; after it, files that the next open removes.
    await writeFileDurably(join(directory, "state", "head.json"), encodeSnapshot(snapshot), fileSystem);
    const before = this.#snapshot;
    this.#snapshot = snapshot;
    for (let generation = before.firstGeneration; generation < firstGeneration; generation += 1)
      await fileSystem.remove(writeAheadPath(directory, generation));
    for (const path of before.partials) if (!snapshot.partials.includes(path)) await this.objects.remove(path);
  }
}

async function openIndex({ directory, origin, openKeyValues }: ShardStorageOptions): Promise<KeyValueStore> {
  const path = join(directory, "index");
  try {
    return await openKeyValues(path);
  } catch (cause) {
    if (!isSigillumError(cause)) throw cause;
    throw logError(
      "LOG_INDEX_UNREADABLE",
      `Cannot open log ${origin}: ${cause.message}; when no other process has it open, remove ${path}, and it is rebuilt from the log`,
      { cause, found: path },
    );
  }
}

/** What a crash left of files that were being written; nothing reads them. */
async function sweepTemporaryFiles(
  { directory, fileSystem, origin, logger }: ShardStorageOptions,
  objects: DirectoryObjectStore,
): Promise<void> {
  const swept = (await objects.sweep()) + (await removeTemporaryFiles(join(directory, "state"), fileSystem));
  if (swept > 0) logger.info("log.temporary-files-removed", { origin, count: swept });
}

async function readSnapshot(options: ShardStorageOptions): Promise<Snapshot> {
  const path = join(options.directory, "state", "head.json");
  const bytes = await options.fileSystem.readFile(path);
  if (bytes === undefined)
    return { origin: options.origin, size: 0, root: new Uint8Array(32), timeMs: 0, firstGeneration: 1, partials: [] };
  const snapshot = parseSnapshot(bytes, path);
  if (snapshot.origin !== options.origin) {
    throw logError("LOG_ORIGIN_MISMATCH", `Cannot open log ${options.origin}: ${path} belongs to log ${snapshot.origin}`, {
      found: snapshot.origin,
      expected: options.origin,
    });
  }
  return snapshot;
}
