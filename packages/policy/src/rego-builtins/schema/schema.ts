// Functions that hold a document against a JSON Schema.
import {
  anyType,
  arrayOf,
  type Builtin,
  booleanType,
  nullType,
  objectOf,
  oneOf,
  stringType,
  structOf,
  tupleOf,
} from "../../rego/index.ts";
import { encodeJson, isArray, isPolicyError, ObjectBuilder, ObjectValue, parseJson, type Value } from "../../values/index.ts";
import { type Call, define } from "../call.ts";
import { read } from "../json/json.ts";
import { compileSchema, type Schema, type SchemaContext, SchemaError } from "./compile.ts";
import { validate } from "./validate.ts";

const source = oneOf(stringType, objectOf(anyType, anyType));
const finding = structOf({ error: stringType, type: stringType, field: stringType, desc: stringType });

/** The functions of this file. */
export const jsonSchema: readonly Builtin[] = [
  define("json.verify_schema", [source], tupleOf(booleanType, oneOf(nullType, stringType)), (call) => {
    try {
      schemaOf(call, 1);
      return [true, null];
    } catch (error) {
      if (error instanceof SchemaError) return [false, `jsonschema: ${error.message}`];
      throw error;
    }
  }),
  define("json.match_schema", [source, source], tupleOf(booleanType, arrayOf(finding)), match),
];

function contextOf(call: Call): SchemaContext {
  return {
    step: (count) => call.step(count),
    enter: () => call.context.budget.enter(),
    leave: () => call.context.budget.leave(),
    regex: (pattern) => {
      try {
        return call.regex(pattern);
      } catch (error) {
        if (isPolicyError(error) && !error.code.endsWith("_EXCEEDED")) return undefined;
        throw error;
      }
    },
  };
}

/** A document as JSON text, or as a value, in which sets are arrays and keys texts. */
function documentOf(call: Call, operand: number): Value {
  const value = call.value(operand);
  if (typeof value === "string") {
    try {
      return read(call, value);
    } catch (error) {
      if (isPolicyError(error) && error.kind === "malformed") throw new SchemaError("invalid JSON string", { cause: error });
      throw error;
    }
  }
  if (!isArray(value) && !(value instanceof ObjectValue)) throw new SchemaError("wrong type, expected string or object");
  return parseJson(encodeJson(value, { allocate: (length) => call.text(2 * length) }), { lenient: true });
}

function schemaOf(call: Call, operand: number): Schema {
  return compileSchema(documentOf(call, operand), contextOf(call));
}

function match(call: Call): Value {
  try {
    const document = documentOf(call, 1);
    const findings = validate(schemaOf(call, 2), document, contextOf(call));
    call.elements(4 * findings.length);
    const list = findings.map(({ field, type, description }) => {
      const place = field.replace(/^\(root\)\./, "");
      return new ObjectBuilder()
        .set("error", `${place}: ${description}`)
        .set("type", type)
        .set("field", place)
        .set("desc", description)
        .finish();
    });
    return [findings.length === 0, list];
  } catch (error) {
    if (error instanceof SchemaError) throw call.fail(error.message, error);
    throw error;
  }
}
