// What kind a value is, and making one kind out of another.
import {
  anyType,
  arrayOf,
  type Builtin,
  booleanType,
  nullType,
  numberType,
  objectOf,
  oneOf,
  setOf,
  stringType,
  type Type,
} from "../rego/index.ts";
import { isArray, isNumeric, kindOf, parseNumber, SetValue, type Value, type ValueKind } from "../values/index.ts";
import { type Call, define } from "./call.ts";

const kinds: readonly (readonly [ValueKind, Type])[] = [
  ["null", nullType],
  ["boolean", booleanType],
  ["number", numberType],
  ["string", stringType],
  ["array", arrayOf(anyType)],
  ["object", objectOf(anyType, anyType)],
  ["set", setOf(anyType)],
];

/** The functions of this file. */
export const conversions: readonly Builtin[] = [
  define("type_name", [anyType], stringType, (call) => kindOf(call.value(1))),
  ...kinds.map(([kind]) => define(`is_${kind}`, [anyType], booleanType, (call) => kindOf(call.value(1)) === kind)),
  ...kinds
    .filter(([kind]) => kind !== "number")
    .map(([kind, type]) => define(`cast_${kind}`, [anyType], type, (call) => cast(call, kind))),
  define("to_number", [oneOf(nullType, booleanType, numberType, stringType)], numberType, toNumber),
];

/** A set becomes an array and the other way round; every other value must already be of the kind. */
function cast(call: Call, kind: ValueKind): Value {
  const value = call.value(1);
  if (kind !== "array" && kind !== "set") {
    if (kindOf(value) !== kind) throw call.wrong(1, kind);
    return value;
  }
  const items = call.items(1, "array", "set");
  call.elements(items.length);
  if (kind === "array") return isArray(value) ? value : items;
  return value instanceof SetValue ? value : SetValue.of(items);
}

function toNumber(call: Call): Value {
  const value = call.value(1);
  if (value === null) return 0;
  if (typeof value === "boolean") return value ? 1 : 0;
  if (isNumeric(value)) return value;
  if (typeof value !== "string") throw call.wrong(1, "null", "boolean", "number", "string");
  call.text(value.length);
  if (/^[+-]*(inf|infinity|nan)$/i.test(value)) throw call.wrong(1, "valid number string");
  // what Go's ParseFloat reads and JSON can write: a sign, leading zeros and a bare point are allowed, hexadecimal is not
  const match = /^([+-]?)([0-9]*)(?:\.([0-9]*))?([eE][+-]?[0-9]+)?$/.exec(value);
  const [, sign = "", whole = "", fraction = "", exponent = ""] = match ?? [];
  if (match === null || whole + fraction === "")
    throw call.fail(`strconv.ParseFloat: parsing ${JSON.stringify(value)}: invalid syntax`);
  const digits = whole.replace(/^0+(?=.)/, "") || "0";
  return parseNumber(`${sign === "-" ? "-" : ""}${digits}${fraction === "" ? "" : `.${fraction}`}${exponent}`);
}
