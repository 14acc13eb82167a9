// References: what a name, a selector or an index stands for, and how the conjuncts of one vertex become another's.
import { toBigInt } from "../values/index.ts";
import { isAwaited, isNamed } from "./awaited.ts";
import { allowance } from "./closedness.ts";
import { isReference } from "./conjunct.ts";
import { conjunctBytes, scopeBytes, vertexBytes } from "./cost.ts";
import { type Following, following, groundMade, isAny, postpone, sharesValue, shifted, structuralCycle } from "./cycle.ts";
import { adopt } from "./disjunction.ts";
import type { Engine } from "./engine.ts";
import { callResult } from "./expression.ts";
import { describeType } from "./format.ts";
import { formatExpression } from "./format-syntax.ts";
import { predeclaredName } from "./predeclared.ts";
import { selectorLabel } from "./resolve.ts";
import type { Expression, Identifier } from "./syntax.ts";
import { fail, formatKinds, incomplete, isIncomplete, isNumber, kindOf, kinds, Stop } from "./value.ts";
import {
  added,
  type Computed,
  type Conjunct,
  type Environment,
  Group,
  isDefinitionLabel,
  isIndexLabel,
  isRegularLabel,
  isRooted,
  originOf,
  type Passed,
  Vertex,
} from "./vertex.ts";

/** What an identifier, a selector or an index refers to: a vertex, or what a function of a package without arguments is. */
export function resolveReference(evaluator: Engine, vertex: Vertex, conjunct: Conjunct): Vertex | Computed {
  const { expression } = conjunct;
  evaluator.budget.step();
  if (expression.kind === "identifier") return resolveIdentifier(evaluator, vertex, conjunct, expression);
  if (expression.kind === "selector") {
    if (expression.of.kind === "identifier" && expression.of.target?.kind === "package")
      return callResult(evaluator, vertex, conjunct, expression, undefined);
    const base = baseOf(evaluator, vertex, conjunct, expression);
    if (!conjunct.cyclic) groundMade(base);
    return lookUp(evaluator, base, selectorLabel(expression.name, expression.quoted), expression, vertex);
  }
  if (expression.kind !== "index") throw new TypeError("only names, selectors and indexes are resolved");
  return resolveIndex(evaluator, vertex, conjunct, expression);
}

/** A vertex for an expression that is no field, as deep as the one it is needed for. */
export function inlineVertex({ budget }: Engine, vertex: Vertex, conjunct: Conjunct): Vertex {
  const made = new Vertex(vertex, "");
  made.presence = "member";
  made.conjuncts = [{ ...conjunct, group: undefined, cyclic: false, chance: undefined }];
  budget.allocate(vertexBytes + conjunctBytes);
  return made;
}

/** The vertex that an expression stands for: the one referred to, or a new one. */
export function vertexFor(evaluator: Engine, vertex: Vertex, conjunct: Conjunct): Vertex {
  const { expression } = conjunct;
  if (expression.kind === "vertex" && expression.vertex instanceof Vertex) return expression.vertex;
  if (isReference(expression) && (expression.kind !== "identifier" || expression.target?.kind !== "predeclared")) {
    const found = resolveReference(evaluator, vertex, conjunct);
    if (found instanceof Vertex) return found;
  }
  return evaluator.inline(vertex, conjunct);
}

/** The value that a selector or an index selects from; throws Stop when it is calculated in the course of calculating itself. */
function baseOf(
  evaluator: Engine,
  vertex: Vertex,
  conjunct: Conjunct,
  expression: Extract<Expression, { kind: "selector" | "index" }>,
): Vertex {
  const { of } = expression;
  if (!selectsFromMade(expression)) return evaluator.vertexOf(vertex, { ...conjunct, expression: of });
  const repeats = repeatsSelection(vertex, conjunct);
  if (repeats === "recursion" && !selectsFromOthers(evaluator, vertex, conjunct, of))
    throw new Stop(structuralCycle(vertex, expression.at));
  if (repeats === "cycle")
    throw new Stop({ code: "cycle", message: `cycle with ${formatExpression(expression)}`, places: [expression.at] });
  const base = evaluator.vertexOf(vertex, { ...conjunct, expression: of, passed: passedBy(vertex, conjunct, undefined) });
  if (base.label === "" && base.parent === vertex) base.isMade = true;
  return base;
}

