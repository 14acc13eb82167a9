// What commands do with a data directory that a process serves, or that none does.
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { isSigillumError, JsonObject, type JsonValue } from "@sigillum/library/encoding";
import { callControlSocket, controlSocketPath, silentLogger, systemClock } from "../host/index.ts";
import type { ShardRecord } from "../keyring/index.ts";
import { checkShards } from "../log-engine/index.ts";
import { openRekorV1Shard } from "../rekor-v1/index.ts";
import { openRekorV2Shard } from "../rekor-v2/index.ts";
import type { Settings } from "../settings/index.ts";
import { openStackData } from "./data.ts";
import { composeError } from "./errors.ts";
import { shardDirectory, shardStoreOf } from "./shard-stores.ts";

/** Ask the process that serves a data directory to run an action; STACK_NOT_RUNNING when none does. */
export async function callStack(dataDirectory: string, action: string, input: JsonValue, timeoutMs?: number): Promise<JsonValue> {
  try {
    return await callControlSocket(controlSocketPath(dataDirectory), action, input, timeoutMs);
  } catch (cause) {
    const unreachable = isSigillumError(cause) && cause.code === "CONTROL_SOCKET_UNREACHABLE";
    if (!unreachable || !/ECONNREFUSED|ENOENT/.test(cause.message)) throw cause;
    throw composeError("STACK_NOT_RUNNING", `Cannot ask the stack of ${dataDirectory}: no process serves it`, {
      cause,
      expected: "a running `sigillum serve`, and the right --data",
    });
  }
}

/** Check the logs of a data directory that nothing serves; with `rebuildIndex` every index is made anew from the entries first. */
export async function checkStoredLogs(options: {
  readonly dataDirectory: string;
  readonly rebuildIndex: boolean;
}): Promise<JsonObject[]> {
  const data = await openStackData({ dataDirectory: options.dataDirectory, nowMs: systemClock.nowMs(), existing: true });
  try {
    const reports: JsonObject[] = [];
    for (const api of ["v1", "v2"] as const) {
      for (const record of data.keyring.shards(api)) {
        // Nothing is lost with it: what is indexed stands in the entry bundles and the key blocks beside them.
        if (options.rebuildIndex && data.settings.storage.kind === "files")
          await rm(join(shardDirectory(data.settings, record), "index"), { recursive: true, force: true });
        const checked = await checkStored(data.settings, record, data.keyring.signer(record.key), options);
        if (Array.isArray(checked)) reports.push(...checked.map((report) => JsonObject.from(report, "report")));
      }
    }
    return reports;
  } finally {
    await data.lock.release();
  }
}

/** Check one shard of a data directory whose lock the caller holds. */
export async function checkStored(
  settings: Settings,
  record: ShardRecord,
  signer: Parameters<typeof openRekorV1Shard>[0]["signer"],
  { rebuildIndex }: { readonly rebuildIndex: boolean } = { rebuildIndex: false },
): Promise<JsonValue> {
  const kept = await shardStoreOf(settings, record);
  const common = { directory: shardDirectory(settings, record), ...kept, signer, clock: systemClock, logger: silentLogger };
  const shard =
    record.api === "v1"
      ? (await openRekorV1Shard({ ...common, hostname: record.checkpointName, treeId: BigInt(record.treeId ?? 0) })).shard
      : await openRekorV2Shard({ ...common, origin: record.origin });
  try {
    return await checkShards([shard], { rebuildIndex: rebuildIndex && settings.storage.kind !== "files" });
  } finally {
    await shard.close();
  }
}
