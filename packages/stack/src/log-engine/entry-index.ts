// The index of a shard: identity, leaf hash and search keys to entries. It follows the log: what is not in the key-value store
// yet is in memory, and what is lost from memory in a crash is in the write-ahead file.
//
//   'i' ‖ identity[32]              -> index:u64
//   'l' ‖ leafHash[32]              -> index:u64            only where it differs from the identity
//   's' ‖ searchKeyHash[32] ‖ index:u64 -> leafHash[32]
//   'c'                             -> number of entries that the store has
import { equalBytes } from "@sigillum/library/encoding";
import type { Logger } from "../host/index.ts";
import type { KeyAndValue, KeyChange, KeyValueStore } from "../storage/index.ts";
import { IdentityFilter } from "./identity-filter.ts";

/** An entry as the index takes it. */
export interface IndexedEntry {
  readonly index: number;
  readonly identity: Uint8Array;
  readonly leafHash: Uint8Array;
  readonly searchKeys: readonly Uint8Array[];
}

/** An entry as a search finds it. */
export interface FoundEntry {
  readonly index: number;
  readonly leafHash: Uint8Array;
}

const cursorKey = Uint8Array.of(0x63);
const identityPrefix = 0x69;
const leafPrefix = 0x6c;
const searchPrefix = 0x73;
/** Entries of one write to the store. */
const maxFlushEntries = 4096;
/** Keys that are counted at a time. */
const scanPage = 8192;
/** Identities that are read at a time while the log answers. */
const filterPage = 1024;
/** Entries that are handed to the store at a time: more would hold up the event loop for milliseconds. */
const sliceEntries = 128;
/** With so many waiting, the store is written at once. */
const eagerFlushEntries = 1024;
const flushDelayMs = 250;

/** What an index is opened with. */
export interface EntryIndexOptions {
  /** The filter of every entry that the store has; without it one is made from the store in the background. */
  readonly filter?: IdentityFilter | undefined;
  /** The bound of such a filter. */
  readonly filterBytes: number;
}

/** Finds entries. Each write to the store is synced, so that the store never has a hole behind its cursor. */
export class EntryIndex {
  readonly #store: KeyValueStore;
  readonly #logger: Logger;
  readonly #identities: Map<string, number> = new Map();
  readonly #leaves: Map<string, number> = new Map();
  #waiting: IndexedEntry[] = [];
  #stored: number;
  #timer: NodeJS.Timeout | undefined;
  #flushing: Promise<void> | undefined;
  readonly #filter: IdentityFilter;
  /** The filter knows every identity of the store. */
  #filtering: boolean;
  #filling: Promise<void> | undefined;
  #closed = false;

