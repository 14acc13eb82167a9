// What an evaluation may spend. Counted, never timed: the same policy and document end the same way on every machine.
import { valuesError } from "./errors.ts";

/** The limits of one evaluation. */
export interface BudgetLimits {
  /** Expressions evaluated, elements visited, and the like; default 5 million. */
  readonly steps?: number;
  /** Nesting of rules, functions and comprehensions; default 256. */
  readonly depth?: number;
  /** Bytes of text and values built, counted roughly (16 an element, 2 a character of text); default 64 MiB. */
  readonly bytes?: number;
}

const defaults = { steps: 5_000_000, depth: 256, bytes: 64 << 20 } as const;

/** A running count of what one evaluation spends; each method throws its POLICY_…_EXCEEDED code when a limit is passed. */
export class Budget {
  readonly limits: Required<BudgetLimits>;
  #steps: number;
  #depth: number;
  #bytes: number;

  constructor(limits: BudgetLimits = {}) {
    this.limits = { ...defaults, ...limits };
    this.#steps = this.limits.steps;
    this.#depth = this.limits.depth;
    this.#bytes = this.limits.bytes;
  }

  /** Steps spent so far. */
  get steps(): number {
    return this.limits.steps - this.#steps;
  }

  /** Bytes spent so far. */
  get bytes(): number {
    return this.limits.bytes - this.#bytes;
  }

  /** Spend steps. */
  step(count = 1): void {
    this.#steps -= count;
    if (this.#steps < 0) throw exceeded("POLICY_STEPS_EXCEEDED", "steps", this.limits.steps);
  }

  /** Go one level deeper; `leave` comes back. */
  enter(): void {
    if (--this.#depth < 0) throw exceeded("POLICY_DEPTH_EXCEEDED", "levels of nesting", this.limits.depth);
  }

  /** Come back from a level. */
  leave(): void {
    this.#depth++;
  }

  /** Spend bytes: call it BEFORE building a text or collection of that size. */
  allocate(bytes: number): void {
    this.#bytes -= bytes;
    if (this.#bytes < 0) throw exceeded("POLICY_BYTES_EXCEEDED", "bytes", this.limits.bytes);
  }
}

function exceeded(
  code: "POLICY_STEPS_EXCEEDED" | "POLICY_DEPTH_EXCEEDED" | "POLICY_BYTES_EXCEEDED",
  unit: string,
  limit: number,
) {
  return valuesError(code, `Cannot evaluate policy: it takes more than ${limit} ${unit}`, { expected: `at most ${limit}` });
}
