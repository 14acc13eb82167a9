// Values without structure: kinds as a set of bits, scalars, bounds, and errors as values (language specification, "Types", "Bottom").
import { canonicalNumber, compareNumbers, formatNumber } from "../values/index.ts";
import type { Place } from "./position.ts";
import type { LiteralValue, NumberLiteral } from "./syntax.ts";
import { compareByteStrings, compareText, quoteText } from "./text.ts";

/** Kinds as bits, so that a type is the set of kinds it allows. */
export const kinds = {
  null: 1,
  bool: 2,
  int: 4,
  float: 8,
  number: 12,
  string: 16,
  bytes: 32,
  struct: 64,
  list: 128,
  top: 255,
  none: 0,
} as const;

/** Kinds that can be ordered and bounded. */
export const orderedKinds: number = kinds.number | kinds.string | kinds.bytes;

/** One concrete value without structure. */
export type Scalar = LiteralValue;

/** A unary comparison used as a value: `>=1`, `!="x"`, `=~"^a"`. */
export interface Bound {
  readonly operator: string;
  readonly value: Scalar;
  readonly at: Place;
}

/** Why a value is bottom. An `incomplete` one may still become a value when more is known, `cycle` when an evaluation under way ends. */
export type BottomCode = "eval" | "user" | "structural" | "incomplete" | "cycle" | "unsupported";

/** An error as a value: what failed, where in the value, and where in the sources. */
export interface Bottom {
  readonly code: BottomCode;
  readonly message: string;
  /** Places in the sources that took part. */
  readonly places: readonly Place[];
  /** The values in conflict, as CUE. */
  readonly values?: readonly string[];
  /** For a disjunction: why each of its terms failed. */
  readonly causes?: readonly Bottom[];
  /** For a cycle: the value without disjunctions that was asked for while it was being calculated. */
  readonly asked?: object;
  /** For a cycle: the value that was asked for while its disjunctions were being decided. */
  readonly undecided?: object;
  /** Path of the value that is the error; set when it is attached to one. */
  path?: readonly string[];
}

/** Leaves the calculation of an expression whose value is bottom. Never leaves this room. */
export class Stop extends Error {
  readonly bottom: Bottom;

  constructor(bottom: Bottom) {
    super(bottom.message);
    this.bottom = bottom;
  }
}

/** Stop with an error that no further information can mend. */
export function fail(message: string, ...places: readonly Place[]): Stop {
  return new Stop({ code: "eval", message, places });
}

/** Stop with an error that further information may mend. */
export function incomplete(message: string, ...places: readonly Place[]): Stop {
  return new Stop({ code: "incomplete", message, places });
}

/** Whether further information may mend an error. */
export function isIncomplete(bottom: Bottom): boolean {
  return bottom.code === "incomplete" || bottom.code === "cycle";
}

/** Whether a scalar is a number. */
export function isNumber(value: Scalar): value is NumberLiteral {
  return typeof value === "object" && value !== null && !(value instanceof Uint8Array);
}

/** The kind of a scalar. */
export function kindOf(value: Scalar): number {
  if (value === null) return kinds.null;
  if (typeof value === "boolean") return kinds.bool;
  if (typeof value === "string") return kinds.string;
  if (value instanceof Uint8Array) return kinds.bytes;
  return value.int ? kinds.int : kinds.float;
}

/** Whether two scalars are one value: 1 and 1.0 are not, being of two kinds. */
export function sameScalar(a: Scalar, b: Scalar): boolean {
  return kindOf(a) === kindOf(b) && equalScalars(a, b);
}

/** Whether two scalars are equal by ==: numbers by size alone. */
export function equalScalars(a: Scalar, b: Scalar): boolean {
  if (isNumber(a) && isNumber(b)) return compareNumbers(a.value, b.value) === 0;
  if (a instanceof Uint8Array && b instanceof Uint8Array) return compareByteStrings(a, b) === 0;
  return a === b;
}

