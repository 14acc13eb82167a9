// A sequence of choices that is the same for the same seed.

/** Chooses. */
export interface Choices {
  /** An integer from 0 up to, not including, a bound. */
  below(bound: number): number;
  /** True with a probability. */
  chance(probability: number): boolean;
  /** One of a list. */
  of<T>(list: readonly T[]): T;
}

/** Choices from a seed (mulberry32). */
export function choicesFrom(seed: number): Choices {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const below = (bound: number): number => Math.floor(next() * bound);
  return {
    below,
    chance: (probability) => next() < probability,
    of: (list) => {
      const item = list[below(list.length)];
      if (item === undefined) throw new TypeError("nothing to choose from");
      return item;
    },
  };
}
