// log shards, rotate and fsck: what an operator does with the logs of a data directory, through the process that serves it.
import { resolve } from "node:path";
import { isSigillumError, JsonObject, type JsonValue } from "@sigillum/library/encoding";
import { archiveShard, callStack, checkStoredLogs } from "@sigillum/stack/compose";
import { type Arguments, argumentError } from "../arguments/index.ts";
import { exitCodes, type Terminal } from "../terminal/index.ts";
import { logCommandError } from "./errors.ts";

const services = ["log-v1", "log-v2"] as const;
/** Checking a log reads all of it. */
const fsckTimeoutMs = 24 * 3_600_000;

/** `sigillum log shards`. */
export async function runLogShards(args: Arguments, terminal: Terminal): Promise<number> {
  const data = dataDirectory(args);
  const lists: [string, JsonValue][] = [];
  for (const service of chosen(args)) {
    const list = await ifServed(() => callStack(data, `${service}.shards`, null));
    if (list !== undefined) lists.push([service, list]);
  }
  if (terminal.format === "json") terminal.json(Object.fromEntries(lists));
  else for (const [service, list] of lists) for (const line of shardLines(service, list)) terminal.out(line);
  return exitCodes.success;
}

/** The shards of one log in lines. */
export function shardLines(service: string, list: JsonValue): string[] {
  const shards = (Array.isArray(list) ? list : []).map((item) => JsonObject.from(item, "shard"));
  const rows = shards.map((shard) => [
    shard.optionalString("id") ?? shard.string("origin"),
    shard.string("state"),
    `${shard.safeInteger("size")} entries`,
    shard.optionalString("publicUrl") ?? shard.string("origin"),
    [shard.optionalString("from")?.slice(0, 10), shard.optionalString("to")?.slice(0, 10)].filter((text) => text).join(" to ") ||
      "",
    ...[shard.optionalString("treeId")].flatMap((tree) => (tree === undefined ? [] : [`tree ${tree}`])),
    `key ${shard.string("logId").slice(0, 16)}…`,
  ]);
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return [
    service,
    ...rows.flatMap((row, at) => [
      `  ${row
        .map((text, column) => text.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd()}`,
      ...witnessLines(shards[at]),
    ]),
  ];
}

// Who cosigns a shard's checkpoints, and what the witnesses must be told of it.
function witnessLines(shard: JsonObject | undefined): string[] {
  const status = shard?.optionalObject("witnesses");
  if (shard === undefined || status === undefined) return [];
  const [quorum, cosignatures] = [status.safeInteger("quorum"), status.safeInteger("cosignatures")];
  const witnesses = status.objects("witnesses");
  const isMissed = quorum > cosignatures && shard.safeInteger("size") > 0;
  return [
    ...shard.optionalStrings("verifierKeys").map((key) => `    witnesses know it by   ${key}`),
    `    cosigned by            ${cosignatures} of ${witnesses.length} witnesses, quorum ${quorum}${isMissed ? ": MISSED" : ""}`,
    ...witnesses.map((witness) => {
      const [size, time] = [witness.optionalSafeInteger("size"), witness.optionalString("time")];
      const last = size === undefined ? "nothing yet" : `${size} entries at ${time?.replace(/\.\d+Z$/, "Z")}`;
      const why = witness.optionalString("error");
      return `      ${witness.string("name")}  ${witness.string("state")}  last ${last}${why === undefined ? "" : `  ${why}`}`;
    }),
  ];
}

/** `sigillum log rotate`: begin a rotation, or say where the one under way stands. */
export async function runLogRotate(args: Arguments, terminal: Terminal): Promise<number> {
  const [url, which = url === undefined ? "v1" : "v2"] = [args.string("url"), args.string("log")];
  if (url !== undefined && which !== "v2")
    throw argumentError("FLAGS_CONFLICT", "Cannot run log rotate: --url is for log v2 alone; log v1 keeps its address", {
      found: `--log ${which} --url ${url}`,
    });
  const input = which !== "v2" || url === undefined ? null : { publicUrl: url };
  const action = which === "ct" ? "ct.rotate" : `log-${which}.rotate`;
  const status = JsonObject.from(await callStack(dataDirectory(args), action, input), "status");
  const [step, shard] = [status.string("step"), status.optionalString("shard")];
  const until = status.optionalSafeInteger("untilMs");
  const time = until === undefined ? "" : new Date(until).toISOString().replace(/\.\d+Z$/, "Z");
  if (terminal.format === "json") {
    terminal.json({
      log: which,
      step,
      ...(shard === undefined ? {} : { shard }),
      ...(until === undefined ? {} : { until: time }),
    });
    return exitCodes.success;
  }
  const said: Readonly<Record<string, string>> = {
    idle: `Log ${which} has rotated: entries go to its newest shard`,
    published: `The key of shard ${shard} is in the published trusted root; the shard takes over on ${time}, when every client's cache has it`,
    overlap: `Signing configs name shard ${shard}; the one before accepts entries until ${time} and is then sealed`,
  };
  terminal.out(said[step] ?? `The rotation of log ${which} is at step ${step}`);
  return exitCodes.success;
}

