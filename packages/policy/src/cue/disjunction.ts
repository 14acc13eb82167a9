// Disjunctions and their defaults (language specification, "Disjunction", "Default values"): each term is tried on a copy of the vertex,
// and those that do not fail are its values.
import { isPlainData } from "./conjunct.ts";
import { trialBytes, vertexBytes } from "./cost.ts";
import type { Engine } from "./engine.ts";
import { vertexKey } from "./format.ts";
import { formatExpression } from "./format-syntax.ts";
import type { Place } from "./position.ts";
import type { Declaration, Expression } from "./syntax.ts";
import { type Bottom, isIncomplete } from "./value.ts";
import {
  type Alternative,
  added,
  type Conjunct,
  type Disjunction,
  Environment,
  type Group,
  type Item,
  isDefinitionLabel,
  isRegularLabel,
  type Task,
  Vertex,
} from "./vertex.ts";

type Mode = Alternative["mode"];

interface State {
  readonly vertex: Vertex;
  /** What each disjunction so far says of this value. */
  readonly modes: readonly Mode[];
}

/** Decide which terms of the disjunctions of a vertex are left; sets its alternatives, or its error when there are none. */
export function resolveDisjunctions(evaluator: Engine, vertex: Vertex): void {
  let states: State[] = [{ vertex, modes: [] }];
  const causes: Bottom[] = [];
  const disjunctions = [...vertex.disjunctions];
  const granters = disjunctions.length < 2 ? [] : disjunctions.map((disjunction) => granterOf(evaluator, vertex, disjunction));
  vertex.isDeciding = true;
  for (const [index, disjunction] of disjunctions.entries()) {
    const next: State[] = [];
    const later = granters.slice(index + 1);
    const outer = vertex.laterGrants;
    const laterGrants = (label: string): boolean => later.some((may) => may(label)) || outer?.(label) === true;
    const trial = { disjunction, laterGrants: later.length > 0 ? laterGrants : outer };
    for (const state of states) next.push(...tryTerms(evaluator, vertex, state, trial, causes));
    states = next.length > 1 ? distinctStates(evaluator, next) : next;
    if (states.length === 0) break;
  }
  const left = distinct(evaluator, decideModes(states));
  vertex.isDeciding = false;
  if (left.length > 0) {
    vertex.alternatives = left;
    refuseAsked(evaluator, vertex, vertex.alternatives);
  } else {
    const message = `${causes.length} errors in empty disjunction:`;
    const isCycle = causes.some((cause) => cause.code === "cycle");
    const code = isCycle ? "cycle" : causes.every((cause) => cause.code === "structural") ? "structural" : "eval";
    if (isCycle) vertex.tasks = [];
    const places = causes.flatMap((cause) => cause.places);
    evaluator.setBottom(vertex, { code, message, places, causes, ...(isCycle ? { undecided: vertex } : {}) });
  }
}

/** What depends on the one value of a disjunction may not decide which values are left of it, unless one of them is the default. */
function refuseAsked(evaluator: Engine, vertex: Vertex, alternatives: readonly Alternative[]): void {
  const by = vertex.askedFor;
  if (by === undefined || (!vertex.askedEarly && alternatives.filter(({ mode }) => mode === 1).length === 1)) return;
  vertex.alternatives = undefined;
  vertex.tasks = [];
  const message = `cycle across unresolved disjunction referenced by ${formatExpression(by)}`;
  evaluator.setBottom(vertex, { code: "cycle", message, places: [by.at], undecided: vertex });
}

/** Of states of the same value, those that the disjunctions so far favour most. */
function distinctStates(evaluator: Engine, states: readonly State[]): State[] {
  const byKey = new Map<string, State[]>();
  for (const state of states) {
    const key = vertexKey(evaluator, state.vertex);
    evaluator.budget.allocate(key.length * 2);
    const same = byKey.get(key) ?? [];
    if (!same.some((other) => dominates(other, state)))
      byKey.set(key, [...same.filter((other) => !dominates(state, other)), state]);
  }
  return [...byKey.values()].flat();
}

