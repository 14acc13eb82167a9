import type { Command } from "./command.ts";
import { text } from "./flags.ts";

const load = () => import("../trust/index.ts");

const trustAdd: Command = {
  name: "trust add",
  summary: "fetch and pin a root of trust; every command then finds its services",
  positionals: { name: "URL", min: 1, max: 1 },
  flags: [
    text("root-sha256", "HEX", "SHA-256 that the first root must have"),
    text("name", "NAME", "name to keep it under (the host and port of the URL)"),
  ],
  examples: [
    "sigillum trust add http://localhost:8081",
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
export const trustCommands: readonly Command[] = [trustAdd, trustList];
