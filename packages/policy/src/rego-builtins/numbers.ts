// Functions over numbers: rounding, bits, ranges. The operators stand in the room `rego`.
import { arrayOf, type Builtin, numberType } from "../rego/index.ts";
import {
  add,
  compareNumbers,
  decimalParts,
  type Numeric,
  negate,
  numeric,
  parseNumber,
  roundToBinary,
  subtract,
  toBigInt,
  type Value,
} from "../values/index.ts";
import { type Call, define } from "./call.ts";

const maxShift = 300_000n;
const half = parseNumber("0.5");

/** The functions of this file. */
export const numbers: readonly Builtin[] = [
  define("abs", [numberType], numberType, (call) => {
    const value = binary(call);
    return compareNumbers(value, 0) < 0 ? negate(value) : value;
  }),
  define("ceil", [numberType], numberType, ceil),
  define("floor", [numberType], numberType, floor),
  define("round", [numberType], numberType, (call) => {
    const value = binary(call);
    if (toBigInt(value) !== undefined) return value;
    return numeric(truncate(compareNumbers(value, 0) < 0 ? subtract(value, half) : add(value, half)));
  }),
  define("bits.and", [numberType, numberType], numberType, (call) => bits(call, (a, b) => a & b)),
  define("bits.or", [numberType, numberType], numberType, (call) => bits(call, (a, b) => a | b)),
  define("bits.xor", [numberType, numberType], numberType, (call) => bits(call, (a, b) => a ^ b)),
  define("bits.negate", [numberType], numberType, (call) => numeric(~call.bigInteger(1))),
  define("bits.lsh", [numberType, numberType], numberType, shiftLeft),
  define("bits.rsh", [numberType, numberType], numberType, (call) => {
    const [value, by] = [call.bigInteger(1), shift(call)];
    return numeric(value >> (by > maxShift * 4n ? maxShift * 4n : by));
  }),
  define("numbers.range", [numberType, numberType], arrayOf(numberType), (call) => range(call, 1n)),
  define("numbers.range_step", [numberType, numberType, numberType], arrayOf(numberType), (call) => {
    const step = [call.bigInteger(1), call.bigInteger(2), call.bigInteger(3)][2] ?? 0n;
    if (step <= 0n) throw call.fail("step must be a positive integer");
    return range(call, step);
  }),
];

/** The number without its fraction. */
export function truncate(value: Numeric): bigint {
  const whole = toBigInt(value);
  if (whole !== undefined) return whole;
  const [mantissa, exponent] = decimalParts(value);
  return mantissa / 10n ** BigInt(-exponent);
}

/** The operand as OPA rounds with it: beyond 64 bits, or with a fraction, as a binary floating-point number. */
function binary(call: Call): Numeric {
  const value = call.number(1);
  return typeof value === "number" ? value : roundToBinary(value);
}

// Between -1 and 0 OPA takes the sign from the truncated number, which is 0: ceil gives 1 there, and floor gives 0. So do these two.
function ceil(call: Call): Value {
  const value = binary(call);
  const whole = truncate(value);
  return numeric(whole < 0n || compareNumbers(numeric(whole), value) === 0 ? whole : whole + 1n);
}

function floor(call: Call): Value {
  const value = binary(call);
  const whole = truncate(value);
  return numeric(whole >= 0n || compareNumbers(numeric(whole), value) === 0 ? whole : whole - 1n);
}

function bits(call: Call, combine: (a: bigint, b: bigint) => bigint): Value {
  return numeric(combine(call.bigInteger(1), call.bigInteger(2)));
}

function shift(call: Call): bigint {
  const by = call.bigInteger(2);
  if (by < 0n) throw call.operand(2, "must be an unsigned integer number but got a negative integer");
  return by;
}

function shiftLeft(call: Call): Value {
  const [value, by] = [call.bigInteger(1), shift(call)];
  if (by > maxShift) throw call.fail(`a number is shifted by ${by} bits, and at most ${maxShift} are allowed`);
  call.text(Number(by) >> 2);
  return numeric(value << by);
}

/** From the first number to the second, both included, upwards or downwards. */
function range(call: Call, step: bigint): Value {
  const [from, to] = [call.bigInteger(1), call.bigInteger(2)];
  const count = (from <= to ? to - from : from - to) / step + 1n;
  // what a number cannot count no budget allows
  call.elements(count > 1n << 40n ? 2 ** 40 : Number(count));
  const by = from <= to ? step : -step;
  const numbersInRange: Value[] = [];
  for (let i = 0n; i < count; i++) numbersInRange.push(numeric(from + i * by));
  return numbersInRange;
}
