// Package strings, after Go's of the same name: indexes count bytes where Go's do, and runes where CUE says so.
import type { Builtin, Call, Result } from "../builtin.ts";
import { integer } from "../comprehension.ts";
import { maxRepeat } from "../literal.ts";
import { compareText, encodeText, runeCount } from "../text.ts";
import { kinds } from "../value.ts";

const space = /[\t\n\v\f\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/u;

/** Functions of package strings. */
export const stringsPackage: Readonly<Record<string, Builtin>> = {
  ByteAt: { parameters: 2, call: (call) => integer(bytesOf(call)[within(call, 1, bytesOf(call).length - 1)] ?? 0) },
  ByteSlice: { parameters: 3, call: byteSlice },
  Compare: { parameters: 2, call: (call) => integer(Math.sign(compareText(call.string(0), call.string(1)))) },
  Contains: test((text, part) => text.includes(part)),
  ContainsAny: test((text, set) => [...set].some((character) => text.includes(character))),
  Count: {
    parameters: 2,
    call: (call) =>
      integer(call.string(1) === "" ? runeCount(call.string(0)) + 1 : call.string(0).split(call.string(1)).length - 1),
  },
  Fields: {
    parameters: 1,
    call: (call) =>
      call
        .string(0)
        .split(new RegExp(`${space.source}+`, "u"))
        .filter((field) => field !== ""),
  },
  HasPrefix: test((text, prefix) => text.startsWith(prefix)),
  HasSuffix: test((text, suffix) => text.endsWith(suffix)),
  Index: { parameters: 2, call: (call) => integer(byteIndex(call.string(0), call.string(0).indexOf(call.string(1)))) },
  IndexAny: { parameters: 2, call: (call) => integer(indexAny(call.string(0), call.string(1), false)) },
  Join: { parameters: 2, call: join },
  LastIndex: { parameters: 2, call: (call) => integer(byteIndex(call.string(0), call.string(0).lastIndexOf(call.string(1)))) },
  LastIndexAny: { parameters: 2, call: (call) => integer(indexAny(call.string(0), call.string(1), true)) },
  MaxRunes: { parameters: 2, validates: kinds.string, call: (call) => runeCount(call.string(0)) <= call.int(1) },
  MinRunes: { parameters: 2, validates: kinds.string, call: (call) => runeCount(call.string(0)) >= call.int(1) },
  Repeat: { parameters: 2, call: repeat },
  Replace: { parameters: 4, call: replace },
  Runes: {
    parameters: 1,
    call: (call) => spent(call, [...call.string(0)]).map((character) => integer(character.codePointAt(0) ?? 0)),
  },
  SliceRunes: { parameters: 3, call: sliceRunes },
  Split: { parameters: 2, call: (call) => split(call, false, -1) },
  SplitAfter: { parameters: 2, call: (call) => split(call, true, -1) },
  SplitAfterN: { parameters: 3, call: (call) => split(call, true, call.int(2)) },
  SplitN: { parameters: 3, call: (call) => split(call, false, call.int(2)) },
  ToCamel: { parameters: 1, call: (call) => words(call, (character) => character.toLowerCase()) },
  ToLower: { parameters: 1, call: (call) => mapCase(call, (character) => character.toLowerCase()) },
  ToTitle: { parameters: 1, call: (call) => words(call, (character) => character.toUpperCase()) },
  ToUpper: { parameters: 1, call: (call) => mapCase(call, (character) => character.toUpperCase()) },
  Trim: { parameters: 2, call: (call) => trim(call.string(0), inSet(call.string(1)), true, true) },
  TrimLeft: { parameters: 2, call: (call) => trim(call.string(0), inSet(call.string(1)), true, false) },
  TrimPrefix: {
    parameters: 2,
    call: (call) => (call.string(0).startsWith(call.string(1)) ? call.string(0).slice(call.string(1).length) : call.string(0)),
  },
  TrimRight: { parameters: 2, call: (call) => trim(call.string(0), inSet(call.string(1)), false, true) },
  TrimSpace: { parameters: 1, call: (call) => trim(call.string(0), (character) => space.test(character), true, true) },
  TrimSuffix: {
    parameters: 2,
    call: (call) =>
      call.string(1) !== "" && call.string(0).endsWith(call.string(1))
        ? call.string(0).slice(0, -call.string(1).length)
        : call.string(0),
  },
};

function test(holds: (text: string, other: string) => boolean): Builtin {
  return { parameters: 2, validates: kinds.string, call: (call) => holds(call.string(0), call.string(1)) };
}

function spent<T>(call: Call, parts: T[]): T[] {
  call.evaluator.budget.allocate(parts.length * 32);
  return parts;
}

function bytesOf(call: Call): Uint8Array {
  const value = call.scalar(0, kinds.string | kinds.bytes, "string");
  return value instanceof Uint8Array ? value : encodeText(call.string(0));
}

function within(call: Call, argument: number, most: number): number {
  const index = call.int(argument);
  if (index < 0 || index > most) throw call.fail(`index ${index} out of range`);
  return index;
}

function byteSlice(call: Call): Result {
  const bytes = bytesOf(call);
  const [from, to] = [within(call, 1, bytes.length), within(call, 2, bytes.length)];
  if (from > to) throw call.fail("index out of range");
  return bytes.slice(from, to);
}

function byteIndex(text: string, unit: number): number {
  return unit < 0 ? -1 : encodeText(text.slice(0, unit)).length;
}

function indexAny(text: string, set: string, last: boolean): number {
  const members = inSet(set);
  let at = 0;
  let found = -1;
  for (const character of text) {
    if (members(character) && (last || found === -1)) found = at;
    at += encodeText(character).length;
  }
  return found;
}

function join(call: Call): Result {
  const parts = call.strings(0);
  const separator = call.string(1);
  call.evaluator.budget.allocate(2 * parts.reduce((sum, part) => sum + part.length + separator.length, 0));
  return parts.join(separator);
}

function repeat(call: Call): Result {
  const [text, times] = [call.string(0), call.int(1)];
  if (times < 0) throw call.fail("negative count");
  if (times > maxRepeat) throw call.fail(`count ${times} exceeds limit of ${maxRepeat}`);
  call.evaluator.budget.allocate(2 * text.length * times);
  return text.repeat(times);
}

function replace(call: Call): Result {
  const [text, from, to, limit] = [call.string(0), call.string(1), call.string(2), call.int(3)];
  const pieces = from === "" ? emptyPieces(text) : text.split(from);
  const count = limit < 0 ? pieces.length - 1 : Math.min(limit, pieces.length - 1);
  call.evaluator.budget.allocate(2 * (text.length + count * to.length));
  return (
    pieces.slice(0, count + 1).join(to) +
    pieces
      .slice(count + 1)
      .map((piece) => from + piece)
      .join("")
  );
}

/** Go replaces the empty string before each character and at the end. */
function emptyPieces(text: string): string[] {
  return ["", ...text, ""].slice(0, runeCount(text) + 2);
}

function sliceRunes(call: Call): Result {
  const runes = spent(call, [...call.string(0)]);
  const [from, to] = [within(call, 1, runes.length), within(call, 2, runes.length)];
  if (from > to) throw call.fail("index out of range");
  return runes.slice(from, to).join("");
}

function split(call: Call, after: boolean, limit: number): Result {
  const [text, separator] = [call.string(0), call.string(1)];
  if (limit === 0) return [];
  const pieces = separator === "" ? [...text] : text.split(separator);
  spent(call, pieces);
  const kept =
    limit > 0 && pieces.length > limit ? [...pieces.slice(0, limit - 1), pieces.slice(limit - 1).join(separator)] : pieces;
  return after ? kept.map((piece, i) => (i < kept.length - 1 ? piece + separator : piece)) : kept;
}

/** Case by case, one character for one, as Go maps them. */
function mapCase(call: Call, change: (character: string) => string): string {
  const text = call.string(0);
  call.evaluator.budget.allocate(4 * text.length);
  let mapped = "";
  for (const character of text) {
    const changed = change(character);
    mapped += runeCount(changed) === 1 ? changed : character;
  }
  return mapped;
}

function words(call: Call, change: (character: string) => string): string {
  const text = call.string(0);
  call.evaluator.budget.allocate(4 * text.length);
  let before = " ";
  let mapped = "";
  for (const character of text) {
    mapped += space.test(before) ? change(character) : character;
    before = character;
  }
  return mapped;
}

function inSet(set: string): (character: string) => boolean {
  const members = new Set(set);
  return (character) => members.has(character);
}

function trim(text: string, drops: (character: string) => boolean, left: boolean, right: boolean): string {
  const characters = [...text];
  let from = 0;
  let to = characters.length;
  while (left && from < to && drops(characters[from] ?? "")) from++;
  while (right && to > from && drops(characters[to - 1] ?? "")) to--;
  return characters.slice(from, to).join("");
}
