// Functions over a whole collection: count, sum, product, max, min, sort, and the deprecated all and any.
import { anyType, arrayOf, type Builtin, booleanType, numberType, objectOf, oneOf, setOf, stringType } from "../rego/index.ts";
import {
  add,
  compareValues,
  isArray,
  isNumeric,
  multiply,
  type Numeric,
  numeric,
  ObjectValue,
  roundToBinary,
  SetValue,
  toBigInt,
  type Value,
} from "../values/index.ts";
import { type Call, define } from "./call.ts";

const listOrSet = oneOf(arrayOf(anyType), setOf(anyType));
const numbers = oneOf(arrayOf(numberType), setOf(numberType));

/** The functions of this file. */
export const aggregates: readonly Builtin[] = [
  define("count", [oneOf(stringType, arrayOf(anyType), objectOf(anyType, anyType), setOf(anyType))], numberType, count),
  define("sum", [numbers], numberType, (call) => accumulate(call, 0n, (a, b) => a + b, add)),
  define("product", [numbers], numberType, (call) => accumulate(call, 1n, (a, b) => a * b, multiply)),
  define("max", [listOrSet], anyType, (call) => extreme(call, 1)),
  define("min", [listOrSet], anyType, (call) => extreme(call, -1)),
  define("sort", [listOrSet], arrayOf(anyType), sort),
  define("all", [listOrSet], booleanType, (call) => charged(call).every((item) => item === true)),
  define("any", [listOrSet], booleanType, (call) => charged(call).some((item) => item === true)),
];

function charged(call: Call): readonly Value[] {
  const items = call.items(1, "array", "set");
  call.step(items.length);
  return items;
}

function count(call: Call): Value {
  const value = call.value(1);
  if (typeof value === "string") {
    call.text(value.length);
    return [...value].length;
  }
  if (isArray(value)) return value.length;
  if (value instanceof ObjectValue || value instanceof SetValue) return value.size;
  throw call.wrong(1, "array", "object", "set", "string");
}

/** Integers exactly; once a number has a fraction, the whole as binary floating-point numbers, as OPA does. */
function accumulate(
  call: Call,
  initial: bigint,
  exact: (a: bigint, b: bigint) => bigint,
  rounded: (a: Numeric, b: Numeric) => Numeric,
): Value {
  const items = call.items(1, "set", "array");
  call.step(items.length);
  let total = initial;
  let whole = true;
  for (const item of items) {
    if (!isNumeric(item)) throw call.wrongElement(1, item, "number");
    const integer = toBigInt(item);
    if (integer === undefined) whole = false;
    else if (whole) total = bounded(call, exact(total, integer));
  }
  if (whole) return numeric(total);
  return items.reduce<Numeric>((sum, item) => rounded(sum, isNumeric(item) ? roundToBinary(item) : 0), Number(initial));
}

/** Charge by size what a long product grows to; `numeric` refuses it past the limit of digits. */
function bounded(call: Call, value: bigint): bigint {
  if (value > 1n << 64n || value < -(1n << 64n)) {
    numeric(value);
    call.step(16);
  }
  return value;
}

function extreme(call: Call, sign: 1 | -1): Value | undefined {
  const items = call.items(1, "set", "array");
  call.step(items.length);
  let best: Value | undefined;
  // of equal values (1 and 1.0) the last one stands, as in OPA
  for (const item of items) if (best === undefined || compareValues(item, best) * sign >= 0) best = item;
  return best;
}

function sort(call: Call): Value {
  const items = call.items(1, "set", "array");
  call.elements(items.length * Math.max(1, 32 - Math.clz32(items.length)));
  return [...items].sort(compareValues);
}
