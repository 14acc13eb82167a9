// How often a password may be guessed: a few times at once, and then once in a while, for each account and for each address.
import type { Clock } from "../host/index.ts";
import { identityProviderError } from "./errors.ts";

/** Failures that are free, and the time after which one of them is forgotten. */
export const attemptLimits: {
  readonly account: number;
  readonly address: number;
  readonly forgetMs: number;
  readonly entries: number;
} = {
  account: 5,
  address: 30,
  forgetMs: 60_000,
  entries: 20_000,
};

interface Failures {
  readonly count: number;
  readonly atMs: number;
}

/** Counts failures; each is forgotten after a while. Bounded: the oldest entries make room. */
export class AttemptLimit {
  readonly #clock: Clock;
  readonly #failures: Map<string, Failures> = new Map();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Throws IDENTITY_TOO_MANY_ATTEMPTS where any of the keys has used its failures up. */
  check(keys: readonly string[]): void {
    for (const key of keys) {
      const limit = key.startsWith("account ") ? attemptLimits.account : attemptLimits.address;
      const { count } = this.#current(key);
      if (count < limit) continue;
      const minutes = Math.ceil(((count - limit + 1) * attemptLimits.forgetMs) / 60_000);
      throw identityProviderError(
        "IDENTITY_TOO_MANY_ATTEMPTS",
        `Cannot sign in: there were too many attempts; try again in ${minutes === 1 ? "a minute" : `${minutes} minutes`}`,
        { found: `${count} failures`, expected: `fewer than ${limit}` },
      );
    }
  }

  count(keys: readonly string[]): void {
    for (const key of keys) {
      const { count, atMs } = this.#current(key);
      this.#failures.delete(key);
      this.#failures.set(key, { count: count + 1, atMs });
    }
    for (const oldest of this.#failures.keys()) {
      if (this.#failures.size <= attemptLimits.entries) return;
      this.#failures.delete(oldest);
    }
  }

  /** A right password ends the account's count; the address's goes on, for it may belong to many. */
  forget(keys: readonly string[]): void {
    for (const key of keys) if (key.startsWith("account ")) this.#failures.delete(key);
  }

  /** What is left of a key's failures, and since when the next one fades. */
  #current(key: string): Failures {
    const nowMs = this.#clock.nowMs();
    const failures = this.#failures.get(key);
    if (failures === undefined) return { count: 0, atMs: nowMs };
    const forgotten = Math.max(0, Math.floor((nowMs - failures.atMs) / attemptLimits.forgetMs));
    if (forgotten >= failures.count) return { count: 0, atMs: nowMs };
    return { count: failures.count - forgotten, atMs: failures.atMs + forgotten * attemptLimits.forgetMs };
  }
}
