// Keys and values in order of their keys, over classic-level (LevelDB).
import { ClassicLevel } from "classic-level";
import { reasonOf, storageError } from "./errors.ts";

/** One change of a batch. */
export type KeyChange =
  | { readonly type: "put"; readonly key: Uint8Array; readonly value: Uint8Array }
  | { readonly type: "delete"; readonly key: Uint8Array };

/** Keys from `from` (included) to `to` (left out), at most `limit`. */
export interface KeyRange {
  readonly from: Uint8Array;
  readonly to: Uint8Array;
  readonly limit?: number;
  /** From the greatest key down. */
  readonly reverse?: boolean;
}

/** A key with its value. */
export type KeyAndValue = readonly [key: Uint8Array, value: Uint8Array];

/** An ordered store of byte strings; keys compare as unsigned bytes. */
export interface KeyValueStore {
  get(key: Uint8Array): Promise<Uint8Array | undefined>;
  /** The values of many keys, in their order. */
  getMany(keys: readonly Uint8Array[]): Promise<readonly (Uint8Array | undefined)[]>;
  /**
   * Apply all changes or none, after those of every write that was called before. With `sync` they, and all before them, survive a power
   * cut once this returns; without it a power cut may undo this write and those after it, but none before it alone.
   */
  write(changes: readonly KeyChange[], options?: { readonly sync?: boolean }): Promise<void>;
  scan(range: KeyRange): Promise<readonly KeyAndValue[]>;
  close(): Promise<void>;
}

type Level = ClassicLevel<Uint8Array, Uint8Array>;

/** Open a LevelDB in `directory`; one process at a time. */
export async function openKeyValueStore(directory: string, options?: { readonly cacheBytes?: number }): Promise<KeyValueStore> {
  const level: Level = new ClassicLevel(directory, {
    keyEncoding: "view",
    valueEncoding: "view",
    cacheSize: options?.cacheBytes ?? 8 * 1024 * 1024,
    // Keys are hashes, in no order: the more of them are sorted in memory, the less is merged on the disk later.
    writeBufferSize: 16 * 1024 * 1024,
    // LevelDB keeps a thousand files open: with its 2 MB each the index of five million entries has more.
    maxFileSize: 16 * 1024 * 1024,
    // Entries are mostly hashes and signatures, which do not compress.
    compression: false,
  });
  try {
    await level.open();
  } catch (cause) {
    throw storageError("STORAGE_READ_FAILED", `Cannot open key-value store ${directory}: ${levelReason(cause)}`, { cause });
  }
  return new LevelKeyValueStore(level, directory);
}

class LevelKeyValueStore implements KeyValueStore {
  readonly #level: Level;
  readonly #directory: string;

  constructor(level: Level, directory: string) {
    this.#level = level;
    this.#directory = directory;
  }

  get(key: Uint8Array): Promise<Uint8Array | undefined> {
    return this.#read(this.#level.get(key));
  }

  getMany(keys: readonly Uint8Array[]): Promise<readonly (Uint8Array | undefined)[]> {
    return keys.length === 0 ? Promise.resolve([]) : this.#read(this.#level.getMany([...keys]));
  }

  async write(changes: readonly KeyChange[], options?: { readonly sync?: boolean }): Promise<void> {
    try {
      // Each change is copied as it is put: what stands in `changes` is garbage at once and does not outlive the write.
      const batch = this.#level.batch();
      for (const change of changes) {
        if (change.type === "put") batch.put(change.key, change.value);
        else batch.del(change.key);
      }
      await batch.write({ sync: options?.sync === true });
    } catch (cause) {
      throw storageError("STORAGE_WRITE_FAILED", `Cannot write to key-value store ${this.#directory}: ${levelReason(cause)}`, {
        cause,
      });
    }
  }

  scan(range: KeyRange): Promise<readonly KeyAndValue[]> {
    const iterator = this.#level.iterator({
      gte: range.from,
      lt: range.to,
      limit: range.limit ?? -1,
      reverse: range.reverse === true,
    });
    return this.#read(iterator.all());
  }

  close(): Promise<void> {
    return this.#level.close();
  }

  async #read<T>(reading: Promise<T>): Promise<T> {
    try {
      return await reading;
    } catch (cause) {
      throw storageError("STORAGE_READ_FAILED", `Cannot read from key-value store ${this.#directory}: ${levelReason(cause)}`, {
        cause,
      });
    }
  }
}

/** LevelDB's reason stands in the cause of what the wrapper throws. */
export function levelReason(error: unknown): string {
  return error instanceof Error && error.cause instanceof Error ? reasonOf(error.cause) : reasonOf(error);
}
