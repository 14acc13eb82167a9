// Full tiles, entry bundles and blocks of times: written once when they are full, kept hot in memory.
import { entryBundlePath, hashLength, TileNodes, tilePath, tileWidth } from "@sigillum/library/merkle";
import type { ObjectStore } from "../storage/index.ts";
import { ByteCache } from "./byte-cache.ts";
import { logError } from "./errors.ts";

/** The path of a block of integrated times (8 bytes big-endian milliseconds an entry) below a log's directory. */
export function timesPath(index: number, width: number): string {
  return entryBundlePath(index, width).replace(/^tile\/entries\//, "meta/times/");
}

/** Objects that are written at a time: a store that is reached over a network takes as long for one as for several. */
const writesAtOnce = 8;

/** One full or snapshot object to be written. */
export interface StoredObject {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** An entry bundle taken apart. */
export interface Bundle {
  readonly records: readonly Uint8Array[];
  readonly timesMs: readonly number[];
}

/** Reads and writes full tiles. What was handed to `add` can be read at once, whether or not it is on the disk yet. */
export class TileStore {
  readonly #objects: ObjectStore;
  readonly #splitBundle: (bundle: Uint8Array) => Uint8Array[];
  readonly #unwritten: Map<string, Uint8Array> = new Map();
  readonly #files: ByteCache<Uint8Array>;
  readonly #nodes: ByteCache<TileNodes>;
  readonly #bundles: ByteCache<Bundle>;
  readonly #bundlesBeingRead: Map<number, Promise<Bundle>> = new Map();
  #unwrittenBytes = 0;
  #flushing: Promise<void> | undefined;

  constructor(objects: ObjectStore, splitBundle: (bundle: Uint8Array) => Uint8Array[], cacheBytes: number) {
    this.#objects = objects;
    this.#splitBundle = splitBundle;
    this.#files = new ByteCache(cacheBytes);
    this.#nodes = new ByteCache(cacheBytes);
    this.#bundles = new ByteCache(cacheBytes);
  }

  /** Take full objects of committed entries; `flush` brings them to the disk. */
  add(objects: readonly StoredObject[]): void {
    for (const { path, bytes } of objects) {
      this.#unwrittenBytes += bytes.length - (this.#unwritten.get(path)?.length ?? 0);
      this.#unwritten.set(path, bytes);
      this.#files.set(path, bytes, bytes.length);
    }
  }

  /** Bytes that were added and are not on the disk yet. */
  get unwrittenBytes(): number {
    return this.#unwrittenBytes;
  }

  /** Write everything that was added before this call. What could not be written stays in memory, and the write-ahead file has its entries. */
  async flush(): Promise<void> {
    while (this.#unwritten.size > 0) {
      this.#flushing ??= this.#write().finally(() => {
        this.#flushing = undefined;
      });
      await this.#flushing;
    }
  }

  async #write(): Promise<void> {
    const left = [...this.#unwritten];
    while (left.length > 0) {
      const written = await Promise.allSettled(
        left.splice(0, writesAtOnce).map(async ([path, bytes]) => {
          await this.#objects.write(path, bytes);
          this.#unwritten.delete(path);
          this.#unwrittenBytes -= bytes.length;
        }),
      );
      for (const end of written) if (end.status === "rejected") throw end.reason;
    }
  }

  /** An object, from memory or disk; `check` looks at what comes from the disk before anybody gets it, and throws if it is not right. */
  async file(path: string, check: (bytes: Uint8Array) => void | Promise<void>): Promise<Uint8Array | undefined> {
    const hot = this.#unwritten.get(path) ?? this.#files.get(path);
    if (hot !== undefined) return hot;
    const bytes = await this.#objects.read(path);
    if (bytes === undefined) return undefined;
    await check(bytes);
    this.#files.set(path, bytes, bytes.length);
    return bytes;
  }

  async #read(path: string): Promise<Uint8Array> {
    const bytes = this.#unwritten.get(path) ?? this.#files.get(path) ?? (await this.#objects.read(path));
    if (bytes === undefined) throw logError("LOG_STATE_CORRUPT", `Cannot read ${path}: the file is missing`, { found: path });
    return bytes;
  }

  /** A full tile with its inner nodes; undefined when it is not in memory. */
  hotNodes(level: number, index: number): TileNodes | undefined {
    return this.#nodes.get(`${level}/${index}`);
  }

  /** Keep the nodes of a full tile. */
  keepNodes(level: number, index: number, nodes: TileNodes): void {
    this.#nodes.set(`${level}/${index}`, nodes, 2 * tileWidth * 32);
  }

  /** A full tile as it stands in memory or on the disk. Whether it is the right one was not checked: the caller keeps it when it is. */
  async storedNodes(level: number, index: number): Promise<TileNodes> {
    const path = tilePath({ level, index, width: tileWidth });
    const bytes = await this.#read(path);
    if (bytes.length === tileWidth * hashLength) return TileNodes.from(bytes);
    throw logError("LOG_STATE_CORRUPT", `Cannot read ${path}: it has ${bytes.length} bytes, expected ${tileWidth * hashLength}`, {
      found: path,
    });
  }

  /** A full entry bundle with its times, as it stands: its leaves were not compared with the tree. */
  bundle(index: number): Promise<Bundle> {
    const hot = this.#bundles.get(String(index));
    if (hot !== undefined) return Promise.resolve(hot);
    // Hundreds may ask for entries of one bundle at once: it is taken apart once.
    const known = this.#bundlesBeingRead.get(index);
    if (known !== undefined) return known;
    const reading = this.#readBundle(index).finally(() => this.#bundlesBeingRead.delete(index));
    this.#bundlesBeingRead.set(index, reading);
    return reading;
  }

  async #readBundle(index: number): Promise<Bundle> {
    const bytes = await this.#read(entryBundlePath(index, tileWidth));
    const bundle = { records: this.#splitBundle(bytes), timesMs: parseTimes(await this.#read(timesPath(index, tileWidth))) };
    if (bundle.records.length !== tileWidth || bundle.timesMs.length !== tileWidth) {
      throw logError(
        "LOG_STATE_CORRUPT",
        `Cannot read entry bundle ${index}: it has ${bundle.records.length} entries and ${bundle.timesMs.length} times, expected ${tileWidth}`,
      );
    }
    this.#bundles.set(String(index), bundle, bytes.length + tileWidth * 120);
    return bundle;
  }
}

/** Write a block of times. */
export function encodeTimes(timesMs: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(timesMs.length * 8);
  const view = new DataView(bytes.buffer);
  for (const [position, timeMs] of timesMs.entries()) view.setBigUint64(position * 8, BigInt(timeMs));
  return bytes;
}

/** Read a block of times. */
export function parseTimes(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const timesMs: number[] = [];
  for (let at = 0; at + 8 <= bytes.length; at += 8) timesMs.push(view.getUint32(at) * 2 ** 32 + view.getUint32(at + 4));
  return timesMs;
}
