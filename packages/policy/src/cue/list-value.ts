// Lists: the elements that a conjunct gives, and the type of those after its ellipsis.
import { optionally } from "./conjunct.ts";
import { leftBytes, vertexBytes } from "./cost.ts";
import { DataList } from "./data.ts";
import type { Engine } from "./engine.ts";
import type { Expression } from "./syntax.ts";
import { takeType } from "./unify.ts";
import { fail, kinds } from "./value.ts";
import { added, type Conjunct, type Environment, type Item, isIndexLabel, type Rest, Vertex } from "./vertex.ts";

/** Give a list the elements of one of its conjuncts. */
export function takeElements(engine: Engine, vertex: Vertex, item: Extract<Item, { kind: "list" }>): void {
  const { conjunct, elements, open } = item;
  const { at } = conjunct.expression;
  const data = conjunct.expression instanceof DataList ? conjunct.expression : undefined;
  const count = data?.values.length ?? elements.length;
  takeType(engine, vertex, kinds.list, "list", at, false);
  vertex.listLengths = added(vertex.listLengths, { length: count, open: open !== undefined, at });
  if (typeof open === "object")
    vertex.listRests = added(vertex.listRests, {
      from: count,
      conjunct: { ...conjunct, expression: open, weak: true, chance: optionally(conjunct) },
    });
  const longest = Math.max(...vertex.listLengths.map(({ length }) => length));
  const limit = vertex.listLengths.find(({ length, open: more }) => !more && length < longest);
  const other = vertex.listLengths.find(({ length }) => length === longest);
  if (limit !== undefined && other !== undefined) {
    const [first, second] = vertex.listLengths[0] === limit ? [limit, other] : [other, limit];
    engine.setBottom(
      vertex,
      fail(`incompatible list lengths (${first.length} and ${second.length})`, first.at, second.at).bottom,
    );
  }
  const newest = typeof open === "object" ? vertex.listRests[vertex.listRests.length - 1] : undefined;
  const { environment: own, group, passed, cyclic, chance } = conjunct;
  const weak = conjunct.weak === true;
  const add = (i: number, environment: Environment, expression: Expression | undefined): void => {
    if (expression === undefined) return;
    addElement(engine, vertex, i, { environment, expression, group, passed, cyclic, weak, chance }, newest);
  };
  if (data !== undefined && vertex.leaves(conjunct)) {
    // its elements become vertices where something else has a conjunct for them alone, or asks for them
    for (const label of vertex.slots.keys()) if (isIndexLabel(label)) add(Number(label), own, data.element(Number(label)));
    engine.budget.allocate(leftBytes * count);
    vertex.leave({ ...conjunct, weak });
  } else if (data !== undefined) for (const [i, expression] of data.elements.entries()) add(i, own, expression);
  else for (const [i, { environment, expression }] of elements.entries()) add(i, environment, expression);
  if (newest === undefined) return;
  for (const [label, arc] of vertex.slots)
    if (isIndexLabel(label) && Number(label) >= newest.from) engine.addConjunct(arc, newest.conjunct);
}

/** Give an element of a list a conjunct; the newest rest is added by the caller, to all elements at once. */
function addElement(engine: Engine, vertex: Vertex, index: number, conjunct: Conjunct, newest: Rest | undefined): void {
  const label = String(index);
  let arc = vertex.arc(label);
  if (arc === undefined) {
    arc = new Vertex(vertex, label);
    arc.presence = "member";
    vertex.setArc(label, arc);
    engine.budget.allocate(vertexBytes);
    if (vertex.listRests.length > 0)
      for (const rest of vertex.listRests) if (rest !== newest && index >= rest.from) engine.addConjunct(arc, rest.conjunct);
  }
  engine.addConjunct(arc, conjunct);
}

/** How many elements a list has so far, those that are not read among them. */
export function elementCount(vertex: Vertex): number {
  let longest = 0;
  for (const { length } of vertex.listLengths) longest = Math.max(longest, length);
  return longest;
}
