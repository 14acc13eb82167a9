// Validation of a document against a schema, with the findings of the library that OPA uses, in its words.
import {
  compareNumbers,
  decimalParts,
  formatNumber,
  isArray,
  isNumeric,
  type Numeric,
  ObjectValue,
  type Value,
} from "../../values/index.ts";
import { canonicalText, type Schema, type SchemaContext } from "./compile.ts";
import { formats } from "./formats.ts";

/** Something in the document that the schema does not allow. */
export interface Finding {
  /** The place, in dots. */
  readonly field: string;
  readonly type: string;
  readonly description: string;
}

/** What was found, and how much held: the better of several alternatives is the one to tell about. */
class Result {
  readonly findings: Finding[] = [];
  score = 0;

  get valid(): boolean {
    return this.findings.length === 0;
  }

  add(field: string, type: string, description: string): void {
    this.findings.push({ field, type, description });
    this.score -= 2;
  }

  merge(other: Result): void {
    this.findings.push(...other.findings);
    this.score += other.score;
  }
}

/** Everything in a document that the schema does not allow. */
export function validate(schema: Schema, document: Value, context: SchemaContext): readonly Finding[] {
  return new Validator(context).check(schema, document, "(root)").findings;
}

class Validator {
  readonly #context: SchemaContext;

  constructor(context: SchemaContext) {
    this.#context = context;
  }

  check(schema: Schema, value: Value, field: string): Result {
    const result = new Result();
    this.#check(schema, value, result, field);
    return result;
  }

