// JSON documents in and concrete values out.
import {
  type Budget,
  encodeJsonString,
  formatNumber,
  isArray,
  ObjectBuilder,
  ObjectValue,
  SetValue,
  type Value,
} from "../values/index.ts";
import { elementsOf } from "./comprehension.ts";
import type { Engine } from "./engine.ts";
import { describeType } from "./format.ts";
import type { Place } from "./position.ts";
import { type Declaration, type Expression, regularLabel } from "./syntax.ts";
import { incomplete, isNumber, kinds, type Scalar, Stop } from "./value.ts";
import { isRegularLabel, pathOf, type Vertex } from "./vertex.ts";

/** A concrete value, its fields in their order. */
export type Data = Scalar | readonly Data[] | ReadonlyMap<string, Data>;

/** A document as an expression, no deeper than its budget allows. A number written with a point or an exponent is a float. */
export function dataExpression(value: Value, at: Place, budget: Budget, labels: Map<string, string> = new Map()): Expression {
  if (value === null || typeof value === "boolean" || typeof value === "string") return { kind: "literal", at, value };
  if (isArray(value) || value instanceof ObjectValue) {
    budget.enter();
    const made: Expression = isArray(value)
      ? { kind: "list", at, elements: value.map((element) => dataExpression(element, at, budget, labels)), open: undefined }
      : { kind: "struct", at, declarations: dataFields(value, at, budget, labels), attributes: none };
    budget.leave();
    return made;
  }
  if (value instanceof SetValue) throw new TypeError("a document holds no sets");
  return { kind: "literal", at, value: { int: typeof value === "number" || !/[.eE]/.test(value.toString()), value } };
}

const none: readonly never[] = [];

function dataFields(object: ObjectValue, at: Place, budget: Budget, labels: Map<string, string>): Declaration[] {
  const fields: Declaration[] = [];
  const names = object.keys();
  for (let i = 0; i < names.length; i++) {
    const name = names[i];
    if (typeof name !== "string") throw new TypeError("a document has a name that is no text");
    // one text for all fields of a name: they are compared and looked up often
    let label = labels.get(name);
    if (label === undefined) {
      label = regularLabel(name);
      labels.set(name, label);
    }
    const value = dataExpression(object.get(name) ?? null, at, budget, labels);
    fields.push({ kind: "field", at, label, quoted: true, constraint: "", alias: undefined, value, attributes: none });
  }
  return fields;
}

/** The concrete value of a vertex; throws Stop when it, or something in it, is none. */
export function exportVertex(evaluator: Engine, outer: Vertex): Data {
  evaluator.finish(outer);
  const vertex = evaluator.choose(outer);
  evaluator.finish(vertex);
  evaluator.budget.step();
  evaluator.budget.allocate(32);
  if (vertex.bottom !== undefined) throw new Stop(vertex.bottom);
  if (vertex.scalar !== undefined) return vertex.scalar.value;
  const [waiting] = vertex.tasks;
  if (waiting !== undefined) throw new Stop(waiting.blocked ?? incomplete("incomplete value").bottom);
  if (vertex.mask === kinds.list) return elementsOf(vertex).map((element) => exportVertex(evaluator, element));
  if (vertex.mask !== kinds.struct)
    throw new Stop({
      code: "incomplete",
      message: `incomplete value ${describeType(vertex)}`,
      places: vertex.claims.map(({ at }) => at),
      path: pathOf(vertex),
    });
  const fields = new Map<string, Data>();
  for (const [label, arc] of vertex.arcs) {
    if (!isRegularLabel(label) || arc.presence === "optional") continue;
    if (arc.presence === "required")
      throw new Stop({
        code: "incomplete",
        message: "field is required but not present",
        places: arc.conjuncts.map(({ expression }) => expression.at),
        path: pathOf(arc),
      });
    fields.set(label.slice(1), exportVertex(evaluator, arc));
  }
  return fields;
}

/** A concrete value as a document. */
export function toDocument(data: Data): Value {
  if (data === null || typeof data !== "object") return data;
  if (data instanceof Uint8Array) throw new Stop({ code: "eval", message: "bytes have no form in JSON", places: [] });
  if (data instanceof Map) {
    const object = new ObjectBuilder();
    for (const [name, value] of data) object.set(name, toDocument(value));
    return object.finish();
  }
  if (isList(data)) return data.map(toDocument);
  return isScalar(data) && isNumber(data) ? data.value : null;
}

function isList(data: Data): data is readonly Data[] {
  return Array.isArray(data);
}

function isScalar(data: Data): data is Scalar {
  return !Array.isArray(data) && !(data instanceof Map);
}

/** A concrete value as JSON, its fields in their order. */
export function writeJson(data: Data): string {
  if (data instanceof Map)
    return `{${[...data].map(([name, value]) => `${encodeJsonString(name)}:${writeJson(value)}`).join(",")}}`;
  if (isList(data)) return `[${data.map(writeJson).join(",")}]`;
  if (typeof data === "string") return encodeJsonString(data);
  if (data instanceof Uint8Array) throw new Stop({ code: "eval", message: "bytes have no form in JSON", places: [] });
  if (isScalar(data) && isNumber(data)) return formatNumber(data.value);
  return String(data);
}