function dominates(a: State, b: State): boolean {
  return a.modes.every((mode, i) => mode >= (b.modes[i] ?? 0));
}

/** A disjunction of whose defaults none is left says nothing of the others; else a value is a default when all agree. */
function decideModes(states: readonly State[]): Alternative[] {
  const count = states[0]?.modes.length ?? 0;
  const speaks = Array.from({ length: count }, (_, i) => states.some(({ modes }) => modes[i] === 1));
  return states.map(({ vertex, modes }) => ({
    vertex,
    mode: modes.reduce<Mode>((mode, next, i) => (speaks[i] === true ? combine(mode, next) : mode), 0),
  }));
}

function combine(a: Mode, b: Mode): Mode {
  return a === 0 ? b : b === 0 ? a : a === 1 && b === 1 ? 1 : -1;
}

interface Trial {
  readonly disjunction: Disjunction;
  /** Whether the disjunctions that are to follow may grant a field. */
  readonly laterGrants: ((label: string) => boolean) | undefined;
}

/** Whether some term of a disjunction grants a field: decided when it is first asked. */
function granterOf(evaluator: Engine, vertex: Vertex, { terms }: Disjunction): (label: string) => boolean {
  let values: Vertex[] | undefined;
  const grants = (outer: Vertex, label: string): boolean => {
    evaluator.settle(outer);
    const value = evaluator.live(outer);
    if (value.alternatives !== undefined) return value.alternatives.some((alternative) => grants(alternative.vertex, label));
    if (value.slots.has(label) || value.grants.some((grant) => grant.grants === true)) return true;
    return isRegularLabel(label) && value.patterns.some((pattern) => pattern.matches(label.slice(1)));
  };
  return (label) => {
    values ??= terms.map(({ conjunct }) => evaluator.inline(vertex, conjunct));
    return values.some((value) => grants(value, label));
  };
}

function tryTerms(evaluator: Engine, vertex: Vertex, state: State, trial: Trial, causes: Bottom[]): State[] {
  const { disjunction, laterGrants } = trial;
  const hasMarks = disjunction.terms.some(({ marked }) => marked);
  const found: Alternative[] = [];
  let anyDefault = hasMarks;
  for (const { conjunct, marked } of disjunction.terms) {
    evaluator.budget.step(4);
    const copy = copyOf(evaluator, state.vertex, vertex, conjunct, disjunction.groups);
    copy.laterGrants = laterGrants;
    evaluator.trials.run(vertex, copy, () => evaluator.finish(copy));
    const left: readonly Alternative[] = copy.alternatives ?? [{ vertex: copy, mode: 0 }];
    const nested = left.some(({ mode }) => mode === 1);
    if (nested) anyDefault = true;
    for (const alternative of left) {
      evaluator.trials.run(vertex, alternative.vertex, () => evaluator.finish(alternative.vertex));
      const live = evaluator.live(alternative.vertex);
      const cause = failure(live) ?? undecidedOutside(live, vertex);
      if (cause !== undefined) causes.push(cause);
      else
        found.push({
          vertex: alternative.vertex,
          mode: !hasMarks ? alternative.mode : !marked ? -1 : nested ? (alternative.mode === 1 ? 1 : -1) : 1,
        });
    }
  }
  return found.map(({ vertex: left, mode }) => ({ vertex: left, modes: [...state.modes, anyDefault && mode === 0 ? -1 : mode] }));
}

/** Why a term cannot be: it hangs on the one value of what is being decided further out, by terms that hang on it. */
function undecidedOutside({ tasks }: Vertex, vertex: Vertex): Bottom | undefined {
  return tasks.find(({ blocked }) => blocked?.undecided !== undefined && blocked.undecided !== vertex)?.blocked;
}

