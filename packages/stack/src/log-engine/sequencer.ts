// The sequencer of a shard: entries wait in a queue, and whenever it is free it takes what waits as one batch.
import { sha256 } from "@sigillum/library/crypto";
import { leafHash } from "@sigillum/library/merkle";
import type { Clock } from "../host/index.ts";
import type { Batch } from "./batch.ts";
import type { EntryFormat } from "./entry-format.ts";
import { logError } from "./errors.ts";
import type { ShardStorage } from "./shard-storage.ts";
import { growState, type TreeState } from "./tree-state.ts";

/** Limits of what may wait and of one batch. */
export interface SequencerLimits {
  readonly maxBatchEntries: number;
  readonly maxOutstandingEntries: number;
  readonly maxOutstandingBytes: number;
}

/** An entry's place in the log. */
export interface Sequenced {
  readonly index: number;
  readonly duplicate: boolean;
  /** What stands there; absent for an entry that the log had before, which is read. */
  readonly placed?: Placed;
}

/** An entry that got its place just now. */
export interface Placed {
  readonly leaf: Uint8Array;
  readonly timeMs: number;
}

/** What the sequencer works with. */
export interface SequencerParts<Entry> {
  readonly format: EntryFormat<Entry>;
  readonly storage: ShardStorage;
  readonly clock: Clock;
  readonly limits: SequencerLimits;
  /** Sign and publish a checkpoint over a committed state. */
  publish(state: TreeState): Promise<void>;
  /** Size of the published tree. */
  publishedSize(): number;
  /** Told of each batch that was committed. */
  onBatch(entries: number): void;
}

interface Waiting<Entry> {
  readonly entry: Entry;
  readonly identity: Uint8Array;
  readonly bytes: number;
  readonly resolve: (sequenced: Sequenced) => void;
  readonly reject: (error: unknown) => void;
}

interface WaitingWithPlace<Entry> {
  readonly waiting: Waiting<Entry>;
  readonly sequenced: Sequenced;
}

const defaultEntryBytes = 2048;

/** Gives entries their place. One batch at a time; entries of one identity that wait together share one place. */
export class Sequencer<Entry> {
  readonly #parts: SequencerParts<Entry>;
  readonly #joined: Map<string, Promise<Sequenced>> = new Map();
  #queue: Waiting<Entry>[] = [];
  #outstandingEntries = 0;
  #outstandingBytes = 0;
  #state: TreeState;
  #running: Promise<void> | undefined;
  #failure: unknown;
  #closed = false;
  #sealed: boolean;

  constructor(parts: SequencerParts<Entry>, state: TreeState, sealed: boolean) {
    this.#parts = parts;
    this.#state = state;
    this.#sealed = sealed;
  }

  /** The committed tree; the published one may be a batch behind. */
  get state(): TreeState {
    return this.#state;
  }

  /** Why the sequencer stopped, or undefined. */
  get failure(): unknown {
    return this.#failure;
  }

  /** Add an entry; resolves when a published checkpoint covers it. */
  add(entry: Entry): Promise<Sequenced> {
    const { format } = this.#parts;
    const identity = format.identity(entry);
    const name = Buffer.from(identity.buffer, identity.byteOffset, identity.length).toString("latin1");
    const joined = this.#joined.get(name);
    if (joined !== undefined) return joined.then((sequenced) => ({ ...sequenced, duplicate: true }));
    const refusal = this.#refusal();
    if (refusal !== undefined) return Promise.reject(refusal);
    const bytes = format.byteLength?.(entry) ?? defaultEntryBytes;
    this.#outstandingEntries += 1;
    this.#outstandingBytes += bytes;
    const added = new Promise<Sequenced>((resolve, reject) =>
      this.#queue.push({ entry, identity, bytes, resolve, reject }),
    ).finally(() => {
      this.#joined.delete(name);
      this.#outstandingEntries -= 1;
      this.#outstandingBytes -= bytes;
    });
    this.#joined.set(name, added);
    // In a later turn: what the same turn of the event loop still adds comes into the same batch.
    this.#running ??= nextTurn().then(() => this.#run());
    return added;
  }

  /** Refuse new entries as sealed; resolves when everything accepted before has its place or its error. */
  async seal(): Promise<void> {
    this.#sealed = true;
    await this.#running;
  }

  /** Take back a `seal` that came to nothing. */
  unseal(): void {
    this.#sealed = false;
  }