  private constructor(store: KeyValueStore, logger: Logger, stored: number, { filter, filterBytes }: EntryIndexOptions) {
    this.#store = store;
    this.#logger = logger;
    this.#stored = stored;
    this.#filter = filter ?? new IdentityFilter(filterBytes);
    this.#filtering = filter !== undefined || stored === 0;
    if (!this.#filtering) this.#fill();
  }

  static async open(store: KeyValueStore, logger: Logger, options: EntryIndexOptions): Promise<EntryIndex> {
    return new EntryIndex(store, logger, await readCursor(store), options);
  }

  /** Make the store right for the entries of a state, while it is in use (`repairIndex`). */
  async repair(run: (store: KeyValueStore) => Promise<number>): Promise<number> {
    await this.#filling;
    // A filter that was made from a store with holes lacks what now comes into them.
    this.#filtering = false;
    try {
      return await run(this.#store);
    } finally {
      if (!this.#closed) this.#fill();
    }
  }

  /** The filter, once it knows every identity of the store. */
  get filter(): IdentityFilter | undefined {
    return this.#filtering ? this.#filter : undefined;
  }

  /** How many entries the store has durably; the write-ahead file must keep those after it. */
  get stored(): number {
    return this.#stored;
  }

  /** How many entries wait in memory. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Take committed entries; found from now on. Entries that the store has already are passed over. */
  add(entries: readonly IndexedEntry[]): void {
    for (const entry of entries) {
      this.#filter.add(entry.identity, entry.index);
      if (entry.index < this.#stored) continue;
      this.#identities.set(nameOf(entry.identity), entry.index);
      if (!equalBytes(entry.identity, entry.leafHash)) this.#leaves.set(nameOf(entry.leafHash), entry.index);
      this.#waiting.push(entry);
    }
    this.#schedule();
  }

  /** The indexes of many identities, in their order. */
  async findIdentities(identities: readonly Uint8Array[]): Promise<readonly (number | undefined)[]> {
    return this.#find(identities, this.#identities, identityPrefix, this.filter);
  }

  /** The index of the entry with this leaf hash. */
  async findLeafHash(leafHash: Uint8Array): Promise<number | undefined> {
    const [found] = await this.findLeafHashes([leafHash]);
    return found;
  }

  /** The indexes of the entries with these leaf hashes, in their order. */
  async findLeafHashes(leafHashes: readonly Uint8Array[]): Promise<readonly (number | undefined)[]> {
    const byLeaf = await this.#find(leafHashes, this.#leaves, leafPrefix);
    if (!byLeaf.includes(undefined)) return byLeaf;
    // Where an entry's identity is its leaf hash, only the identity is kept.
    const byIdentity = await this.findIdentities(leafHashes);
    return byLeaf.map((index, position) => index ?? byIdentity[position]);
  }

  /** The search keys (hashed) of each entry that the store lacks, in the order of the entries; what waits must have been flushed. */
  async hasSearchKeys(entries: readonly IndexedEntry[]): Promise<readonly (readonly Uint8Array[])[]> {
    const keys = entries.flatMap(({ index, searchKeys }) => searchKeys.map((hash) => searchKey(hash, indexBytes(index))));
    const values = await this.#store.getMany(keys);
    let at = 0;
    return entries.map(({ leafHash, searchKeys }) =>
      searchKeys.filter(() => {
        const value = values[at];
        at += 1;
        return value === undefined || !equalBytes(value, leafHash);
      }),
    );
  }

  /** How many keys of each kind the store has for entries below `size`. */
  async count(size: number): Promise<{ readonly identities: number; readonly leaves: number; readonly searchKeys: number }> {
    const byValue = (_: Uint8Array, value: Uint8Array): number => readIndex(value);
    return {
      identities: await this.#count(identityPrefix, size, byValue),
      leaves: await this.#count(leafPrefix, size, byValue),
      searchKeys: await this.#count(searchPrefix, size, (key) => readIndex(key.subarray(33))),
    };
  }

  async #count(prefix: number, size: number, indexOf: (key: Uint8Array, value: Uint8Array) => number): Promise<number> {
    let count = 0;
    let from: Uint8Array = Uint8Array.of(prefix);
    for (;;) {
      const page = await this.#store.scan({ from, to: Uint8Array.of(prefix + 1), limit: scanPage });
      for (const [key, value] of page) if (indexOf(key, value) < size) count += 1;
      const last = page.at(-1);
      if (last === undefined || page.length < scanPage) return count;
      from = after(last[0]);
    }
  }

  /** Entries under a search key (hashed) with an index below `before`, newest first. */
  async search(keyHash: Uint8Array, limit: number, before: number = Number.MAX_SAFE_INTEGER): Promise<readonly FoundEntry[]> {
    const from = searchKey(keyHash, indexBytes(0));
    const to = searchKey(keyHash, indexBytes(before));
    const waiting = this.#waiting.filter(
      ({ index, searchKeys }) => index < before && searchKeys.some((key) => equalBytes(key, keyHash)),
    );
    const stored = await this.#store.scan({ from, to, limit, reverse: true });
    const found = new Map(waiting.reverse().map(({ index, leafHash }) => [index, leafHash]));
    for (const [key, leafHash] of stored) found.set(readIndex(key.subarray(33)), leafHash);
    return [...found].map(([index, leafHash]) => ({ index, leafHash })).slice(0, limit);
  }

  /** Bring the entries below `size` into the store (under load, more keep coming behind them). */
  async flush(size: number = Number.POSITIVE_INFINITY): Promise<void> {
    while (this.#waiting.length > 0 && this.#stored < size) await this.#flushSome();
  }

  /** Flush and let go of the store. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    try {
      await this.#filling;
      await this.flush();
    } finally {
      await this.#store.close();
    }
  }

  /** Let go of the store without a flush: what waits is in the write-ahead file. */
  async abandon(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#waiting = [];
    await this.#filling;
    await this.#flushing?.catch(() => undefined);
    await this.#store.close();
  }

  async #find(
    hashes: readonly Uint8Array[],
    recent: ReadonlyMap<string, number>,
    prefix: number,
    filter?: IdentityFilter,
  ): Promise<readonly (number | undefined)[]> {
    const found = hashes.map((hash) => recent.get(nameOf(hash)));
    const missing = hashes.flatMap((hash, position) =>
      found[position] === undefined && (filter?.mayHave(hash) ?? true) ? [{ hash, position }] : [],
    );
    if (missing.length === 0) return found;
    const values = await this.#store.getMany(missing.map(({ hash }) => prefixed(prefix, hash)));
    for (const [at, { position }] of missing.entries()) {
      const value = values[at];
      if (value !== undefined) found[position] = readIndex(value);
    }
    return found;
  }

  /** Make the filter from the store; lookups go to the store meanwhile, and for ever should it not come to an end. */
  #fill(): void {
    this.#filling = this.#readIdentities()
      .then((whole) => {
        this.#filtering = whole;
      })
      .catch((error: unknown) => this.#logger.error("log.identity-filter-failed", { error }))
      .finally(() => {
        this.#filling = undefined;
      });
  }

  async #readIdentities(): Promise<boolean> {
    let from: Uint8Array = Uint8Array.of(identityPrefix);
    while (!this.#closed) {
      const page = await this.#store.scan({ from, to: Uint8Array.of(identityPrefix + 1), limit: filterPage });
      for (const [key, value] of page) this.#filter.add(key.subarray(1), readIndex(value));
      const last = page.at(-1);
      if (last === undefined || page.length < filterPage) return true;
      from = after(last[0]);
    }
    return false;
  }

  #schedule(): void {
    if (this.#waiting.length === 0 || this.#flushing !== undefined) return;
    if (this.#waiting.length >= eagerFlushEntries) this.#flushInBackground();
    else this.#timer ??= setTimeout(() => this.#flushInBackground(), flushDelayMs).unref();
  }

  #flushInBackground(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#flushSome().then(
      () => this.#schedule(),
      (error: unknown) => {
        // Nothing is lost: the entries wait in memory and in the write-ahead file, and the next batch tries again.
        this.#logger.error("log.index-write-failed", { error, waiting: this.#waiting.length });
      },
    );
  }

