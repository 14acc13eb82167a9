// `sigillum policy fmt`: one way to lay a policy out. White space alone changes: tabs by the depth of brackets, no space at the end of a
// line, at most one empty line, a line end at the end. What stands inside of texts over several lines stays as it is.
import { writeFileSync } from "node:fs";
import type { PolicyLanguage } from "@sigillum/policy/contracts";
import type { Arguments } from "../arguments/index.ts";
import { exitCodes, type Terminal } from "../terminal/index.ts";
import { policyError } from "./errors.ts";
import { readPolicies } from "./sources.ts";

/** Run `policy fmt`. */
export async function runPolicyFmt(args: Arguments, terminal: Terminal): Promise<number> {
  const sources = readPolicies(args.positionals);
  const changed = sources.filter(({ language, source }) => formatPolicy(language, source) !== source);
  if (!args.boolean("check")) {
    for (const { language, file, source } of changed) writeFileSync(file, formatPolicy(language, source));
    for (const { file } of changed) terminal.out(file);
    return exitCodes.success;
  }
  for (const { file } of changed) terminal.out(file);
  if (changed.length === 0) return exitCodes.success;
  throw policyError(
    "POLICY_NOT_FORMATTED",
    `Cannot accept ${changed.length} of ${sources.length} policies: not formatted; "sigillum policy fmt" does it`,
    {
      found: changed.map(({ file }) => file).join(", "),
      expected: "policies as policy fmt writes them",
    },
  );
}

/** A policy as it should stand; formatting it again changes nothing. */
export function formatPolicy(language: PolicyLanguage, source: string): string {
  const scanner = new LineScanner(language);
  const lines: string[] = [];
  for (const line of source.replace(/\r\n?/g, "\n").split("\n")) {
    if (scanner.insideText) {
      scanner.scan(line);
      lines.push(scanner.insideText ? line : line.trimEnd());
      continue;
    }
    const text = line.trim();
    const depth = Math.max(0, scanner.depth - leadingClosers(text));
    scanner.scan(text);
    const laidOut = text === "" ? "" : `${"\t".repeat(depth)}${text}`;
    lines.push(laidOut);
  }
  const kept = lines.filter((line, i) => line !== "" || (i > 0 && lines[i - 1] !== ""));
  return `${kept.join("\n").trim()}\n`;
}

function leadingClosers(text: string): number {
  return /^[\])}]*/.exec(text)?.[0].length ?? 0;
}

/** Follows brackets, texts and comments from line to line. */
class LineScanner {
  readonly #language: PolicyLanguage;
  #depth = 0;
  /** What ends the text that is open, or nothing. */
  #ends: string | undefined;

  constructor(language: PolicyLanguage) {
    this.#language = language;
  }

  get depth(): number {
    return this.#depth;
  }

  get insideText(): boolean {
    return this.#ends !== undefined;
  }

  scan(line: string): void {
    for (let at = 0; at < line.length; ) at = this.#ends === undefined ? this.#plain(line, at) : this.#text(line, at, this.#ends);
    // a text in single quotes ends with its line, whatever it holds
    if (this.#ends !== undefined && !/^(?:`|#*(?:"""|'''))/.test([...this.#ends].reverse().join(""))) this.#ends = undefined;
  }

  #plain(line: string, at: number): number {
    const rest = line.slice(at);
    const comment = this.#language === "rego" ? "#" : "//";
    const open = this.#language === "rego" ? /^(?:`|"|\$"|\$`)/.exec(rest) : /^(#*)("""|'''|"|')/.exec(rest);
    if (open !== null) {
      const [whole, hashes = "", quote = whole.slice(-1)] = open;
      this.#ends = this.#language === "rego" ? whole.slice(-1) : quote + hashes;
      return at + whole.length;
    }
    if (rest.startsWith(comment)) return line.length;
    const character = line.charAt(at);
    if ("([{".includes(character)) this.#depth++;
    else if (")]}".includes(character)) this.#depth = Math.max(0, this.#depth - 1);
    return at + 1;
  }

  #text(line: string, at: number, ends: string): number {
    if (line.startsWith(ends, at)) {
      this.#ends = undefined;
      return at + ends.length;
    }
    const escapes = ends !== "`" && !ends.endsWith("#");
    return at + (escapes && line.charAt(at) === "\\" ? 2 : 1);
  }
}
