// The pattern of a pattern constraint: which names it matches.
import type { Engine } from "./engine.ts";
import { formatExpression } from "./format-syntax.ts";
import { satisfies } from "./unify.ts";
import { fail, incomplete, kinds, Stop } from "./value.ts";
import type { Conjunct, Vertex } from "./vertex.ts";

/** What tells whether a name matches the value of a pattern; throws Stop while that value is not known. */
export function patternMatcher(evaluator: Engine, vertex: Vertex, conjunct: Conjunct): (name: string) => boolean {
  const { expression } = conjunct;
  if (expression.kind === "identifier" && expression.name === "string" && expression.target?.kind === "predeclared")
    return () => true;
  if (expression.kind === "literal" && typeof expression.value === "string") {
    const only = expression.value;
    return (name) => name === only;
  }
  const value = evaluator.vertexOf(vertex, conjunct);
  evaluator.settle(evaluator.live(value));
  return matcherOf(evaluator, evaluator.live(value), conjunct);
}

function matcherOf(evaluator: Engine, value: Vertex, conjunct: Conjunct): (name: string) => boolean {
  if (value.alternatives !== undefined && value.alternatives.length > 1) {
    const parts = value.alternatives.map((alternative) => matcherOf(evaluator, evaluator.live(alternative.vertex), conjunct));
    return (name) => parts.some((matches) => matches(name));
  }
  if (value.bottom !== undefined) throw new Stop(value.bottom);
  if (value.tasks.length > 0)
    throw new Stop(value.tasks[0]?.blocked ?? incomplete("incomplete pattern", conjunct.expression.at).bottom);
  if (value.scalar === undefined && value.mask !== 0 && (value.mask & ~kinds.number) === 0) return () => false;
  if ((value.mask & kinds.string) === 0)
    throw fail(`cannot use ${formatExpression(conjunct.expression)} as a pattern of field names`, conjunct.expression.at);
  const { scalar, bounds, validators } = value;
  const holds = (name: string): boolean => {
    if (validators.length === 0) return true;
    const named = evaluator.inline(value, {
      ...conjunct,
      expression: { kind: "literal", at: conjunct.expression.at, value: name },
    });
    evaluator.settle(named);
    return validators.every((validator) => validator.check(named) === true);
  };
  return (name) =>
    (scalar === undefined || scalar.value === name) && bounds.every((bound) => satisfies(evaluator, name, bound)) && holds(name);
}