  #flushSome(): Promise<void> {
    this.#flushing ??= this.#write().finally(() => {
      this.#flushing = undefined;
    });
    return this.#flushing;
  }

  async #write(): Promise<void> {
    const entries = this.#waiting.slice(0, maxFlushEntries);
    const last = entries.at(-1);
    if (last === undefined) return;
    await writeEntries(this.#store, entries);
    this.#stored = last.index + 1;
    this.#waiting = this.#waiting.slice(entries.length);
    for (const entry of entries) {
      this.#identities.delete(nameOf(entry.identity));
      this.#leaves.delete(nameOf(entry.leafHash));
    }
  }
}

/** How many entries a store has; 0 in an empty one. */
export async function readCursor(store: KeyValueStore): Promise<number> {
  const cursor = await store.get(cursorKey);
  return cursor === undefined ? 0 : readIndex(cursor);
}

/**
 * Bring entries into a store, and the cursor with the last of them: in slices, so that the process answers between them. The store keeps
 * the order of writes, so the one that is synced makes those before it durable too, and a crash leaves no cursor without its entries.
 */
export async function writeEntries(store: KeyValueStore, entries: readonly IndexedEntry[]): Promise<void> {
  for (let start = 0; start < entries.length; start += sliceEntries) {
    const slice = entries.slice(start, start + sliceEntries);
    const changes: KeyChange[] = [];
    for (const entry of slice) changesFor(entry, changes);
    const last = start + sliceEntries >= entries.length;
    if (last) changes.push({ type: "put", key: cursorKey, value: indexBytes((slice.at(-1)?.index ?? 0) + 1) });
    await store.write(changes, { sync: last });
  }
}

