// Functions over strings. Positions and lengths count code points, as Go's runes do.
import { anyType, arrayOf, type Builtin, booleanType, numberType, objectOf, oneOf, setOf, stringType } from "../../rego/index.ts";
import { formatValue, isArray, isNumeric, SetValue, toDouble, type Value } from "../../values/index.ts";
import { type Call, define } from "../call.ts";
import { truncate } from "../numbers.ts";
import { changeCase } from "./go-case.ts";
import { type Operand, sprintf } from "./go-printf.ts";

const stringList = oneOf(arrayOf(stringType), setOf(stringType));
const oneOrMany = oneOf(stringType, arrayOf(stringType), setOf(stringType));

/** The functions of this file. */
export const strings: readonly Builtin[] = [
  define("concat", [stringType, stringList], stringType, concat),
  define("contains", [stringType, stringType], booleanType, (call) => searched(call, (text, part) => text.includes(part))),
  define("startswith", [stringType, stringType], booleanType, (call) => searched(call, (text, part) => text.startsWith(part))),
  define("endswith", [stringType, stringType], booleanType, (call) => searched(call, (text, part) => text.endsWith(part))),
  define("format_int", [numberType, numberType], stringType, formatInt),
  define("indexof", [stringType, stringType], numberType, (call) => positions(call, 1)[0] ?? -1),
  define("indexof_n", [stringType, stringType], arrayOf(numberType), (call) => positions(call, Number.POSITIVE_INFINITY)),
  define("lower", [stringType], stringType, (call) => changeCase(charged(call, 1), "lower")),
  define("upper", [stringType], stringType, (call) => changeCase(charged(call, 1), "upper")),
  define("replace", [stringType, stringType, stringType], stringType, (call) =>
    replaceAll(call, call.string(1), [[call.string(2), call.string(3)]]),
  ),
  define("strings.replace_n", [objectOf(stringType, stringType), stringType], stringType, replaceN),
  define("split", [stringType, stringType], arrayOf(stringType), (call) => parts(call)),
  define("strings.split_n", [stringType, stringType, numberType], arrayOf(stringType), splitN),
  define("sprintf", [stringType, arrayOf(anyType)], stringType, formatted),
  define("substring", [stringType, numberType, numberType], stringType, substring),
  define("strings.any_prefix_match", [oneOrMany, oneOrMany], booleanType, (call) =>
    anyMatch(call, (text, part) => text.startsWith(part)),
  ),
  define("strings.any_suffix_match", [oneOrMany, oneOrMany], booleanType, (call) =>
    anyMatch(call, (text, part) => text.endsWith(part)),
  ),
  define("strings.count", [stringType, stringType], numberType, occurrences),
  define("strings.reverse", [stringType], stringType, (call) => [...charged(call, 1)].reverse().join("")),
  define("trim", [stringType, stringType], stringType, (call) => trim(call, true, true)),
  define("trim_left", [stringType, stringType], stringType, (call) => trim(call, true, false)),
  define("trim_right", [stringType, stringType], stringType, (call) => trim(call, false, true)),
  define("trim_prefix", [stringType, stringType], stringType, (call) => {
    const [text, prefix] = [charged(call, 1), call.string(2)];
    return text.startsWith(prefix) ? text.slice(prefix.length) : text;
  }),
  define("trim_suffix", [stringType, stringType], stringType, (call) => {
    const [text, suffix] = [charged(call, 1), call.string(2)];
    return text.endsWith(suffix) ? text.slice(0, text.length - suffix.length) : text;
  }),
  define("trim_space", [stringType], stringType, (call) => trimSpace(charged(call, 1))),
];

const ascii = /^\p{ASCII}*$/u;

function charged(call: Call, operand: number): string {
  const text = call.string(operand);
  call.text(text.length);
  return text;
}

function searched(call: Call, test: (text: string, part: string) => boolean): Value {
  const [text, part] = [call.string(1), call.string(2)];
  call.step(1 + (text.length >> 6));
  return test(text, part);
}

function concat(call: Call): Value {
  const glue = call.string(1);
  const pieces = call.strings(2, "set", "array");
  call.text(pieces.reduce((sum, piece) => sum + piece.length + glue.length, 0));
  return pieces.join(glue);
}

const radixes = new Map([
  [2, 2],
  [8, 8],
  [10, 10],
  [16, 16],
]);

function formatInt(call: Call): Value {
  const value = call.number(1);
  const base = call.number(2);
  const radix = typeof base === "number" ? radixes.get(base) : undefined;
  if (radix === undefined) throw call.operand(2, "must be one of {2, 8, 10, 16}");
  const text = truncate(value).toString(radix);
  call.text(text.length);
  return text;
}

/** Where the second string stands in the first; the places may overlap. */
function positions(call: Call, limit: number): readonly number[] {
  const [text, part] = [call.string(1), call.string(2)];
  if (part === "") throw call.fail("empty search character");
  call.text(text.length);
  const found: number[] = [];
  const simple = ascii.test(text);
  let [runes, counted] = [0, 0];
  for (let at = text.indexOf(part); at >= 0 && found.length < limit; at = text.indexOf(part, at + 1)) {
    call.elements(1);
    runes += simple ? at - counted : [...text.slice(counted, at)].length;
    counted = at;
    found.push(runes);
  }
  return found;
}

function parts(call: Call): readonly string[] {
  const [text, delimiter] = [charged(call, 1), call.string(2)];
  const pieces = delimiter === "" ? [...text] : text.split(delimiter);
  call.elements(pieces.length);
  return pieces;
}

