// Equality of structured values by ==.
import { elementsOf } from "./comprehension.ts";
import type { Engine } from "./engine.ts";
import type { Place } from "./position.ts";
import { equalScalars } from "./value.ts";
import { isRegularLabel, Vertex } from "./vertex.ts";

/** Whether two structs or lists hold equal values; throws Stop while one of them is not concrete. */
export function equalVertices(evaluator: Engine, a: Vertex, b: Vertex, at: Place): boolean {
  evaluator.budget.step();
  if (a.mask !== b.mask) return false;
  const [left, right] = [partsOf(a), partsOf(b)];
  if (left.size !== right.size) return false;
  for (const [label, arc] of left) {
    const other = right.get(label);
    if (other === undefined) return false;
    const expression = { kind: "bottom", at } as const;
    const [x, y] = [evaluator.concreteOf(arc, expression), evaluator.concreteOf(other, expression)];
    const same =
      x instanceof Vertex && y instanceof Vertex
        ? equalVertices(evaluator, x, y, at)
        : !(x instanceof Vertex) && !(y instanceof Vertex) && equalScalars(x, y);
    if (!same) return false;
  }
  return true;
}

function partsOf(vertex: Vertex): Map<string, Vertex> {
  const elements = elementsOf(vertex);
  if (elements.length > 0) return new Map(elements.map((element, index) => [String(index), element]));
  return new Map([...vertex.arcs].filter(([label, arc]) => isRegularLabel(label) && arc.presence === "member"));
}
