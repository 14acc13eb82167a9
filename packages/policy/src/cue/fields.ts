// Fields: who grants them, and the patterns that constrain them.
import { fieldsOf, optionally } from "./conjunct.ts";
import { leftBytes, vertexBytes } from "./cost.ts";
import type { Engine } from "./engine.ts";
import { formatExpression } from "./format-syntax.ts";
import { patternMatcher } from "./pattern.ts";
import type { Expression, StructLiteral } from "./syntax.ts";
import { fail } from "./value.ts";
import { added, type Conjunct, Environment, isRegularLabel, type Pattern, type Presence, unreadField, Vertex } from "./vertex.ts";

const presenceOrder: Readonly<Record<Presence, number>> = { optional: 0, required: 1, member: 2 };

/** The evaluation that fields are added in. */
export interface FieldEngine extends Engine {
  /** Settle a vertex anew when it is asked for next. */
  readonly reopen: (vertex: Vertex) => void;
  /** Do something with a conjunct; while something is missing it waits as a task. */
  readonly attempt: (vertex: Vertex, conjunct: Conjunct, run: (vertex: Vertex, conjunct: Conjunct) => void) => void;
}

/** Give a field of a vertex a conjunct; its group is what grants the field. */
export function addField(engine: FieldEngine, vertex: Vertex, label: string, presence: Presence, conjunct: Conjunct): void {
  let arc = vertex.arc(label);
  const isNew = arc === undefined;
  if (arc === undefined) {
    if (vertex.frozen || vertex.missed.includes(label)) {
      const name = label.replace(/^"/, "");
      const message = `adding field ${name} not allowed as field set was already referenced`;
      engine.setBottom(vertex, fail(message, conjunct.expression.at).bottom);
      return;
    }
    arc = new Vertex(vertex, label);
    arc.presence = presence;
    vertex.setArc(label, arc);
    engine.budget.allocate(vertexBytes);
  } else if (presenceOrder[presence] > presenceOrder[arc.presence]) arc.presence = presence;
  if (vertex.finished === "yes") engine.reopen(vertex);
  if (conjunct.group !== undefined) vertex.grants = added(vertex.grants, { group: conjunct.group, grants: label });
  engine.addConjunct(arc, conjunct);
  if (!isNew || vertex.patterns.length === 0 || !isRegularLabel(label)) return;
  for (const pattern of vertex.patterns) applyPattern(engine, arc, pattern);
}

/** Take in a struct of the document: its fields become vertices where something else speaks of them, or asks for them. */
export function leaveFields(engine: FieldEngine, vertex: Vertex, struct: StructLiteral, fields: Conjunct): void {
  const { environment, group, passed, cyclic } = fields;
  const named = fieldsOf(struct);
  for (let i = 0; i < named.length; i++) {
    const field = named[i];
    if (field === undefined) continue;
    const expression = field.value;
    if (vertex.slots.has(field.label))
      addField(engine, vertex, field.label, "member", { environment, expression, group, passed, cyclic, weak: false });
    else vertex.setArc(field.label, unreadField);
    engine.budget.allocate(leftBytes);
  }
  if (group !== undefined) vertex.grants = added(vertex.grants, { group, grants: struct });
  vertex.leave(fields);
  if (vertex.finished === "yes") engine.reopen(vertex);
}

function applyPattern(engine: FieldEngine, arc: Vertex, pattern: Pattern): void {
  engine.budget.step();
  if (!isRegularLabel(arc.label) || !pattern.matches(arc.label.slice(1))) return;
  const { conjunct, alias } = pattern;
  const name: Expression = { kind: "literal", at: conjunct.expression.at, value: arc.label.slice(1) };
  const variables = new Map<string, Vertex>();
  if (alias !== undefined) variables.set(alias, engine.inline(arc, { ...conjunct, expression: name }));
  engine.addConjunct(arc, { ...conjunct, environment: new Environment(conjunct.environment, undefined, variables), weak: true });
}

/** Constrain the fields of a vertex whose names match. */
export function addPattern(engine: FieldEngine, vertex: Vertex, pattern: Pattern): void {
  vertex.patterns = added(vertex.patterns, pattern);
  if (pattern.conjunct.group !== undefined)
    vertex.grants = added(vertex.grants, { group: pattern.conjunct.group, grants: pattern });
  for (const arc of vertex.arcs.values()) applyPattern(engine, arc, pattern);
}

/** Take in a pattern constraint, whose pattern is the expression of the conjunct. */
export function takePattern(
  engine: FieldEngine,
  vertex: Vertex,
  conjunct: Conjunct,
  value: Expression,
  alias: string | undefined,
): void {
  engine.attempt(vertex, conjunct, (target, own) => {
    const matches = patternMatcher(engine, target, own);
    const text = formatExpression(own.expression);
    const constraint = { ...own, expression: value, chance: optionally(own) };
    engine.takeItem(target, { kind: "pattern", pattern: { matches, text, conjunct: constraint, alias } });
  });
}

/** Take in a field whose label is the expression of the conjunct. */
export function takeDynamicField(
  engine: FieldEngine,
  vertex: Vertex,
  conjunct: Conjunct,
  expression: Expression,
  presence: Presence,
): void {
  engine.attempt(vertex, conjunct, (target, own) => {
    const label = engine.concrete(target, own);
    if (typeof label !== "string") throw fail(`integer fields not supported, or label is no string`, own.expression.at);
    const field = { ...own, expression, weak: presence === "optional" };
    engine.takeItem(target, { kind: "field", label: `"${label}`, presence, conjunct: field });
  });
  if (vertex.scalar === undefined && presence !== "optional") vertex.maybeStruct = true;
}
