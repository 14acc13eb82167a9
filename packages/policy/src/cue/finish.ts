// The end of an evaluation: everything below a vertex, the fields that are refused, and what is left of disjunctions.
import { allowance, sealStructs } from "./closedness.ts";
import { isPlainData, isReference } from "./conjunct.ts";
import { hasFailed } from "./disjunction.ts";
import type { Engine } from "./engine.ts";
import { readElements } from "./read-elements.ts";
import { type Bottom, isIncomplete } from "./value.ts";
import { type Alternative, isDefinitionLabel, isRooted, pathOf, unreadField, type Vertex } from "./vertex.ts";

/** An evaluation that comes to its end in passes. */
export interface FinishEngine extends Engine {
  /** Passes over the whole value: in the first, what waits may yet become known; from the second on, disjunctions are decided. */
  readonly pass: number;
  /** Whether fields of the policy refer to each other. */
  readonly isMutual: boolean;
  looking: number;
}

function isWaiting({ bottom, tasks, alternatives }: Vertex): boolean {
  if (alternatives !== undefined) return false;
  return bottom?.code === "incomplete" || tasks.some(({ blocked }) => blocked?.code === "incomplete");
}

/** Evaluate a vertex and everything below it, and find its errors. */
export function finishVertex(engine: FinishEngine, vertex: Vertex): void {
  engine.settle(vertex);
  if (vertex.alternatives !== undefined && vertex.alternatives.length > 1)
    finishAlternatives(engine, vertex, vertex.alternatives);
  const at = engine.live(vertex);
  if (at !== vertex) {
    engine.finish(at);
    vertex.finished = at.finished;
    vertex.childBottom = at.childBottom;
    vertex.isComplete = at.isComplete;
    return;
  }
  if (vertex.finished === "busy") return;
  if (vertex.finished === "yes" && (vertex.isComplete || vertex.pass === engine.pass)) return;
  vertex.finished = "busy";
  vertex.childBottom = undefined;
  engine.budget.enter();
  if (vertex.alternatives === undefined && (vertex.bottom === undefined || isIncomplete(vertex.bottom)))
    finishArcs(engine, vertex);
  engine.budget.leave();
  if (vertex.finished === "busy") vertex.finished = vertex.state === "settled" ? "yes" : "no";
  vertex.pass = engine.pass;
  vertex.isComplete = vertex.finished === "yes" && vertex.alternatives === undefined && isComplete(vertex);
}

function isComplete(vertex: Vertex): boolean {
  if (vertex.bottom !== undefined) return !isIncomplete(vertex.bottom);
  if (vertex.tasks.length > 0) return false;
  let complete = true;
  vertex.slots.forEach((arc) => {
    if (complete && arc.presence !== "optional" && !arc.isComplete && !isPlainData(arc)) complete = false;
  });
  return complete;
}

function finishArcs(engine: FinishEngine, vertex: Vertex): void {
  const allows = allowance(vertex);
  if (allows !== undefined) sealStructs(vertex);
  if (vertex.unreadElements !== undefined) readElements(engine, vertex);
  // forEach, which makes nothing for each arc: there are as many as the document has values
  (allows === undefined || vertex.unreadElements !== undefined ? vertex.slots : vertex.arcs).forEach((arc) => {
    if (arc.presence === "optional") {
      if (engine.isMutual && engine.pass === 1) lookInto(engine, arc);
      return;
    }
    if (allows !== undefined && !allows(arc.label) && vertex.laterGrants?.(arc.label) !== true) refuse(arc);
    else if (isPlainData(arc)) {
      arc.finished = "yes";
      return;
    }
    engine.finish(arc);
    const bottom = engine.live(arc).bottom ?? arc.childBottom ?? arc.bottom;
    if (bottom !== undefined && !isIncomplete(bottom)) vertex.childBottom ??= bottom;
  });
}

/**
 * What an optional field is by reference is evaluated in the course of the struct that has it, as in CUE, where fields refer to each
 * other: what refers back to that struct is then a value without end. The optional field itself may be one.
 */
function lookInto(engine: FinishEngine, arc: Vertex): void {
  const { conjuncts } = arc;
  if (arc === unreadField || !conjuncts.every(({ expression }) => isReference(expression) || expression.kind === "struct"))
    return;
  engine.settle(arc);
  const { shares } = arc;
  if (shares === undefined) {
    if (conjuncts.every(({ expression }) => expression.kind === "struct"))
      for (const own of arc.slots.values()) lookInto(engine, own);
  } else if (shares.finished === "no" && isRooted(shares)) {
    engine.looking++;
    engine.finish(shares);
    engine.looking--;
  }
}

/** What is known by now may leave fewer values of a disjunction than when it was first looked at. */
function finishAlternatives(engine: FinishEngine, vertex: Vertex, alternatives: readonly Alternative[]): void {
  if (vertex.standIn !== undefined) return;
  if (alternatives.every(({ vertex: own }) => own.finished === "yes" && (own.isComplete || own.pass === engine.pass))) return;
  const left = alternatives.filter((alternative) => {
    engine.trials.run(vertex, alternative.vertex, () => engine.finish(alternative.vertex));
    return !hasFailed(engine.live(alternative.vertex));
  });
  if (left.length > 0) vertex.alternatives = left;
  decide(engine, vertex);
}

/** When everything was looked at once, a value that waits for what never came, itself or a part of it, is none beside others. */
export function decide(engine: FinishEngine, vertex: Vertex): void {
  const { alternatives } = vertex;
  if (engine.pass === 1 || alternatives === undefined || alternatives.length < 2 || vertex.standIn !== undefined) return;
  const left = alternatives.filter((alternative) => !waits(engine, alternative.vertex));
  if (left.length > 0) vertex.alternatives = left;
}

function waits(engine: FinishEngine, outer: Vertex): boolean {
  engine.settle(engine.live(outer));
  const vertex = engine.live(outer);
  if (isWaiting(vertex)) return true;
  for (const [label, arc] of vertex.slots) {
    if (arc.presence !== "member" || isDefinitionLabel(label) || isPlainData(arc)) continue;
    engine.settle(engine.live(arc));
    if (isWaiting(engine.live(arc))) return true;
  }
  return false;
}

function refuse(arc: Vertex): void {
  const places = arc.conjuncts.filter(({ weak }) => weak !== true).map(({ expression }) => expression.at);
  const bottom: Bottom = { code: "eval", message: "field not allowed", places, path: pathOf(arc) };
  arc.state = "settled";
  arc.alternatives = undefined;
  arc.bottom = bottom;
}
