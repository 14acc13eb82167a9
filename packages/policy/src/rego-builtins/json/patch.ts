// RFC 6902: JSON Patch, over any Rego value. The paths into sets are their members; a patch of which one operation fails gives nothing.
import { anyType, arrayOf, type Builtin, stringType, structOf } from "../../rego/index.ts";
import {
  equalValues,
  formatValue,
  isArray,
  isNumeric,
  kindOf,
  ObjectValue,
  plainInteger,
  SetBuilder,
  SetValue,
  type Value,
} from "../../values/index.ts";
import { type Call, define } from "../call.ts";
import { parsePath } from "./paths.ts";

const operation = structOf({ op: stringType, path: anyType }, { key: anyType, value: anyType });

/** The functions of this file. */
export const jsonPatch: readonly Builtin[] = [
  define("json.patch", [anyType, arrayOf(operation)], anyType, (call) => {
    let patched: Value | undefined = call.value(1);
    for (const item of call.array(2)) patched = apply(call, patched, item);
    return patched;
  }),
];

type Path = readonly Value[];

function apply(call: Call, document: Value | undefined, item: Value): Value | undefined {
  if (!(item instanceof ObjectValue))
    throw call.fail("must be an array of JSON-Patch objects, but at least one element is not an object");
  const path = parsePath(call, attribute(call, item, "path"));
  const op = attribute(call, item, "op");
  if (typeof op !== "string") throw call.fail(`attribute 'op' must be a string but found: ${kindOf(op)}`);
  switch (op) {
    case "add":
      return insert(call, document, path, attribute(call, item, "value"));
    case "remove":
      return remove(call, document, path);
    case "replace":
      return insert(call, remove(call, document, path), path, attribute(call, item, "value"));
    case "move":
    case "copy": {
      const from = parsePath(call, attribute(call, item, "from"));
      const moved = find(call, document, from);
      return insert(call, op === "move" ? remove(call, document, from) : document, path, moved);
    }
    case "test": {
      const [found, wanted] = [find(call, document, path), attribute(call, item, "value")];
      if (equalValues(found, wanted)) return document;
      throw call.fail(`value at path is ${shown(found)}, expected ${shown(wanted)}`);
    }
    default:
      throw call.fail(`unrecognized op: '${op}'`);
  }
}

function shown(value: Value): string {
  const text = formatValue(value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

function attribute(call: Call, item: ObjectValue, name: string): Value {
  const value = item.get(name);
  if (value === undefined) throw call.fail(`missing required attribute '${name}'`);
  return value;
}

function find(call: Call, document: Value | undefined, path: Path): Value {
  let at = document;
  for (const key of path) at = child(call, at, key);
  if (at === undefined) throw call.fail("the document was removed");
  return at;
}

function child(call: Call, value: Value | undefined, key: Value): Value {
  call.step();
  let found: Value | undefined;
  if (value instanceof ObjectValue) found = value.get(key);
  else if (value instanceof SetValue) found = value.has(key) ? key : undefined;
  else if (isArray(value)) found = value[index(call, value.length, key)];
  if (found === undefined) throw call.fail(`path ${shown(key)} does not exist`);
  return found;
}

/** RFC 6901 §4: digits without a leading zero, or "-" for the place after the last item. */
function index(call: Call, length: number, key: Value): number {
  if (key === "-") return length;
  const plain = isNumeric(key)
    ? plainInteger(key)
    : typeof key === "string" && /^(0|[1-9][0-9]*)$/.test(key)
      ? Number(key)
      : undefined;
  if (plain === undefined) throw call.fail(`path ${shown(key)} is no index`);
  return plain;
}

/** Rebuild the values on the way to a path's end with another one there. */
function change(
  call: Call,
  document: Value | undefined,
  path: Path,
  edit: (parent: Value, key: Value) => Value,
  from = 0,
): Value {
  const key = path[from] ?? null;
  if (document === undefined) throw call.fail("the document was removed");
  call.elements(
    isArray(document) ? document.length : document instanceof ObjectValue || document instanceof SetValue ? document.size : 0,
  );
  if (from === path.length - 1) return edit(document, key);
  call.context.budget.enter();
  const changed = change(call, child(call, document, key), path, edit, from + 1);
  call.context.budget.leave();
  if (document instanceof ObjectValue) return document.with(key, changed);
  if (isArray(document)) return document.with(index(call, document.length, key), changed);
  const members = new SetBuilder();
  if (document instanceof SetValue)
    for (const member of document.values()) members.add(equalValues(member, key) ? changed : member);
  return members.finish();
}

function insert(call: Call, document: Value | undefined, path: Path, value: Value): Value {
  if (path.length === 0) return value;
  return change(call, document, path, (parent, key) => {
    if (parent instanceof ObjectValue) return parent.with(key, value);
    if (parent instanceof SetValue) {
      if (!equalValues(key, value)) throw call.fail(`set key ${shown(key)} does not equal value to be inserted ${shown(value)}`);
      return parent.union(SetValue.of([value]));
    }
    if (!isArray(parent)) throw call.fail(`expected composite type, found value: ${shown(parent)}`);
    const at = index(call, parent.length, key);
    if (at < 0 || at > parent.length) throw call.fail("index for array insertion out of bounds");
    return parent.toSpliced(at, 0, value);
  });
}

function remove(call: Call, document: Value | undefined, path: Path): Value | undefined {
  if (path.length === 0) return undefined;
  return change(call, document, path, (parent, key) => {
    child(call, parent, key);
    if (parent instanceof ObjectValue) return parent.without(key);
    if (isArray(parent)) return parent.toSpliced(index(call, parent.length, key), 1);
    const rest = new SetBuilder();
    if (parent instanceof SetValue) for (const member of parent.values()) if (!equalValues(member, key)) rest.add(member);
    return rest.finish();
  });
}