  /** Accept nothing more; resolves when everything accepted has its place or its error. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#running;
  }

  #refusal(): Error | undefined {
    const { limits } = this.#parts;
    if (this.#closed) return logError("LOG_STOPPED", "Cannot add entry: the log is closed");
    if (this.#failure !== undefined) return stopped(this.#failure);
    if (this.#sealed)
      return logError("LOG_SEALED", "Cannot add entry: this shard is sealed; a newer shard of the log takes entries");
    if (this.#parts.storage.backlogged) {
      const message =
        "Cannot add entry: what was accepted before waits for the storage of the tiles, which takes nothing; retry shortly";
      return logError("LOG_OVERLOADED", message);
    }
    if (this.#outstandingEntries < limits.maxOutstandingEntries && this.#outstandingBytes < limits.maxOutstandingBytes)
      return undefined;
    return logError(
      "LOG_OVERLOADED",
      `Cannot add entry: ${this.#outstandingEntries} entries with ${this.#outstandingBytes} bytes wait already; retry shortly`,
      {
        found: `${this.#outstandingEntries} entries`,
        expected: `fewer than ${limits.maxOutstandingEntries}`,
      },
    );
  }

  async #run(): Promise<void> {
    while (this.#queue.length > 0) {
      const batch = this.#queue.splice(0, this.#parts.limits.maxBatchEntries);
      try {
        await this.#process(batch);
      } catch (error) {
        for (const waiting of batch) waiting.reject(error);
      }
      await this.#parts.storage.settle(this.#state);
    }
    this.#running = undefined;
  }

  async #process(batch: readonly Waiting<Entry>[]): Promise<void> {
    if (this.#failure !== undefined) throw stopped(this.#failure);
    const known = await this.#parts.storage.index.findIdentities(batch.map(({ identity }) => identity));
    const fresh = batch.filter((_, position) => known[position] === undefined);
    const placed = fresh.length === 0 ? [] : await this.#commit(fresh);
    const unpublished = await this.#publish();
    for (const [position, waiting] of batch.entries()) {
      const index = known[position];
      if (index === undefined) continue;
      if (index < this.#parts.publishedSize()) waiting.resolve({ index, duplicate: true });
      else waiting.reject(unpublished);
    }
    for (const { waiting, sequenced } of placed) {
      if (unpublished === undefined) waiting.resolve(sequenced);
      else waiting.reject(unpublished);
    }
  }

  /** Commit entries; those that cannot be written (too long, say) are rejected and left out. Returns the rest, in the order of their indexes. */
  async #commit(fresh: readonly Waiting<Entry>[]): Promise<readonly WaitingWithPlace<Entry>[]> {
    const { format, clock, storage } = this.#parts;
    const before = this.#state;
    const timeMs = Math.max(before.timeMs, clock.nowMs());
    const placed: WaitingWithPlace<Entry>[] = [];
    const records: { identity: Uint8Array; searchKeys: readonly Uint8Array[]; record: Uint8Array; leafHash: Uint8Array }[] = [];
    for (const waiting of fresh) {
      try {
        const index = before.size + placed.length;
        const leaf = format.leaf(waiting.entry, index, timeMs);
        records.push({
          identity: waiting.identity,
          searchKeys: searchKeyHashesOf(format, waiting.entry),
          record: format.record(waiting.entry, leaf),
          leafHash: format.leafHash?.(waiting.entry) ?? leafHash(leaf),
        });
        placed.push({ waiting, sequenced: { index, duplicate: false, placed: { leaf, timeMs } } });
      } catch (error) {
        waiting.reject(error);
      }
    }
    if (placed.length === 0) return placed;
    const grown = growState(before, records, timeMs);
    const batch: Batch = { start: before.size, timeMs, root: grown.state.root, entries: records };
    try {
      await storage.commit(batch);
    } catch (error) {
      // A write that did not happen can be tried again; after a sync that failed nobody knows what is on the disk.
      if (!(error instanceof Error && "kind" in error && error.kind === "unavailable")) this.#failure = error;
      throw error;
    }
    this.#state = grown.state;
    storage.accept(
      grown,
      batch,
      records.map((record) => record.leafHash),
    );
    this.#parts.onBatch(placed.length);
    return placed;
  }

  /** Publish when the published tree is behind; returns why it could not be. */
  async #publish(): Promise<unknown> {
    if (this.#parts.publishedSize() >= this.#state.size) return undefined;
    try {
      await this.#parts.publish(this.#state);
      return undefined;
    } catch (cause) {
      return logError(
        "LOG_NOT_PUBLISHED",
        "Cannot publish a checkpoint over entries that are durable; the same request later finds them",
        { cause },
      );
    }
  }
}

function searchKeyHashesOf<Entry>(format: EntryFormat<Entry>, entry: Entry): readonly Uint8Array[] {
  return format.searchKeyHashes?.(entry) ?? format.searchKeys?.(entry).map((key) => sha256(key)) ?? [];
}

function stopped(cause: unknown): Error {
  return logError("LOG_STOPPED", "Cannot add entry: the log stopped after its disk failed; start it anew", { cause });
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
