// Comprehensions (language specification, "Comprehensions"): the environments that their clauses yield a struct in.
import { numeric } from "../values/index.ts";
import { turnBytes } from "./cost.ts";
import type { Engine } from "./engine.ts";
import { describeType } from "./format.ts";
import { formatExpression } from "./format-syntax.ts";
import type { Clause, Expression } from "./syntax.ts";
import { fail, incomplete, kinds, Stop } from "./value.ts";
import { type Conjunct, Environment, isIndexLabel, isRegularLabel, type Vertex } from "./vertex.ts";

/** One environment for each time the clauses yield; throws Stop while one of them cannot be decided. */
export function yieldStructs(evaluator: Engine, vertex: Vertex, conjunct: Conjunct, clauses: readonly Clause[]): Environment[] {
  const [clause, ...rest] = clauses;
  if (clause === undefined) return [conjunct.environment];
  const then = (environment: Environment): Environment[] => yieldStructs(evaluator, vertex, { ...conjunct, environment }, rest);
  evaluator.budget.step();
  if (clause.kind === "if") {
    const condition = evaluator.concrete(vertex, { ...conjunct, expression: clause.condition }, kinds.bool);
    if (typeof condition !== "boolean")
      throw fail(`cannot use ${formatExpression(clause.condition)} as type bool`, clause.condition.at);
    return condition ? then(conjunct.environment) : [];
  }
  if (clause.kind === "let") {
    const value = evaluator.inline(vertex, { ...conjunct, expression: clause.value });
    return then(new Environment(conjunct.environment, undefined, new Map([[clause.name, value]])));
  }
  const found: Environment[] = [];
  for (const [key, value] of iterate(evaluator, vertex, conjunct, clause.of)) {
    evaluator.budget.step();
    evaluator.budget.allocate(turnBytes);
    const variables = new Map([[clause.name, value]]);
    if (clause.key !== undefined) variables.set(clause.key, evaluator.inline(vertex, { ...conjunct, expression: key }));
    found.push(...then(new Environment(conjunct.environment, undefined, variables)));
  }
  return found;
}

function iterate(evaluator: Engine, vertex: Vertex, conjunct: Conjunct, of: Expression): [Expression, Vertex][] {
  const source = evaluator.choose(evaluator.vertexOf(vertex, { ...conjunct, expression: of }));
  if (source.bottom !== undefined) throw new Stop(source.bottom);
  const own = evaluator.live(vertex);
  if (source === own && source.state === "busy") checkOwn(source, of);
  if (source.mask === kinds.list)
    return elementsOf(source).map((element, index) => [
      { kind: "literal", at: of.at, value: { int: true, value: index } },
      element,
    ]);
  const isStruct = source.mask === kinds.struct || source.maybeStruct;
  if (!isStruct || source.scalar !== undefined) {
    if ((source.mask & (kinds.struct | kinds.list)) !== 0)
      throw incomplete(`cannot range over ${formatExpression(of)} (incomplete type ${describeType(source)})`, of.at);
    throw fail(`cannot range over ${formatExpression(of)} (found ${describeType(source)}, want list or struct)`, of.at);
  }
  const isBusy = source.state === "busy" && source !== own;
  // what is being found out itself, and was waited for in vain, has the fields that it has by now and gets no others
  if (isBusy && evaluator.pass > 1) source.frozen = true;
  else if (isBusy) throw new Stop({ code: "cycle", message: `cycle with ${formatExpression(of)}`, places: [of.at] });
  else if (source.tasks.length > 0 && source !== own)
    throw new Stop(source.tasks[0]?.blocked ?? incomplete("incomplete", of.at).bottom);
  for (const [label, arc] of source.arcs)
    if (isRegularLabel(label) && arc.presence === "required")
      throw incomplete(`missing required field in for comprehension: ${label.slice(1)}`, of.at);
  if (!isBusy) evaluator.ranged(vertex, source, of.at);
  return [...source.arcs]
    .filter(([label, arc]) => isRegularLabel(label) && arc.presence === "member")
    .map(([label, arc]) => [{ kind: "literal", at: of.at, value: label.slice(1) }, arc]);
}

/** What goes through itself has what all else gives it, by each value of its disjunctions; throws Stop until that is there. */
function checkOwn(source: Vertex, of: Expression): void {
  const isList = source.mask === kinds.list;
  if (source.disjunctions.length > 0 || (isList && source.understood < source.conjuncts.length))
    throw new Stop({ code: "cycle", message: `cycle with ${formatExpression(of)}`, places: [of.at] });
  // of a list that nothing else gives it is not known that it is one at all
  if (isList && source.listLengths.length === 0)
    throw incomplete(`cannot range over ${formatExpression(of)} (incomplete type _)`, of.at);
}

/** The elements of a list that is settled. */
export function elementsOf(list: Vertex): Vertex[] {
  const elements: Vertex[] = [];
  for (const [label, arc] of list.arcs) if (isIndexLabel(label)) elements[Number(label)] = arc;
  return elements;
}

/** A number as a value. */
export function integer(value: number | bigint): { int: true; value: ReturnType<typeof numeric> } {
  return { int: true, value: numeric(BigInt(value)) };
}
