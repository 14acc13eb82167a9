// The command line: the way from words to a command. What carries a command out is loaded when it is called, and not for help.
import {
  type Arguments,
  argumentError,
  commandHelp,
  nearest,
  overallHelp,
  parseArguments,
  parseDuration,
} from "./arguments/index.ts";
import { type Command, findCommand, loadCommandGroups, traceTo, versionLine } from "./commands/index.ts";
import { createTerminal, exitCodeMeanings, exitCodes, type InputStream, reportError, type Terminal } from "./terminal/index.ts";

/** What a run of the command line talks to. */
export interface Streams {
  readonly stdout: { write(text: string | Uint8Array): unknown };
  readonly stderr: { write(text: string): unknown; readonly isTTY?: boolean };
  /** Asked for only by a command that reads it. */
  readonly stdin?: () => InputStream;
  readonly stdinIsTTY: boolean;
  /** Ends the process where a command was given up and may have left something running. */
  readonly exit?: (code: number) => void;
}

export { version } from "./commands/index.ts";

/** Run one command line (without the program's name) and return its exit code. Nothing it does ends in an exception. */
export async function main(given: readonly string[], streams: Streams): Promise<number> {
  const words = given[0] === "-version" ? ["version", ...given.slice(1)] : given;
  const captured = new CapturedOutput(streams);
  const found = await findCommand(words[0] === "help" ? words.slice(1) : words);
  const terminal = createTerminal({
    stdout: captured,
    stderr: streams.stderr,
    ...(streams.stdin === undefined ? {} : { stdin: streams.stdin }),
    get stdinIsTTY() {
      return streams.stdinIsTTY;
    },
    format: asksFor(words, found?.command.output === "cosign" ? "report" : "json") ? "json" : "text",
  });
  try {
    const code = await dispatch(words, found, terminal, captured, streams);
    await captured.end();
    return code;
  } catch (error) {
    return shownCode(reportError(terminal, error));
  }
}

// For scripts that take any code they do not know for a defect: cosign's own and 1.
function shownCode(code: number): number {
  return process.env["SIGILLUM_COSIGN_EXIT_CODES"] === "1" && code > exitCodes.noCertificate ? exitCodes.failure : code;
}

// --output-file: what would go to stdout is kept, and written when the command has succeeded.
class CapturedOutput {
  readonly #streams: Streams;
  readonly #parts: Uint8Array[] = [];
  path: string | undefined;

  constructor(streams: Streams) {
    this.#streams = streams;
  }

  write(text: string | Uint8Array): unknown {
    if (this.path === undefined) return this.#streams.stdout.write(text);
    return this.#parts.push(typeof text === "string" ? new TextEncoder().encode(text) : text);
  }

  async end(): Promise<void> {
    if (this.path === undefined) return;
    const { writeFile } = await import("node:fs/promises");
    await writeFile(this.path, Buffer.concat(this.#parts)).catch((cause: unknown) => {
      throw argumentError("FLAG_VALUE_INVALID", `Cannot write --output-file ${JSON.stringify(this.path)}`, {
        cause,
        found: this.path ?? "",
      });
    });
  }
}

interface Found {
  readonly command: Command;
  readonly rest: readonly string[];
}

async function dispatch(
  words: readonly string[],
  found: Found | undefined,
  terminal: Terminal,
  captured: CapturedOutput,
  streams: Streams,
): Promise<number> {
  const [first, ...rest] = words;
  if (first === undefined || first === "--help" || first === "-h" || (first === "help" && rest.length === 0))
    return await showHelp(terminal);
  if (first === "--version") {
    terminal.out(versionLine());
    return exitCodes.success;
  }
  if (first === "help") return showCommandHelp((found ?? (await refuseUnknown(rest))).command, terminal);
  const { command, rest: own } = found ?? (await refuseUnknown(words));
  const args: Arguments = parseArguments(command, own, process.env);
  if (args.boolean("help")) return showCommandHelp(command, terminal);
  for (const warning of args.warnings) terminal.note(warning);
  captured.path = args.string("output-file");
  if (args.boolean("verbose")) {
    await traceTo(terminal);
  }
  return await withTimeout(args, streams, () => command.run(args, terminal));
}

async function withTimeout(args: Arguments, streams: Streams, run: () => Promise<number>): Promise<number> {
  const text = args.string("timeout");
  const limitMs = text === undefined ? 0 : parseDuration(text, "timeout");
  if (limitMs <= 0) return await run();
  let refuse: (error: Error) => void = () => undefined;
  const over = new Promise<number>((_, reject) => {
    refuse = reject;
  });
  const timer = setTimeout(() => {
    refuse(
      argumentError("COMMAND_TIMEOUT", `Cannot finish ${args.command}: --timeout ${text} is over`, {
        expected: `at most ${text}`,
      }),
    );
    // What goes on is cut off, once the error was told.
    setTimeout(() => streams.exit?.(exitCodes.unavailable), 100);
  }, limitMs);
  try {
    return await Promise.race([run(), over]);
  } finally {
    clearTimeout(timer);
  }
}

async function refuseUnknown(words: readonly string[]): Promise<never> {
  const groups = await loadCommandGroups();
  const commands = groups.flatMap((group) => group.commands).filter(({ hidden }) => hidden !== true);
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
function asksFor(words: readonly string[], format: string): boolean {
  const end = words.indexOf("--");
  const flags = end === -1 ? words : words.slice(0, end);
  return flags.some(
    (word, index) =>
      [`--output=${format}`, `-output=${format}`, `-o${format}`, `-o=${format}`].includes(word) ||
      (word === format && ["--output", "-output", "-o"].includes(flags[index - 1] ?? "")),
  );
}

const intro = `sigillum: sign software and verify who signed it, with a Sigstore of your own or any other

Usage: sigillum COMMAND [flags]`;

async function showHelp(terminal: Terminal): Promise<number> {
  const codes = exitCodeMeanings.map(([code, meaning]) => `  ${String(code).padStart(2)}  ${meaning}`);
  const outro = [
    "Exit codes:",
    ...codes,
    "",
    '"sigillum COMMAND --help" tells more of one. To see it all work: sigillum demo',
  ].join("\n");
  terminal.out(overallHelp(intro, await loadCommandGroups(), outro).trimEnd());
  return exitCodes.success;
}

function showCommandHelp(command: Command, terminal: Terminal): number {
  terminal.out(commandHelp(command).trimEnd());
  return exitCodes.success;
}
