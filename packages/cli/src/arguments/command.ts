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
  /** Other names it goes by, as cosign has them. */
  readonly aliases?: readonly string[];
  /** Accepted and left out of help: what older versions of cosign had. */
  readonly hidden?: boolean;
  /** Said on stderr when the flag is given: what to use instead. */
  readonly deprecated?: string;
  /** Never taken from a variable COSIGN_NAME: that variable means something else. */
  readonly noVariable?: boolean;
}

/** The words a command takes beside its flags. */
export interface PositionalSpec {
  /** How help names them: "FILE…". */
  readonly name: string;
  readonly min: number;
  readonly max: number;
  /** The only words taken. */
  readonly choices?: readonly string[];
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
  /** Accepted and left out of help. */
  readonly hidden?: boolean;
  /**
   * What `--output json` means: one JSON document, errors too ("document", the default), or what cosign writes ("cosign"), where
   * `--output report` is the document.
   */
  readonly output?: "document" | "cosign";
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
  { name: "output-file", type: "string", value: "FILE", summary: "write to this file instead of stdout" },
  { name: "timeout", short: "t", type: "string", value: "DURATION", summary: "give up after this long: 90s, 3m (no limit)" },
  { name: "verbose", short: "d", type: "boolean", summary: "show every HTTP request on stderr" },
  { name: "help", short: "h", type: "boolean", summary: "show this help" },
];