  #check(schema: Schema, value: Value, result: Result, field: string): void {
    this.#context.step(4);
    if (schema.pass !== undefined) {
      if (!schema.pass) result.add(field, "false", "False always fails validation");
      return;
    }
    this.#context.enter();
    if (schema.reference !== undefined) this.#check(schema.reference, value, result, field);
    else this.#checkValue(schema, value, result, field);
    this.#context.leave();
  }

  #checkValue(schema: Schema, value: Value, result: Result, field: string): void {
    const given = typeOf(value);
    const allowed =
      schema.types.length === 0 || schema.types.includes(given) || (given === "integer" && schema.types.includes("number"));
    if (!allowed) {
      const expected = schema.types.length > 1 ? `[${schema.types.join(",")}]` : (schema.types[0] ?? "");
      result.add(field, "invalid_type", `Invalid type. Expected: ${expected}, given: ${given}`);
      return;
    }
    this.#checkCombinations(schema, value, result, field);
    if (isArray(value)) this.#checkArray(schema, value, result, field);
    else if (value instanceof ObjectValue) this.#checkObject(schema, value, result, field);
    else if (isNumeric(value)) checkNumber(schema, value, result, field);
    this.#checkCommon(schema, value, result, field);
    if (typeof value === "string") this.#checkString(schema, value, result, field);
    if (value instanceof ObjectValue) {
      for (const [name, property] of schema.properties) {
        const found = value.get(name);
        if (found !== undefined) this.#check(property, found, result, `${field}.${name}`);
      }
    }
    result.score++;
  }

  #checkCombinations(schema: Schema, value: Value, result: Result, field: string): void {
    if (schema.anyOf.length > 0) {
      let best: Result | undefined;
      const valid = schema.anyOf.some((each) => {
        const found = this.check(each, value, field);
        if (!found.valid && (best === undefined || found.score > best.score)) best = found;
        return found.valid;
      });
      if (!valid) {
        result.add(field, "number_any_of", "Must validate at least one schema (anyOf)");
        if (best !== undefined) result.merge(best);
      }
    }
    if (schema.oneOf.length > 0) {
      const found = schema.oneOf.map((each) => this.check(each, value, field));
      const count = found.filter(({ valid }) => valid).length;
      if (count !== 1) {
        result.add(field, "number_one_of", "Must validate one and only one schema (oneOf)");
        if (count === 0) result.merge(found.reduce((best, each) => (each.score > best.score ? each : best)));
      }
    }
    if (schema.allOf.length > 0) {
      const found = schema.allOf.map((each) => this.check(each, value, field));
      for (const each of found) result.merge(each);
      if (found.some(({ valid }) => !valid)) result.add(field, "number_all_of", "Must validate all the schemas (allOf)");
    }
    if (schema.not !== undefined && this.check(schema.not, value, field).valid)
      result.add(field, "number_not", "Must not validate the schema (not)");
    if (value instanceof ObjectValue) this.#checkDependencies(schema, value, result, field);
    if (schema.if !== undefined) {
      const holds = this.check(schema.if, value, field).valid;
      const branch = holds ? schema.then : schema.else;
      const found = branch && this.check(branch, value, field);
      if (found !== undefined && !found.valid) {
        if (holds) result.add(field, "condition_then", `Must validate "then" as "if" was valid`);
        else result.add(field, "condition_else", `Must validate "else" as "if" was not valid`);
        result.merge(found);
      }
    }
    result.score++;
  }

  #checkDependencies(schema: Schema, value: ObjectValue, result: Result, field: string): void {
    for (const [name, dependency] of schema.dependencies) {
      if (!value.has(name)) continue;
      if (isNames(dependency)) {
        for (const needed of dependency)
          if (!value.has(needed)) result.add(field, "missing_dependency", `Has a dependency on ${needed}`);
      } else this.#check(dependency, value, result, field);
    }
  }

  #checkCommon(schema: Schema, value: Value, result: Result, field: string): void {
    const shown = field === "(root)" ? field : field.replace(/^\(root\)\./, "");
    if (schema.constant !== undefined && canonicalText(value) !== schema.constant)
      result.add(field, "const", `${shown} does not match: ${schema.constant}`);
    if (schema.enumeration !== undefined && !schema.enumeration.includes(canonicalText(value)))
      result.add(field, "enum", `${shown} must be one of the following: ${schema.enumeration.join(", ")}`);
    if (schema.format !== "" && typeof value === "string") {
      const holds =
        schema.format === "regex"
          ? value === "" || this.#context.regex(value) !== undefined
          : (formats.get(schema.format)?.(value) ?? true);
      if (!holds) result.add(field, "format", `Does not match format '${schema.format}'`);
    }
    result.score++;
  }

  #checkString(schema: Schema, value: string, result: Result, field: string): void {
    const length = [...value].length;
    const [least, most] = [schema.limits.get("minLength"), schema.limits.get("maxLength")];
    if (least !== undefined && length < least)
      result.add(field, "string_gte", `String length must be greater than or equal to ${least}`);
    if (most !== undefined && length > most)
      result.add(field, "string_lte", `String length must be less than or equal to ${most}`);
    if (schema.pattern !== undefined && !schema.pattern.test(value, (steps) => this.#context.step(steps)))
      result.add(field, "pattern", `Does not match pattern '${schema.pattern.pattern}'`);
    result.score++;
  }

  #checkArray(schema: Schema, value: readonly Value[], result: Result, field: string): void {
    const { items, additionalItems } = schema;
    if (items !== undefined && !isTuple(items))
      value.forEach((item, i) => {
        result.merge(this.check(items, item, `${field}.${i}`));
      });
    else if (items !== undefined && items.length > 0) {
      items.slice(0, value.length).forEach((each, i) => {
        result.merge(this.check(each, value[i] ?? null, `${field}.${i}`));
      });
      if (value.length > items.length && additionalItems === false)
        result.add(field, "array_no_additional_items", "No additional items allowed on array");
      else if (typeof additionalItems === "object")
        value.slice(items.length).forEach((item, i) => {
          result.merge(this.check(additionalItems, item, `${field}.${items.length + i}`));
        });
    }
    const [least, most] = [schema.limits.get("minItems"), schema.limits.get("maxItems")];
    if (least !== undefined && value.length < least)
      result.add(field, "array_min_items", `Array must have at least ${least} items`);
    if (most !== undefined && value.length > most) result.add(field, "array_max_items", `Array must have at most ${most} items`);
    if (schema.uniqueItems) {
      const seen = new Map<string, number>();
      value.forEach((item, i) => {
        const text = canonicalText(item);
        this.#context.step(1 + (text.length >> 4));
        const before = seen.get(text);
        if (before !== undefined) result.add(field, "unique", `array items[${before},${i}] must be unique`);
        seen.set(text, i);
      });
    }
    this.#checkContains(schema, value, result, field);
    result.score++;
  }

  #checkContains({ contains }: Schema, value: readonly Value[], result: Result, field: string): void {
    if (contains === undefined) return;
    let best: Result | undefined;
    for (const [i, item] of value.entries()) {
      const found = this.check(contains, item, `${field}.${i}`);
      if (found.valid) return;
      if (best === undefined || found.score > best.score) best = found;
    }
    result.add(field, "contains", "At least one of the items must match");
    if (best !== undefined) result.merge(best);
  }

  #checkObject(schema: Schema, value: ObjectValue, result: Result, field: string): void {
    const [least, most] = [schema.limits.get("minProperties"), schema.limits.get("maxProperties")];
    if (least !== undefined && value.size < least)
      result.add(field, "array_min_properties", `Must have at least ${least} properties`);
    if (most !== undefined && value.size > most)
      result.add(field, "array_max_properties", `Must have at most ${most} properties`);
    for (const name of schema.required) {
      if (value.has(name)) result.score++;
      else result.add(field, "required", `${name} is required`);
    }
    for (const [key, item] of value.entries()) {
      const name = String(key);
      let described = schema.properties.has(name);
      for (const [pattern, each] of schema.patternProperties) {
        if (!pattern.test(name, (steps) => this.#context.step(steps))) continue;
        described = true;
        result.merge(this.check(each, item, `${field}.${name}`));
      }
      if (described) continue;
      const { additionalProperties } = schema;
      if (additionalProperties === false)
        result.add(field, "additional_property_not_allowed", `Additional property ${name} is not allowed`);
      else if (typeof additionalProperties === "object") result.merge(this.check(additionalProperties, item, `${field}.${name}`));
    }
    if (schema.propertyNames !== undefined) {
      for (const key of value.keys()) {
        const found = this.check(schema.propertyNames, key, field);
        if (found.valid) continue;
        result.add(field, "invalid_property_name", `Property name of "${String(key)}" does not match`);
        result.merge(found);
      }
    }
    result.score++;
  }
}

