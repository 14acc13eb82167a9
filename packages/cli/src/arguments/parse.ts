// POSIX and GNU flags as pflag reads them (signing-client §1.2), so that a cosign user's habits hold. Long names are not
// abbreviated; grouped (-rf) and glued (-ojson) short flags are taken, and long ones with a single dash (-key), which cosign had
// before 1.3 and its posts of 2021 still show.
import { quote } from "@sigillum/library/encoding";
import { type CommandSpec, commonFlags, type FlagSpec } from "./command.ts";
import { argumentError } from "./errors.ts";
import { nearest } from "./nearest.ts";

/** A parsed command line. Asking for a flag that the command does not declare is a TypeError. */
export class Arguments {
  readonly positionals: readonly string[];
  readonly #spec: CommandSpec;
  readonly #values: ReadonlyMap<string, readonly string[]>;
  /** What to tell the caller of old spellings, a line each. */
  readonly warnings: readonly string[];

  constructor(
    spec: CommandSpec,
    positionals: readonly string[],
    values: ReadonlyMap<string, readonly string[]>,
    warnings: readonly string[] = [],
  ) {
    this.#spec = spec;
    this.positionals = positionals;
    this.#values = values;
    this.warnings = warnings;
  }

  /** The command's name. */
  get command(): string {
    return this.#spec.name;
  }

  /** Whether the command declares a flag. */
  declares(name: string): boolean {
    return tableOf(this.#spec).byName.has(name);
  }

  /** The value of a flag, the last one if it is repeated; undefined when it is not given. */
  string(name: string): string | undefined {
    return this.#of(name, "string").at(-1);
  }

  /** As `string`, but a missing flag is FLAG_REQUIRED. */
  required(name: string, why: string): string {
    const value = this.string(name);
    if (value === undefined || value === "")
      throw argumentError("FLAG_REQUIRED", `Cannot run ${this.#spec.name}: --${name} is missing; ${why}`, {
        expected: `--${name}`,
      });
    return value;
  }

  /** Whether a boolean flag is set; `otherwise` where it is not given. */
  boolean(name: string, otherwise: boolean = false): boolean {
    const value = this.#of(name, "boolean").at(-1);
    return value === undefined ? otherwise : value === "true";
  }

  /** Whether a flag is a switch that was set to false. */
  isSwitchedOff(name: string): boolean {
    return this.#values.get(name)?.at(-1) === "false" && tableOf(this.#spec).byName.get(name)?.type === "boolean";
  }

  /** All values of a repeatable flag. */
  strings(name: string): readonly string[] {
    return this.#of(name, "list", "array");
  }

  /** Whether the flag stands on the command line or in its variable. */
  has(name: string): boolean {
    return this.#values.has(name);
  }

  /** Fail with FLAGS_CONFLICT if more than one of these flags is given. */
  exclusive(...names: string[]): void {
    const given = names.filter((name) => this.has(name));
    if (given.length > 1)
      throw argumentError("FLAGS_CONFLICT", `Cannot run ${this.#spec.name}: --${given[0]} and --${given[1]} exclude each other`, {
        found: given.map((name) => `--${name}`).join(" "),
      });
  }

  #of(name: string, ...types: FlagSpec["type"][]): readonly string[] {
    const flag = tableOf(this.#spec).byName.get(name);
    if (flag === undefined || !types.includes(flag.type))
      throw new TypeError(`${this.#spec.name} declares no ${types.join(" or ")} flag ${name}`);
    return this.#values.get(name) ?? [];
  }
}

/**
 * Read the words after the command's name. Flags and positionals mix freely; `--` ends flags; a lone `-` is a positional.
 * A flag that is not given is taken from the variable COSIGN_NAME, or SIGILLUM_NAME, of `env`. With `--help` among the flags
 * nothing is demanded of the rest.
 */
export function parseArguments(spec: CommandSpec, words: readonly string[], env: Environment = {}): Arguments {
  const positionals: string[] = [];
  const values = new Map<string, string[]>();
  const warnings = new Set<string>();
  const rest = [...words];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === "--") {
      positionals.push(...rest);
      break;
    }
    if (word.startsWith("--")) readLong(spec, word.slice(2), rest, values, warnings);
    else if (isSingleDashed(spec, word)) {
      const name = word.slice(1).split("=")[0] ?? "";
      warnings.add(
        `WARNING: the flag -${name} is deprecated and will be removed in a future release. Please use the flag --${name}.`,
      );
      readLong(spec, word.slice(1), rest, values, warnings);
    } else if (word.startsWith("-") && word.length > 1) readShort(spec, word.slice(1), rest, values);
    else positionals.push(word);
  }
  readVariables(spec, env, values);
  const parsed = new Arguments(spec, positionals, values, [...warnings]);
  if (!parsed.boolean("help")) checkCount(spec, positionals);
  return parsed;
}

/** Variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

interface FlagTable {
  readonly all: readonly FlagSpec[];
  readonly byName: ReadonlyMap<string, FlagSpec>;
}

const tables = new WeakMap<CommandSpec, FlagTable>();

function tableOf(spec: CommandSpec): FlagTable {
  const known = tables.get(spec);
  if (known !== undefined) return known;
  const all = allFlags(spec);
  // the first of two that bear one name
  const byName = new Map(all.toReversed().map((flag) => [flag.name, flag]));
  const table = { all, byName };
  tables.set(spec, table);
  return table;
}

/** All flags of a command, the common ones last; a command's own flag goes before a common one of the same name or letter. */
export function flagsOf(spec: CommandSpec): readonly FlagSpec[] {
  return tableOf(spec).all;
}

function allFlags(spec: CommandSpec): readonly FlagSpec[] {
  const shorts = new Set(spec.flags.map((flag) => flag.short));
  const names = new Set(spec.flags.map((flag) => flag.name));
  const common = commonFlags
    .filter((flag) => !names.has(flag.name))
    .map(({ short, ...flag }) => (short === undefined || shorts.has(short) ? flag : { ...flag, short }));
  return [...spec.flags, ...common];
}

function findFlag(spec: CommandSpec, name: string): FlagSpec | undefined {
  return flagsOf(spec).find((flag) => flag.name === name || flag.aliases?.includes(name) === true);
}

function isSingleDashed(spec: CommandSpec, word: string): boolean {
  return (
    word.startsWith("-") && /^-[a-z][a-z0-9-]+/i.test(word) && findFlag(spec, word.slice(1).split("=")[0] ?? "") !== undefined
  );
}

// Since cosign 1.13.2 every flag may be set by a variable; the command line wins.
function readVariables(spec: CommandSpec, env: Environment, values: Values): void {
  // To look for a variable of each flag takes ten times as long as to see that there is none; Windows has them in any case.
  if (!Object.keys(env).some(isOurs)) return;
  for (const flag of flagsOf(spec)) {
    if (values.has(flag.name) || flag.noVariable === true || flag.name === "help") continue;
    const upper = flag.name.toUpperCase().replaceAll("-", "_");
    const name = [`COSIGN_${upper}`, `SIGILLUM_${upper}`].find((one) => (env[one] ?? "") !== "");
    if (name !== undefined) store(spec, flag, name, env[name], [], values);
  }
}

function isOurs(variable: string): boolean {
  const start = variable.slice(0, 9).toUpperCase();
  return start.startsWith("COSIGN_") || start === "SIGILLUM_";
}

type Values = Map<string, string[]>;

function readLong(spec: CommandSpec, word: string, rest: string[], values: Values, warnings: Set<string>): void {
  const equals = word.indexOf("=");
  const name = equals === -1 ? word : word.slice(0, equals);
  const flag = findFlag(spec, name);
  if (flag === undefined) throw unknownFlag(spec, `--${name}`, name);
  if (flag.deprecated !== undefined) warnings.add(`Flag --${name} has been deprecated, ${flag.deprecated}`);
  store(spec, flag, `--${name}`, equals === -1 ? undefined : word.slice(equals + 1), rest, values);
}

