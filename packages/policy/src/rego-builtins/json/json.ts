// Functions that write values as JSON and read it back, as Go's encoding/json does.
import { anyType, type Builtin, booleanType, stringType, structOf } from "../../rego/index.ts";
import { encodeJson, isPolicyError, parseJson, quoteGo, type Value } from "../../values/index.ts";
import { type Call, define } from "../call.ts";

const options = structOf({ indent: stringType, prefix: stringType, pretty: booleanType }, { key: stringType, value: anyType });
const maxDepth = 512;

/** The functions of this file. */
export const json: readonly Builtin[] = [
  define("json.marshal", [anyType], stringType, (call) => write(call, undefined)),
  define("json.marshal_with_options", [anyType, options], stringType, (call) => write(call, layout(call))),
  define("json.unmarshal", [stringType], anyType, (call) => read(call, call.string(1))),
  define("json.is_valid", [stringType], booleanType, isValid),
];

interface Layout {
  readonly indent: string;
  readonly prefix: string;
}

function write(call: Call, shape: Layout | undefined): Value {
  const value = call.value(1);
  const style = { escapeHtml: true, allocate: (length: number) => call.text(length) };
  if (shape === undefined) return encodeJson(value, style);
  return shape.prefix + encodeJson(value, { ...style, ...shape });
}

/** Lines are asked for by `pretty`, or without it by `prefix` or `indent`. */
function layout(call: Call): Layout | undefined {
  let [indent, prefix, pretty]: [string, string, boolean | undefined] = ["\t", "", undefined];
  const given = call.object(2);
  for (const [key, value] of given.entries()) {
    if (key === "pretty") {
      if (typeof value !== "boolean") throw call.operand(2, "key pretty failed cast to bool");
      pretty = value;
    } else if (key === "indent" || key === "prefix") {
      if (typeof value !== "string") throw call.operand(2, `key ${quoteGo(key)} failed cast to string`);
      if (key === "indent") indent = value;
      else prefix = value;
    } else if (typeof key === "string") throw call.operand(2, `object contained unknown key ${quoteGo(key)}`);
    else throw call.operand(2, "failed to stringify a key");
  }
  return (pretty ?? (given.has("indent") || given.has("prefix"))) ? { indent, prefix } : undefined;
}

/** Read a JSON text, charged by its length; every failure names the function. */
export function read(call: Call, text: string): Value {
  call.text(2 * text.length);
  return parseJson(text, { lenient: true, maxDepth });
}

function isValid(call: Call): Value {
  const text = call.value(1);
  if (typeof text !== "string") return false;
  try {
    read(call, text);
    return true;
  } catch (error) {
    if (isPolicyError(error) && error.kind === "malformed") return false;
    throw error;
  }
}
