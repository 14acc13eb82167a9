// When a value is concrete, and why it is not.
import type { Engine } from "./engine.ts";
import { decide, type FinishEngine } from "./finish.ts";
import { describeType, formatVertex } from "./format.ts";
import { formatExpression } from "./format-syntax.ts";
import type { Expression } from "./syntax.ts";
import { fail, formatKinds, incomplete, kinds, type Scalar, Stop } from "./value.ts";
import { isStruct, originOf, type Vertex } from "./vertex.ts";

/** The concrete value of a vertex: a scalar, or the vertex when it is a struct or a list; throws Stop when it is none. */
export function concreteValue(engine: Engine, vertex: Vertex, expression: Expression, wanted: number): Scalar | Vertex {
  const given = engine.given(vertex);
  if (given !== undefined) return given;
  const chosen = engine.choose(vertex);
  if (chosen.bottom !== undefined) throw new Stop(chosen.bottom);
  if (chosen.scalar !== undefined) {
    if (chosen.copyOf !== undefined) {
      const asked = originOf(chosen);
      if (asked.isDeciding && asked.scalar === undefined) asked.askedFor = expression;
    }
    return chosen.scalar.value;
  }
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
  if (chosen.state === "busy") {
    // asked by a term on trial, it is the value that the term is tried for
    const asked = chosen.copyOf === undefined ? chosen : originOf(chosen);
    const undecided = asked.disjunctions.length > 0 ? { undecided: asked } : { asked };
    if (asked.disjunctions.length > 0) {
      asked.askedFor = expression;
      asked.askedEarly ||= !asked.isDeciding;
    }
    const message = `cycle with ${formatExpression(expression)}`;
    throw new Stop({ code: "cycle", message, places: [expression.at], ...undecided });
  }
  if (blocked !== undefined) throw new Stop(blocked);
  throw incomplete(`non-concrete value ${describeType(chosen)}`, expression.at);
}

/** The one value of a vertex: what is left of its disjunction, or its default; throws Stop when there are several. */
export function chooseValue(engine: FinishEngine, vertex: Vertex): Vertex {
  engine.settle(engine.live(vertex));
  let at = engine.live(vertex);
  for (;;) {
    engine.settle(at);
    at = engine.live(at);
    decide(engine, at);
    if (at.alternatives === undefined || at.alternatives.length === 1) {
      if (at.alternatives === undefined) return at;
      continue;
    }
    const [only, second] = at.alternatives.filter(({ mode }) => mode === 1);
    if (only === undefined || second !== undefined) throw incomplete("unresolved disjunction");
    at = engine.live(only.vertex);
  }
}
