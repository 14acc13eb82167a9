// Functions that write values as YAML and read it back.
import { anyType, type Builtin, booleanType, stringType } from "../../rego/index.ts";
import { encodeJson, formatNumber, isArray, isNumeric, ObjectValue, SetValue, type Value } from "../../values/index.ts";
import { type Call, define } from "../call.ts";
import { YamlReader } from "./reader.ts";
import { resolvePlain } from "./scalar.ts";
import { YamlError } from "./source.ts";

/** The functions of this file. */
export const yaml: readonly Builtin[] = [
  define("yaml.marshal", [anyType], stringType, (call) => {
    const writer = new Writer(call);
    writer.node(call.value(1), 0, false);
    return writer.text();
  }),
  define("yaml.unmarshal", [stringType], anyType, (call) => {
    try {
      return read(call, call.string(1));
    } catch (error) {
      if (error instanceof YamlError) throw call.fail(error.message, error);
      throw error;
    }
  }),
  define("yaml.is_valid", [anyType], booleanType, (call) => {
    const text = call.value(1);
    if (typeof text !== "string") return false;
    try {
      read(call, text);
      return true;
    } catch (error) {
      if (error instanceof YamlError) return false;
      throw error;
    }
  }),
];

function read(call: Call, text: string): Value {
  call.text(4 * text.length);
  return new YamlReader(text, call.context.budget).stream();
}

/** Writes with two spaces a level, keys in order, as the Go library does. */
class Writer {
  readonly #call: Call;
  readonly #parts: string[] = [];

  constructor(call: Call) {
    this.#call = call;
  }

  text(): string {
    return this.#parts.join("");
  }

  #write(part: string): void {
    this.#call.text(part.length);
    this.#parts.push(part);
  }

  /** A value; `inline`: something stands before it on its line. */
  node(value: Value, indent: number, inline: boolean): void {
    const items = isArray(value) ? value : value instanceof SetValue ? value.values() : undefined;
    if (items !== undefined && items.length > 0) this.#items(items, indent, inline);
    else if (value instanceof ObjectValue && value.size > 0) this.#fields(value, indent, inline);
    else this.#write(`${inline ? " " : ""}${this.#scalar(value, indent)}\n`);
  }

  #items(items: readonly Value[], indent: number, inline: boolean): void {
    if (inline) this.#write("\n");
    for (const item of items) {
      this.#write(`${" ".repeat(indent)}-`);
      if (isArray(item) && item.length > 0) {
        this.#write(" ");
        this.#nested(item, indent + 2);
      } else if (item instanceof ObjectValue && item.size > 0) {
        this.#write(" ");
        this.#nested(item, indent + 2);
      } else this.node(item, indent + 2, true);
    }
  }

  /** A collection whose first line stands after a dash. */
  #nested(value: Value, indent: number): void {
    const writer = new Writer(this.#call);
    writer.node(value, indent, false);
    this.#parts.push(writer.text().slice(indent));
  }

  #fields(value: ObjectValue, indent: number, inline: boolean): void {
    if (inline) this.#write("\n");
    for (const [key, field] of value.entries()) {
      const name = typeof key === "string" ? key : encodeJson(key);
      this.#write(`${" ".repeat(indent)}${this.#scalar(name, indent)}:`);
      this.node(field, indent + 2, true);
    }
  }

  #scalar(value: Value, indent: number): string {
    if (isArray(value) || value instanceof SetValue) return "[]";
    if (value instanceof ObjectValue) return "{}";
    if (isNumeric(value)) return formatNumber(value);
    if (typeof value !== "string") return String(value);
    if (value.includes("\n") && !hasControls(value.replace(/[\t\n]/g, "")) && !/^[ \n]| \n|^\s*$/.test(value)) {
      const trailing = /\n*$/.exec(value)?.[0].length ?? 0;
      const lines = value.replace(/\n$/, "").split("\n");
      const body = lines.map((line) => (line === "" ? "" : `${" ".repeat(Math.max(indent, 2))}${line}`)).join("\n");
      return `|${trailing === 0 ? "-" : trailing > 1 ? "+" : ""}\n${body}`;
    }
    return isPlain(value) ? value : quoted(value);
  }
}

/** YAML 1.1 spellings of booleans, which the library quotes so that older readers take them for texts too. */
const oldWords = /^(?:y|Y|yes|Yes|YES|on|On|ON|n|N|no|No|NO|off|Off|OFF)$/;
const timestamp = /^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}/;

function isPlain(text: string): boolean {
  if (text === "" || resolvePlain(text) !== text || oldWords.test(text) || timestamp.test(text) || text === "<<" || text === "=")
    return false;
  if (/^[-?:](?:\s|$)|^[,[\]{}#&*!|>'"%@`]|^\s|\s$|: |:$| #|^---|^\.\.\./.test(text)) return false;
  return !hasControls(text);
}

/** Characters that a plain or single-quoted scalar cannot hold. */
function hasControls(text: string): boolean {
  return /[\p{Cc}\ufeff\ufffe\uffff]/u.test(text);
}

function quoted(text: string): string {
  if (!hasControls(text)) {
    // texts that would be something else are quoted twice, others once
    const wouldChange = resolvePlain(text) !== text || oldWords.test(text) || timestamp.test(text) || text === "";
    if (!wouldChange) return `'${text.replace(/'/g, "''")}'`;
  }
  return JSON.stringify(text);
}
