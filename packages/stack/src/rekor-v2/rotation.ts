// The rotation of Rekor v2's shards: the new one has a host name of its own, so both accept entries until every client knows it.
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
import { rekorV2Error } from "./errors.ts";
import type { RekorV2Shard, RekorV2Shards } from "./shards.ts";

/** What a rotation needs beside the shards. */
export interface RekorV2RotationParts {
  readonly keyring: Pick<Keyring, "shards" | "planShard" | "changeShards">;
  readonly clock: Clock;
  /** Told of each step that was done. */
  readonly onEvent?: (event: RotationEvent, shard: string) => void;
  readonly periods: RotationPeriods;
  /** When to rotate without being asked; never where nothing is said. */
  readonly schedule?: RotationSchedule;
  /** Public URL of shards that nobody names one for, with `{year}` and `{number}`; without it only a rotation with a URL can begin. */
  readonly nextUrl?: string;
  /** Open the shard of a record. */
  open(record: ShardRecord): Promise<RekorV2Shard>;
  /** Listen at a shard's address, if nothing does; a repetition does nothing. Left out where one listener gets everything. */
  listen?(record: ShardRecord): Promise<void>;
  /** Publish the trusted root and the signing configs as the keyring has them now; rejects when clients cannot have them yet. */
  publish(): Promise<void>;
}

/** A rotation over the service's own list of shards; `givenUrl` gives the public URL that somebody asked for. */
export function rekorV2Rotation(
  shards: RekorV2Shards,
  parts: RekorV2RotationParts,
  givenUrl: () => string | undefined,
): ShardRotation {
  const { keyring } = parts;
  const inState = (state: ShardRecord["state"]): readonly ShardRecord[] =>
    keyring.shards("v2").filter((record) => record.state === state);
  const steps: RotationSteps = {
    planned: () => {
      const [record] = inState("planned");
      return record === undefined ? undefined : plannedShard(record);
    },
    async plan(nowMs) {
      const publicUrl = givenUrl() ?? nextShardUrl(parts.nextUrl, keyring.shards("v2"), nowMs);
      await keyring.planShard("v2", { publicUrl, nowMs });
    },
    async open() {
      const [record] = inState("planned");
      if (record === undefined) return;
      if (shards.byKeyId(record.logId) === undefined) shards.add(await parts.open(record));
      await parts.listen?.(record);
    },
    publish: () => parts.publish(),
    async recordPublished(nowMs) {
      const [record] = inState("planned");
      if (record !== undefined) await keyring.changeShards([publishedChange("v2", record, nowMs)]);
    },
    isDue(nowMs) {
      const record = inState("active").at(-1);
      if (record === undefined || parts.schedule === undefined || parts.nextUrl === undefined) return false;
      const shard = {
        sinceMs: record.activatedMs ?? record.validFor.startMs,
        size: shards.byKeyId(record.logId)?.shard.head().size ?? 0,
      };
      return isRotationDue(parts.schedule, shard, nowMs, parts.periods.cacheWindowMs);
    },
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
      for (const record of older) await shards.byKeyId(record.logId)?.shard.seal();
      const endMs = (Math.floor(nowMs / 1000) + 1) * 1000;
      await keyring.changeShards(older.map(({ id }) => ({ api: "v2", id, state: "sealed", endMs }) as const));
    },
  };
  return new ShardRotation(steps, parts.periods, parts.onEvent);
}

const maxNumber = 10_000;

/** The first address of a pattern that no shard has. */
export function nextShardUrl(pattern: string | undefined, known: readonly ShardRecord[], nowMs: number): string {
  if (pattern === undefined) {
    throw rekorV2Error(
      "REKOR_V2_ADDRESS_MISSING",
      "Cannot rotate: each shard of log v2 has an address of its own, and none was given for the next one",
      { expected: "a public URL, or the setting transparencyLog.nextUrlV2" },
    );
  }
  const year = String(new Date(nowMs).getUTCFullYear());
  for (let number = 1; number <= maxNumber; number += 1) {
    const url = pattern.replaceAll("{year}", year).replaceAll("{number}", String(number));
    const { host } = new URL(url);
    if (!known.some(({ publicUrl }) => new URL(publicUrl).host === host)) return url;
    if (!pattern.includes("{number}")) break;
  }
  throw rekorV2Error("REKOR_V2_ADDRESS_MISSING", `Cannot rotate: every address of ${pattern} has had a shard already`, {
    found: pattern,
    expected: "a pattern with {number}",
  });
}