function readShort(spec: CommandSpec, letters: string, rest: string[], values: Values): void {
  for (let position = 0; position < letters.length; position += 1) {
    const letter = letters.charAt(position);
    const flag = flagsOf(spec).find((one) => one.short === letter);
    if (flag === undefined) throw unknownFlag(spec, `-${letters}`, letters.split("=")[0] ?? letters);
    const glued = letters.slice(position + 1);
    if (flag.type === "boolean" && !glued.startsWith("=")) {
      store(spec, flag, `-${letter}`, undefined, rest, values);
      continue;
    }
    store(spec, flag, `-${letter}`, glued === "" ? undefined : glued.replace(/^=/, ""), rest, values);
    return;
  }
}

const truths: ReadonlyMap<string, string> = new Map([
  ...["1", "t", "T", "true", "TRUE", "True"].map((word): [string, string] => [word, "true"]),
  ...["0", "f", "F", "false", "FALSE", "False"].map((word): [string, string] => [word, "false"]),
]);

function store(
  spec: CommandSpec,
  flag: FlagSpec,
  shown: string,
  given: string | undefined,
  rest: string[],
  values: Values,
): void {
  const value = flag.type === "boolean" ? truths.get(given ?? "true") : (given ?? rest.shift());
  if (value === undefined) {
    if (flag.type === "boolean")
      throw argumentError(
        "FLAG_VALUE_INVALID",
        `Cannot run ${spec.name}: ${shown} is a switch, and ${quote(given ?? "")} is neither true nor false`,
        { found: given ?? "", expected: "true or false" },
      );
    throw argumentError("FLAG_VALUE_MISSING", `Cannot run ${spec.name}: ${shown} needs a value (${flag.value ?? "VALUE"})`, {
      expected: `${shown} ${flag.value ?? "VALUE"}`,
    });
  }
  if (flag.choices !== undefined && !flag.choices.includes(value)) {
    throw argumentError("FLAG_VALUE_INVALID", `Cannot run ${spec.name}: ${shown} is ${quote(value)}`, {
      found: value,
      expected: flag.choices.join(" or "),
    });
  }
  const known = values.get(flag.name) ?? [];
  if (flag.type === "list") values.set(flag.name, [...known, ...splitList(value)]);
  else values.set(flag.name, flag.type === "array" ? [...known, value] : [value]);
}

// One CSV record, as pflag's string slices: values with commas stand in double quotes, a doubled quote is a quote.
function splitList(text: string): string[] {
  if (text === "") return [];
  const parts: string[] = [];
  const pattern = /(?:"((?:[^"]|"")*)"|([^,]*))(,|$)/y;
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    parts.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? "");
    if (match[3] === "") break;
  }
  return parts;
}

function unknownFlag(spec: CommandSpec, shown: string, name: string): Error {
  const near = nearest(
    name,
    flagsOf(spec)
      .filter((flag) => flag.hidden !== true)
      .map((flag) => flag.name),
  );
  const hint = near === undefined ? `"sigillum ${spec.name} --help" lists its flags` : `did you mean --${near}?`;
  return argumentError("FLAG_UNKNOWN", `Cannot run ${spec.name}: unknown flag: ${shown}; ${hint}`, {
    found: shown,
    ...(near === undefined ? {} : { expected: `--${near}` }),
  });
}

function checkCount(spec: CommandSpec, positionals: readonly string[]): void {
  const { min, max, name, choices } = spec.positionals;
  const wrong = positionals.find((word) => choices?.includes(word) === false);
  if (wrong !== undefined) {
    throw argumentError("FLAG_VALUE_INVALID", `Cannot run ${spec.name}: ${name} is ${quote(wrong)}`, {
      found: wrong,
      expected: choices?.join(" or ") ?? name,
    });
  }
  if (positionals.length >= min && positionals.length <= max) return;
  const expected = max === 0 ? "no arguments" : name;
  const found =
    positionals.length === 0
      ? "none"
      : positionals.length > max && max > 0
        ? `${positionals.length}`
        : positionals.map((word) => quote(word)).join(" ");
  throw argumentError("ARGUMENT_COUNT", `Cannot run ${spec.name}: it takes ${expected}, found ${found}`, { found, expected });
}
