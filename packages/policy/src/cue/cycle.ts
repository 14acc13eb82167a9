// Structural cycles (language specification, "Structural cycles"): values that would contain themselves without end.
//
// A conjunct carries the chain of references that it came by. It repeats what encloses it when a reference names a value that the field
// lies in, or one that was passed on the way; what it adds from then on repeats too. A field that is given nothing but repetition is
// an error. What need not be there, by an optional field, a pattern or a term of a disjunction, may come back to what it passed once
// more, for as long as something else feeds the field; its chain then starts anew.
import { isReference } from "./conjunct.ts";
import type { Engine } from "./engine.ts";
import type { Place } from "./position.ts";
import type { Expression } from "./syntax.ts";
import { type Bottom, isIncomplete } from "./value.ts";
import { added, type Conjunct, isDefinitionLabel, originOf, type Passed, pathOf, type Vertex } from "./vertex.ts";

/** The error of a value that contains itself. */
export function structuralCycle(vertex: Vertex, at?: Place): Bottom {
  const places = at === undefined ? vertex.conjuncts.map(({ expression }) => expression.at) : [at];
  return { code: "structural", message: "structural cycle", places, path: pathOf(vertex) };
}

/** Note that a vertex was given a conjunct. */
export function feed(vertex: Vertex, { cyclic, chance }: Conjunct): void {
  if (!cyclic && chance !== "used") vertex.fed = true;
  else if (chance === "none") vertex.cyclic = true;
}

/** Note that a vertex was given a value. */
export function ground(vertex: Vertex, { cyclic }: Conjunct): void {
  if (!cyclic) vertex.grounded = true;
}

/** To select from a value that stands in a selection is as good as to give it a value: only what is selected counts. */
export function groundMade(vertex: Vertex): void {
  if (vertex.grounded || !isMade(vertex)) return;
  vertex.grounded = true;
  if (vertex.cycleBottom !== undefined && vertex.bottom === vertex.cycleBottom) vertex.state = "new";
}

/** A vertex that is nothing but repetition is an error; where a disjunction is to be decided, each of its values is. */
export function endCycle(engine: Engine, vertex: Vertex): void {
  const { cyclic, refersUp, fed, grounded, disjunctions, bottom } = vertex;
  if ((!refersUp || grounded) && (!cyclic || fed)) return;
  if (disjunctions.length > 0 || (bottom !== undefined && !isIncomplete(bottom))) return;
  vertex.cycleBottom = structuralCycle(vertex);
  engine.setBottom(vertex, vertex.cycleBottom);
}

/** How a reference is followed: with the chain that its conjuncts are to have, later, or not at all as it adds nothing. */
export type Following = Pick<Conjunct, "passed" | "cyclic" | "chance"> | "later" | "nothing";

/** How a reference of a vertex to another is to be followed; `here` is the step that it adds to the chain. */
export function following(engine: Engine, vertex: Vertex, conjunct: Conjunct, source: Vertex, here: Passed): Following {
  const { passed, cyclic, chance, expression } = conjunct;
  if (liesIn(vertex, source) || (engine.looking > 0 && source.finished === "busy")) {
    vertex.cyclic = true;
    vertex.refersUp = true;
    for (let at = passed; at !== undefined; at = at.next)
      if (at.target === source && originOf(at.vertex) === originOf(vertex)) return "nothing";
    return vertex.grounded ? { passed: here, cyclic: true, chance: undefined } : "later";
  }
  if (vertex.fed && chance === "used") return { passed, cyclic, chance };
  // a selection from a made value starts anew, being held to rules of its own
  const shared = sharedBy(source);
  const origin = originOf(vertex);
  for (let at = passed; at !== undefined && at.made === undefined; at = at.next) {
    const isHere = originOf(at.vertex) === origin;
    if (isHere && at.target === source) return "nothing";
    if (isHere || at.target === undefined || sharedBy(at.target) !== shared) continue;
    if (chance === "open" && !cyclic && vertex.fed) {
      // a pattern that unifies with itself
      return at.depth === vertex.depth ? "nothing" : { passed: undefined, cyclic, chance: "used" };
    }
    // another reference to it, from a field that is fed, says the same of something else
    if (at.node !== expression && vertex.grounded && vertex.fed) continue;
    vertex.cyclic = true;
    return vertex.fed || vertex.grounded ? { passed: here, cyclic: true, chance: undefined } : "later";
  }
  return { passed: here, cyclic, chance };
}