/** Order of two scalars of one ordered kind; undefined when they have none. */
export function compareScalars(a: Scalar, b: Scalar): number | undefined {
  if (isNumber(a) && isNumber(b)) return compareNumbers(a.value, b.value);
  if (typeof a === "string" && typeof b === "string") return compareText(a, b);
  if (a instanceof Uint8Array && b instanceof Uint8Array) return compareByteStrings(a, b);
  return undefined;
}

/** A scalar as CUE writes it. */
export function formatScalar(value: Scalar): string {
  if (typeof value === "string") return quoteText(value);
  if (value instanceof Uint8Array) return quoteBytes(value);
  if (isNumber(value)) return formatFloat(value);
  return String(value);
}

/** A scalar as CUE for messages: cut short when it is long. */
export function showScalar(value: Scalar): string {
  if (typeof value === "string" && value.length > 200) return `${quoteText(value.slice(0, 200)).slice(0, -1)}…`;
  if (value instanceof Uint8Array && value.length > 200) return `${quoteBytes(value.slice(0, 200)).slice(0, -1)}…`;
  const text = formatScalar(value);
  return text.length <= 400 ? text : `${text.slice(0, 399)}…`;
}

function formatFloat({ int, value }: NumberLiteral): string {
  const text = formatNumber(value);
  if (/[eE]/.test(text)) return scientific(text);
  return int || text.includes(".") ? text : `${text}.0`;
}

/** A number with an exponent as the General Decimal Arithmetic writes it: 1e2 is 1E+2, and 1.5e1 is 15. */
function scientific(text: string): string {
  const [mantissa = "", power = "0"] = text.toLowerCase().split("e");
  const [whole = "", fraction = ""] = mantissa.replace("-", "").split(".");
  const digits = (whole + fraction).replace(/^0+(?=.)/, "");
  const exponent = Number(power) - fraction.length;
  const adjusted = exponent + digits.length - 1;
  const sign = mantissa.startsWith("-") ? "-" : "";
  if (exponent <= 0 && adjusted >= -6) {
    const point = digits.length + exponent;
    if (exponent === 0) return `${sign}${digits}.0`;
    return point > 0 ? `${sign}${digits.slice(0, point)}.${digits.slice(point)}` : `${sign}0.${"0".repeat(-point)}${digits}`;
  }
  return `${sign}${digits.charAt(0)}${digits.length > 1 ? `.${digits.slice(1)}` : ""}E${adjusted < 0 ? "-" : "+"}${Math.abs(adjusted)}`;
}

function quoteBytes(bytes: Uint8Array): string {
  let text = "'";
  for (const byte of bytes) {
    if (byte === 0x27 || byte === 0x5c) text += `\\${String.fromCharCode(byte)}`;
    else if (byte === 0x0a) text += "\\n";
    else text += byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, "0")}`;
  }
  return `${text}'`;
}

/** A bound as CUE. */
export function formatBound({ operator, value }: Bound): string {
  return `${operator}${showScalar(value)}`;
}

/** The same text for scalars that are the same value. */
export function scalarKey(value: Scalar): string {
  if (!isNumber(value)) return formatScalar(value);
  return `${value.int ? "i" : "f"}${canonicalNumber(value.value)}`;
}

const kindNames: readonly (readonly [number, string])[] = [
  [kinds.null, "null"],
  [kinds.bool, "bool"],
  [kinds.number, "number"],
  [kinds.int, "int"],
  [kinds.float, "float"],
  [kinds.string, "string"],
  [kinds.bytes, "bytes"],
  [kinds.struct, "struct"],
  [kinds.list, "list"],
];

/** A set of kinds as CUE names it in messages: `int`, `(int|string)`. */
export function formatKinds(mask: number): string {
  if (mask === kinds.top) return "_";
  if (mask === 0) return "_|_";
  let rest = mask;
  const names: string[] = [];
  for (const [bits, name] of kindNames) {
    if ((rest & bits) !== bits) continue;
    names.push(name);
    rest &= ~bits;
  }
  return names.length === 1 ? (names[0] ?? "") : `(${names.join("|")})`;
}
