import type { Command } from "./command.ts";
import { text } from "./flags.ts";

const load = () => import("../trust/index.ts");

const oneName = { name: "[NAME]", min: 0, max: 1 } as const;

const trustAdd: Command = {
  name: "trust add",
  summary: "fetch and pin a root of trust; every command then finds its services",
  positionals: { name: "URL|NAME", min: 1, max: 1 },
  flags: [
    text("root-sha256", "HEX", "SHA-256 that the first root must have"),
    text("root", "FILE", "the first root itself, where it came another way"),
    text("name", "NAME", "name to keep it under (the host and port of the URL)"),
  ],
  examples: [
    "sigillum trust add http://localhost:8081",
    "sigillum trust add sigstore",
    "sigillum trust add https://tuf.example.com --root-sha256 6f2c… --name work",
  ],
  run: async (args, terminal) => await (await load()).runTrustAdd(args, terminal),
};

const trustList: Command = {
  name: "trust list",
  summary: "list the roots of trust",
  positionals: { name: "", min: 0, max: 0 },
  flags: [],
  run: async (args, terminal) => await (await load()).runTrustList(args, terminal),
};

/** Commands on roots of trust. */
export const trustCommands: readonly Command[] = [
  trustAdd,
  trustList,
  {
    name: "trust show",
    summary: "show what a root of trust rests on: who signed which root, what expires when",
    positionals: oneName,
    flags: [],
    run: async (args, terminal) => await (await load()).runTrustShow(args, terminal),
  },
  {
    name: "trust update",
    summary: "refresh a root of trust from its repository now",
    positionals: oneName,
    flags: [],
    run: async (args, terminal) => await (await load()).runTrustUpdate(args, terminal),
  },
  {
    name: "trust export",
    summary: "write a root of trust as one archive, for machines without a network",
    positionals: oneName,
    flags: [],
    examples: ["sigillum trust export work --output-file work.trust"],
    run: async (args, terminal) => await (await load()).runTrustExport(args, terminal),
  },
  {
    name: "trust import",
    summary: "verify such an archive and keep it for use offline",
    positionals: { name: "FILE", min: 1, max: 1 },
    flags: [
      text("root-sha256", "HEX", "SHA-256 that its first root must have"),
      text("name", "NAME", "name to keep it under (the host and port of its URL)"),
      text("max-age-days", "N", "take an archive that was verified so long ago (30)"),
    ],
    run: async (args, terminal) => await (await load()).runTrustImport(args, terminal),
  },
  {
    name: "trust remove",
    summary: "forget a root of trust",
    positionals: { name: "NAME", min: 1, max: 1 },
    flags: [],
    run: async (args, terminal) => await (await load()).runTrustRemove(args, terminal),
  },
];
