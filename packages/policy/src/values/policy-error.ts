// The one error class of this package and the way a room declares its codes. Its shape is that of the library's SigillumError (code,
// kind, found, expected), so that a caller of both tells them apart by code alone.

/** What a caller can do about an error: the input is malformed; a check or limit refused; we could not look; this machine forbids it. */
export type ErrorKind = "malformed" | "verification" | "unavailable" | "state";

/** A place in a source text: the file's name as its caller gave it; line and column count from 1, the column in code points. */
export interface Position {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** What an error carries beyond code and message. */
export interface ErrorFields {
  readonly cause?: unknown;
  readonly found?: string;
  readonly expected?: string;
  readonly position?: Position;
}

/** A room's error codes: the kind of each and one sentence on what it means. */
export type ErrorTable = Readonly<Record<string, { readonly kind: ErrorKind; readonly means: string }>>;

/** An error with a stable code and, where there is one, the place in the policy; callers branch on `code`, people read `message`. */
export class PolicyError extends Error {
  override readonly name: string = "PolicyError";
  readonly code: string;
  readonly kind: ErrorKind;
  readonly found?: string;
  readonly expected?: string;
  readonly position?: Position;

  constructor(code: string, kind: ErrorKind, message: string, fields: ErrorFields = {}) {
    super(message, fields.cause === undefined ? undefined : { cause: fields.cause });
    this.code = code;
    this.kind = kind;
    if (fields.found !== undefined) this.found = fields.found;
    if (fields.expected !== undefined) this.expected = fields.expected;
    if (fields.position !== undefined) this.position = fields.position;
  }
}

const kinds: ReadonlySet<unknown> = new Set<ErrorKind>(["malformed", "verification", "unavailable", "state"]);

/** Whether a caught value is one of our errors, told by its shape, because two bundles hold two copies of the class. */
export function isPolicyError(value: unknown): value is PolicyError {
  if (typeof value !== "object" || value === null || !("code" in value) || !("kind" in value) || !("message" in value))
    return false;
  return typeof value.code === "string" && typeof value.message === "string" && kinds.has(value.kind);
}

/** A room's function that makes (and does not throw) an error of one of the room's codes. */
export type ErrorMaker<T extends ErrorTable> = (code: keyof T & string, message: string, fields?: ErrorFields) => PolicyError;

/** Turn a room's table of codes into its error maker; a code outside the table does not compile. */
export function defineErrors<const T extends ErrorTable>(table: T): ErrorMaker<T> {
  return (code, message, fields) => {
    const entry = table[code];
    if (entry === undefined) throw new TypeError(`Cannot make an error: ${code} stands in no table`);
    return new PolicyError(code, entry.kind, message, fields);
  };
}

/** A value from outside, quoted, shortened to `max` characters and free of control and direction characters, for use in a message. */
export function quote(value: string, max = 80): string {
  const short = value.length <= max ? value : `${value.slice(0, Math.max(1, max - 1))}…`;
  return JSON.stringify(short).replace(
    /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** A position as `file:line`, the way OPA and CUE begin their messages. */
export function formatPosition(position: Position): string {
  return position.file === "" ? `${position.line}:${position.column}` : `${position.file}:${position.line}`;
}
