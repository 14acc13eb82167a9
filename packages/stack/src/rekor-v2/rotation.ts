// The rotation of Rekor v2's shards: the new one has a host name of its own, so both accept entries until every client knows it.
import type { Clock } from "../host/index.ts";
import type { Keyring, ShardRecord } from "../keyring/index.ts";
import { type RotationPeriods, type RotationSteps, ShardRotation } from "../log-engine/index.ts";
import type { RekorV2Shard, RekorV2Shards } from "./shards.ts";

/** What a rotation needs beside the shards. */
export interface RekorV2RotationParts {
  readonly keyring: Pick<Keyring, "shards" | "planShard" | "changeShards">;
  readonly clock: Clock;
  readonly periods: RotationPeriods;
  /** Open the shard of a record. */
  open(record: ShardRecord): Promise<RekorV2Shard>;
  /** Publish the trusted root and the signing configs as the keyring has them now. */
  publish(): Promise<void>;
}

/** A rotation over the service's own list of shards; `nextUrl` gives the public URL of the shard that is to be planned. */
export function rekorV2Rotation(shards: RekorV2Shards, parts: RekorV2RotationParts, nextUrl: () => string): ShardRotation {
  const { keyring } = parts;
  const inState = (state: ShardRecord["state"]): readonly ShardRecord[] =>
    keyring.shards("v2").filter((record) => record.state === state);
  const steps: RotationSteps = {
    planned: () => {
      const [record] = inState("planned");
      return record === undefined ? undefined : { id: record.id, plannedMs: record.validFor.startMs };
    },
    async plan(nowMs) {
      await keyring.planShard("v2", { publicUrl: nextUrl(), nowMs });
    },
    async open() {
      const [record] = inState("planned");
      if (record === undefined || shards.all.some(({ shard }) => shard.origin === record.origin)) return;
      shards.add(await parts.open(record));
    },
    publish: () => parts.publish(),
    async activate(nowMs) {
      const [record] = inState("planned");
      if (record === undefined) return;
      await keyring.changeShards([{ api: "v2", id: record.id, state: "active", activatedMs: Math.floor(nowMs / 1000) * 1000 }]);
    },
    overlapping: () => {
      const active = inState("active");
      const newest = active.at(-1);
      if (newest?.activatedMs === undefined || active.length < 2) return undefined;
      return { id: newest.id, activatedMs: newest.activatedMs };
    },
    async retire(nowMs) {
      const older = inState("active").slice(0, -1);
      for (const record of older) await shards.all.find(({ shard }) => shard.origin === record.origin)?.shard.seal();
      const endMs = (Math.floor(nowMs / 1000) + 1) * 1000;
      await keyring.changeShards(older.map(({ id }) => ({ api: "v2", id, state: "sealed", endMs }) as const));
    },
  };
  return new ShardRotation(steps, parts.periods);
}