/**
 * Whether a selection from a made value is evaluated in the course of evaluating itself for one and the same field: in the same scope,
 * a reference cycle; in another one, recursion without end as CUE sees it.
 */
export function repeatsSelection(
  vertex: Vertex,
  { expression, environment, passed }: Conjunct,
): "cycle" | "recursion" | undefined {
  if (passed === undefined || !selectsFromMade(expression)) return undefined;
  const { anchor, level } = standing(vertex);
  for (let at: Passed | undefined = passed; at !== undefined; at = at.next) {
    // a field that is referred to is found for itself
    if (at.made === undefined && at.target !== undefined && at.vertex === vertex && isRooted(vertex) && isRooted(at.target))
      return undefined;
    if (at.node !== expression || at.made?.anchor !== anchor || at.made.level < level) continue;
    return sameScope(at.made.environment, environment) ? "cycle" : "recursion";
  }
  return undefined;
}

/** Whether what is selected from is made of other values than before, as when a chain of data is gone along: that has an end. */
function selectsFromOthers(evaluator: Engine, vertex: Vertex, conjunct: Conjunct, of: Expression): boolean {
  const references = referencesOf(of);
  const scopes: Environment[] = [];
  for (let at = conjunct.passed; at !== undefined; at = at.next)
    if (at.node === conjunct.expression && at.made !== undefined) scopes.push(at.made.environment);
  return (
    references.length > 0 &&
    references.every((expression) => {
      const now = referredTo(evaluator, vertex, { ...conjunct, expression });
      return (
        now !== undefined &&
        scopes.every((environment) => {
          const before = referredTo(evaluator, vertex, { ...conjunct, environment, expression });
          return before !== undefined && originOf(before) !== originOf(now);
        })
      );
    })
  );
}

/** The references that are unified in an expression. */
function referencesOf(expression: Expression): Expression[] {
  if (expression.kind === "binary" && expression.operator === "&")
    return [...referencesOf(expression.left), ...referencesOf(expression.right)];
  return isReference(expression) ? [expression] : [];
}

function passedBy(vertex: Vertex, { expression, environment, passed }: Conjunct, target: Vertex | undefined): Passed {
  const made = selectsFromMade(expression) ? { environment, ...standing(vertex) } : undefined;
  return { node: expression, target, vertex, made, depth: vertex.depth, next: passed };
}

/**
 * The field that a value is evaluated for, outside of any expression, and how far below it the value stands: what is selected from
 * a made value stands where the selection does.
 */
function standing(vertex: Vertex): { anchor: Vertex; level: number } {
  let anchor = vertex;
  let [level, levels] = [0, 0];
  for (let at: Vertex | undefined = vertex; at?.parent !== undefined; at = at.parent) {
    if (at.label !== "") {
      levels++;
      continue;
    }
    level += levels - (at.isMade ? 1 : 0);
    levels = 0;
    anchor = at.parent;
  }
  return { anchor: originOf(anchor), level };
}

function sameScope(a: Environment, b: Environment): boolean {
  return a === b || (a.vertex !== undefined && b.vertex !== undefined && originOf(a.vertex) === originOf(b.vertex));
}

/** Whether an expression selects from a value that is made for the selection alone. */
function selectsFromMade(expression: Expression): boolean {
  if (expression.kind !== "selector" && expression.kind !== "index") return false;
  const { kind } = expression.of;
  return kind !== "identifier" && kind !== "selector" && kind !== "index" && kind !== "vertex";
}

