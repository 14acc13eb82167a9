// The witnesses of one shard: each is asked about the newest checkpoint, one question at a time, and none waits for another.
import { encodeHex, equalBytes, type JsonValue } from "@sigillum/library/encoding";
import type { Clock, Counter, Logger, MetricsRegistry } from "../host/index.ts";
import type { CheckpointCosigner, CosignedShard, DurableHead } from "../log-engine/index.ts";
import { askWitness, type Witness } from "./ask.ts";
import { encodeMemory, type KeptCosignature, type KeptWitness, parseMemory } from "./memory.ts";

/** How witnesses are asked. */
export interface WitnessOptions {
  readonly witnesses: readonly Witness[];
  /** How many cosignatures a checkpoint should have before it is published; 0 publishes at once. */
  readonly quorum: number;
  /** How long a checkpoint waits for them at most; then it is published without. */
  readonly waitMs: number;
  /** Least time between two questions to a witness while nobody waits for it. */
  readonly everyMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics?: MetricsRegistry;
  readonly limits?: Partial<WitnessLimits>;
  /** A clock that never steps, for pauses; the machine's where nothing is said. */
  steadyMs?(): number;
}

/** Times that are no settings. */
export interface WitnessLimits {
  /** The longest that one question takes. */
  readonly requestMs: number;
  /** How long a witness that failed is left alone: at first, doubling, and at most. */
  readonly firstPauseMs: number;
  readonly longestPauseMs: number;
}

const defaultLimits: WitnessLimits = { requestMs: 10_000, firstPauseMs: 1000, longestPauseMs: 60_000 };
/** What is kept is written at most so often. */
const keepEveryMs = 1000;

interface Asked {
  readonly witness: Witness;
  size: number;
  cosignature?: KeptCosignature;
  busy: boolean;
  /** The head of the last question. */
  asked?: DurableHead;
  askedMs: number;
  failures: number;
  retryMs: number;
  error?: unknown;
  /** A checkpoint was published without it because its time was up; until it answers nobody waits for it. */
  late: boolean;
  timer?: NodeJS.Timeout;
}

/** Asks the witnesses of one shard. Invariant: a line is in `lines` only after it was verified over that head. */
export class ShardWitnesses implements CheckpointCosigner {
  readonly #options: WitnessOptions;
  readonly #limits: WitnessLimits;
  readonly #asked: Asked[];
  readonly #steadyMs: () => number;
  /** Witnesses that are asked no more, whose lines still stand. */
  #former: readonly KeptWitness[] = [];
  readonly #abort: AbortController = new AbortController();
  readonly #running: Set<Promise<void>> = new Set();
  #shard: CosignedShard | undefined;
  #head: DurableHead | undefined;
  #waiting: (() => void) | undefined;
  #missed = false;
  #keeping: Promise<void> | undefined;
  #keepTimer: NodeJS.Timeout | undefined;
  #missedCount: Counter | undefined;
  #outcomes: Counter | undefined;

