// The rotation of Rekor v1's shards: its URL stays, so the face switches in one step once the new shard's key has been published.
import type { Clock } from "../host/index.ts";
import { type Keyring, plannedShard, publishedChange, type ShardRecord } from "../keyring/index.ts";
import {
  isRotationDue,
  type RotationEvent,
  type RotationPeriods,
  type RotationSchedule,
  type RotationSteps,
  ShardRotation,
} from "../log-engine/index.ts";
import type { RekorV1Shard, ShardList } from "./shards.ts";

/** What a rotation needs beside the shards. */
export interface RekorV1RotationParts {
  readonly keyring: Pick<Keyring, "shards" | "planShard" | "changeShards">;
  readonly clock: Clock;
  /** Clients may use a trusted root that was fetched so long ago. */
  readonly cacheWindowMs: number;
  /** When to rotate without being asked; never where nothing is said. */
  readonly schedule?: RotationSchedule;
  /** Told of each step that was done. */
  readonly onEvent?: (event: RotationEvent, shard: string) => void;
  /** Open the shard of a record. */
  open(record: ShardRecord): Promise<RekorV1Shard>;
  /** Publish the trusted root and the signing configs as the keyring has them now; rejects when clients cannot have them yet. */
  publish(): Promise<void>;
}

/** A rotation over the service's own list of shards. */
export function rekorV1Rotation(shards: ShardList, parts: RekorV1RotationParts): ShardRotation {
  const { keyring, cacheWindowMs } = parts;
  const planned = (): ShardRecord | undefined => keyring.shards("v1").find(({ state }) => state === "planned");
  const steps: RotationSteps = {
    planned: () => {
      const record = planned();
      return record === undefined ? undefined : plannedShard(record);
    },
    async plan(nowMs) {
      const publicUrl = keyring.shards("v1").at(-1)?.publicUrl;
      if (publicUrl === undefined) throw new TypeError("The keyring has no shard of Rekor v1");
      await keyring.planShard("v1", { publicUrl, nowMs });
    },
    async open() {
      const record = planned();
      const known = (treeId: string | undefined): boolean =>
        [...shards.all, ...shards.planned].some((shard) => String(shard.treeId) === treeId);
      if (record !== undefined && !known(record.treeId)) shards.plan(await parts.open(record));
    },
    publish: () => parts.publish(),
    async recordPublished(nowMs) {
      const record = planned();
      if (record !== undefined) await keyring.changeShards([publishedChange("v1", record, nowMs)]);
    },
    isDue(nowMs) {
      const record = keyring.shards("v1").findLast(({ state }) => state === "active");
      if (record === undefined || parts.schedule === undefined) return false;
      const shard = { sinceMs: record.activatedMs ?? record.validFor.startMs, size: shards.active.shard.head().size };
      return isRotationDue(parts.schedule, shard, nowMs, cacheWindowMs);
    },
    async activate(nowMs) {
      const record = planned();
      if (record === undefined) return;
      // After a crash between the seal and the record the list has switched already.
      if (String(shards.active.treeId) !== record.treeId) await shards.rotate();
      const older = keyring.shards("v1").filter(({ state }) => state === "active");
      const endMs = (Math.floor(nowMs / 1000) + 1) * 1000;
      await keyring.changeShards([
        ...older.map(({ id }) => ({ api: "v1", id, state: "sealed", endMs }) as const),
        { api: "v1", id: record.id, state: "active", activatedMs: Math.floor(nowMs / 1000) * 1000 },
      ]);
    },
    overlapping: () => undefined,
    retire: () => Promise.resolve(),
  };
  const periods: RotationPeriods = { cacheWindowMs, graceMs: 0 };
  return new ShardRotation(steps, periods, parts.onEvent);
}
