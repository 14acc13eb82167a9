// JSON Schema (drafts 4, 6 and 7, or what they share when a schema names none) read into what validation follows. The rules and the
// words are those of the library that OPA uses.
import {
  addExact,
  compareNumbers,
  decimalParts,
  encodeJson,
  isArray,
  isNumeric,
  type Numeric,
  ObjectValue,
  plainInteger,
  type Regex,
  type Value,
} from "../../values/index.ts";

/** Thrown inside of this folder alone, and turned into an error of the function that was called. */
export class SchemaError extends Error {}

/** A schema, read. */
export interface Schema {
  /** true and false as whole schemas (draft 6). */
  pass?: boolean;
  /** The schema that stands for this one. */
  reference?: Schema;
  types: string[];
  properties: Map<string, Schema>;
  patternProperties: [Regex, Schema][];
  additionalProperties: boolean | Schema | undefined;
  propertyNames?: Schema;
  dependencies: Map<string, readonly string[] | Schema>;
  items: Schema | readonly Schema[] | undefined;
  additionalItems: boolean | Schema | undefined;
  contains?: Schema;
  limits: Map<Limit, number>;
  numbers: Map<NumberRule, Numeric>;
  uniqueItems: boolean;
  required: string[];
  pattern?: Regex;
  format: string;
  constant?: string;
  enumeration?: string[];
  oneOf: Schema[];
  anyOf: Schema[];
  allOf: Schema[];
  not?: Schema;
  if?: Schema;
  then?: Schema;
  else?: Schema;
}

type Limit = "minLength" | "maxLength" | "minProperties" | "maxProperties" | "minItems" | "maxItems";
type NumberRule = "multipleOf" | "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum";

/** What reading a schema needs of its call. */
export interface SchemaContext {
  step(count?: number): void;
  enter(): void;
  leave(): void;
  /** A regular expression, or nothing when it is none. */
  regex(pattern: string): Regex | undefined;
}

const typeNames = ["array", "boolean", "integer", "number", "null", "object", "string"];
type Draft = 4 | 5 | 6 | 7;
/** What a schema without $schema is: everything that any draft has. */
const hybrid = 5;

/** Read a schema; throws `SchemaError`. */
export function compileSchema(document: Value, context: SchemaContext): Schema {
  return new Compiler(document, context).root();
}

function invalidType(expected: string, given: string): SchemaError {
  return new SchemaError(`Invalid type. Expected: ${expected}, given: ${given}`);
}

function empty(): Schema {
  return {
    types: [],
    properties: new Map(),
    patternProperties: [],
    additionalProperties: undefined,
    dependencies: new Map(),
    items: undefined,
    additionalItems: undefined,
    limits: new Map(),
    numbers: new Map(),
    uniqueItems: false,
    required: [],
    format: "",
    oneOf: [],
    anyOf: [],
    allOf: [],
  };
}

/** A value as a text that is the same for equal values: numbers by value. */
export function canonicalText(value: Value): string {
  return encodeJson(canonical(value));
}

function canonical(value: Value): Value {
  if (isNumeric(value)) {
    const [mantissa, exponent] = decimalParts(value);
    const plain = plainInteger(value);
    return plain ?? (exponent >= 0 ? addExact(value, 0) : `\0${mantissa}e${exponent}`);
  }
  if (isArray(value)) return value.map(canonical);
  if (value instanceof ObjectValue) return ObjectValue.of(value.entries().map(([key, item]) => [key, canonical(item)] as const));
  return value;
}

class Compiler {
  readonly #document: Value;
  readonly #context: SchemaContext;
  readonly #draft: Draft;
  /** Schemas that are referred to, by the text of the reference. */
  readonly #references = new Map<string, Schema>();
  /** Schemas with an identifier of their own. */
  readonly #identified = new Map<string, Value>();

  constructor(document: Value, context: SchemaContext) {
    this.#document = document;
    this.#context = context;
    this.#draft = draftOf(document);
    this.#identify(document);
  }