  constructor(options: WitnessOptions) {
    this.#options = options;
    this.#limits = { ...defaultLimits, ...options.limits };
    this.#steadyMs = () => options.steadyMs?.() ?? performance.now();
    this.#asked = options.witnesses.map((witness) => ({
      witness,
      size: 0,
      busy: false,
      askedMs: Number.NEGATIVE_INFINITY,
      failures: 0,
      retryMs: 0,
      late: false,
    }));
  }

  start(shard: CosignedShard): void {
    this.#shard = shard;
    this.#remember(shard);
    this.#measure(shard.origin);
  }

  async cosign(head: DurableHead, { wait }: { readonly wait: boolean }): Promise<void> {
    this.#head = head;
    const { quorum, waitMs } = this.#options;
    const waits = wait && quorum > 0;
    if (!waits) {
      for (const one of this.#asked) this.#kick(one, false);
      return;
    }
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        for (const one of this.#asked) one.late ||= this.#isAwaited(one);
        done();
      }, waitMs);
      const done = (): void => {
        clearTimeout(timer);
        this.#waiting = undefined;
        resolve();
      };
      this.#waiting = () => {
        if (this.#cosigned(head) >= quorum || !this.#asked.some((one) => this.#isAwaited(one))) done();
      };
      for (const one of this.#asked) this.#kick(one, true);
      this.#waiting?.();
    });
    this.#tellQuorum(head);
  }

  lines({ size, root }: { readonly size: number; readonly root: Uint8Array }): readonly string[] {
    return [...this.#asked, ...this.#former].flatMap(({ cosignature }) =>
      cosignature !== undefined && cosignature.size === size && equalBytes(cosignature.root, root) ? [cosignature.line] : [],
    );
  }

  status(): JsonValue {
    const [head, { quorum }] = [this.#head, this.#options];
    const list = this.#asked.map(({ witness, cosignature, failures, error }) => ({
      name: witness.key.name,
      url: witness.url,
      state: failures > 0 ? "failing" : head !== undefined && cosignature?.size === head.size ? "cosigned" : "behind",
      ...(cosignature === undefined
        ? {}
        : { size: cosignature.size, time: new Date(cosignature.timestampS * 1000).toISOString() }),
      ...(failures > 0 ? { failures, error: messageOf(error) } : {}),
    }));
    return { quorum, cosignatures: head === undefined ? 0 : this.#cosigned(head), witnesses: list };
  }

  async close(): Promise<void> {
    this.#abort.abort();
    for (const one of this.#asked) clearTimeout(one.timer);
    this.#waiting?.();
    await Promise.all(this.#running);
    clearTimeout(this.#keepTimer);
    const pending = this.#keepTimer !== undefined;
    this.#keepTimer = undefined;
    await this.#keeping;
    if (pending) await this.#keep();
  }

  #remember(shard: CosignedShard): void {
    if (shard.memory === undefined) return;
    try {
      const kept = parseMemory(shard.memory, shard.origin);
      for (const one of this.#asked) {
        const before = kept.find(({ verifierKey }) => verifierKey === one.witness.verifierKey);
        if (before === undefined) continue;
        one.size = before.size;
        if (before.cosignature !== undefined) one.cosignature = before.cosignature;
      }
      this.#former = kept.filter(({ verifierKey }) => this.#asked.every(({ witness }) => witness.verifierKey !== verifierKey));
    } catch (error) {
      // Nothing in it is needed: sizes come with the next 409, cosignatures with the next question.
      this.#options.logger.warn("log.witness-memory-unreadable", { origin: shard.origin, error });
    }
  }

  #measure(origin: string): void {
    const { metrics } = this.#options;
    this.#missedCount = metrics?.counter(
      "sigillum_log_witness_quorum_missed_total",
      "Checkpoints published with fewer cosignatures than the quorum",
      ["origin"],
    );
    this.#outcomes = metrics?.counter("sigillum_log_witness_answers_total", "Answers of witnesses, by outcome", [
      "origin",
      "witness",
      "outcome",
    ]);
    for (const one of this.#asked)
      metrics?.gauge(
        "sigillum_log_witnessed_size",
        "Entries in the last tree that a witness cosigned",
        () => one.cosignature?.size ?? 0,
        {
          origin,
          witness: one.witness.key.name,
        },
      );
  }

  #cosigned(head: DurableHead): number {
    return this.#asked.filter((one) => hasCosigned(one, head)).length;
  }

  /** Whether an answer of this witness may still come in the time of a checkpoint. */
  #isAwaited(one: Asked): boolean {
    const head = this.#head;
    if (head === undefined || one.late || one.failures > 0 || hasCosigned(one, head)) return false;
    return one.busy || one.asked !== head;
  }

  /** Ask now, or when its time has come. A question that is out goes on; the newest head is asked about after it. */
  #kick(one: Asked, waited: boolean): void {
    const head = this.#head;
    if (head === undefined || one.busy || this.#abort.signal.aborted || hasCosigned(one, head)) return;
    const gentleMs = waited ? 0 : one.askedMs + this.#options.everyMs;
    const delayMs = Math.max(one.failures > 0 ? one.retryMs : 0, gentleMs) - this.#steadyMs();
    clearTimeout(one.timer);
    if (delayMs > 0) {
      one.timer = setTimeout(() => this.#kick(one, false), delayMs).unref();
      return;
    }
    const asking = this.#ask(one, head).finally(() => {
      this.#running.delete(asking);
      this.#waiting?.();
      this.#kick(one, this.#waiting !== undefined);
    });
    this.#running.add(asking);
  }

  async #ask(one: Asked, head: DurableHead): Promise<void> {
    const { clock } = this.#options;
    one.busy = true;
    one.asked = head;
    one.askedMs = this.#steadyMs();
    try {
      const { line, timestampS } = await askWitness(one.witness, head, {
        oldSize: one.size,
        nowMs: clock.nowMs(),
        timeoutMs: this.#limits.requestMs,
        signal: this.#abort.signal,
        onSize: (size) => {
          one.size = size;
        },
      });
      one.size = head.size;
      one.cosignature = { size: head.size, root: head.root, line, timestampS };
      this.#succeeded(one, head);
    } catch (error) {
      if (!this.#abort.signal.aborted) this.#failed(one, head, error);
    } finally {
      one.busy = false;
    }
  }

  #succeeded(one: Asked, head: DurableHead): void {
    const { logger } = this.#options;
    const fields = { origin: head.origin, witness: one.witness.key.name, size: head.size };
    if (one.failures > 0) logger.info("log.witness-recovered", fields);
    this.#outcomes?.add(1, head.origin, one.witness.key.name, "cosigned");
    one.failures = 0;
    one.late = false;
    one.error = undefined;
    this.#shard?.changed();
    this.#keepSoon();
  }

  #failed(one: Asked, head: DurableHead, error: unknown): void {
    const { logger } = this.#options;
    one.failures += 1;
    one.error = error;
    // What it says of its size is not proved: the next question starts from where both can stand.
    one.size = Math.min(one.size, head.size);
    const pauseMs = Math.min(this.#limits.firstPauseMs * 2 ** (one.failures - 1), this.#limits.longestPauseMs);
    one.retryMs = this.#steadyMs() + pauseMs;
    this.#outcomes?.add(1, head.origin, one.witness.key.name, "failed");
    const fields = { origin: head.origin, witness: one.witness.key.name, size: head.size, failures: one.failures, error };
    // Told once; that it goes on is in the metrics and in the operator's list.
    if (one.failures === 1) logger.warn("log.witness-failed", fields);
    else logger.debug("log.witness-failed", fields);
  }

  #tellQuorum(head: DurableHead): void {
    const [{ quorum, logger }, cosignatures] = [this.#options, this.#cosigned(head)];
    const fields = { origin: head.origin, size: head.size, root: encodeHex(head.root), quorum, cosignatures };
    if (cosignatures >= quorum) {
      if (this.#missed) logger.info("log.witness-quorum-reached", fields);
      this.#missed = false;
      return;
    }
    this.#missedCount?.add(1, head.origin);
    if (this.#missed) return;
    this.#missed = true;
    const missing = this.#asked.filter((one) => !hasCosigned(one, head)).map(({ witness }) => witness.key.name);
    logger.error("log.witness-quorum-missed", { ...fields, missing });
  }

  #keepSoon(): void {
    this.#keepTimer ??= setTimeout(() => {
      this.#keepTimer = undefined;
      this.#keeping = (this.#keeping ?? Promise.resolve()).then(() => this.#keep());
    }, keepEveryMs).unref();
  }

  async #keep(): Promise<void> {
    const own = this.#asked.map(({ witness, size, cosignature }) => ({
      verifierKey: witness.verifierKey,
      size,
      ...(cosignature === undefined ? {} : { cosignature }),
    }));
    try {
      await this.#shard?.keep(encodeMemory([...own, ...this.#former]));
    } catch (error) {
      // A shard on storage that cannot be written: it asks again after a restart.
      this.#options.logger.warn("log.witness-memory-unwritten", { origin: this.#shard?.origin, error });
    }
  }
}

function hasCosigned({ cosignature }: Asked, head: DurableHead): boolean {
  return cosignature !== undefined && cosignature.size === head.size && equalBytes(cosignature.root, head.root);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