/** Keep a reference for when the vertex has a value. */
export function postpone(vertex: Vertex, conjunct: Conjunct, target: Vertex, here: Passed): void {
  vertex.postponed = added(vertex.postponed, {
    conjunct: { ...conjunct, passed: here, cyclic: true, chance: undefined },
    target,
  });
}

/** Whether a vertex lies in a value, or in a field that is that value by reference. */
export function liesIn(vertex: Vertex, target: Vertex): boolean {
  const origin = sharedBy(target);
  for (let at = vertex.parent; at !== undefined; at = at.parent) if (sharedBy(originOf(at)) === origin) return true;
  return false;
}

function sharedBy(vertex: Vertex): Vertex {
  let at = vertex;
  for (let i = 0; i < 20 && at.shares !== undefined && at.conjuncts.length === at.sharing; i++) at = originOf(at.shares);
  return at;
}

/**
 * Whether a field is a reference and nothing else, or several to one value, so that it is that value with its history. `referredTo` is
 * what a reference refers to.
 */
export function sharesValue(
  vertex: Vertex,
  conjunct: Conjunct,
  source: Vertex,
  referredTo: (other: Conjunct) => Vertex | undefined,
): boolean {
  const { conjuncts } = vertex;
  if (vertex.slots.size > 0 || isMade(source)) return false;
  if (isClosedBy(vertex, conjuncts) && !isClosedBy(source, source.conjuncts)) return false;
  if (!conjuncts.every(({ expression }) => refers(expression))) return false;
  const others = conjuncts.filter((own) => own.expression !== conjunct.expression || own.passed !== conjunct.passed);
  if (others.length === conjuncts.length) return false;
  if (vertex.shares !== undefined) return sharedBy(vertex) === sharedBy(source);
  return others.every((other) => {
    const value = referredTo(other);
    return value !== undefined && sharedBy(originOf(value)) === sharedBy(source);
  });
}

function refers(expression: Expression): boolean {
  if (expression.kind === "identifier") return expression.target?.kind !== "predeclared" && expression.target?.kind !== "package";
  return isReference(expression);
}

function isMade(vertex: Vertex): boolean {
  for (let at: Vertex | undefined = vertex; at?.parent !== undefined; at = at.parent) if (at.label === "") return true;
  return false;
}

function isClosedBy(vertex: Vertex, conjuncts: readonly Conjunct[]): boolean {
  if (vertex.inDefinition || isDefinitionLabel(vertex.label)) return true;
  for (const { group } of conjuncts)
    for (let at = group; at !== undefined; at = at.parent) if (at.kind === "definition") return true;
  return false;
}

/** The chain of a conjunct of a shared value, as deep as the field that shares it. */
export function shifted(passed: Passed | undefined, by: number): Passed | undefined {
  if (passed === undefined || by === 0) return passed;
  return { ...passed, depth: passed.depth + by, next: shifted(passed.next, by) };
}

/** Whether nothing but `_` is said of a field, cycles aside. */
export function isAny({ conjuncts }: Vertex): boolean {
  const others = conjuncts.filter(({ cyclic }) => !cyclic);
  return others.length > 0 && others.every(({ expression }) => isTop(expression));
}

function isTop(expression: Expression): boolean {
  return expression.kind === "identifier" && expression.name === "_";
}

/** A conjunct with the call that it is in its chain, when it repeats something. */
export function calledBy(vertex: Vertex, conjunct: Conjunct): Conjunct {
  const { expression, passed, cyclic } = conjunct;
  if (!cyclic || expression.kind !== "call") return conjunct;
  const here: Passed = { node: expression, target: undefined, vertex, made: undefined, depth: vertex.depth, next: passed };
  return { ...conjunct, passed: here };
}

/**
 * Whether a call is part of its own arguments, and so is done with: those of `close`, `and` and `or`, which are taken in as they are, it
 * adds nothing to; any other is an error.
 */
export function endsCall(engine: Engine, vertex: Vertex, { expression, passed }: Conjunct): boolean {
  if (expression.kind !== "call") return false;
  for (let at = passed; at !== undefined; at = at.next) {
    if (at.node !== expression) continue;
    vertex.refersUp = true;
    if (expression.callee.kind !== "identifier") engine.setBottom(vertex, structuralCycle(vertex, expression.at));
    return true;
  }
  return false;
}
