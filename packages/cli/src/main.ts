// The command line: the table of commands, and the way from words to one of them. What carries a command out is loaded when it
// is called, and not for help.
import {
  type Arguments,
  argumentError,
  type CommandSpec,
  commandHelp,
  type FlagSpec,
  nearest,
  overallHelp,
  parseArguments,
} from "./arguments/index.ts";
import { createTerminal, exitCodeMeanings, exitCodes, reportError, type Terminal } from "./terminal/index.ts";

/** What a run of the command line talks to. */
export interface Streams {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown; readonly isTTY?: boolean };
  readonly stdinIsTTY: boolean;
}

/** The version of all packages; a test keeps it equal to package.json. */
export const version = "0.1.0";

/** Run one command line (without the program's name) and return its exit code. Nothing it does ends in an exception. */
export async function main(words: readonly string[], streams: Streams): Promise<number> {
  const format = wantsJson(words) ? "json" : "text";
  const terminal = createTerminal({ ...streams, format });
  try {
    return await dispatch(words, terminal);
  } catch (error) {
    return reportError(terminal, error);
  }
}

async function dispatch(words: readonly string[], terminal: Terminal): Promise<number> {
  const [first, ...rest] = words;
  if (first === undefined || first === "--help" || first === "-h" || (first === "help" && rest.length === 0))
    return showHelp(terminal);
  if (first === "--version" || first === "version") return showVersion(terminal);
  if (first === "help") return showCommandHelp(find(rest).command, terminal);
  const { command, rest: own } = find(words);
  const args: Arguments = parseArguments(command, own);
  if (args.boolean("help")) return showCommandHelp(command, terminal);
  return await command.run(args, terminal);
}

function find(words: readonly string[]): { command: Command; rest: readonly string[] } {
  const commands = commandGroups.flatMap((group) => group.commands);
  for (const length of [2, 1]) {
    const name = words.slice(0, length).join(" ");
    const command = commands.find((one) => one.name === name);
    if (command !== undefined && words.length >= length) return { command, rest: words.slice(length) };
  }
  const family = commands.filter((one) => one.name.startsWith(`${words[0]} `));
  const shown = (family.length === 0 ? words.slice(0, 1) : words.slice(0, 2)).join(" ");
  const names = (family.length === 0 ? commands : family).map((one) => one.name);
  const near = family.length > 0 && words.length === 1 ? undefined : nearest(shown, names);
  const hint =
    near !== undefined
      ? `did you mean "sigillum ${near}"?`
      : family.length > 0
        ? `it has ${names.join(", ")}`
        : '"sigillum --help" lists them';
  throw argumentError("COMMAND_UNKNOWN", `Cannot run ${JSON.stringify(shown)}: there is no such command; ${hint}`, {
    found: shown,
  });
}

// Before flags are parsed: a wrong command line is reported in the format that was asked for.
function wantsJson(words: readonly string[]): boolean {
  const end = words.indexOf("--");
  const flags = end === -1 ? words : words.slice(0, end);
  return flags.some(
    (word, index) =>
      word === "--output=json" ||
      word === "-ojson" ||
      word === "-o=json" ||
      (word === "json" && (flags[index - 1] === "--output" || flags[index - 1] === "-o")),
  );
}

const intro = `sigillum: sign software and verify who signed it, with a Sigstore of your own or any other

Usage: sigillum COMMAND [flags]`;

function showHelp(terminal: Terminal): number {
  const codes = exitCodeMeanings.map(([code, meaning]) => `  ${String(code).padStart(2)}  ${meaning}`);
  const outro = [
    "Exit codes:",
    ...codes,
    "",
    '"sigillum COMMAND --help" tells more of one. To see it all work: sigillum demo',
  ].join("\n");
  terminal.out(overallHelp(intro, commandGroups, outro).trimEnd());
  return exitCodes.success;
}

function showCommandHelp(command: Command, terminal: Terminal): number {
  terminal.out(commandHelp(command).trimEnd());
  return exitCodes.success;
}

function showVersion(terminal: Terminal): number {
  if (terminal.format === "json")
    terminal.json({ sigillum: version, node: process.versions.node, platform: `${process.platform}/${process.arch}` });
  else terminal.out(`sigillum ${version} (Node ${process.versions.node}, ${process.platform}/${process.arch})`);
  return exitCodes.success;
}

/** A command and what runs it; `run` returns the exit code. */
interface Command extends CommandSpec {
  run(args: Arguments, terminal: Terminal): Promise<number>;
}

const signing: readonly FlagSpec[] = [
  { name: "trust", type: "string", value: "NAME", summary: "the trust root to use, if there are several (sigillum trust list)" },
  { name: "identity-token", type: "string", value: "TOKEN|FILE", summary: "sign as the holder of this OIDC token" },
  { name: "development", type: "boolean", summary: "sign as the development user of a local stack, without a login" },
  { name: "oidc-client-id", type: "string", value: "ID", summary: "client to log in as (sigstore)" },
  { name: "oidc-disable-ambient-providers", type: "boolean", summary: "pay no heed to SIGSTORE_ID_TOKEN and GitHub Actions" },
  { name: "rekor-v2", type: "boolean", summary: "log the signature in a Rekor v2 log" },
];

const verification: readonly FlagSpec[] = [
  { name: "certificate-identity", type: "string", value: "ID", summary: "who must have signed: an email address or URI" },
  {
    name: "certificate-oidc-issuer",
    type: "string",
    value: "URL",
    summary: "the identity provider that must have vouched for them",
  },
  { name: "key", type: "string", value: "FILE", summary: "public key (PEM) that must have signed, instead of an identity" },
  { name: "trust", type: "string", value: "NAME", summary: "the trust root to use, if there are several (sigillum trust list)" },
  { name: "trusted-root", type: "string", value: "FILE", summary: "a trusted_root.json to use instead; nothing is fetched" },
  { name: "offline", type: "boolean", summary: "fetch nothing: use the trust root as it was last verified" },
];

