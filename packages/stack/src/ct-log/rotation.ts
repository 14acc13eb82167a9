// The shards of a CT log and their rotation: each is a log of its own, below the first one's address. The certificate authority of this
// process moves to the next one once clients know its key; the older ones stay readable.
import type { Clock } from "../host/index.ts";
import { type Keyring, plannedShard, publishedChange, type ShardRecord } from "../keyring/index.ts";
import { type RotationEvent, type RotationSteps, ShardRotation } from "../log-engine/index.ts";
import { CtLog, type CtLogOptions } from "./ct-log.ts";

/** What a rotation needs beside the shards. */
export interface CtRotationParts {
  /** Clients may use a trusted root that was fetched so long ago. */
  readonly cacheWindowMs: number;
  /** Publish the trusted root as the keyring has it now; rejects when clients cannot have it yet. */
  publish(): Promise<void>;
  /** Told of each step that was done. */
  readonly onEvent?: (event: RotationEvent, shard: string) => void;
}

/** What shards are opened with. */
export interface CtShardsOptions extends CtLogOptions {
  /** Told of every shard that was opened. */
  opened?(record: ShardRecord, shard: CtLog["shard"]): Promise<void>;
}

/** Every shard that is open, by id, and the one that new certificates go to. */
export class CtShards {
  readonly #options: CtShardsOptions;
  readonly #open: Map<string, CtLog> = new Map();
  #active: CtLog;

  private constructor(options: CtShardsOptions, active: CtLog) {
    this.#options = options;
    this.#active = active;
  }

  /** Opens every shard of the keyring. */
  static async open(options: CtShardsOptions): Promise<CtShards> {
    const active = await CtLog.open(options);
    const shards = new CtShards(options, active);
    await shards.#keep(active);
    for (const record of options.keyring.shards("ct")) await shards.add(record);
    return shards;
  }

  get active(): CtLog {
    return this.#active;
  }

  get all(): readonly CtLog[] {
    return [...this.#open.values()];
  }

  /** The shard of an id that is not the first one's: that one has the log's own address. */
  below(id: string): CtLog | undefined {
    return id === this.first.record.id ? undefined : this.#open.get(id);
  }

  get first(): CtLog {
    return this.#open.get(this.#options.keyring.shards("ct")[0]?.id ?? "") ?? this.#active;
  }

  /** Open a shard that is not open yet. */
  async add(record: ShardRecord): Promise<void> {
    if (!this.#open.has(record.id)) await this.#keep(await CtLog.open(this.#options, record));
  }

  async #keep(log: CtLog): Promise<void> {
    this.#open.set(log.record.id, log);
    await this.#options.opened?.(log.record, log.shard);
  }

  /** Send new certificates to an open shard. */
  activate(id: string): void {
    this.#active = this.#open.get(id) ?? this.#active;
  }

  /** The record of a shard as the keyring has it now: its state changes while it is open. */
  stateOf({ record }: CtLog): ShardRecord["state"] {
    return this.#options.keyring.shards("ct").find(({ id }) => id === record.id)?.state ?? record.state;
  }
}

/** A rotation over the service's own shards. */
export function ctRotation(
  shards: CtShards,
  parts: CtRotationParts & { readonly keyring: Pick<Keyring, "shards" | "planShard" | "changeShards">; readonly clock: Clock },
): ShardRotation {
  const { keyring, cacheWindowMs } = parts;
  const planned = (): ShardRecord | undefined => keyring.shards("ct").find(({ state }) => state === "planned");
  const steps: RotationSteps = {
    planned: () => {
      const record = planned();
      return record === undefined ? undefined : plannedShard(record);
    },
    async plan(nowMs) {
      await keyring.planShard("ct", { publicUrl: shards.first.record.publicUrl, nowMs });
    },
    async open() {
      const record = planned();
      if (record !== undefined) await shards.add(record);
    },
    publish: () => parts.publish(),
    async recordPublished(nowMs) {
      const record = planned();
      if (record !== undefined) await keyring.changeShards([publishedChange("ct", record, nowMs)]);
    },
    async activate(nowMs) {
      const record = planned();
      if (record === undefined) return;
      const older = keyring.shards("ct").filter(({ state }) => state === "active");
      const endMs = (Math.floor(nowMs / 1000) + 1) * 1000;
      await keyring.changeShards([
        ...older.map(({ id }) => ({ api: "ct", id, state: "sealed", endMs }) as const),
        { api: "ct", id: record.id, state: "active", activatedMs: Math.floor(nowMs / 1000) * 1000 },
      ]);
      shards.activate(record.id);
    },
    overlapping: () => undefined,
    retire: () => Promise.resolve(),
  };
  return new ShardRotation(steps, { cacheWindowMs, graceMs: 0 }, parts.onEvent);
}
