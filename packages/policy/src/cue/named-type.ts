// The predeclared types: kinds, and numbers within bounds.
import { numeric, parseNumber } from "../values/index.ts";
import { ground } from "./cycle.ts";
import type { Engine } from "./engine.ts";
import type { Place } from "./position.ts";
import { floatRanges, integerRanges, predeclaredName, typeNames } from "./predeclared.ts";
import { takeBound, takeType } from "./unify.ts";
import { kinds, type Scalar } from "./value.ts";
import type { Conjunct, Vertex } from "./vertex.ts";

/** Take in a predeclared type; false when the name is none. */
export function takeNamedType(engine: Engine, vertex: Vertex, conjunct: Conjunct, written: string, at: Place): boolean {
  const name = predeclaredName(written);
  const mask = typeNames.get(name);
  if (mask !== undefined) {
    ground(vertex, conjunct);
    takeType(engine, vertex, mask, name, at);
    return true;
  }
  const range = integerRanges.get(name);
  const largest = floatRanges.get(name);
  if (range === undefined && largest === undefined) return false;
  ground(vertex, conjunct);
  const [low, high]: readonly [Scalar, Scalar | undefined] =
    range === undefined
      ? [
          { int: false, value: parseNumber(`-${largest}`) },
          { int: false, value: parseNumber(largest ?? "0") },
        ]
      : [{ int: true, value: numeric(range[0]) }, range[1] === undefined ? undefined : { int: true, value: numeric(range[1]) }];
  takeType(engine, vertex, range === undefined ? kinds.number : kinds.int, name, at);
  takeBound(engine, vertex, { operator: ">=", value: low, at });
  if (high !== undefined) takeBound(engine, vertex, { operator: "<=", value: high, at });
  return true;
}
