/** One flag of a command. */
export interface FlagSpec {
  /** Without dashes: "identity-token". */
  readonly name: string;
  /** One letter. */
  readonly short?: string;
  /** `list` may be repeated and each value is split at commas; `array` may be repeated and is not split. */
  readonly type: "string" | "boolean" | "list" | "array";
  /** How help names the value: "FILE". */
  readonly value?: string;
  /** The only values taken. */
  readonly choices?: readonly string[];
  readonly summary: string;
}

/** The words a command takes beside its flags. */
export interface PositionalSpec {
  /** How help names them: "FILE…". */
  readonly name: string;
  readonly min: number;
  readonly max: number;
}

/** A command as its table in `main.ts` describes it: enough for parsing and help without loading what carries it out. */
export interface CommandSpec {
  /** "sign-blob"; of a family "trust add". */
  readonly name: string;
  readonly summary: string;
  /** More than the summary, for the command's own help. */
  readonly description?: string;
  readonly positionals: PositionalSpec;
  readonly flags: readonly FlagSpec[];
  readonly examples?: readonly string[];
}

/** Flags that every command has. */
export const commonFlags: readonly FlagSpec[] = [
  {
    name: "output",
    short: "o",
    type: "string",
    value: "FORMAT",
    choices: ["text", "json"],
    summary: "text (default) or json: one JSON document on stdout",
  },
  { name: "help", short: "h", type: "boolean", summary: "show this help" },
];
