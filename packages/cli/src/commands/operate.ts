import type { FlagSpec } from "../arguments/index.ts";
import type { Command } from "./command.ts";
import { list, text, toggle } from "./flags.ts";

const load = () => import("../operate/index.ts");
const none = { name: "", min: 0, max: 0 } as const;
const dataFlag: FlagSpec = text("data", "DIR", "the data directory (sigillum-data)");

const init: Command = {
  name: "init",
  summary: "make keys, certificates, trust root and settings in a data directory",
  positionals: none,
  flags: [dataFlag],
  run: async (args, terminal) => await (await load()).runInit(args, terminal),
};

const serve: Command = {
  name: "serve",
  summary: "run the stack; an empty data directory is initialised first",
  positionals: none,
  flags: [
    dataFlag,
    text("config", "FILE", "settings to use instead of the data directory's sigillum.yaml"),
    list("only", "SERVICE", "run these services alone"),
  ],
  examples: ["sigillum serve --data ./sigillum-data", "sigillum serve --only log,ca,identity"],
  run: async (args, terminal) => await (await load()).runServe(args, terminal),
};

const demo: Command = {
  name: "demo",
  summary: "show the whole job on a temporary stack: sign, verify, refuse",
  positionals: none,
  flags: [toggle("keep", "leave the temporary directory where it is")],
  run: async (args, terminal) => await (await load()).runDemo(args, terminal),
};

const status: Command = {
  name: "status",
  summary: "say where a running stack stands: services, log shards, root of trust",
  positionals: none,
  flags: [dataFlag],
  run: async (args, terminal) => await (await load()).runStatus(args, terminal),
};

/** Commands that run a Sigstore. */
export const operateCommands: readonly Command[] = [init, serve, status, demo];
