// ca rotate and ca status: asked of the running stack through its control socket, so that nothing stops.
import { resolve } from "node:path";
import { JsonObject, type JsonValue } from "@sigillum/library/encoding";
import type { Arguments } from "../arguments/index.ts";
import { exitCodes, type Terminal } from "../terminal/index.ts";
import { readText } from "./holder.ts";

/** `sigillum ca rotate`: the next chain is made, or taken over, and published; it is put to use when clients know it. */
export async function runCaRotate(args: Arguments, terminal: Terminal): Promise<number> {
  const chain = args.string("chain");
  const key = args.string("key");
  const input: { [name: string]: JsonValue } = {
    root: args.string("root") ?? "same",
    ...(key === undefined ? {} : { key }),
    ...(chain === undefined ? {} : { chain: await readText(chain) }),
    ...(args.boolean("now") ? { now: true } : {}),
  };
  return tell(await ask(args, "rotate", input), terminal);
}

/** `sigillum ca status`: which chain signs, and which waits until when. */
export async function runCaStatus(args: Arguments, terminal: Terminal): Promise<number> {
  return tell(await ask(args, "status", {}), terminal);
}

async function ask(args: Arguments, action: "rotate" | "status", input: JsonValue): Promise<JsonObject> {
  const { callControlSocket, controlSocketPath } = await import("@sigillum/stack/host");
  const socket = controlSocketPath(resolve(args.string("data") ?? "sigillum-data"));
  const service = args.string("service") === "tsa" ? "tsa" : "ca";
  return JsonObject.exact(await callControlSocket(socket, `${service}.${action}`, input), "answer");
}

function tell(status: JsonObject, terminal: Terminal): number {
  const active = status.string("active");
  const planned = status.optionalString("planned");
  const until = status.optionalString("until");
  if (terminal.format === "json") terminal.json({ active, ...(planned === undefined ? {} : { planned, until: until ?? "" }) });
  else if (planned === undefined) terminal.out(`Chain ${active} signs; none waits`);
  else
    terminal.out(`Chain ${active} signs; ${planned} is published and takes over at ${until ?? "?"}, when every client knows it`);
  return exitCodes.success;
}