/** Write the keys of entries that the store should have already; the cursor stays where it is. */
export async function rewriteEntries(store: KeyValueStore, entries: readonly IndexedEntry[]): Promise<void> {
  const changes: KeyChange[] = [];
  for (const entry of entries) changesFor(entry, changes);
  if (changes.length > 0) await store.write(changes, { sync: true });
}

/** Remove every key below `size` that is none of its entry's, as `entryAt` gives it. Returns how many there were. */
export async function removeExtras(
  store: KeyValueStore,
  size: number,
  entryAt: (index: number) => Promise<IndexedEntry | undefined>,
): Promise<number> {
  let removed = 0;
  for (const prefix of [identityPrefix, leafPrefix, searchPrefix]) {
    for (let from: Uint8Array | undefined = Uint8Array.of(prefix); from !== undefined; ) {
      const page: readonly KeyAndValue[] = await store.scan({ from, to: Uint8Array.of(prefix + 1), limit: scanPage });
      const extras: KeyChange[] = [];
      for (const [key, value] of page) {
        const index = readIndex(prefix === searchPrefix ? key.subarray(33) : value);
        if (index < size && !isKeyOf(await entryAt(index), key)) extras.push({ type: "delete", key });
      }
      if (extras.length > 0) await store.write(extras, { sync: true });
      removed += extras.length;
      const last = page.at(-1);
      from = last === undefined || page.length < scanPage ? undefined : after(last[0]);
    }
  }
  return removed;
}

function isKeyOf(entry: IndexedEntry | undefined, key: Uint8Array): boolean {
  if (entry === undefined) return false;
  const changes: KeyChange[] = [];
  changesFor(entry, changes);
  return changes.some((change) => equalBytes(change.key, key));
}

/** The next key in order: the same with a zero byte more. */
function after(key: Uint8Array): Uint8Array {
  const next = new Uint8Array(key.length + 1);
  next.set(key);
  return next;
}

function changesFor(entry: IndexedEntry, changes: KeyChange[]): void {
  const value = indexBytes(entry.index);
  changes.push({ type: "put", key: prefixed(identityPrefix, entry.identity), value });
  if (!equalBytes(entry.identity, entry.leafHash))
    changes.push({ type: "put", key: prefixed(leafPrefix, entry.leafHash), value });
  for (const hash of entry.searchKeys) changes.push({ type: "put", key: searchKey(hash, value), value: entry.leafHash });
}

function prefixed(prefix: number, hash: Uint8Array, ...suffix: readonly number[]): Uint8Array {
  const key = new Uint8Array(1 + hash.length + suffix.length);
  key[0] = prefix;
  key.set(hash, 1);
  if (suffix.length > 0) key.set(suffix, 1 + hash.length);
  return key;
}

function searchKey(hash: Uint8Array, index: Uint8Array): Uint8Array {
  const key = new Uint8Array(41);
  key[0] = searchPrefix;
  key.set(hash, 1);
  key.set(index, 33);
  return key;
}

const twoTo32 = 2 ** 32;

// Two 32-bit halves: sizes go to 2^53 - 1, and this runs for every key, where a BigInt costs more than the rest.
function indexBytes(index: number): Uint8Array {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, Math.floor(index / twoTo32));
  view.setUint32(4, index % twoTo32);
  return bytes;
}

function readIndex(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, 8);
  return view.getUint32(0) * twoTo32 + view.getUint32(4);
}

function nameOf(hash: Uint8Array): string {
  return Buffer.from(hash.buffer, hash.byteOffset, hash.length).toString("latin1");
}
