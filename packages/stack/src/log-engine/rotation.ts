// The rotation of a log's shards, in the order that no client notices (docs/specs: transparency log, rotation):
//
//   plan      a new shard with a key of its own is recorded and opened
//   publish   its key goes into the trusted root
//   wait      until clients' caches of the trusted root have run out
//   activate  signing configs name it, or the face switches to it
//   wait      a grace period in which both accept entries, where both have addresses of their own
//   retire    the older shards are sealed
//
// Every step is recorded by what it does to durable state, and may be done again: after a crash `advance` goes on where it stopped.

/** The states of one log's shards, and what each step does; each returns once its effect is durable, and minds no repetition. */
export interface RotationSteps {
  /** The shard that waits for its turn, and since when its key is in the published trusted root. */
  planned(): { readonly id: string; readonly publishedMs?: number } | undefined;
  plan(nowMs: number): Promise<void>;
  /** Open the planned shard, if it is not open. */
  open(): Promise<void>;
  /** Resolves once trusted root and signing configs are published as they should be, and rejects when they are not. */
  publish(): Promise<void>;
  /** Note that the planned shard's key has been published. */
  recordPublished(nowMs: number): Promise<void>;
  activate(nowMs: number): Promise<void>;
  /** The newest shard that accepts entries beside older ones, and since when; undefined when one alone does. */
  overlapping(): { readonly id: string; readonly activatedMs: number } | undefined;
  retire(nowMs: number): Promise<void>;
  /** Whether the schedule asks for a rotation; only asked while none is under way. */
  isDue?(nowMs: number): boolean;
}

/** When a shard is followed by another without anybody's asking; an absent or zero value never asks. */
export interface RotationSchedule {
  /** The age at which the next shard should have taken over. */
  readonly everyMs?: number;
  /** The size from which on the next shard is prepared. */
  readonly entries?: number;
}

/** Whether a shard that was active since `sinceMs` and has `size` entries should be followed now, so that waiting for caches is done in time. */
export function isRotationDue(
  { everyMs = 0, entries = 0 }: RotationSchedule,
  shard: { readonly sinceMs: number; readonly size: number },
  nowMs: number,
  cacheWindowMs: number,
): boolean {
  return (everyMs > 0 && nowMs >= shard.sinceMs + everyMs - cacheWindowMs) || (entries > 0 && shard.size >= entries);
}

/** How long each wait is. */
export interface RotationPeriods {
  /** Clients may use a trusted root that was fetched so long ago (TUF clients: up to seven days). */
  readonly cacheWindowMs: number;
  /** Both shards accept entries for so long after the new one is named. */
  readonly graceMs: number;
}

/** Where a rotation stands. */
export type RotationStatus =
  | { readonly step: "idle" }
  | { readonly step: "published" | "overlap"; readonly shard: string; readonly untilMs: number };

/** What a rotation has just done, for the operator's log. */
export type RotationEvent = "planned" | "published" | "activated" | "predecessors sealed";

/** Runs the steps of one log, one call at a time. */
export class ShardRotation {
  readonly #steps: RotationSteps;
  readonly #periods: RotationPeriods;
  readonly #onEvent: (event: RotationEvent, shard: string) => void;
  #last: Promise<unknown> = Promise.resolve();

  constructor(
    steps: RotationSteps,
    periods: RotationPeriods,
    onEvent: (event: RotationEvent, shard: string) => void = () => undefined,
  ) {
    this.#steps = steps;
    this.#periods = periods;
    this.#onEvent = onEvent;
  }

  /** Begin a rotation; one that is under way is carried on instead. */
  start(nowMs: number): Promise<RotationStatus> {
    return this.#alone(async () => {
      if (this.#steps.planned() === undefined && this.#steps.overlapping() === undefined) await this.#plan(nowMs);
      return this.#advance(nowMs);
    });
  }

  /** Do every step whose time has come; begin a rotation when the schedule asks for one. */
  advance(nowMs: number): Promise<RotationStatus> {
    return this.#alone(async () => {
      const idle = this.#steps.planned() === undefined && this.#steps.overlapping() === undefined;
      if (idle && this.#steps.isDue?.(nowMs) === true) await this.#plan(nowMs);
      return this.#advance(nowMs);
    });
  }

  async #plan(nowMs: number): Promise<void> {
    await this.#steps.plan(nowMs);
    this.#onEvent("planned", this.#steps.planned()?.id ?? "");
  }

  async #advance(nowMs: number): Promise<RotationStatus> {
    const planned = this.#steps.planned();
    if (planned !== undefined) {
      await this.#steps.open();
      if (planned.publishedMs === undefined) {
        await this.#steps.publish();
        // A crash before this line publishes the same once more, and counts the wait from then.
        await this.#steps.recordPublished(nowMs);
        this.#onEvent("published", planned.id);
      }
      const untilMs = (planned.publishedMs ?? nowMs) + this.#periods.cacheWindowMs;
      if (nowMs < untilMs) return { step: "published", shard: planned.id, untilMs };
      await this.#steps.activate(nowMs);
      this.#onEvent("activated", planned.id);
      await this.#steps.publish();
    }
    const overlapping = this.#steps.overlapping();
    if (overlapping === undefined) return { step: "idle" };
    const untilMs = overlapping.activatedMs + this.#periods.graceMs;
    if (nowMs < untilMs) return { step: "overlap", shard: overlapping.id, untilMs };
    // While clients are still told of the older shard, it has to accept what they send.
    await this.#steps.publish();
    await this.#steps.retire(nowMs);
    this.#onEvent("predecessors sealed", overlapping.id);
    await this.#steps.publish();
    return { step: "idle" };
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work, work);
    this.#last = result.catch(() => undefined);
    return result;
  }
}
