// A typed reader of parsed JSON that knows where it stands, so that an error names the field. It reads proto3 JSON: null is absent,
// a lowerCamelCase name is also found under its snake_case spelling, 64-bit integers are strings, bytes are base64.
import { parseBase64, parseProtoBase64 } from "./base64.ts";
import { encodingError, type encodingErrors } from "./errors.ts";
import type { JsonValue } from "./json.ts";
import { type ErrorFields, quote } from "./sigillum-error.ts";
import { parseRfc3339 } from "./time.ts";

/** Makes the error for a field; a format passes its own to speak in its own codes. `code` is this room's code for the problem. */
export type JsonFail = (message: string, fields: ErrorFields, code: keyof typeof encodingErrors) => Error;

/** One element of a JSON array with the path it stands at. */
export interface JsonArrayItem {
  readonly value: JsonValue;
  readonly path: string;
  /** The element as an object; throws JSON_FIELD_TYPE. */
  object(): JsonObject;
  /** The element as a string; throws JSON_FIELD_TYPE. */
  string(): string;
  /** The element as bytes in base64, read as `JsonObject.base64` does. */
  base64(): Uint8Array;
}

type Fields = { readonly [name: string]: JsonValue };

/** The fields of one JSON object, read by name and type. A required accessor throws JSON_FIELD_MISSING, every one JSON_FIELD_TYPE or _VALUE. */
export class JsonObject {
  readonly path: string;
  readonly #fields: Fields;
  readonly #fail: JsonFail;
  readonly #exactNames: boolean;

  /** Read `value`, which must be an object, naming it `path` in messages. With `exactNames` no other spelling of a name is looked for. */
  constructor(value: JsonValue, path: string, fail: JsonFail = defaultFail, exactNames = false) {
    this.path = path;
    this.#fail = fail;
    this.#exactNames = exactNames;
    if (!isFields(value)) throw typeError(fail, path, value, "an object");
    this.#fields = value;
  }

  /** As the constructor, for proto3 JSON. */
  static from(value: JsonValue, path: string, fail?: JsonFail): JsonObject {
    return new JsonObject(value, path, fail);
  }

  /** As the constructor, for a format whose names have one spelling and whose base64 is padded. */
  static exact(value: JsonValue, path: string, fail?: JsonFail): JsonObject {
    return new JsonObject(value, path, fail, true);
  }

  /** Whether the field is there and not null. */
  has(name: string): boolean {
    return this.value(name) !== undefined;
  }