function isTuple(items: Schema | readonly Schema[]): items is readonly Schema[] {
  return Array.isArray(items);
}

function isNames(dependency: readonly string[] | Schema): dependency is readonly string[] {
  return Array.isArray(dependency);
}

function typeOf(value: Value): string {
  if (value === null) return "null";
  if (isArray(value)) return "array";
  if (value instanceof ObjectValue) return "object";
  if (isNumeric(value)) return decimalParts(value)[1] >= 0 ? "integer" : "number";
  return typeof value;
}

function checkNumber({ numbers }: Schema, value: Numeric, result: Result, field: string): void {
  const multiple = numbers.get("multipleOf");
  if (multiple !== undefined && !isMultiple(value, multiple))
    result.add(field, "multiple_of", `Must be a multiple of ${formatNumber(multiple)}`);
  const rules = [
    ["minimum", "number_gte", "greater than or equal to", (order: number) => order >= 0],
    ["exclusiveMinimum", "number_gt", "greater than", (order: number) => order > 0],
    ["maximum", "number_lte", "less than or equal to", (order: number) => order <= 0],
    ["exclusiveMaximum", "number_lt", "less than", (order: number) => order < 0],
  ] as const;
  for (const [name, type, words, holds] of rules) {
    const bound = numbers.get(name);
    if (bound !== undefined && !holds(compareNumbers(value, bound)))
      result.add(field, type, `Must be ${words} ${formatNumber(bound)}`);
  }
  result.score++;
}

function isMultiple(value: Numeric, of: Numeric): boolean {
  const [[a, x], [b, y]] = [decimalParts(value), decimalParts(of)];
  const least = Math.min(x, y);
  if (Math.max(x, y) - least > 10_000) return false;
  return (a * 10n ** BigInt(x - least)) % (b * 10n ** BigInt(y - least)) === 0n;
}