/** The first so many pieces; a negative number asks for the last ones. */
function splitN(call: Call): Value {
  const count = call.integer(3);
  const pieces = parts(call);
  return count >= 0 ? pieces.slice(0, count) : pieces.slice(Math.max(pieces.length + count, 0));
}

function replaceN(call: Call): Value {
  const pairs = call.object(1);
  const text = call.string(2);
  const list = pairs.entries().map(([old, fresh]): readonly [string, string] => {
    if (typeof old !== "string") throw call.operand(1, "non-string key found in pattern object");
    if (typeof fresh !== "string") throw call.operand(1, "non-string value found in pattern object");
    return [old, fresh];
  });
  call.step(list.length);
  return replaceAll(call, text, list);
}

/** Go's strings.Replacer: at each place the first pair that fits; an empty text fits before, between and after all code points. */
function replaceAll(call: Call, text: string, pairs: readonly (readonly [string, string])[]): string {
  const empty = pairs.find(([old]) => old === "");
  const [only] = pairs;
  if (empty === undefined && pairs.length === 1 && only !== undefined) return replaceOne(call, text, only[0], only[1]);
  const byStart = new Map<string, (readonly [string, string])[]>();
  const order = new Map(pairs.map((pair, i) => [pair, i]));
  for (const pair of pairs) {
    const start = pair[0].charAt(0);
    if (pair[0] !== "") byStart.set(start, [...(byStart.get(start) ?? []), pair]);
  }
  const out: string[] = [];
  let skipEmpty = false;
  for (let at = 0; at <= text.length; ) {
    const candidates = byStart.get(text.charAt(at)) ?? [];
    call.step(1 + candidates.length);
    let hit = candidates.find(([old]) => text.startsWith(old, at));
    if (empty !== undefined && !skipEmpty && (hit === undefined || (order.get(empty) ?? 0) < (order.get(hit) ?? 0))) hit = empty;
    skipEmpty = hit !== undefined && hit[0] === "";
    const next = hit === undefined ? String.fromCodePoint(text.codePointAt(at) ?? 0) : hit[0];
    if (at === text.length && hit === undefined) break;
    const piece = hit === undefined ? next : hit[1];
    call.allocate(piece.length);
    out.push(piece);
    at += next.length;
  }
  return out.join("");
}

function replaceOne(call: Call, text: string, old: string, fresh: string): string {
  const pieces = text.split(old);
  call.text(text.length + (pieces.length - 1) * fresh.length);
  return pieces.length === 1 ? text : pieces.join(fresh);
}

/** OPA gives Go numbers and strings as they are, and the text of every other value. */
function formatted(call: Call): Value {
  const [format, operands] = [call.string(1), call.array(2)];
  call.text(format.length);
  return sprintf(
    format,
    operands.map((value) => operandOf(call, value)),
    call.allocate,
  );
}

function operandOf(call: Call, value: Value): Operand {
  if (typeof value === "string") return { type: "string", value };
  if (!isNumeric(value)) return { type: "string", value: formatValue(value, call.allocate) };
  if (typeof value === "number") return { type: "int64", value: BigInt(value) };
  const text = value.toString();
  if (/[.eE]/.test(text)) {
    const double = toDouble(value);
    return Number.isFinite(double) ? { type: "float64", value: double } : { type: "string", value: text };
  }
  const whole = BigInt(text);
  return { type: whole === BigInt.asIntN(64, whole) ? "int64" : "big.Int", value: whole };
}

function substring(call: Call): Value {
  const text = call.string(1);
  const [from, length] = [call.integer(2), call.integer(3)];
  if (from < 0) throw call.fail("negative offset");
  call.text(text.length);
  const to = length < 0 ? undefined : from + length;
  return ascii.test(text) ? text.slice(from, to) : [...text].slice(from, to).join("");
}

function anyMatch(call: Call, test: (text: string, part: string) => boolean): Value {
  const texts = stringsOf(call, 1);
  const wanted = stringsOf(call, 2);
  call.step(1 + texts.length * wanted.length);
  return texts.some((text) => wanted.some((part) => test(text, part)));
}

function stringsOf(call: Call, operand: number): readonly string[] {
  const value = call.value(operand);
  if (typeof value === "string") return [value];
  if (!isArray(value) && !(value instanceof SetValue)) throw call.wrong(operand, "string", "set", "array");
  return call.strings(operand);
}

/** How often the second string stands in the first without overlapping; an empty one once more than there are code points. */
function occurrences(call: Call): Value {
  const [text, part] = [charged(call, 1), call.string(2)];
  return part === "" ? [...text].length + 1 : text.split(part).length - 1;
}

function trim(call: Call, left: boolean, right: boolean): Value {
  const text = [...charged(call, 1)];
  const cut = new Set(call.string(2));
  let [from, to] = [0, text.length];
  while (left && from < to && cut.has(text[from] ?? "")) from++;
  while (right && to > from && cut.has(text[to - 1] ?? "")) to--;
  return text.slice(from, to).join("");
}

// Unicode's White_Space, which is Go's; JavaScript's trim would take U+FEFF too
const space = new Set(
  "\t\n\v\f\r \u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000",
);

function trimSpace(text: string): string {
  let [from, to] = [0, text.length];
  while (from < to && space.has(text.charAt(from))) from++;
  while (to > from && space.has(text.charAt(to - 1))) to--;
  return text.slice(from, to);
}