function resolveIdentifier(
  evaluator: Engine,
  vertex: Vertex,
  conjunct: Conjunct,
  { target, name, at }: Identifier,
): Vertex | Computed {
  if (target === undefined) throw new TypeError(`the identifier ${name} was not resolved`);
  if (target.kind === "package") throw fail(`package ${name} is no value`, at);
  if (target.kind === "predeclared")
    return callResult(evaluator, vertex, conjunct, { kind: "identifier", at, name: predeclaredName(name), target }, undefined);
  const environment = climb(conjunct.environment, target.up);
  if (target.kind === "variable") {
    const found = environment.variables?.get(target.name);
    if (found === undefined) throw new TypeError(`the variable ${name} is not in its environment`);
    return found;
  }
  const struct = environment.vertex;
  if (struct === undefined) throw new TypeError(`the scope of ${name} is no struct`);
  if (target.kind === "let") {
    let made = environment.lets.get(target.clause);
    if (made === undefined) {
      made = evaluator.inline(struct, { ...conjunct, environment, expression: target.clause.value, passed: undefined });
      if (conjunct.cyclic) made.conjuncts = made.conjuncts.map((own) => ({ ...own, cyclic: true }));
      environment.lets.set(target.clause, made);
    }
    return made;
  }
  const label =
    target.kind === "field" ? target.label : evaluator.concrete(vertex, { ...conjunct, environment, expression: target.label });
  if (typeof label !== "string") throw fail("a label is no string", at);
  return lookUp(evaluator, struct, target.kind === "field" ? label : `"${label}`, { kind: "identifier", at, name }, "scope");
}

function climb(environment: Environment, up: number): Environment {
  let at = environment;
  for (let i = 0; i < up; i++) {
    if (at.up === undefined) throw new TypeError("a scope is missing");
    at = at.up;
  }
  return at;
}

function resolveIndex(
  evaluator: Engine,
  vertex: Vertex,
  conjunct: Conjunct,
  expression: Extract<Expression, { kind: "index" }>,
): Vertex {
  const base = baseOf(evaluator, vertex, conjunct, expression);
  if (!conjunct.cyclic) groundMade(base);
  const indexed = evaluator.vertexOf(vertex, { ...conjunct, expression: expression.index });
  const chosen = evaluator.choose(indexed);
  // an index that may be anything is an error; one that is an integer or a string and not known yet is waited for
  if (chosen.mask === kinds.top && chosen.state === "settled" && chosen.tasks.length === 0 && chosen.bottom === undefined)
    throw fail(`invalid index ${formatExpression(expression.index)} (invalid type _)`, expression.index.at);
  const index = evaluator.concreteOf(indexed, expression.index);
  if (index instanceof Vertex)
    throw fail(`invalid index ${formatExpression(expression.index)} (invalid type ${describeType(index)})`, expression.index.at);
  if (typeof index === "string") return lookUp(evaluator, base, `"${index}`, expression, vertex);
  const whole = isNumber(index) && index.int ? toBigInt(index.value) : undefined;
  if (whole === undefined)
    throw fail(
      `invalid index ${formatExpression(expression.index)} (invalid type ${formatKinds(kindOf(index))})`,
      expression.index.at,
    );
  if (whole < 0n) throw fail(`invalid index ${whole} (index must be non-negative)`, expression.index.at);
  return lookUp(evaluator, base, String(whole), expression, vertex);
}

