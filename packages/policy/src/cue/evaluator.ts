// The heart: takes in the conjuncts of a vertex one by one until what it is shows. A vertex is settled on demand, so that references
// may point anywhere; what cannot be known yet waits as a task and is tried again.
import { type Budget, RegexCache } from "../values/index.ts";
import { yieldStructs } from "./comprehension.ts";
import { chooseValue, concreteValue } from "./concrete.ts";
import { isReference, makesStruct, maxConjuncts, maxRecursion, optionally, presenceOf, withDisjunction } from "./conjunct.ts";
import { Decisions, markRefused, type Refusal } from "./consistency.ts";
import { conjunctBytes, scopeBytes, takenBytes } from "./cost.ts";
import { calledBy, endCycle, endsCall, feed, ground, structuralCycle } from "./cycle.ts";
import { resolveDisjunctions } from "./disjunction.ts";
import { compute } from "./expression.ts";
import { addField, addPattern, type FieldEngine, leaveFields, takeDynamicField, takePattern } from "./fields.ts";
import { type FinishEngine, finishVertex } from "./finish.ts";
import { takeElements } from "./list-value.ts";
import { takeNamedType } from "./named-type.ts";
import { documentSource, type Place } from "./position.ts";
import {
  addReference,
  followPostponed,
  inlineVertex,
  lookUp,
  repeatsSelection,
  resolveReference,
  vertexFor,
} from "./reference.ts";
import type { Comprehension, Expression, StructLiteral } from "./syntax.ts";
import { Trials } from "./trials.ts";
import { applyScalarConstraints, takeBound, takeScalar, takeType, takeValidator } from "./unify.ts";
import { type Bottom, isIncomplete, kinds, type Scalar, Stop } from "./value.ts";
import {
  added,
  type Computed,
  type Conjunct,
  Environment,
  Group,
  type Item,
  isRooted,
  isStruct,
  pathOf,
  type Task,
  Vertex,
} from "./vertex.ts";

function isUntriedReference({ conjunct, blocked }: Task): boolean {
  return blocked === undefined && isReference(conjunct.expression);
}

/** Whether a task may be done when something else is known. */
function waits({ blocked }: Task): boolean {
  return blocked?.code === "cycle" || blocked?.code === "incomplete";
}

/** One evaluation: its budget and what it keeps for speed. */
export class Evaluator implements FieldEngine, FinishEngine {
  readonly budget: Budget;
  readonly regexes: RegexCache = new RegexCache(512);
  /** What may have been decided too early; undefined while that is looked into. */
  #decisions: Decisions | undefined = new Decisions();
  /** Constructs that were found to be outside of the subset. */
  readonly refusals: Refusal[] = [];
  readonly trials: Trials = new Trials();
  readonly #grown: Vertex[] = [];
  current: Task | undefined;
  /** Passes over the whole value: in the first, what waits may yet become known; from the second on, disjunctions are decided. */
  pass = 1;
  readonly isMutual: boolean;
  looking = 0;

  constructor(budget: Budget, isMutual: boolean) {
    this.budget = budget;
    this.isMutual = isMutual;
  }

  /** The vertex that stands for this one now: a copy on trial, or the only value left of a disjunction. */
  live(vertex: Vertex): Vertex {
    let at = vertex;
    for (;;) {
      const next: Vertex | undefined = at.standIn ?? (at.alternatives?.length === 1 ? at.alternatives[0]?.vertex : undefined);
      if (next === undefined) return at;
      at = next;
    }
  }

  /** Find out what a vertex is, its arcs aside. A vertex that is being settled already is left alone. */
  settle(vertex: Vertex): void {
    if (vertex.state === "new") this.trials.within(vertex, this.#settleNew);
  }

  readonly #settleNew = (vertex: Vertex): void => {
    this.budget.step();
    this.budget.enter();
    vertex.state = "busy";
    if (vertex.bottom !== undefined && (isIncomplete(vertex.bottom) || vertex.bottom === vertex.cycleBottom))
      vertex.bottom = undefined;
    this.#understand(vertex);
    if (vertex.disjunctions.length > 0 && vertex.bottom === undefined && vertex.alternatives === undefined)
      resolveDisjunctions(this, vertex);
    endCycle(this, vertex);
    if (vertex.alternatives === undefined) this.#conclude(vertex);
    // what waits for a vertex that is being settled further out is tried again when asked next, each value of a disjunction by itself
    const isOpen = vertex.alternatives === undefined && vertex.tasks.length > 0 && vertex.tasks.some(waits);
    vertex.state = isOpen ? "new" : "settled";
    this.budget.leave();
  };