  root(): Schema {
    const schema = empty();
    this.#references.set("#", schema);
    this.#read(this.#document, schema);
    return schema;
  }

  #identify(value: Value): void {
    this.#context.step();
    this.#context.enter();
    if (isArray(value)) for (const item of value) this.#identify(item);
    else if (value instanceof ObjectValue) {
      for (const name of ["$id", "id"]) {
        const id = value.get(name);
        if (typeof id === "string" && !this.#identified.has(id)) this.#identified.set(id, value);
      }
      for (const [, item] of value.entries()) this.#identify(item);
    }
    this.#context.leave();
  }

  #sub(value: Value): Schema {
    const schema = empty();
    this.#context.step(4);
    this.#context.enter();
    this.#read(value, schema);
    this.#context.leave();
    return schema;
  }

  #read(value: Value, schema: Schema): void {
    if (typeof value === "boolean" && this.#draft >= hybrid) {
      schema.pass = value;
      return;
    }
    if (!(value instanceof ObjectValue)) throw new SchemaError("Expected: valid schema, given: Invalid JSON");
    for (const name of [this.#draft >= 6 ? "$id" : "id", "title", "description"]) this.#text(value, name);
    const definitions = value.get("definitions");
    if (definitions !== undefined) {
      if (!(definitions instanceof ObjectValue)) throw invalidType("array of valid schemas", "definitions");
      for (const [, each] of definitions.entries()) {
        if (!isSchema(each)) throw invalidType("array of valid schemas", "definitions");
        this.#sub(each);
      }
    }
    const reference = this.#text(value, "$ref");
    if (reference !== undefined) {
      schema.reference = this.#refer(reference);
      return;
    }
    this.#readTypes(value, schema);
    this.#readObject(value, schema);
    this.#readArray(value, schema);
    this.#readNumbers(value, schema);
    this.#readLimits(value, schema);
    this.#readValues(value, schema);
    this.#readCombinations(value, schema);
  }

  #text(value: ObjectValue, name: string): string | undefined {
    const found = value.get(name);
    if (found === undefined || typeof found === "string") return found;
    throw invalidType("string", name);
  }

  #list(value: ObjectValue, name: string): readonly Value[] | undefined {
    const found = value.get(name);
    if (found === undefined || isArray(found)) return found;
    throw new SchemaError(`${name} must be of an array`);
  }

  #refer(reference: string): Schema {
    const known = this.#references.get(reference);
    if (known !== undefined) return known;
    const target = this.#resolve(reference);
    if (!isSchema(target)) throw new SchemaError("schema must be of type object");
    const schema = empty();
    this.#references.set(reference, schema);
    this.#context.enter();
    this.#read(target, schema);
    this.#context.leave();
    return schema;
  }

  /** A pointer into the document (RFC 6901), after an identifier or not; nothing outside of the document is read. */
  #resolve(reference: string): Value {
    const [base = "", pointer = ""] = reference.split("#");
    let at: Value | undefined = base === "" ? this.#document : (this.#identified.get(base) ?? this.#identified.get(`${base}#`));
    if (at === undefined)
      throw new SchemaError(`reference ${reference.slice(0, 200)} leads out of the schema: a policy reaches no network`);
    if (pointer !== "" && !pointer.startsWith("/")) at = this.#identified.get(`#${pointer}`);
    else
      for (const part of pointer.split("/").slice(1)) {
        this.#context.step();
        const key = unescapeUri(part).replace(/~1/g, "/").replace(/~0/g, "~");
        at = at instanceof ObjectValue ? at.get(key) : isArray(at) && /^(0|[1-9][0-9]*)$/.test(key) ? at[Number(key)] : undefined;
      }
    if (at === undefined)
      throw new SchemaError(`Object has no key '${pointer.slice(pointer.lastIndexOf("/") + 1).slice(0, 200)}'`);
    return at;
  }

  #readTypes(value: ObjectValue, schema: Schema): void {
    const type = value.get("type");
    if (type === undefined) return;
    const names = isArray(type) ? type : [type];
    for (const name of names) {
      if (typeof name !== "string") throw invalidType("type", "string/array of strings");
      if (!typeNames.includes(name))
        throw new SchemaError(
          `has a primitive type that is NOT VALID -- given: /${name.slice(0, 200)}/ Expected valid values are:[${typeNames.join(" ")}]`,
        );
      if (schema.types.includes(name)) throw new SchemaError(`${name} type is duplicated`);
      schema.types.push(name);
    }
  }

  #readObject(value: ObjectValue, schema: Schema): void {
    const properties = value.get("properties");
    if (properties !== undefined) {
      if (!(properties instanceof ObjectValue)) throw new SchemaError("properties must be of type object");
      for (const [name, each] of properties.entries()) if (typeof name === "string") schema.properties.set(name, this.#sub(each));
    }
    const additional = value.get("additionalProperties");
    if (typeof additional === "boolean") schema.additionalProperties = additional;
    else if (additional instanceof ObjectValue) schema.additionalProperties = this.#sub(additional);
    else if (additional !== undefined) throw invalidType("boolean/valid schema", "additionalProperties");
    const patterns = value.get("patternProperties");
    if (patterns !== undefined) {
      if (!(patterns instanceof ObjectValue)) throw invalidType("object", "patternProperties");
      for (const [pattern, each] of patterns.entries()) {
        const regex = this.#context.regex(String(pattern));
        if (regex === undefined) throw new SchemaError(`Invalid regex pattern '${String(pattern).slice(0, 200)}'`);
        schema.patternProperties.push([regex, this.#sub(each)]);
      }
    }
    const names = value.get("propertyNames");
    if (names !== undefined && this.#draft >= hybrid) {
      if (!isSchema(names)) throw invalidType("valid schema", "patternProperties");
      schema.propertyNames = this.#sub(names);
    }
    this.#readDependencies(value, schema);
    for (const name of this.#list(value, "required") ?? []) {
      if (typeof name !== "string") throw invalidType("string", "required");
      if (schema.required.includes(name)) throw new SchemaError("required items must be unique");
      schema.required.push(name);
    }
  }

  #readDependencies(value: ObjectValue, schema: Schema): void {
    const dependencies = value.get("dependencies");
    if (dependencies === undefined) return;
    if (!(dependencies instanceof ObjectValue)) throw new SchemaError("dependencies must be of type object");
    for (const [name, each] of dependencies.entries()) {
      if (isArray(each)) {
        const names = each.filter((item) => typeof item === "string");
        if (names.length !== each.length) throw new SchemaError("dependency must be of type schema or array of strings");
        schema.dependencies.set(String(name), names);
      } else if (isSchema(each)) schema.dependencies.set(String(name), this.#sub(each));
      else throw new SchemaError("dependency must be of type schema or array of strings");
    }
  }

  #readArray(value: ObjectValue, schema: Schema): void {
    const items = value.get("items");
    if (isArray(items)) {
      schema.items = items.map((item) => {
        if (!isSchema(item)) throw invalidType("valid schema/array of valid schemas", "items");
        return this.#sub(item);
      });
    } else if (items !== undefined) {
      if (!isSchema(items)) throw invalidType("valid schema/array of valid schemas", "items");
      schema.items = this.#sub(items);
    }
    const additional = value.get("additionalItems");
    if (typeof additional === "boolean") schema.additionalItems = additional;
    else if (additional instanceof ObjectValue) schema.additionalItems = this.#sub(additional);
    else if (additional !== undefined) throw invalidType("boolean/valid schema", "additionalItems");
    const contains = value.get("contains");
    if (contains !== undefined && this.#draft >= hybrid) schema.contains = this.#sub(contains);
    const unique = value.get("uniqueItems");
    if (unique !== undefined && typeof unique !== "boolean") throw new SchemaError("uniqueItems must be of a boolean");
    schema.uniqueItems = unique === true;
  }

  #readNumbers(value: ObjectValue, schema: Schema): void {
    const multiple = value.get("multipleOf");
    if (multiple !== undefined) {
      if (!isNumeric(multiple)) throw invalidType("number", "multipleOf");
      if (compareNumbers(multiple, 0) <= 0) throw new SchemaError("multipleOf must be strictly greater than 0");
      schema.numbers.set("multipleOf", multiple);
    }
    for (const [plain, exclusive] of [
      ["minimum", "exclusiveMinimum"],
      ["maximum", "exclusiveMaximum"],
    ] as const) {
      const bound = value.get(plain);
      if (bound !== undefined) {
        if (!isNumeric(bound)) throw new SchemaError(`${plain} must be of a number`);
        schema.numbers.set(plain, bound);
      }
      const strict = value.get(exclusive);
      if (strict === undefined) continue;
      if (typeof strict === "boolean" && this.#draft <= hybrid) {
        if (bound === undefined) throw new SchemaError(`${exclusive} cannot be used without ${plain}`);
        if (strict && isNumeric(bound)) {
          schema.numbers.set(exclusive, bound);
          schema.numbers.delete(plain);
        }
      } else if (isNumeric(strict) && this.#draft !== 4) schema.numbers.set(exclusive, strict);
      else throw invalidType(this.#draft === 4 ? "boolean" : this.#draft === hybrid ? "boolean/number" : "number", exclusive);
    }
  }

  #readLimits(value: ObjectValue, schema: Schema): void {
    for (const [least, most] of [
      ["minLength", "maxLength"],
      ["minProperties", "maxProperties"],
      ["minItems", "maxItems"],
    ] as const) {
      for (const name of [least, most]) {
        const given = value.get(name);
        if (given === undefined) continue;
        const number = isNumeric(given) ? plainInteger(given) : undefined;
        if (number === undefined) throw new SchemaError(`${name} must be of an integer`);
        if (number < 0) throw new SchemaError(`${name} must be greater than or equal to 0`);
        schema.limits.set(name, number);
      }
      const [low, high] = [schema.limits.get(least), schema.limits.get(most)];
      if (low !== undefined && high !== undefined && low > high) throw new SchemaError(`${least} cannot be greater than ${most}`);
    }
  }

  #readValues(value: ObjectValue, schema: Schema): void {
    const pattern = this.#text(value, "pattern");
    if (pattern !== undefined) {
      const regex = this.#context.regex(pattern);
      if (regex === undefined) throw new SchemaError("pattern must be a valid regex");
      schema.pattern = regex;
    }
    schema.format = this.#text(value, "format") ?? "";
    const constant = value.get("const");
    if (constant !== undefined && this.#draft >= hybrid) schema.constant = canonicalText(constant);
    const list = this.#list(value, "enum");
    if (list === undefined) return;
    schema.enumeration = list.map(canonicalText);
    if (new Set(schema.enumeration).size !== list.length) throw new SchemaError("enum items must be unique");
  }

  #readCombinations(value: ObjectValue, schema: Schema): void {
    for (const name of ["oneOf", "anyOf", "allOf"] as const)
      for (const each of this.#list(value, name) ?? []) schema[name].push(this.#sub(each));
    const single = this.#draft >= 7 || this.#draft === hybrid ? (["not", "if", "then", "else"] as const) : (["not"] as const);
    for (const name of single) {
      const each = value.get(name);
      if (each === undefined) continue;
      if (!isSchema(each)) throw new SchemaError(`${name} must be of an object`);
      schema[name] = this.#sub(each);
    }
  }
}

function isSchema(value: Value): boolean {
  return typeof value === "boolean" || value instanceof ObjectValue;
}

function draftOf(document: Value): Draft {
  const name = document instanceof ObjectValue ? document.get("$schema") : undefined;
  if (name === undefined) return hybrid;
  if (typeof name !== "string") throw invalidType("string", "$schema");
  const draft = /^https?:\/\/json-schema\.org\/draft-0([467])\/schema#?$/.exec(name)?.[1];
  return draft === "4" ? 4 : draft === "6" ? 6 : draft === "7" ? 7 : hybrid;
}

function unescapeUri(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a lone percent sign stands for itself
  }
}
