import { isSigillumError, JsonObject, type JsonValue } from "@sigillum/library/encoding";
import { callStack } from "@sigillum/stack/compose";
import type { Arguments } from "../arguments/index.ts";
import { dataDirectory, shardLines } from "../log/index.ts";
import { exitCodes, type Terminal } from "../terminal/index.ts";

/** `sigillum status`: what a running stack says of its services, logs and root of trust. Exit code 1 when something is not ready. */
export async function runStatus(args: Arguments, terminal: Terminal): Promise<number> {
  const data = dataDirectory(args);
  const status = JsonObject.from(await callStack(data, "status", null), "status");
  const shards: [string, JsonValue][] = [];
  for (const name of ["log-v1", "log-v2"]) {
    const list = await ifThere(data, `${name}.shards`);
    if (list !== undefined) shards.push([name, list]);
  }
  const trust = await ifThere(data, "tuf.status");
  const services = status.object("services");
  const unready = services.names().filter((name) => !services.object(name).boolean("ready"));
  if (terminal.format === "json")
    terminal.json({
      ready: unready.length === 0,
      ...Object.fromEntries(status.names().map((name) => [name, status.value(name)])),
      shards: Object.fromEntries(shards),
      ...(trust === undefined ? {} : { trust }),
    });
  else for (const line of statusLines(data, status, unready, shards, trust)) terminal.out(line);
  return unready.length === 0 ? exitCodes.success : exitCodes.failure;
}

function statusLines(
  data: string,
  status: JsonObject,
  unready: readonly string[],
  shards: readonly [string, JsonValue][],
  trust: JsonValue | undefined,
): string[] {
  const [services, urls] = [status.object("services"), status.object("urls")];
  const width = Math.max(...services.names().map((name) => name.length));
  return [
    `The stack of ${data} is ${unready.length === 0 ? "ready" : `not ready: ${unready.join(", ")}`}`,
    ...services.names().map((name) => {
      const service = services.object(name);
      const [ready, reason] = [service.boolean("ready"), service.optionalString("reason")];
      const said = [ready ? "ready" : "NOT READY", urls.optionalString(name), reason].filter((text) => text !== undefined);
      return `  ${name.padEnd(width)}  ${said.join("  ")}`;
    }),
    ...shards.flatMap(([name, list]) => shardLines(name, list)),
    ...(trust === undefined ? [] : trustLines(JsonObject.from(trust, "trust"))),
  ];
}

function trustLines(trust: JsonObject): string[] {
  return [
    "trust root",
    ...trust.optionalObjects("duties").map((duty) => {
      const [role, version] = [duty.string("role"), duty.safeInteger("version")];
      const [expires, due] = [duty.safeInteger("expiresDays"), duty.safeInteger("dueDays")];
      const changed = duty.has("outdated") ? ", and what should be published has changed" : "";
      return `  ${role} ${version}  expires in ${expires} days  due in ${due} days  by ${duty.string("who")}  ${duty.string("state")}${changed}`;
    }),
    ...trust.optionalStrings("advice").map((line) => `  ADVICE: ${line}`),
  ];
}

// A stack may run without this service.
async function ifThere(data: string, action: string): Promise<JsonValue | undefined> {
  try {
    return await callStack(data, action, null);
  } catch (error) {
    if (isSigillumError(error) && error.code === "CONTROL_ACTION_REFUSED" && error.found === "CONTROL_ACTION_UNKNOWN")
      return undefined;
    throw error;
  }
}