/** Whether a value is an error that nothing can mend. */
export function hasFailed(vertex: Vertex): boolean {
  return failure(vertex) !== undefined;
}

function failure(vertex: Vertex): Bottom | undefined {
  if (vertex.bottom !== undefined && !isIncomplete(vertex.bottom)) return vertex.bottom;
  return vertex.childBottom;
}

function distinct(evaluator: Engine, found: readonly Alternative[]): Alternative[] {
  const byKey = new Map<string, Alternative>();
  for (const alternative of found) {
    const key = vertexKey(evaluator, alternative.vertex);
    evaluator.budget.allocate(key.length * 2);
    const before = byKey.get(key);
    if (before === undefined || alternative.mode > before.mode)
      byKey.set(key, before === undefined ? alternative : { vertex: before.vertex, mode: alternative.mode });
  }
  return [...byKey.values()];
}

/** As cue has it, what is calculated from a value that is itself being calculated from this one says nothing of its terms. */
function isOvertaken({ conjunct, blocked }: Task, original: Vertex): boolean {
  if (blocked?.asked === undefined || blocked.asked === original) return false;
  const { kind } = conjunct.expression;
  return kind === "binary" || kind === "unary" || kind === "interpolation";
}

/** A copy of what is understood of `source`, standing in for `original`, with one more conjunct. */
function copyOf(
  evaluator: Engine,
  source: Vertex,
  original: Vertex,
  conjunct: Conjunct,
  groups: readonly (Group | undefined)[] = [],
  keep: (item: Item) => boolean = () => true,
): Vertex {
  const copy = new Vertex(source.parent, source.label);
  copy.presence = source.presence;
  copy.isMade = source.isMade;
  copy.copyOf = original;
  copy.maybeStruct = source.maybeStruct;
  copy.cyclic = source.cyclic;
  copy.refersUp = source.refersUp;
  copy.fed = source.fed;
  copy.grounded = source.grounded;
  evaluator.budget.allocate(vertexBytes + trialBytes);
  const moved = new Map<Environment, Environment>();
  const move = (environment: Environment): Environment => moveEnvironment(environment, source, original, copy, moved);
  const moveConjunct = (own: Conjunct): Conjunct => ({ ...own, environment: move(own.environment) });
  evaluator.trials.run(original, copy, () => {
    for (const item of source.items) if (keep(item)) evaluator.takeItem(copy, moveItem(item, move, moveConjunct));
    copy.frozen = source.frozen;
    copy.missed = source.missed;
    for (const task of source.tasks)
      if (!isOvertaken(task, original)) copy.tasks = added(copy.tasks, moveTask(task, moveConjunct));
    for (const { conjunct: own, target } of source.postponed)
      copy.postponed = added(copy.postponed, { conjunct: moveConjunct(own), target });
    const term = moveConjunct(conjunct);
    evaluator.take(copy, term);
    for (const group of groups) evaluator.take(copy, { ...term, group });
  });
  return copy;
}

function moveItem(item: Item, move: (environment: Environment) => Environment, moveConjunct: (own: Conjunct) => Conjunct): Item {
  switch (item.kind) {
    case "struct":
      return { ...item, conjunct: moveConjunct(item.conjunct), environment: move(item.environment) };
    case "list":
      return {
        ...item,
        conjunct: moveConjunct(item.conjunct),
        elements: item.elements.map((element) => ({ ...element, environment: move(element.environment) })),
      };
    case "pattern":
      return { ...item, pattern: { ...item.pattern, conjunct: moveConjunct(item.pattern.conjunct) } };
    case "field":
      return { ...item, conjunct: moveConjunct(item.conjunct) };
    default:
      return item;
  }
}

function moveTask(task: Task, moveConjunct: (own: Conjunct) => Conjunct): Task {
  return { conjunct: moveConjunct(task.conjunct), run: task.run };
}