  /** The names as they are spelled, in the order they came. */
  names(): string[] {
    return Object.keys(this.#fields);
  }

  /** The raw value, undefined when absent or null; throws JSON_DUPLICATE_NAME if the field stands in both spellings. */
  value(name: string): JsonValue | undefined {
    const own = Object.hasOwn(this.#fields, name) ? this.#fields[name] : undefined;
    const snake = this.#exactNames ? name : snakeCase(name);
    if (snake === name) return own ?? undefined;
    const other = Object.hasOwn(this.#fields, snake) ? this.#fields[snake] : undefined;
    if (own !== undefined && other !== undefined) {
      throw this.#fail(
        `Cannot read ${this.path}: ${quote(name)} stands twice, also as ${quote(snake)}`,
        { found: quote(snake), expected: quote(name) },
        "JSON_DUPLICATE_NAME",
      );
    }
    return own ?? other ?? undefined;
  }

  string(name: string): string {
    return this.#required(name, this.optionalString(name), "a string");
  }

  optionalString(name: string): string | undefined {
    return this.#optional(name, "a string", isString);
  }

  number(name: string): number {
    return this.#required(name, this.optionalNumber(name), "a number");
  }

  optionalNumber(name: string): number | undefined {
    return this.#optional(name, "a number", isNumber);
  }

  boolean(name: string): boolean {
    return this.#required(name, this.optionalBoolean(name), "a boolean");
  }

  optionalBoolean(name: string): boolean | undefined {
    return this.#optional(name, "a boolean", isBoolean);
  }

  /** A number that is an integer within 2^53 - 1. */
  safeInteger(name: string): number {
    return this.#required(name, this.optionalSafeInteger(name), "an integer");
  }

  optionalSafeInteger(name: string): number | undefined {
    const value = this.optionalNumber(name);
    if (value !== undefined && !Number.isSafeInteger(value)) throw this.#bad(name, String(value), "an integer within 2^53 - 1");
    return value;
  }

  object(name: string): JsonObject {
    return this.#required(name, this.optionalObject(name), "an object");
  }

  optionalObject(name: string): JsonObject | undefined {
    const value = this.value(name);
    return value === undefined ? undefined : this.#child(value, this.#at(name));
  }

  /** The elements of a required array. */
  array(name: string): JsonArrayItem[] {
    return this.#required(name, this.#items(name), "an array");
  }

  /** The elements of an array; none when it is absent or null. */
  optionalArray(name: string): JsonArrayItem[] {
    return this.#items(name) ?? [];
  }

  /** A required array of objects. */
  objects(name: string): JsonObject[] {
    return this.array(name).map((item) => item.object());
  }

  /** An array of objects; none when it is absent or null. */
  optionalObjects(name: string): JsonObject[] {
    return this.optionalArray(name).map((item) => item.object());
  }

  /** A required array of strings. */
  strings(name: string): string[] {
    return this.array(name).map((item) => item.string());
  }

  /** An array of strings; none when it is absent or null. */
  optionalStrings(name: string): string[] {
    return this.optionalArray(name).map((item) => item.string());
  }

  /** Bytes in base64: in proto3 JSON either alphabet, padded or not; with exact names the padded standard form alone. */
  base64(name: string): Uint8Array {
    return this.#required(name, this.optionalBase64(name), "base64");
  }

  optionalBase64(name: string): Uint8Array | undefined {
    const text = this.optionalString(name);
    if (text === undefined) return undefined;
    return this.#base64At(this.#at(name), text);
  }

  /** An array of byte strings in base64; none when it is absent or null. */
  optionalBase64s(name: string): Uint8Array[] {
    return this.optionalArray(name).map((item) => item.base64());
  }

  /** A proto3 64-bit integer: a decimal string or a number, neither negative nor beyond 2^53 - 1. */
  uint64(name: string): number {
    return this.#required(name, this.optionalUint64(name), "an integer");
  }

  optionalUint64(name: string): number | undefined {
    const value = this.value(name);
    if (value === undefined) return undefined;
    if (typeof value !== "string" && typeof value !== "number") throw typeError(this.#fail, this.#at(name), value, "an integer");
    const number = typeof value === "number" ? value : /^(?:0|[1-9]\d{0,15})$/.test(value) ? Number(value) : Number.NaN;
    if (!Number.isSafeInteger(number) || number < 0) throw this.#bad(name, quote(String(value)), "an integer from 0 to 2^53 - 1");
    return number;
  }

  /** An RFC 3339 time in milliseconds since 1970. */
  timestampMs(name: string): number {
    return this.#required(name, this.optionalTimestampMs(name), "an RFC 3339 time");
  }

  optionalTimestampMs(name: string): number | undefined {
    const text = this.optionalString(name);
    return text === undefined ? undefined : this.#parsed(this.#at(name), text, "an RFC 3339 time", parseRfc3339);
  }

  /** Throw JSON_FIELD_UNKNOWN for a field that is not among these names (or their snake_case spellings, unless names are exact). */
  onlyNames(allowed: readonly string[]): void {
    const isKnown = (name: string): boolean =>
      allowed.includes(name) || (!this.#exactNames && allowed.some((known) => snakeCase(known) === name));
    const unknown = this.names().find((name) => !isKnown(name));
    if (unknown !== undefined) {
      throw this.#fail(
        `Cannot read ${this.path}: the field ${quote(unknown)} is not known`,
        { found: quote(unknown), expected: allowed.join(", ") },
        "JSON_FIELD_UNKNOWN",
      );
    }
  }

  #optional<T extends JsonValue>(name: string, expected: string, is: (value: JsonValue) => value is T): T | undefined {
    const value = this.value(name);
    if (value === undefined) return undefined;
    if (!is(value)) throw typeError(this.#fail, this.#at(name), value, expected);
    return value;
  }

  #required<T>(name: string, value: T | undefined, expected: string): T {
    if (value === undefined)
      throw this.#fail(`Cannot read ${this.#at(name)}: it is missing`, { found: "nothing", expected }, "JSON_FIELD_MISSING");
    return value;
  }

  #items(name: string): JsonArrayItem[] | undefined {
    const value = this.value(name);
    if (value === undefined) return undefined;
    if (!Array.isArray(value)) throw typeError(this.#fail, this.#at(name), value, "an array");
    return value.map((element, index) => this.#item(element, `${this.#at(name)}[${index}]`));
  }

  #item(value: JsonValue, path: string): JsonArrayItem {
    const string = (): string => {
      if (typeof value !== "string") throw typeError(this.#fail, path, value, "a string");
      return value;
    };
    return { value, path, object: () => this.#child(value, path), string, base64: () => this.#base64At(path, string()) };
  }

  #child(value: JsonValue, path: string): JsonObject {
    return new JsonObject(value, path, this.#fail, this.#exactNames);
  }

  #base64At(path: string, text: string): Uint8Array {
    return this.#parsed(path, text, "base64", this.#exactNames ? parseBase64 : parseProtoBase64);
  }

  #parsed<T>(path: string, text: string, expected: string, parse: (text: string) => T): T {
    try {
      return parse(text);
    } catch (cause) {
      throw this.#fail(
        `Cannot read ${path}: ${quote(text, 40)} is not ${expected}`,
        { cause, found: quote(text, 40), expected },
        "JSON_FIELD_VALUE",
      );
    }
  }

  #bad(name: string, found: string, expected: string): Error {
    return this.#fail(`Cannot read ${this.#at(name)}: ${found} is not ${expected}`, { found, expected }, "JSON_FIELD_VALUE");
  }

  #at(name: string): string {
    return `${this.path}.${name}`;
  }
}

// The names that readers ask for are few and constant, and this runs for every field of every bundle.
const snakeNames = new Map<string, string>();
const maxSnakeNames = 1024;

function snakeCase(name: string): string {
  const known = snakeNames.get(name);
  if (known !== undefined) return known;
  const snake = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  if (snakeNames.size < maxSnakeNames) snakeNames.set(name, snake);
  return snake;
}

const defaultFail: JsonFail = (message, fields, code) => encodingError(code, message, fields);

function isFields(value: JsonValue): value is { [name: string]: JsonValue } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isString(value: JsonValue): value is string {
  return typeof value === "string";
}

function isNumber(value: JsonValue): value is number {
  return typeof value === "number";
}

function isBoolean(value: JsonValue): value is boolean {
  return typeof value === "boolean";
}

function typeError(fail: JsonFail, path: string, value: JsonValue, expected: string): Error {
  const found =
    value === null ? "null" : Array.isArray(value) ? "an array" : typeof value === "object" ? "an object" : `a ${typeof value}`;
  return fail(`Cannot read ${path}: it is ${found}, not ${expected}`, { found, expected }, "JSON_FIELD_TYPE");
}
