// Decisions that let an image pass, for a while. Refusals are never kept: what is missing now may be there in a moment.
import type { PolicyDecision } from "../image-policy/index.ts";

/** A bounded cache of passes. A class because of what it holds. */
export class DecisionCache {
  readonly #entries: Map<string, { readonly decision: PolicyDecision; readonly untilMs: number }> = new Map();
  readonly #ttlMs: number;
  readonly #maxEntries: number;

  constructor(ttlMs: number, maxEntries = 10_000) {
    this.#ttlMs = ttlMs;
    this.#maxEntries = maxEntries;
  }

  /** A pass that is still good. */
  get(key: string, nowMs: number): PolicyDecision | undefined {
    const found = this.#entries.get(key);
    if (found === undefined) return undefined;
    if (found.untilMs > nowMs) return found.decision;
    this.#entries.delete(key);
    return undefined;
  }

  /** Keep a pass; a refusal is a TypeError. */
  put(key: string, decision: PolicyDecision, nowMs: number): void {
    if (!decision.pass) throw new TypeError("only passes are kept");
    if (this.#ttlMs <= 0) return;
    const [oldest] = this.#entries.keys();
    if (oldest !== undefined && this.#entries.size >= this.#maxEntries) this.#entries.delete(oldest);
    this.#entries.set(key, { decision, untilMs: nowMs + this.#ttlMs });
  }
}
