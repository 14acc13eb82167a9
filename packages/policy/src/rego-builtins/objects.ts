// Functions over objects: get, keys, remove, filter, subset, union.
import { anyType, arrayOf, type Builtin, booleanType, objectOf, oneOf, setOf } from "../rego/index.ts";
import {
  equalValues,
  isArray,
  isNumeric,
  ObjectBuilder,
  ObjectValue,
  plainInteger,
  SetValue,
  type Value,
} from "../values/index.ts";
import { type Call, define } from "./call.ts";

const anyObject = objectOf(anyType, anyType);
const keyList = oneOf(arrayOf(anyType), anyObject, setOf(anyType));

/** The functions of this file. */
export const objects: readonly Builtin[] = [
  define("object.get", [anyObject, anyType, anyType], anyType, get),
  define("object.keys", [anyObject], setOf(anyType), (call) => {
    const object = call.object(1);
    call.elements(object.size);
    return SetValue.of(object.keys());
  }),
  define("object.remove", [anyObject, keyList], anyObject, (call) => pick(call, (keys, key) => !keys.has(key))),
  define("object.filter", [anyObject, keyList], anyObject, (call) => pick(call, (keys, key) => keys.has(key))),
  define("object.subset", [keyList, keyList], booleanType, subset),
  define("object.union", [anyObject, anyObject], anyObject, (call) => merge(call, call.object(1), call.object(2))),
  define("object.union_n", [arrayOf(anyObject)], anyObject, (call) =>
    call.array(1).reduce<ObjectValue>((union, item) => {
      if (!(item instanceof ObjectValue)) throw call.wrongElement(1, item, "object");
      return merge(call, union, item);
    }, ObjectValue.of([])),
  ),
];

/** What stands inside a value under a key, an index or, in a set, as itself. */
export function inside(value: Value, key: Value): Value | undefined {
  if (value instanceof ObjectValue) return value.get(key);
  if (value instanceof SetValue) return value.has(key) ? key : undefined;
  if (!isArray(value) || !isNumeric(key)) return undefined;
  const index = plainInteger(key);
  return index === undefined ? undefined : value[index];
}

function get(call: Call): Value {
  const object = call.object(1);
  const [path, fallback] = [call.value(2), call.value(3)];
  if (!isArray(path)) return object.get(path) ?? (object.has(path) ? null : fallback);
  call.step(path.length);
  let at: Value | undefined = object;
  for (const key of path) {
    at = inside(at, key);
    if (at === undefined) return fallback;
  }
  return at;
}

function pick(call: Call, wanted: (keys: ObjectValue | SetValue, key: Value) => boolean): Value {
  const object = call.object(1);
  const given = call.value(2);
  const keys = isArray(given) ? SetValue.of(given) : given;
  if (!(keys instanceof SetValue) && !(keys instanceof ObjectValue)) throw call.wrong(2, "object", "set", "array");
  call.elements(object.size + (isArray(given) ? given.length : 0));
  const picked = new ObjectBuilder();
  for (const [key, value] of object.entries()) if (wanted(keys, key)) picked.set(key, value);
  return picked.finish();
}

/** The pairs of both; where both values are objects they are merged too, else the second stands. */
function merge(call: Call, a: ObjectValue, b: ObjectValue): ObjectValue {
  if (a.size === 0) return b;
  call.elements(a.size + b.size);
  call.context.budget.enter();
  const merged = new ObjectBuilder(a);
  for (const [key, value] of b.entries()) {
    const old = a.get(key);
    merged.set(key, old instanceof ObjectValue && value instanceof ObjectValue ? merge(call, old, value) : value);
  }
  call.context.budget.leave();
  return merged.finish();
}

function subset(call: Call): Value {
  const [all, part] = [call.value(1), call.value(2)];
  if (isArray(all) && part instanceof SetValue) {
    call.step(all.length);
    const found = SetValue.of(all);
    return all.length > 0 && part.values().every((value) => found.has(value));
  }
  const found = contains(call, all, part);
  if (found === undefined) throw call.fail("both arguments object.subset must be of the same type or array and set");
  return found;
}

/** Whether one collection is part of the other; undefined when they are not of one kind. */
function contains(call: Call, all: Value, part: Value): boolean | undefined {
  if (all instanceof ObjectValue && part instanceof ObjectValue) {
    call.step(part.size);
    return part.entries().every(([key, value]) => {
      const other = all.get(key);
      return other !== undefined && (equalValues(other, value) || contains(call, other, value) === true);
    });
  }
  if (all instanceof SetValue && part instanceof SetValue) {
    call.step(part.size);
    return part.values().every((value) => all.has(value));
  }
  return isArray(all) && isArray(part) ? containsRun(call, all, part) : undefined;
}

/** OPA's search for one array in the other: after a mismatch it goes on one item later. */
function containsRun(call: Call, all: readonly Value[], part: readonly Value[]): boolean {
  for (let from = 0; from + part.length <= all.length; from++) {
    let matched = 0;
    while (matched < part.length && equalValues(all[from + matched] ?? null, part[matched] ?? null)) matched++;
    call.step(matched + 1);
    if (matched === part.length) return true;
  }
  return false;
}
