// What an evaluation decided before everything was known is asked again when it is. Where the answer is another one, the value depends on
// the order in which it was found: the construct is refused, by name and place, instead of one of the answers being given.
import { yieldStructs } from "./comprehension.ts";
import type { Engine } from "./engine.ts";
import { elementCount } from "./list-value.ts";
import type { Place } from "./position.ts";
import type { Clause, Expression } from "./syntax.ts";
import { isIncomplete, Stop } from "./value.ts";
import { type Conjunct, isIndexLabel, originOf, pathOf, unreadField, type Vertex } from "./vertex.ts";

/** Names of the constructs that are refused in the course of an evaluation. */
export const refusedConstructs = {
  comprehension: "a comprehension that is decided by what it, or another such one, adds",
  range: "a struct that gains fields after it was gone through, counted or compared with _|_",
} as const;

/** A construct that was found to be outside of the subset when it was evaluated. */
export interface Refusal {
  readonly construct: string;
  readonly at: Place;
  readonly vertex: Vertex;
}

/** How often the clauses of a comprehension yielded. */
interface Decision {
  readonly vertex: Vertex;
  readonly conjunct: Conjunct;
  readonly clauses: readonly Clause[];
  readonly count: number;
}

interface Range {
  readonly vertex: Vertex;
  readonly source: Vertex;
  readonly size: number;
  readonly at: Place;
}

/** The decisions of one evaluation that may turn out to have been too early. */
export class Decisions {
  readonly #decisions: Decision[] = [];
  readonly #ranges: Range[] = [];

  /** Note how often a comprehension yielded, when what it asks can change its answer. */
  decided(vertex: Vertex, conjunct: Conjunct, clauses: readonly Clause[], count: number): void {
    if (clauses.some((clause) => clause.kind === "if" && asksForBottom(clause.condition)))
      this.#decisions.push({ vertex, conjunct, clauses, count });
  }

  /** Note that the fields of a struct were gone through. */
  ranged(vertex: Vertex, source: Vertex, at: Place): void {
    this.#ranges.push({ vertex, source, size: sizeOf(source), at });
  }

  /** What of it does not hold any more. */
  refusals(engine: Engine, root: Vertex): Refusal[] {
    const refusals: Refusal[] = [];
    for (const { vertex, source, size, at } of this.#ranges)
      if (sizeOf(engine.live(source)) !== size && isLive(engine, root, vertex))
        refusals.push({ construct: refusedConstructs.range, at, vertex });
    for (const decision of this.#decisions)
      if (isLive(engine, root, decision.vertex) && !holds(engine, decision))
        refusals.push({
          construct: refusedConstructs.comprehension,
          at: decision.conjunct.expression.at,
          vertex: decision.vertex,
        });
    return refusals;
  }
}

/** Make an error of the field that a refused construct stands in. */
export function markRefused(engine: Engine, { construct, at, vertex }: Refusal): void {
  let field = vertex;
  while (field.label === "" && field.parent !== undefined) field = field.parent;
  const message = `${construct} is outside the subset`;
  engine.live(field).bottom = { code: "unsupported", message, places: [at], path: pathOf(field) };
}

function holds(engine: Engine, { vertex, conjunct, clauses, count }: Decision): boolean {
  try {
    return yieldStructs(engine, vertex, conjunct, clauses).length === count;
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
    return !isIncomplete(error.bottom);
  }
}

function sizeOf(vertex: Vertex): number {
  let size = elementCount(vertex);
  vertex.slots.forEach((arc, label) => {
    if ((arc.presence === "member" || arc === unreadField) && !isIndexLabel(label)) size++;
  });
  return size;
}

/** Whether a vertex is part of the value that was found, and not of one that was tried. */
function isLive(engine: Engine, root: Vertex, vertex: Vertex): boolean {
  for (let at = vertex; at.parent !== undefined; at = at.parent) {
    const parent = engine.live(originOf(at.parent));
    if (at.label === "") continue;
    const arc = parent.arc(at.label);
    if (arc === undefined || originOf(engine.live(arc)) !== originOf(engine.live(at))) return false;
  }
  return root.bottom === undefined || isIncomplete(root.bottom);
}

function asksForBottom(expression: Expression): boolean {
  switch (expression.kind) {
    case "bottom":
      return true;
    case "unary":
      return asksForBottom(expression.operand);
    case "binary":
      return asksForBottom(expression.left) || asksForBottom(expression.right);
    case "selector":
      return asksForBottom(expression.of);
    case "call":
      return expression.arguments.some(asksForBottom);
    default:
      return false;
  }
}
