// The values of number and string literals (language specification, "Literals").
import { multiplyExact, numeric, parseNumber, roundToDigits } from "../values/index.ts";
import type { Place } from "./position.ts";
import { type Quote, syntaxError } from "./scanner.ts";
import type { NumberLiteral } from "./syntax.ts";

const multipliers: ReadonlyMap<string, bigint> = new Map([
  ["K", 10n ** 3n],
  ["M", 10n ** 6n],
  ["G", 10n ** 9n],
  ["T", 10n ** 12n],
  ["P", 10n ** 15n],
  ["Ki", 1n << 10n],
  ["Mi", 1n << 20n],
  ["Gi", 1n << 30n],
  ["Ti", 1n << 40n],
  ["Pi", 1n << 50n],
]);

/** Digits that a floating-point number keeps when it is calculated with. */
export const floatDigits = 34;

/** Times that a text or a list may be repeated at once, as CUE limits it. */
export const maxRepeat = 1_000_000;

/** The value of a number literal; refuses misplaced underscores and leading zeros. */
export function parseNumberLiteral(text: string, at: Place): NumberLiteral {
  if (/__|_$|^_|_[.eEKMGTP]|[.eE]_/.test(text)) throw syntaxError(at, `number ${text} has a misplaced underscore`);
  const digits = text.replaceAll("_", "");
  if (/^0[xXbBoO]/.test(digits)) {
    if (digits.length === 2) throw syntaxError(at, `number ${text} has no digits`);
    return { int: true, value: numeric(BigInt(digits.toLowerCase())) };
  }
  const match = /^([0-9]*)(?:(\.)([0-9]*))?(?:[eE]([+-]?[0-9]+))?([KMGTP]i?)?$/.exec(digits);
  if (match === null) throw syntaxError(at, `number ${text} is malformed`);
  const [, whole = "", point, fraction = "", exponent, suffix] = match;
  if (/^0[0-9]/.test(whole) && point === undefined && exponent === undefined)
    throw syntaxError(at, `number ${text} has a leading zero`);
  const plain = `${whole.replace(/^0+(?=.)/, "") || "0"}${fraction === "" ? (point === undefined ? "" : ".0") : `.${fraction}`}`;
  const number = parseNumber(exponent === undefined ? plain : `${plain}e${exponent}`);
  if (suffix !== undefined) {
    const scaled = multiplyExact(number, numeric(multipliers.get(suffix) ?? 1n));
    if (typeof scaled !== "number" && !scaled.isInteger) throw syntaxError(at, `number ${text} is not an integer`);
    return { int: true, value: scaled };
  }
  return {
    int: point === undefined && exponent === undefined,
    value: point === undefined && exponent === undefined ? number : roundToDigits(number, Math.max(floatDigits, text.length)),
  };
}

const simple: ReadonlyMap<string, string> = new Map([
  ["a", "\x07"],
  ["b", "\b"],
  ["f", "\f"],
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"],
  ["v", "\v"],
  ["/", "/"],
  ["\\", "\\"],
  ['"', '"'],
  ["'", "'"],
]);

/** One piece of a string literal: text, or bytes once an escaped names one. */
export type StringPiece = string | Uint8Array;

/** What a piece of a string literal between its quotes and interpolations stands for. */
export function parseStringPiece(raw: string, quote: Quote, at: Place, first: boolean, last: boolean): readonly StringPiece[] {
  const text = quote.multiline ? unindent(raw, quote, at, first, last) : raw;
  const escaped = `\\${"#".repeat(quote.hashes)}`;
  const pieces: StringPiece[] = [];
  let from = 0;
  for (let found = text.indexOf(escaped); found !== -1; found = text.indexOf(escaped, from)) {
    pieces.push(text.slice(from, found));
    const [piece, length] = readEscape(text, found + escaped.length, quote, at);
    pieces.push(piece);
    from = found + escaped.length + length;
  }
  pieces.push(text.slice(from));
  return pieces;
}

function unindent(raw: string, quote: Quote, at: Place, first: boolean, last: boolean): string {
  const lines = raw.replaceAll("\r\n", "\n").split("\n");
  if (last) {
    lines.pop();
    if (lines.length === 0) return "";
  }
  return lines.map((line, i) => (i === 0 && !first ? line : withoutIndent(line, quote.indent, at))).join("\n");
}

function withoutIndent(line: string, indent: string, at: Place): string {
  if (line.startsWith(indent)) return line.slice(indent.length);
  if (/^[ \t]*$/.test(line)) return "";
  throw syntaxError(at, "a line of a multi-line string does not begin with the white space before its closing quotes");
}

/** An escaped and the length of what stands after the backslash (and its #s). */
function readEscape(text: string, at: number, quote: Quote, place: Place): [StringPiece, number] {
  const character = text[at] ?? "";
  if (character === "\n" && quote.multiline) return ["", 1];
  const plain = simple.get(character);
  if (plain !== undefined && (character !== "'" || quote.bytes) && (character !== '"' || !quote.bytes)) return [plain, 1];
  if (character === "u" || character === "U") {
    const digits = text.slice(at + 1, at + (character === "u" ? 5 : 9));
    const code = /^([0-9a-fA-F]{4}|[0-9a-fA-F]{8})$/.test(digits) ? Number.parseInt(digits, 16) : -1;
    if (code < 0 || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
      throw syntaxError(place, `escaped \\${character}${digits} names no character`);
    return [String.fromCodePoint(code), digits.length + 1];
  }
  const byte = quote.bytes ? (/^x[0-9a-fA-F]{2}|^[0-7]{3}/.exec(text.slice(at, at + 3))?.[0] ?? "") : "";
  const code = byte.startsWith("x") ? Number.parseInt(byte.slice(1), 16) : Number.parseInt(byte, 8);
  if (byte !== "" && code < 256) return [Uint8Array.of(code), byte.length];
  throw syntaxError(place, `escaped \\${character} is unknown`);
}
