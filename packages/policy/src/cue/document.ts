// Concrete values out, as documents and as JSON.
import { encodeJsonString, formatNumber, ObjectBuilder, type Value } from "../values/index.ts";
import { elementsOf } from "./comprehension.ts";
import type { Engine } from "./engine.ts";
import { describeType } from "./format.ts";
import { incomplete, isNumber, kinds, type Scalar, Stop } from "./value.ts";
import { isRegularLabel, pathOf, type Vertex } from "./vertex.ts";

/** A concrete value, its fields in their order. */
export type Data = Scalar | readonly Data[] | ReadonlyMap<string, Data>;

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
