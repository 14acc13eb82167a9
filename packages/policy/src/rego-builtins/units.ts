// Amounts with a unit: units.parse ("10Ki", "100m") and units.parse_bytes ("10KiB").
import { type Builtin, numberType, stringType } from "../rego/index.ts";
import { multiply, type Numeric, numeric, parseNumber, roundToBinary, type Value } from "../values/index.ts";
import { type Call, define } from "./call.ts";
import { truncate } from "./numbers.ts";

const maxExponentDigits = 6;
const prefixes = ["k", "m", "g", "t", "p", "e"] as const;

/** The functions of this file. */
export const units: readonly Builtin[] = [
  define("units.parse", [stringType], numberType, parse),
  define("units.parse_bytes", [stringType], numberType, parseBytes),
];

/** By letters: k is 1000, ki is 1024, and so on. */
const multiples: ReadonlyMap<string, bigint> = new Map([
  ["", 1n],
  ...prefixes.flatMap((prefix, i) => [
    [prefix, 1000n ** BigInt(i + 1)] as const,
    [`${prefix}i`, 1024n ** BigInt(i + 1)] as const,
  ]),
]);

function parseBytes(call: Call): Value {
  const text = call.string(1).toLowerCase().replaceAll('"', "");
  const [amount, unit] = amountAndUnit(call, text, "byte amount");
  const factor = multiples.get(unit === "b" ? "?" : unit.replace(/b$/, ""));
  if (factor === undefined) throw call.fail(`byte unit ${unit} not recognized`);
  return numeric(truncate(multiply(roundToBinary(readAmount(call, amount, "byte amount")), numeric(factor))));
}

/** Kubernetes' quantities: `m` is a thousandth and `M` a million; of all other letters only the first may be in either case. */
function parse(call: Call): Value {
  const text = call.string(1).replaceAll('"', "");
  const [amount, unit] = amountAndUnit(call, text, "amount");
  const number = readAmount(call, amount, "amount");
  const tail = unit.slice(1).toLowerCase();
  const known = unit === "m" ? undefined : multiples.get(unit.charAt(0).toLowerCase() + tail);
  if (unit !== "m" && known === undefined) throw call.fail(`unit ${unit.charAt(0)}${tail} not recognized`);
  const [mantissa, exponent] = parts(number);
  return fixed(
    known === undefined ? mantissa * milli.mantissa : mantissa * known,
    known === undefined ? exponent + milli.exponent : exponent,
  );
}

// OPA multiplies exactly by the double 0.001, which is a little more than a thousandth
const milli = { mantissa: 1152921504606847n * 5n ** 60n, exponent: -60 };

function parts(value: Numeric): readonly [bigint, number] {
  return typeof value === "number" ? [BigInt(value), 0] : [value.mantissa, value.exponent];
}

/** An integer as it is; any other number with ten digits after the point, rounded half away from zero. */
function fixed(mantissa: bigint, exponent: number): Value {
  if (exponent >= 0) return numeric(mantissa, exponent);
  const unit = 10n ** BigInt(-exponent);
  if (mantissa % unit === 0n) return numeric(mantissa / unit);
  const negative = mantissa < 0n;
  const size = negative ? -mantissa : mantissa;
  const scaled = (size * 10n ** 10n * 2n + unit) / (unit * 2n);
  const digits = scaled.toString().padStart(11, "0");
  return parseNumber(`${negative ? "-" : ""}${digits.slice(0, -10)}.${digits.slice(-10)}`);
}

/** Split at the first character that belongs to no number. */
function amountAndUnit(call: Call, text: string, what: string): readonly [amount: string, unit: string] {
  if (text.includes(" ")) throw call.fail("spaces not allowed in resource strings");
  call.text(text.length);
  let at = 0;
  for (; at < text.length; at++) {
    const character = text.charAt(at);
    if (!/[0-9.eE+-]/.test(character)) break;
    if (character !== "e" && character !== "E") continue;
    const next = text.charAt(at + 1);
    if (!/[0-9+-]/.test(next)) break;
    if (next === "+" || next === "-") at++;
    if ((/^[0-9]*/.exec(text.slice(at + 1))?.[0].length ?? 0) > maxExponentDigits) throw call.fail("exponent too large");
  }
  if (at === 0) throw call.fail(`no ${what} provided`);
  return [text.slice(0, at), text.slice(at)];
}

function readAmount(call: Call, text: string, what: string): Numeric {
  const match = /^([+-]?)([0-9]*)(?:\.([0-9]*))?([eE][+-]?[0-9]+)?$/.exec(text);
  const [, sign = "", whole = "", fraction = "", exponent = ""] = match ?? [];
  if (match === null || whole + fraction === "") throw call.fail(`could not parse ${what} to a number`);
  const digits = whole.replace(/^0+(?=.)/, "") || "0";
  return parseNumber(`${sign === "-" ? "-" : ""}${digits}${fraction === "" ? "" : `.${fraction}`}${exponent}`);
}