/** `sigillum log archive SHARD --to DIR`: a sealed shard's files to cheap, read-only storage; the stack must be stopped. */
export async function runLogArchive(args: Arguments, terminal: Terminal): Promise<number> {
  const [id = ""] = args.positionals;
  const to = args.required("to", "it names the storage");
  const api = args.string("log") === "v2" ? "v2" : "v1";
  const { place, size } = await archiveShard({ dataDirectory: dataDirectory(args), api, id, to: resolve(to) });
  if (terminal.format === "json") terminal.json({ log: api, shard: id, place, size });
  else {
    terminal.out(`Moved shard ${id} of log ${api} to ${place}: ${size} entries, checked there`);
    terminal.out("  next    the place may be made read-only; sigillum serve goes on to serve the shard from it");
  }
  return exitCodes.success;
}

/** `sigillum log fsck`: through the process that serves, or by itself where none does. */
export async function runLogFsck(args: Arguments, terminal: Terminal): Promise<number> {
  const data = dataDirectory(args);
  const reports = args.boolean("rebuild-index")
    ? await checkStoredLogs({ dataDirectory: data, rebuildIndex: true })
    : await checkServedOrStored(data, args);
  const differences = reports.reduce((sum, report) => sum + report.safeInteger("differenceCount"), 0);
  if (terminal.format === "json") terminal.json({ differences, reports: reports.map(reportJson) });
  else for (const report of reports) for (const line of reportLines(report)) terminal.out(line);
  if (differences === 0) return exitCodes.success;
  throw logCommandError("LOG_DAMAGED", `Checked ${reports.length} shards: ${differences} differences`, {
    found: String(differences),
    expected: "none",
  });
}

async function checkServedOrStored(data: string, args: Arguments): Promise<JsonObject[]> {
  const reports: JsonObject[] = [];
  try {
    for (const service of chosen(args)) {
      const list = await ifServed(() => callStack(data, `${service}.fsck`, null, fsckTimeoutMs));
      if (Array.isArray(list)) reports.push(...list.map((item) => JsonObject.from(item, "report")));
    }
    return reports;
  } catch (error) {
    if (!isSigillumError(error) || error.code !== "STACK_NOT_RUNNING") throw error;
    return checkStoredLogs({ dataDirectory: data, rebuildIndex: false });
  }
}

function reportJson(report: JsonObject): JsonValue {
  return Object.fromEntries(report.names().map((name) => [name, report.value(name) ?? null]));
}

function reportLines(report: JsonObject): string[] {
  const count = report.safeInteger("differenceCount");
  const head = `${report.string("origin")}: ${report.safeInteger("size")} entries, root ${report.string("root")}`;
  const lines = report.objects("differences").map((one) => {
    const [found, expected] = [one.optionalString("found"), one.optionalString("expected")];
    const detail = [found === undefined ? [] : [`found ${found}`], expected === undefined ? [] : [`expected ${expected}`]].flat();
    return `  ${one.string("kind")}  ${one.string("where")}${detail.length === 0 ? "" : `: ${detail.join(", ")}`}`;
  });
  return [`${head}: ${count === 0 ? "everything is as it was recorded" : `${count} differences`}`, ...lines];
}

/** Where the stack keeps everything. */
export function dataDirectory(args: Arguments): string {
  return resolve(args.string("data") ?? "sigillum-data");
}

function chosen(args: Arguments): readonly string[] {
  const which = args.string("log");
  return which === undefined ? services : [`log-${which}`];
}

// A stack may run one of the two logs alone.
async function ifServed(ask: () => Promise<JsonValue>): Promise<JsonValue | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (isSigillumError(error) && error.code === "CONTROL_ACTION_REFUSED" && error.found === "CONTROL_ACTION_UNKNOWN")
      return undefined;
    throw error;
  }
}