  #understand(vertex: Vertex): void {
    if (vertex.depth > maxRecursion && vertex.conjuncts.some(({ passed, cyclic }) => cyclic || passed !== undefined)) {
      this.setBottom(vertex, structuralCycle(vertex));
      return;
    }
    for (;;) {
      this.#takeConjuncts(vertex);
      if (vertex.grounded && vertex.postponed.length > 0) followPostponed(this, vertex);
      if (vertex.bottom !== undefined && !isIncomplete(vertex.bottom)) return;
      if (!this.#runTasks(vertex) && vertex.understood === vertex.conjuncts.length) break;
    }
  }

  #takeConjuncts(vertex: Vertex): void {
    for (let next = vertex.conjuncts[vertex.understood]; next !== undefined; next = vertex.conjuncts[vertex.understood]) {
      vertex.understood++;
      this.take(vertex, next);
    }
  }

  /**
   * The scalar that a field is given as such, when something is on trial: whether what else is said of the field holds is found when the
   * field itself is looked at, and may not be known while the trial lasts.
   */
  given(vertex: Vertex): Scalar | undefined {
    const field = this.live(vertex);
    if (field.state !== "new" || !isRooted(field)) return undefined;
    field.state = "busy";
    this.#takeConjuncts(field);
    field.state = "new";
    return field.tasks.length === 0 || field.bottom !== undefined ? undefined : field.scalar?.value;
  }

  /** Try each task once; whether one was done. */
  #runTasks(vertex: Vertex): boolean {
    let done = false;
    const tasks = vertex.tasks;
    if (tasks.length === 0) return false;
    // what a value refers to is taken in before anything is decided by it
    const referring = tasks.some(isUntriedReference);
    vertex.tasks = [];
    const outer = [vertex.running, vertex.runningAt, this.current] as const;
    vertex.running = tasks;
    for (const [index, task] of tasks.entries()) {
      vertex.runningAt = index;
      // what stands in an expression is calculated for the task that the expression is of
      if (vertex.label !== "") this.current = task;
      if (referring && !isUntriedReference(task)) {
        vertex.tasks = added(vertex.tasks, task);
        continue;
      }
      this.budget.step();
      try {
        task.run(vertex, task.conjunct);
        done = true;
      } catch (error) {
        if (!(error instanceof Stop)) throw error;
        if (isIncomplete(error.bottom)) vertex.tasks = added(vertex.tasks, { ...task, blocked: error.bottom });
        else {
          this.setBottom(vertex, error.bottom);
          done = true;
        }
      }
    }
    [vertex.running, vertex.runningAt, this.current] = outer;
    return done;
  }

  #conclude(vertex: Vertex): void {
    if (vertex.maybeStruct && vertex.tasks.length === 0 && isStruct(vertex)) vertex.mask = kinds.struct;
    applyScalarConstraints(this, vertex);
  }

  /** Attach an error; the first one stays, but one that cannot be mended replaces one that can. */
  setBottom(vertex: Vertex, bottom: Bottom): void {
    if (vertex.bottom !== undefined && (!isIncomplete(vertex.bottom) || isIncomplete(bottom))) return;
    vertex.bottom = bottom.path === undefined ? { ...bottom, path: pathOf(vertex) } : bottom;
  }

  /** Give a vertex one more conjunct, and those that took it in as well. */
  addConjunct(vertex: Vertex, conjunct: Conjunct): void {
    vertex.conjuncts = added(vertex.conjuncts, conjunct);
    feed(vertex, conjunct);
    this.budget.allocate(conjunctBytes);
    if (vertex.state === "settled" || vertex.finished === "yes") {
      this.reopen(vertex);
      if (vertex.slots.size > 0 && !isRooted(vertex)) this.#grown.push(vertex);
    }
    if (vertex.dependents.length === 0) return;
    for (const { vertex: dependent, adapt } of vertex.dependents) {
      const known = dependent.conjuncts.some(
        ({ expression, environment }) => expression === conjunct.expression && environment === conjunct.environment,
      );
      if (known) continue;
      // a value that grows by what it grew by
      if (dependent.conjuncts.length > maxConjuncts) this.setBottom(dependent, structuralCycle(dependent));
      else this.addConjunct(dependent, adapt(conjunct));
    }
  }

  /** Settle a vertex anew when it is asked for next. */
  reopen(vertex: Vertex): void {
    vertex.state = "new";
    vertex.alternatives = undefined;
    for (let at: Vertex | undefined = vertex; at !== undefined && at.finished === "yes"; at = at.parent) at.finished = "no";
  }

  /** Unify one conjunct into a vertex, as far as can be said now. */
  take(vertex: Vertex, conjunct: Conjunct): void {
    this.budget.step();
    this.budget.allocate(takenBytes);
    feed(vertex, conjunct);
    const { expression } = conjunct;
    switch (expression.kind) {
      case "literal":
        ground(vertex, conjunct);
        takeScalar(this, vertex, expression.value, expression.at);
        return;
      case "struct":
        this.#takeStruct(vertex, conjunct, expression);
        return;
      case "list":
        this.#takeList(vertex, conjunct);
        return;
      case "vertex":
        if (expression.vertex instanceof Vertex) addReference(this, vertex, conjunct, expression.vertex);
        return;
      case "aliased": {
        const environment = new Environment(conjunct.environment, undefined, new Map([[expression.name, vertex]]));
        this.take(vertex, { ...conjunct, environment, expression: expression.value });
        return;
      }
      case "bottom":
        this.setBottom(vertex, {
          code: "user",
          message: "explicit error (_|_ literal) in source",
          places: [expression.at],
        });
        return;
      case "identifier":
        if (expression.target?.kind === "predeclared" && takeNamedType(this, vertex, conjunct, expression.name, expression.at))
          return;
        break;
      case "binary":
        if (expression.operator === "&") {
          this.take(vertex, { ...conjunct, expression: expression.left });
          this.take(vertex, { ...conjunct, expression: expression.right });
          return;
        }
        if (expression.operator === "|") {
          vertex.disjunctions = withDisjunction(vertex.disjunctions, expression, conjunct);
          vertex.alternatives = undefined;
          return;
        }
        break;
      case "call":
        if (conjunct.cyclic && endsCall(this, vertex, conjunct)) return;
        break;
    }
    const run = (target: Vertex, own: Conjunct): void => this.#takeComputed(target, own);
    // what is calculated comes after what is given
    vertex.tasks = added(vertex.tasks, { conjunct: calledBy(vertex, conjunct), run });
  }

  /** Do something with a conjunct; while something is missing it waits as a task. */
  attempt(vertex: Vertex, conjunct: Conjunct, run: (vertex: Vertex, conjunct: Conjunct) => void): void {
    try {
      run(vertex, conjunct);
    } catch (error) {
      if (!(error instanceof Stop)) throw error;
      if (isIncomplete(error.bottom)) vertex.tasks = added(vertex.tasks, { conjunct, run, blocked: error.bottom });
      else this.setBottom(vertex, error.bottom);
    }
  }

  #takeComputed(vertex: Vertex, conjunct: Conjunct): void {
    const { expression } = conjunct;
    if (isReference(expression)) {
      // a value that is selected from what selects it adds nothing to itself
      if (repeatsSelection(vertex, conjunct) === "cycle") return;
      const target = resolveReference(this, vertex, conjunct);
      if (target instanceof Vertex) {
        addReference(this, vertex, conjunct, target);
        return;
      }
      this.#takeResult(vertex, conjunct, target);
      return;
    }
    this.#takeResult(vertex, conjunct, compute(this, vertex, conjunct));
  }

  #takeResult(vertex: Vertex, conjunct: Conjunct, computed: Computed): void {
    const { at } = conjunct.expression;
    switch (computed.kind) {
      case "scalar":
        ground(vertex, conjunct);
        takeScalar(this, vertex, computed.value, at);
        return;
      case "bound":
        ground(vertex, conjunct);
        takeBound(this, vertex, computed.bound);
        return;
      case "validator":
        ground(vertex, conjunct);
        takeValidator(this, vertex, computed.validator);
        // as cue has it, an embedded validator of values of all kinds opens the struct that it stands in
        if (conjunct.group?.kind === "embedding" && computed.validator.mask === kinds.top && conjunct.group.parent !== undefined)
          this.takeItem(vertex, { kind: "open", group: conjunct.group.parent });
        return;
      case "conjuncts":
        for (const more of computed.conjuncts) this.take(vertex, more);
        return;
      case "disjunction":
        vertex.disjunctions = added(vertex.disjunctions, computed.disjunction);
        vertex.alternatives = undefined;
    }
  }

  #takeStruct(vertex: Vertex, conjunct: Conjunct, struct: StructLiteral): void {
    const group =
      conjunct.group?.kind === "files" && vertex.parent === undefined
        ? conjunct.group
        : new Group(conjunct.group, "struct", vertex);
    const environment = new Environment(conjunct.environment, vertex);
    this.budget.allocate(scopeBytes);
    const item: Item = { kind: "struct", conjunct, environment, group };
    ground(vertex, conjunct);
    this.takeItem(vertex, item);
    if (struct.at.source === documentSource) return;
    const inner: Conjunct = { ...conjunct, environment, group };
    for (const declaration of struct.declarations) {
      if (declaration.kind === "embedding")
        this.take(vertex, { ...inner, expression: declaration.value, group: new Group(group, "embedding", vertex) });
      else if (declaration.kind === "comprehension")
        this.#takeComprehension(
          vertex,
          { ...inner, group: new Group(group, "embedding", vertex), expression: declaration.value },
          declaration,
        );
      else if (declaration.kind === "field" && typeof declaration.label !== "string")
        takeDynamicField(
          this,
          vertex,
          { ...inner, expression: declaration.label },
          declaration.value,
          presenceOf(declaration.constraint),
        );
      else if (declaration.kind === "pattern")
        takePattern(this, vertex, { ...inner, expression: declaration.pattern }, declaration.value, declaration.alias);
    }
  }

  /** Take in what is understood already: called again on a copy when a term of a disjunction is tried. */
  takeItem(vertex: Vertex, item: Item): void {
    switch (item.kind) {
      case "struct":
        vertex.items = added(vertex.items, item);
        this.#takeFields(vertex, item.conjunct, item.environment, item.group);
        return;
      case "open":
        vertex.items = added(vertex.items, item);
        vertex.grants = added(vertex.grants, { group: item.group, grants: true });
        return;
      case "pattern":
        vertex.items = added(vertex.items, item);
        addPattern(this, vertex, item.pattern);
        return;
      case "field":
        vertex.items = added(vertex.items, item);
        addField(this, vertex, item.label, item.presence, item.conjunct);
        return;
      case "list":
        vertex.items = added(vertex.items, item);
        takeElements(this, vertex, item);
        return;
      case "scalar":
        takeScalar(this, vertex, item.value, item.at);
        return;
      case "type":
        takeType(this, vertex, item.mask, item.name, item.at);
        return;
      case "bound":
        takeBound(this, vertex, item.bound);
        return;
      case "validator":
        takeValidator(this, vertex, item.validator);
        return;
    }
  }

  #takeFields(vertex: Vertex, conjunct: Conjunct, environment: Environment, group: Group): void {
    if (conjunct.expression.kind !== "struct") return;
    const { declarations, at } = conjunct.expression;
    if (makesStruct(conjunct.expression)) takeType(this, vertex, kinds.struct, "struct", at, false);
    else vertex.maybeStruct = true;
    if (vertex.leaves(conjunct)) {
      leaveFields(this, vertex, conjunct.expression, { ...conjunct, environment, group, weak: false });
      return;
    }
    for (const declaration of declarations) {
      if (declaration.kind === "ellipsis") vertex.grants = added(vertex.grants, { group, grants: true });
      if (declaration.kind !== "field" || typeof declaration.label !== "string") continue;
      const presence = presenceOf(declaration.constraint);
      const { passed, cyclic } = conjunct;
      const { value: expression } = declaration;
      const weak = presence === "optional";
      const chance = weak ? optionally(conjunct) : conjunct.chance;
      addField(this, vertex, declaration.label, presence, { environment, expression, group, passed, cyclic, weak, chance });
    }
  }

  #takeComprehension(vertex: Vertex, conjunct: Conjunct, comprehension: Comprehension): void {
    vertex.tasks = added(vertex.tasks, {
      conjunct,
      run: (target, own) => {
        const yielded = yieldStructs(this, target, own, comprehension.clauses);
        this.#decisions?.decided(target, own, comprehension.clauses, yielded.length);
        for (const environment of yielded) this.take(target, { ...own, environment, expression: comprehension.value });
      },
    });
  }

  #takeList(vertex: Vertex, conjunct: Conjunct): void {
    const list = conjunct.expression;
    if (list.kind !== "list") return;
    ground(vertex, conjunct);
    takeType(this, vertex, kinds.list, "list", list.at, false);
    this.attempt(vertex, conjunct, (target, own) => {
      const elements: { environment: Environment; expression: Expression }[] = [];
      for (const element of list.elements) {
        if (element.kind !== "comprehension") elements.push({ environment: own.environment, expression: element });
        else {
          const yielded = yieldStructs(this, target, own, element.clauses);
          this.#decisions?.decided(target, { ...own, expression: element.value }, element.clauses, yielded.length);
          for (const environment of yielded) elements.push({ environment, expression: element.value });
        }
      }
      this.takeItem(target, { kind: "list", conjunct: own, elements, open: list.open });
    });
  }

  /** The arc of a vertex with a label; throws Stop when there is none. */
  arcOf(vertex: Vertex, label: string, expression: Expression): Vertex {
    return lookUp(this, vertex, label, expression, vertex);
  }

  /** A vertex for an expression that is no field, as deep as the one it is needed for. */
  inline(vertex: Vertex, conjunct: Conjunct): Vertex {
    return inlineVertex(this, vertex, conjunct);
  }

  /** The vertex that an expression stands for: the one referred to, or a new one. */
  vertexOf(vertex: Vertex, conjunct: Conjunct): Vertex {
    return vertexFor(this, vertex, conjunct);
  }

  /** The one value of a vertex: what is left of its disjunction, or its default. */
  choose(vertex: Vertex): Vertex {
    return chooseValue(this, vertex);
  }

  /** The concrete value of an expression: a scalar, or a vertex that is a struct or a list. */
  concrete(vertex: Vertex, conjunct: Conjunct, wanted: number = kinds.top): Scalar | Vertex {
    const { expression } = conjunct;
    if (expression.kind === "literal") return expression.value;
    return this.concreteOf(this.vertexOf(vertex, conjunct), expression, wanted);
  }

  /** The concrete value of a vertex; throws Stop when it is none. */
  concreteOf(vertex: Vertex, expression: Expression, wanted: number = kinds.top): Scalar | Vertex {
    return concreteValue(this, vertex, expression, wanted);
  }

  /** Evaluate a vertex and everything below it, and find its errors. */
  finish(vertex: Vertex): void {
    finishVertex(this, vertex);
  }

  /** Evaluate everything below a root; again where something waited for what came later, or for a disjunction to be decided. */
  finishRoot(root: Vertex): void {
    for (this.pass = 1; this.pass <= 3; this.pass++) {
      this.finish(root);
      for (const made of this.#grown.splice(0)) this.settle(this.live(made));
    }
    const decisions = this.#decisions;
    this.#decisions = undefined;
    this.refusals.push(...(decisions?.refusals(this, root) ?? []));
    for (const refusal of this.refusals) markRefused(this, refusal);
  }

  /** Note that the fields of a struct were gone through for a vertex. */
  ranged(vertex: Vertex, source: Vertex, at: Place): void {
    this.#decisions?.ranged(vertex, source, at);
  }
}
