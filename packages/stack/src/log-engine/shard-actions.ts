// What the control socket may ask of a log's shards.
import { encodeHex, type JsonValue } from "@sigillum/library/encoding";
import type { FsckReport } from "./fsck.ts";
import type { LogShard } from "./log-shard.ts";

/** A report as JSON. */
export function fsckReportJson(report: FsckReport): JsonValue {
  return {
    origin: report.origin,
    size: report.size,
    root: encodeHex(report.root),
    differenceCount: report.differenceCount,
    differences: report.differences.map(({ kind, where, found, expected }) => ({
      kind,
      where,
      ...(found === undefined ? {} : { found }),
      ...(expected === undefined ? {} : { expected }),
    })),
    ...(report.rebuilt === undefined
      ? {}
      : { rebuilt: { removedKeys: report.rebuilt.removedKeys, differenceCount: report.rebuilt.differenceCount } }),
  };
}

/** Check shards one after another, and make their indexes again where that is asked for. */
export async function checkShards<Entry>(
  shards: readonly LogShard<Entry>[],
  options: { readonly rebuildIndex?: boolean } = {},
): Promise<JsonValue> {
  const reports: JsonValue[] = [];
  for (const shard of shards) reports.push(fsckReportJson(await shard.fsck(options)));
  return reports;
}

/** A shard as an operator's list has it. */
export function shardJson<Entry>(shard: LogShard<Entry>, state: "planned" | "active" | "sealed"): { [name: string]: JsonValue } {
  const { size, root } = shard.head();
  const sealed = shard.sealed === undefined ? {} : { sealed: new Date(shard.sealed.sealedMs).toISOString() };
  const cosigners = shard.cosigners();
  return {
    origin: shard.origin,
    state,
    size,
    root: encodeHex(root),
    ...sealed,
    ...(cosigners === undefined ? {} : { witnesses: cosigners }),
  };
}
