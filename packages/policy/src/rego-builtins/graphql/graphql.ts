// Functions over GraphQL: syntax trees of queries and schemas, and whether a query fits a schema.
import { anyType, type Builtin, booleanType, objectOf, oneOf, stringType, tupleOf } from "../../rego/index.ts";
import { ObjectBuilder, ObjectValue, type Value } from "../../values/index.ts";
import { type Call, define } from "../call.ts";
import { fromValue, GraphqlError, type Node, toValue } from "./node.ts";
import { parseQuery, parseSchema } from "./parser.ts";
import { validateQuery } from "./query.ts";
import { type Schema, validateSchema } from "./schema.ts";

const anyObject = objectOf(anyType, anyType);
const source = oneOf(stringType, anyObject);

/** The functions of this file. */
export const graphql: readonly Builtin[] = [
  define("graphql.parse", [source, source], tupleOf(anyObject, anyObject), (call) => failing(call, () => parse(call))),
  define("graphql.parse_and_verify", [source, source], tupleOf(booleanType, anyObject, anyObject), (call) =>
    attempt(() => [true, ...parse(call)], [false, empty(), empty()]),
  ),
  define("graphql.parse_query", [stringType], anyObject, (call) => failing(call, () => shaped(call, read(call, 1, "query")))),
  define("graphql.parse_schema", [stringType], anyObject, (call) => failing(call, () => shaped(call, read(call, 1, "schema")))),
  define("graphql.is_valid", [source, source], booleanType, (call) =>
    attempt(() => {
      const query = read(call, 1, "query");
      validateQuery(query, valid(call, read(call, 2, "schema")), spend(call));
      return true;
    }, false),
  ),
  define("graphql.schema_is_valid", [source], booleanType, (call) =>
    attempt(() => {
      valid(call, read(call, 1, "schema"));
      return true;
    }, false),
  ),
];

function empty(): ObjectValue {
  return new ObjectBuilder().finish();
}

function spend(call: Call): (steps: number) => void {
  return (steps) => call.step(steps);
}

/** A document as a text or as a syntax tree. */
function read(call: Call, operand: number, what: "query" | "schema"): Node {
  const value = call.value(operand);
  if (value instanceof ObjectValue) return fromValue(value, () => call.step());
  if (typeof value !== "string") throw call.wrong(operand, "string", "object");
  call.text(8 * value.length);
  return what === "query" ? parseQuery(value, spend(call)) : parseSchema(value, spend(call));
}

function valid(call: Call, document: Node): Schema {
  call.elements(512);
  return validateSchema(document, spend(call));
}

function shaped(call: Call, document: Node): Value {
  call.elements(document.fields.size);
  return toValue(document);
}

function parse(call: Call): readonly [Value, Value] {
  const query = read(call, 1, "query");
  const schema = read(call, 2, "schema");
  validateQuery(query, valid(call, schema), spend(call));
  return [shaped(call, query), shaped(call, schema)];
}

/** What is wrong with a document is an error of the function. */
function failing(call: Call, body: () => Value): Value {
  try {
    return body();
  } catch (error) {
    if (error instanceof GraphqlError) throw call.fail(error.message, error);
    throw error;
  }
}

/** What is wrong with a document gives another result. */
function attempt(body: () => Value, otherwise: Value): Value {
  try {
    return body();
  } catch (error) {
    if (error instanceof GraphqlError) return otherwise;
    throw error;
  }
}
