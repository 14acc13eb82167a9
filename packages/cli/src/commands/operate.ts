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

const backup: Command = {
  name: "backup",
  summary: "copy the data directory, running or not; the copy holds the private keys",
  positionals: { name: "DIRECTORY", min: 1, max: 1 },
  flags: [dataFlag],
  examples: ["sigillum backup /mnt/backup/2026-11-29"],
  run: async (args, terminal) => await (await load()).runBackup(args, terminal),
};

const restore: Command = {
  name: "restore",
  summary: "make a data directory of a backup, whose logs go on in new shards",
  description:
    "A log that went on from an old copy would fork: two histories after the same checkpoints. So each shard is sealed at the last\ncheckpoint of the backup, and a new one with a key of its own follows it.",
  positionals: { name: "DIRECTORY", min: 1, max: 1 },
  flags: [
    text("data", "DIR", "the data directory to make"),
    list(
      "published",
      "FILE",
      "a newer checkpoint, or a bundle that has one: it says how much was lost, so that no index is given again",
    ),
    text("url", "URL", "public URL of the next shard of log v2 (transparencyLog.nextUrlV2)"),
  ],
  examples: ["sigillum restore /mnt/backup/2026-11-29 --data ./sigillum-data --published latest.sigstore.json"],
  run: async (args, terminal) => await (await load()).runRestore(args, terminal),
};

/** Commands that run a Sigstore. */
export const operateCommands: readonly Command[] = [init, serve, status, backup, restore, demo];