/** The same environment, with the copy in the place of the vertex that it copies. */
function moveEnvironment(
  environment: Environment,
  source: Vertex,
  original: Vertex,
  copy: Vertex,
  moved: Map<Environment, Environment>,
): Environment {
  const known = moved.get(environment);
  if (known !== undefined) return known;
  const { up, vertex, variables } = environment;
  const isOwn = vertex === source || (vertex !== undefined && vertex === original);
  const movedUp = up === undefined ? undefined : moveEnvironment(up, source, original, copy, moved);
  const made = isOwn || movedUp !== up ? new Environment(movedUp, isOwn ? copy : vertex, variables) : environment;
  moved.set(environment, made);
  return made;
}

/** Unify what is understood of a value of a disjunction into another vertex. */
export function adopt(evaluator: Engine, vertex: Vertex, from: Vertex): void {
  const moved = new Map<Environment, Environment>();
  const move = (environment: Environment): Environment => moveEnvironment(environment, from, from.copyOf ?? from, vertex, moved);
  const moveConjunct = (own: Conjunct): Conjunct => ({ ...own, environment: move(own.environment) });
  for (const item of from.items) evaluator.takeItem(vertex, moveItem(item, move, moveConjunct));
  for (const task of from.tasks) vertex.tasks = added(vertex.tasks, moveTask(task, moveConjunct));
}

/** Why a vertex does not unify with another, its own validators aside; undefined when it does. A required field must be there. */
export function tryWith(evaluator: Engine, vertex: Vertex, conjunct: Conjunct, schema: Vertex): Bottom | undefined {
  evaluator.finish(evaluator.live(vertex));
  const subject = evaluator.live(vertex);
  const defaults = nestedDefaults(evaluator, subject, conjunct.expression.at);
  const expression = { kind: "vertex", at: conjunct.expression.at, vertex: schema } as const;
  const copy = copyOf(
    evaluator,
    subject,
    subject,
    { ...conjunct, expression, group: undefined },
    [],
    (item) => item.kind !== "validator",
  );
  evaluator.trials.run(subject, copy, () => {
    if (defaults !== undefined) evaluator.take(copy, { ...conjunct, expression: defaults, group: undefined });
    evaluator.finish(copy);
  });
  return failure(evaluator.live(copy)) ?? missingField(evaluator, copy);
}

/** The defaults of the fields below a value, as a struct to unify with it; undefined when there are none. */
function nestedDefaults(evaluator: Engine, outer: Vertex, at: Place): Expression | undefined {
  const declarations: Declaration[] = [];
  for (const [label, arc] of outer.slots) {
    if (arc.presence !== "member" || !isRegularLabel(label) || isPlainData(arc)) continue;
    evaluator.budget.step();
    const vertex = evaluator.live(arc);
    const [only, second] = (vertex.alternatives ?? []).filter(({ mode }) => mode === 1);
    const value: Expression | undefined =
      only === undefined || second !== undefined
        ? nestedDefaults(evaluator, vertex, at)
        : { kind: "vertex", at, vertex: only.vertex };
    if (value === undefined) continue;
    declarations.push({ kind: "field", at, label, quoted: true, constraint: "", alias: undefined, value, attributes: [] });
  }
  return declarations.length === 0 ? undefined : { kind: "struct", at, declarations, attributes: [] };
}

function missingField(evaluator: Engine, outer: Vertex): Bottom | undefined {
  const vertex = evaluator.live(outer);
  for (const arc of vertex.arcs.values()) {
    if (arc.presence === "required")
      return {
        code: "incomplete",
        message: "field is required but not present",
        places: arc.conjuncts.map(({ expression }) => expression.at),
      };
    const missing = arc.presence === "member" && !isDefinitionLabel(arc.label) ? missingField(evaluator, arc) : undefined;
    if (missing !== undefined) return missing;
  }
  return undefined;
}