/** The arc of a vertex with a label; throws Stop when there is none. */
export function lookUp(evaluator: Engine, base: Vertex, label: string, expression: Expression, asking: Vertex | "scope"): Vertex {
  const lexical = asking === "scope";
  const struct = lexical ? settled(evaluator, base, label) : evaluator.choose(base);
  const arc = struct.arc(label);
  const { bottom } = struct;
  if (!lexical && bottom !== undefined && !isIncomplete(bottom) && bottom.code !== "structural") throw new Stop(bottom);
  if (arc !== undefined && arc.presence === "member") return arc;
  const name = isIndexLabel(label) ? label : label.replace(/^"/, "");
  const { at } = expression;
  if (arc !== undefined && arc.presence === "optional" && isAwaited(evaluator, struct, label))
    throw new Stop({ code: "cycle", message: `cyclic reference to field ${name}`, places: [at] });
  if (arc !== undefined && arc.presence === "optional") throw incomplete(`cannot reference optional field: ${name}`, at);
  if (arc !== undefined) throw incomplete(`required field missing: ${name}`, at);
  // of a value that does nothing but repeat, made for a reference that does, nothing is known
  if (struct.bottom !== undefined && struct.bottom === struct.cycleBottom && struct.conjuncts.every(({ cyclic }) => cyclic))
    throw incomplete(`undefined field: ${name}`, at);
  if (struct.bottom !== undefined) throw new Stop(struct.bottom);
  const open = struct.tasks.find(({ blocked, conjunct }) => blocked?.code === "cycle" && mayAdd(conjunct.expression, label));
  if (open?.blocked !== undefined) throw new Stop(open.blocked);
  if (isAwaited(evaluator, struct, label))
    throw new Stop({ code: "cycle", message: `cyclic reference to field ${name}`, places: [at] });
  if (mayGrow(struct)) throw new Stop({ code: "cycle", message: `undefined field: ${name}`, places: [at] });
  const wanted = isIndexLabel(label) ? kinds.list : kinds.struct;
  if ((struct.mask & wanted) === 0)
    throw fail(
      `invalid operand ${formatExpression("of" in expression ? expression.of : expression)} (found ${describeType(struct)}, want ${formatKinds(wanted)})`,
      at,
    );
  if (struct.state === "busy") {
    const isOwn = asking !== "scope" && evaluator.live(fieldOf(asking)) === struct;
    if (evaluator.pass === 1 || !isOwn) throw new Stop({ code: "cycle", message: `undefined field: ${name}`, places: [at] });
    // a field of its own that a value waits for in vain is not there and does not come
    struct.missed = added(struct.missed, label);
  }
  if (struct.mask !== wanted && !struct.maybeStruct) throw incomplete(`undefined field: ${name}`, at);
  const lengths = struct.listLengths;
  if (wanted === kinds.list && lengths.some(({ open }) => !open))
    throw fail(`index out of range [${name}] with length ${lengths[0]?.length ?? 0}`, at);
  if (!struct.isMade && struct.tasks.length === 0 && !mayHave(struct, label) && !isNamed(struct, label))
    throw fail(`undefined field: ${name}`, at);
  throw incomplete(`undefined field: ${name}`, at);
}

/** The field that a value on the way is needed for. */
function fieldOf(vertex: Vertex): Vertex {
  let at = vertex;
  while (at.label === "" && at.parent !== undefined) at = at.parent;
  return at;
}

/** Whether a comprehension that lies around a struct and is still to be done may add to it. */
function mayGrow(struct: Vertex): boolean {
  for (let at = struct.parent; at !== undefined; at = at.parent)
    if (
      at.state === "busy" &&
      at.tasks.some(({ conjunct, blocked }) => blocked === undefined && conjunct.expression.kind === "struct")
    )
      return true;
  return false;
}

/** Whether a struct that is waited for may add a field. */
function mayAdd(expression: Expression, label: string): boolean {
  if (expression.kind !== "struct") return true;
  return expression.declarations.some((declaration) => {
    if (declaration.kind === "field") return typeof declaration.label !== "string" || declaration.label === label;
    return declaration.kind === "embedding" || declaration.kind === "comprehension";
  });
}

/** Whether a field may come yet, for all that a struct says itself: a pattern that matches is enough. */
function mayHave(struct: Vertex, label: string): boolean {
  if (struct.grants.some(({ grants }) => grants === true)) return true;
  if (isRegularLabel(label) && struct.patterns.some((pattern) => pattern.matches(label.slice(1)))) return true;
  return allowance(struct, true)?.(label) ?? true;
}

/** A struct named by a scope: its fields are looked up before its disjunctions are decided. */
function settled(evaluator: Engine, vertex: Vertex, label: string): Vertex {
  const now = evaluator.live(vertex);
  if (now.arc(label)?.presence === "member") return now;
  evaluator.settle(now);
  return evaluator.live(now);
}

/** Unify the conjuncts of `target` into `vertex`, as far as they do not repeat it. */
export function addReference(evaluator: Engine, vertex: Vertex, conjunct: Conjunct, target: Vertex): void {
  const source = originOf(target);
  if (source === originOf(vertex)) return;
  const step = passedBy(vertex, conjunct, source);
  const how = following(evaluator, vertex, conjunct, source, step);
  if (how === "later") postpone(vertex, conjunct, target, step);
  else if (how !== "nothing") follow(evaluator, vertex, conjunct, target, how);
}

/** Follow the references of a vertex that waited for it to have a value. */
export function followPostponed(evaluator: Engine, vertex: Vertex): void {
  const { postponed } = vertex;
  vertex.postponed = [];
  for (const { conjunct, target } of postponed) follow(evaluator, vertex, conjunct, target, conjunct);
}

function follow(
  evaluator: Engine,
  vertex: Vertex,
  conjunct: Conjunct,
  target: Vertex,
  { passed, cyclic, chance }: Exclude<Following, string>,
): void {
  const source = originOf(target);
  const broken = source.finished === "yes" ? (source.bottom ?? source.childBottom) : undefined;
  if (broken?.code === "structural") {
    evaluator.setBottom(vertex, broken);
    return;
  }
  if (target.copyOf !== undefined && target.copyOf.standIn === undefined && target !== vertex) {
    adopt(evaluator, vertex, target);
    return;
  }
  // a name of a definition closes; what encloses the value referred to does not come along
  const group = new Group(conjunct.group, namesDefinition(conjunct.expression) ? "definition" : "reference", vertex);
  const shares = !cyclic && sharesValue(vertex, conjunct, source, (other) => referredTo(evaluator, vertex, other));
  if (shares) {
    vertex.shares ??= source;
    vertex.sharing = vertex.conjuncts.length;
  }
  const by = vertex.depth - source.depth;
  const adapt = (own: Conjunct): Conjunct => {
    const { environment, expression } = own;
    if (!shares || passed === undefined) return { environment, expression, group, passed, cyclic, chance };
    const chain = { ...passed, next: shifted(own.passed, by) };
    return { environment, expression, group, passed: chain, cyclic: own.cyclic, chance: own.chance };
  };
  evaluator.budget.allocate(scopeBytes);
  source.dependents = added(source.dependents, { vertex, adapt });
  const count = source.conjuncts.length;
  for (let i = 0; i < count; i++) {
    const own = source.conjuncts[i];
    if (own === undefined) continue;
    const adapted = adapt(own);
    // what repeats an enclosing value adds nothing to a field that may be anything
    const repeats = own.cyclic && repeatsSelection(vertex, adapted) === "recursion";
    if (!repeats || !isAny(source)) evaluator.take(vertex, adapted);
  }
}

/** What a reference refers to, when that can be said. */
function referredTo(evaluator: Engine, vertex: Vertex, conjunct: Conjunct): Vertex | undefined {
  try {
    const found = resolveReference(evaluator, vertex, conjunct);
    return found instanceof Vertex ? found : undefined;
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
    return undefined;
  }
}

/** Whether a definition is named on the way to what is referred to: `#a`, `#a.b`, `a.#b`. */
function namesDefinition(expression: Expression): boolean {
  if (expression.kind === "identifier") return expression.target?.kind === "field" && isDefinitionLabel(expression.target.label);
  if (expression.kind === "selector")
    return (isDefinitionLabel(expression.name) && !expression.quoted) || namesDefinition(expression.of);
  if (expression.kind === "index") return namesDefinition(expression.of);
  return expression.kind === "vertex" && expression.vertex instanceof Vertex && expression.vertex.inDefinition;
}
