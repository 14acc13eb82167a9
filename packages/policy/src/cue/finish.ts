// The end of an evaluation: everything below a vertex, and which errors it has.
import { allowance, sealStructs } from "./closedness.ts";
import { isPlainData } from "./conjunct.ts";
import { hasFailed } from "./disjunction.ts";
import type { Engine } from "./engine.ts";
import { type Bottom, isIncomplete } from "./value.ts";
import { type Alternative, pathOf, type Vertex } from "./vertex.ts";

/** Evaluate the fields and elements of a vertex, refuse those that it does not allow, and keep the first error. */
export function finishArcs(engine: Engine, vertex: Vertex): void {
  const allows = allowance(vertex);
  if (allows !== undefined) sealStructs(vertex);
  // forEach, which makes nothing for each arc: there are as many as the document has values
  (allows === undefined ? vertex.slots : vertex.arcs).forEach((arc) => {
    if (arc.presence === "optional") return;
    if (allows !== undefined && arc.presence === "member" && !allows(arc.label)) refuse(arc);
    else if (isPlainData(arc)) {
      arc.finished = "yes";
      return;
    }
    engine.finish(arc);
    const bottom = engine.live(arc).bottom ?? arc.childBottom ?? arc.bottom;
    if (bottom !== undefined && !isIncomplete(bottom)) vertex.childBottom ??= bottom;
  });
}

/** What is known by now may leave fewer values of a disjunction than when it was first looked at. */
export function finishAlternatives(engine: Engine, vertex: Vertex, alternatives: readonly Alternative[]): void {
  if (vertex.standIn !== undefined || alternatives.every((alternative) => alternative.vertex.finished === "yes")) return;
  const left = alternatives.filter((alternative) => {
    vertex.standIn = alternative.vertex;
    engine.finish(alternative.vertex);
    return !hasFailed(engine.live(alternative.vertex));
  });
  vertex.standIn = undefined;
  if (left.length > 0) vertex.alternatives = left;
}

function refuse(arc: Vertex): void {
  const places = arc.conjuncts.filter(({ weak }) => weak !== true).map(({ expression }) => expression.at);
  const bottom: Bottom = { code: "eval", message: "field not allowed", places, path: pathOf(arc) };
  arc.state = "settled";
  arc.alternatives = undefined;
  arc.bottom = bottom;
}
