// A bounded cache that forgets about the least recently used, at the cost of one map lookup a hit.

/** Keeps at least the last `capacity / 2` values that were asked for, and at most `capacity`. */
export class GenerationCache<T> {
  readonly #half: number;
  #young = new Map<string, T>();
  #old = new Map<string, T>();

  constructor(capacity: number) {
    this.#half = Math.max(1, Math.floor(capacity / 2));
  }

  /** The value kept under a name, if it is still here. */
  get(name: string): T | undefined {
    const young = this.#young.get(name);
    if (young !== undefined) return young;
    const old = this.#old.get(name);
    if (old !== undefined) this.set(name, old);
    return old;
  }

  /** Keep a value; the older half is dropped when the younger is full. */
  set(name: string, value: T): void {
    if (this.#young.size >= this.#half) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(name, value);
  }

  /** How many values are kept, one that stands in both halves counted twice. */
  get size(): number {
    return this.#young.size + this.#old.size;
  }
}
