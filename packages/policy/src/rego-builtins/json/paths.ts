// Paths into JSON values, and the functions that keep or drop what stands at them.
import { anyType, arrayOf, type Builtin, objectOf, oneOf, setOf, stringType } from "../../rego/index.ts";
import {
  isArray,
  kindOf,
  type MapKey,
  mapKey,
  ObjectBuilder,
  ObjectValue,
  SetBuilder,
  SetValue,
  type Value,
} from "../../values/index.ts";
import { type Call, define } from "../call.ts";

const anyObject = objectOf(anyType, anyType);
const path = oneOf(stringType, arrayOf(anyType));
const paths = oneOf(arrayOf(path), setOf(path));

/** The functions of this file. */
export const jsonPaths: readonly Builtin[] = [
  define("json.filter", [anyObject, paths], anyObject, (call) => keep(call, call.object(1), pathTree(call))),
  define("json.remove", [anyObject, paths], anyObject, (call) => drop(call, call.object(1), pathTree(call))),
];

/** A path's segments: of a JSON pointer (the first slash may be missing), or the items of an array. */
export function parsePath(call: Call, value: Value): readonly Value[] {
  if (isArray(value)) return value;
  if (typeof value !== "string") {
    const message = `must be one of {set, array} containing string paths or array of path segments but got ${kindOf(value)}`;
    throw call.operand(2, message);
  }
  call.text(value.length);
  if (value === "") return [];
  const segments = value.replace(/^\/+/, "").split("/");
  return segments.map((segment) => segment.replaceAll("~1", "/").replaceAll("~0", "~"));
}

/** All paths as one tree; "end" is where a path ends, and a path that goes on inside another adds nothing. */
type PathTree = Map<MapKey, PathTree | "end">;

function pathTree(call: Call): PathTree {
  const root: PathTree = new Map();
  for (const item of call.items(2, "set", "array")) insert(call, root, parsePath(call, item));
  return root;
}

function insert(call: Call, root: PathTree, segments: readonly Value[]): void {
  call.elements(segments.length);
  let node = root;
  for (const [i, segment] of segments.entries()) {
    const key = mapKey(segment);
    if (i === segments.length - 1) {
      node.set(key, "end");
      return;
    }
    const next = node.get(key);
    if (next === "end") return;
    const inner: PathTree = next ?? new Map();
    if (next === undefined) node.set(key, inner);
    node = inner;
  }
}

/** What stands at the paths; scalars that a path would go on into are kept. */
function keep(call: Call, value: Value, tree: PathTree | "end"): Value {
  if (tree === "end") return value;
  if (isArray(value)) {
    return nested(call, value.length, () => {
      const kept: Value[] = [];
      value.forEach((item, i) => {
        const inner = tree.get(String(i));
        if (inner !== undefined) kept.push(keep(call, item, inner));
      });
      return kept;
    });
  }
  if (value instanceof SetValue) {
    const kept = new SetBuilder();
    return nested(call, value.size, () => {
      for (const member of value.values()) {
        const inner = tree.get(mapKey(member));
        if (inner !== undefined) kept.add(keep(call, member, inner));
      }
      return kept.finish();
    });
  }
  if (!(value instanceof ObjectValue)) return value;
  return nested(call, value.size, () => {
    const kept = new ObjectBuilder();
    for (const [key, item] of value.entries()) {
      const inner = tree.get(mapKey(key));
      if (inner !== undefined) kept.set(key, keep(call, item, inner));
    }
    return kept.finish();
  });
}

/** What does not stand at the paths; undefined for what a path ends at. */
function drop(call: Call, value: Value, tree: PathTree | "end" | undefined): Value | undefined {
  if (tree === undefined) return value;
  if (tree === "end") return undefined;
  if (isArray(value)) {
    return nested(call, value.length, () => {
      const kept = value.map((item, i) => drop(call, item, tree.get(String(i))));
      return kept.filter((item) => item !== undefined);
    });
  }
  if (value instanceof SetValue) {
    return nested(call, value.size, () => {
      const kept = value.values().map((member) => drop(call, member, tree.get(mapKey(member))));
      return SetValue.of(kept.filter((item) => item !== undefined));
    });
  }
  if (!(value instanceof ObjectValue)) return value;
  return nested(call, value.size, () => {
    const kept = new ObjectBuilder();
    for (const [key, item] of value.entries()) {
      const rest = drop(call, item, tree.get(mapKey(key)));
      if (rest !== undefined) kept.set(key, rest);
    }
    return kept.finish();
  });
}

function nested<T>(call: Call, size: number, build: () => T): T {
  call.elements(size);
  call.context.budget.enter();
  const built = build();
  call.context.budget.leave();
  return built;
}