const registry: readonly FlagSpec[] = [
  { name: "allow-insecure-registry", type: "boolean", summary: "take plain http where https does not answer" },
];

const many = 1_000;
const dataFlag: FlagSpec = { name: "data", type: "string", value: "DIR", summary: "the data directory (sigillum-data)" };

const signBlob: Command = {
  name: "sign-blob",
  summary: "sign files and write a bundle beside each",
  description:
    "The bundle holds the signature, the certificate, the log's proof and the time: all that is needed to verify the file, offline too.",
  positionals: { name: "FILE…", min: 1, max: many },
  flags: [
    {
      name: "bundle",
      type: "string",
      value: "FILE",
      summary: "where the bundle goes (FILE.sigstore.json); a directory for several files",
    },
    ...signing,
  ],
  examples: ["sigillum sign-blob app.tar.gz", "sigillum sign-blob --identity-token token.txt --bundle out/ a.bin b.bin"],
  run: async (args, terminal) => await (await import("./blob/index.ts")).runSignBlob(args, terminal),
};

const verifyBlob: Command = {
  name: "verify-blob",
  summary: "verify a file against its bundle",
  description: 'FILE may be "-" for stdin, or a digest such as sha256:HEX.',
  positionals: { name: "FILE", min: 1, max: 1 },
  flags: [{ name: "bundle", type: "string", value: "FILE", summary: "the bundle that sign-blob wrote" }, ...verification],
  examples: [
    "sigillum verify-blob app.tar.gz --bundle app.tar.gz.sigstore.json --certificate-identity ada@example.com --certificate-oidc-issuer https://accounts.example.com",
  ],
  run: async (args, terminal) => await (await import("./blob/index.ts")).runVerifyBlob(args, terminal),
};

const sign: Command = {
  name: "sign",
  summary: "sign images and push each signature beside its image",
  positionals: { name: "IMAGE…", min: 1, max: many },
  flags: [
    { name: "annotations", short: "a", type: "list", value: "KEY=VALUE", summary: "what else to say of the image" },
    ...signing,
    ...registry,
  ],
  examples: ["sigillum sign localhost:5000/app@sha256:…"],
  run: async (args, terminal) => await (await import("./image/index.ts")).runSign(args, terminal),
};

const verify: Command = {
  name: "verify",
  summary: "verify images by the signatures in their registry",
  positionals: { name: "IMAGE…", min: 1, max: many },
  flags: [...verification, ...registry],
  examples: [
    "sigillum verify localhost:5000/app:v1 --certificate-identity ada@example.com --certificate-oidc-issuer https://accounts.example.com",
  ],
  run: async (args, terminal) => await (await import("./image/index.ts")).runVerify(args, terminal),
};

const trustAdd: Command = {
  name: "trust add",
  summary: "fetch and pin a root of trust; every command then finds its services",
  positionals: { name: "URL", min: 1, max: 1 },
  flags: [
    { name: "root-sha256", type: "string", value: "HEX", summary: "SHA-256 that the first root must have" },
    { name: "name", type: "string", value: "NAME", summary: "name to keep it under (the host and port of the URL)" },
  ],
  examples: [
    "sigillum trust add http://localhost:8081",
    "sigillum trust add https://tuf.example.com --root-sha256 6f2c… --name work",
  ],
  run: async (args, terminal) => await (await import("./trust/index.ts")).runTrustAdd(args, terminal),
};

const trustList: Command = {
  name: "trust list",
  summary: "list the roots of trust",
  positionals: { name: "", min: 0, max: 0 },
  flags: [],
  run: async (args, terminal) => await (await import("./trust/index.ts")).runTrustList(args, terminal),
};

const init: Command = {
  name: "init",
  summary: "make keys, certificates, trust root and settings in a data directory",
  positionals: { name: "", min: 0, max: 0 },
  flags: [dataFlag],
  run: async (args, terminal) => await (await import("./operate/index.ts")).runInit(args, terminal),
};

const serve: Command = {
  name: "serve",
  summary: "run the stack; an empty data directory is initialised first",
  positionals: { name: "", min: 0, max: 0 },
  flags: [
    dataFlag,
    { name: "config", type: "string", value: "FILE", summary: "settings to use instead of the data directory's sigillum.yaml" },
    { name: "only", type: "list", value: "SERVICE", summary: "run these services alone" },
  ],
  examples: ["sigillum serve --data ./sigillum-data", "sigillum serve --only log,ca,identity"],
  run: async (args, terminal) => await (await import("./operate/index.ts")).runServe(args, terminal),
};

const demo: Command = {
  name: "demo",
  summary: "show the whole job on a temporary stack: sign, verify, refuse",
  positionals: { name: "", min: 0, max: 0 },
  flags: [{ name: "keep", type: "boolean", summary: "leave the temporary directory where it is" }],
  run: async (args, terminal) => await (await import("./operate/index.ts")).runDemo(args, terminal),
};

/** The commands in the groups that help shows. */
const commandGroups: readonly { readonly title: string; readonly commands: readonly Command[] }[] = [
  { title: "Sign and verify", commands: [signBlob, verifyBlob, sign, verify] },
  { title: "Whom to trust", commands: [trustAdd, trustList] },
  { title: "Run a private Sigstore", commands: [init, serve, demo] },
];
