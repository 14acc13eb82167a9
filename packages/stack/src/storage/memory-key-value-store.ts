// A key-value store in memory that forgets what was not synced, and fails where a test tells it to.
import { storageError } from "./errors.ts";
import type { KeyAndValue, KeyChange, KeyRange, KeyValueStore } from "./key-value-store.ts";

/** Keys and values in memory, with the guarantees of the contract and no more. */
export class MemoryKeyValueStore implements KeyValueStore {
  #values: Map<string, Uint8Array> = new Map();
  #durable: Map<string, Uint8Array> = new Map();
  #failing: "before" | "after" | undefined;

  /** Make the next write fail, before it did anything or after it had its effect. */
  failNextWrite(when: "before" | "after"): void {
    this.#failing = when;
  }

  /** What the store holds after a power cut now. */
  afterPowerCut(): MemoryKeyValueStore {
    const next = new MemoryKeyValueStore();
    next.#values = new Map(this.#durable);
    next.#durable = new Map(this.#durable);
    return next;
  }

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    await Promise.resolve();
    return this.#values.get(nameOf(key));
  }

  async getMany(keys: readonly Uint8Array[]): Promise<readonly (Uint8Array | undefined)[]> {
    await Promise.resolve();
    return keys.map((key) => this.#values.get(nameOf(key)));
  }

  async write(changes: readonly KeyChange[], options?: { readonly sync?: boolean }): Promise<void> {
    await Promise.resolve();
    const failing = this.#failing;
    this.#failing = undefined;
    if (failing !== "before") {
      for (const change of changes) {
        if (change.type === "put") this.#values.set(nameOf(change.key), change.value.slice());
        else this.#values.delete(nameOf(change.key));
      }
      // LevelDB's log is one sequence: a synced write makes those before it durable too.
      if (options?.sync === true) this.#durable = new Map(this.#values);
    }
    if (failing !== undefined) throw storageError("STORAGE_WRITE_FAILED", "Cannot write to the key-value store in memory: EIO");
  }

  async scan(range: KeyRange): Promise<readonly KeyAndValue[]> {
    await Promise.resolve();
    const from = nameOf(range.from);
    const to = nameOf(range.to);
    const names = [...this.#values.keys()].filter((name) => name >= from && name < to).sort();
    if (range.reverse === true) names.reverse();
    return names
      .slice(0, range.limit ?? names.length)
      .map((name): KeyAndValue => [Buffer.from(name, "hex"), this.#values.get(name) ?? new Uint8Array(0)]);
  }

  async close(): Promise<void> {
    await Promise.resolve();
  }
}

function nameOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.length).toString("hex");
}
