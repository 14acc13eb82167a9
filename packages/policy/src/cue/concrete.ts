// When a value is concrete, and why it is not.
import type { Engine } from "./engine.ts";
import { describeType, formatVertex } from "./format.ts";
import { formatExpression } from "./format-syntax.ts";
import type { Expression } from "./syntax.ts";
import { fail, formatKinds, incomplete, kinds, type Scalar, Stop } from "./value.ts";
import { isStruct, type Vertex } from "./vertex.ts";

/** The concrete value of a vertex: a scalar, or the vertex when it is a struct or a list; throws Stop when it is none. */
export function concreteValue(engine: Engine, vertex: Vertex, expression: Expression, wanted: number): Scalar | Vertex {
  const chosen = engine.choose(vertex);
  if (chosen.bottom !== undefined) throw new Stop(chosen.bottom);
  if (chosen.scalar !== undefined) return chosen.scalar.value;
  if (chosen.mask === kinds.struct || chosen.mask === kinds.list) return chosen;
  if (chosen.state !== "busy" && isStruct(chosen)) {
    // braces whose embedded value is not known yet may turn out to be that value
    const embedded = chosen.tasks.find(({ conjunct, blocked }) => conjunct.expression.kind !== "struct" && blocked !== undefined);
    if (embedded?.blocked !== undefined) throw new Stop(embedded.blocked);
    return chosen;
  }
  if ((chosen.mask & wanted) === 0)
    throw fail(
      `cannot use ${formatVertex(engine, chosen)} (type ${describeType(chosen)}) as type ${formatKinds(wanted)}`,
      expression.at,
    );
  const blocked = chosen.tasks[0]?.blocked;
  if (chosen.state === "busy")
    throw new Stop({ code: "cycle", message: `cycle with ${formatExpression(expression)}`, places: [expression.at] });
  if (blocked !== undefined) throw new Stop(blocked);
  throw incomplete(`non-concrete value ${describeType(chosen)}`, expression.at);
}
