// Functions over arrays.
import { anyType, arrayOf, type Builtin, numberType } from "../rego/index.ts";
import { isArray, type Value } from "../values/index.ts";
import { type Call, define } from "./call.ts";

const list = arrayOf(anyType);

/** The functions of this file. */
export const arrays: readonly Builtin[] = [
  define("array.concat", [list, list], list, (call) => {
    const [a, b] = [call.array(1), call.array(2)];
    call.elements(a.length + b.length);
    return [...a, ...b];
  }),
  define("array.flatten", [list], list, (call) => {
    const items = call.array(1);
    call.elements(items.reduce<number>((sum, item) => sum + (isArray(item) ? item.length : 1), 0));
    return items.flatMap((item) => (isArray(item) ? [...item] : [item]));
  }),
  define("array.reverse", [list], list, (call) => {
    const items = call.array(1);
    call.elements(items.length);
    return items.toReversed();
  }),
  define("array.slice", [list, numberType, numberType], list, slice),
];

/** Indexes outside the array are moved to its nearest end. */
function slice(call: Call): Value {
  const items = call.array(1);
  const [start, stop] = [call.integer(2), call.integer(3)];
  const to = Math.min(Math.max(stop, 0), items.length);
  const from = Math.min(Math.max(start, 0), to);
  call.elements(to - from);
  return items.slice(from, to);
}
