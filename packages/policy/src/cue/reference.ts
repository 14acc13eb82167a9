// References: what a name, a selector or an index stands for, and how the conjuncts of one vertex become another's.
import { toBigInt } from "../values/index.ts";
import { allowance } from "./closedness.ts";
import { isReference } from "./conjunct.ts";
import { adopt } from "./disjunction.ts";
import type { Engine } from "./engine.ts";
import { callResult } from "./expression.ts";
import { describeType } from "./format.ts";
import { formatExpression } from "./format-syntax.ts";
import type { Place } from "./position.ts";
import { predeclaredName } from "./predeclared.ts";
import { selectorLabel } from "./resolve.ts";
import type { Expression, Identifier } from "./syntax.ts";
import { type Bottom, fail, formatKinds, incomplete, isNumber, kindOf, kinds, Stop } from "./value.ts";
import {
  added,
  type Computed,
  type Conjunct,
  type Environment,
  Group,
  isDefinitionLabel,
  isIndexLabel,
  isRegularLabel,
  originOf,
  type Passed,
  pathOf,
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
    return lookUp(evaluator, base, selectorLabel(expression.name, expression.quoted), expression);
  }
  if (expression.kind !== "index") throw new TypeError("only names, selectors and indexes are resolved");
  return resolveIndex(evaluator, vertex, conjunct, expression);
}

/** A vertex for an expression that is no field, as deep as the one it is needed for. */
export function inlineVertex({ budget }: Engine, vertex: Vertex, conjunct: Conjunct): Vertex {
  const made = new Vertex(vertex, "");
  made.presence = "member";
  made.conjuncts = [{ ...conjunct, group: undefined, cyclic: false }];
  budget.allocate(256);
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
  if (repeats === "recursion") throw new Stop(structuralCycle(vertex, expression.at));
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
    if (at.node !== expression || at.made?.anchor !== anchor || at.made.level < level) continue;
    return sameScope(at.made.environment, environment) ? "cycle" : "recursion";
  }
  return undefined;
}

function passedBy(vertex: Vertex, { expression, environment, passed }: Conjunct, target: Vertex | undefined): Passed {
  const made = selectsFromMade(expression) ? { environment, ...standing(vertex) } : undefined;
  return { node: expression, target, vertex, hasData: false, made, depth: vertex.depth, next: passed };
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
      environment.lets.set(target.clause, made);
    }
    return made;
  }
  const label =
    target.kind === "field" ? target.label : evaluator.concrete(vertex, { ...conjunct, environment, expression: target.label });
  if (typeof label !== "string") throw fail("a label is no string", at);
  return lookUp(evaluator, struct, target.kind === "field" ? label : `"${label}`, { kind: "identifier", at, name }, true);
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
  const indexed = evaluator.vertexOf(vertex, { ...conjunct, expression: expression.index });
  const chosen = evaluator.choose(indexed);
  // an index that may be anything is an error; one that is an integer or a string and not known yet is waited for
  if (chosen.mask === kinds.top && chosen.state === "settled" && chosen.tasks.length === 0 && chosen.bottom === undefined)
    throw fail(`invalid index ${formatExpression(expression.index)} (invalid type _)`, expression.index.at);
  const index = evaluator.concreteOf(indexed, expression.index);
  if (index instanceof Vertex)
    throw fail(`invalid index ${formatExpression(expression.index)} (invalid type ${describeType(index)})`, expression.index.at);
  if (typeof index === "string") return lookUp(evaluator, base, `"${index}`, expression);
  const whole = isNumber(index) && index.int ? toBigInt(index.value) : undefined;
  if (whole === undefined)
    throw fail(
      `invalid index ${formatExpression(expression.index)} (invalid type ${formatKinds(kindOf(index))})`,
      expression.index.at,
    );
  if (whole < 0n) throw fail(`invalid index ${whole} (index must be non-negative)`, expression.index.at);
  return lookUp(evaluator, base, String(whole), expression);
}

/** The arc of a vertex with a label; throws Stop when there is none. */
export function lookUp(evaluator: Engine, base: Vertex, label: string, expression: Expression, lexical = false): Vertex {
  const struct = lexical ? settled(evaluator, base, label) : evaluator.choose(base);
  const arc = struct.arc(label);
  if (arc !== undefined && arc.presence === "member") return arc;
  const name = isIndexLabel(label) ? label : label.replace(/^"/, "");
  const { at } = expression;
  if (arc !== undefined && arc.presence === "optional") throw incomplete(`cannot reference optional field: ${name}`, at);
  if (arc !== undefined) throw incomplete(`required field missing: ${name}`, at);
  if (struct.bottom !== undefined) throw new Stop(struct.bottom);
  const open = struct.tasks.find(({ blocked, conjunct }) => blocked?.code === "cycle" && mayAdd(conjunct.expression, label));
  if (open?.blocked !== undefined) throw new Stop(open.blocked);
  if (mayGrow(struct)) throw new Stop({ code: "cycle", message: `undefined field: ${name}`, places: [at] });
  const wanted = isIndexLabel(label) ? kinds.list : kinds.struct;
  if ((struct.mask & wanted) === 0)
    throw fail(
      `invalid operand ${formatExpression("of" in expression ? expression.of : expression)} (found ${describeType(struct)}, want ${formatKinds(wanted)})`,
      at,
    );
  if (struct.state === "busy") throw new Stop({ code: "cycle", message: `undefined field: ${name}`, places: [at] });
  if (struct.mask !== wanted && !struct.maybeStruct) throw incomplete(`undefined field: ${name}`, at);
  const lengths = struct.listLengths;
  if (wanted === kinds.list && lengths.some(({ open }) => !open))
    throw fail(`index out of range [${name}] with length ${lengths[0]?.length ?? 0}`, at);
  if (!struct.isMade && struct.tasks.length === 0 && !mayHave(struct, label)) throw fail(`undefined field: ${name}`, at);
  throw incomplete(`undefined field: ${name}`, at);
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

/** Unify the conjuncts of `target` into `vertex`. */
export function addReference(evaluator: Engine, vertex: Vertex, conjunct: Conjunct, target: Vertex): void {
  const node = conjunct.expression;
  // a reference to itself, at once or through others, adds nothing (language specification, "Reference cycles")
  const source = originOf(target);
  if (source === originOf(vertex) || hasPassed(conjunct, node, (depth) => depth === vertex.depth)) return;
  const hasOther = hasData(vertex, conjunct);
  const refersUp = liesIn(vertex, source);
  if (refersUp) vertex.refersUp = true;
  const structural = refersUp || (!hasOther && hasPassedTo(conjunct, node, source, vertex.depth));
  if (target.copyOf !== undefined && target.copyOf.standIn === undefined && target !== vertex) {
    adopt(evaluator, vertex, target);
    return;
  }
  // a name of a definition closes; what encloses the value referred to does not come along
  const group = new Group(conjunct.group, namesDefinition(node) ? "definition" : "reference", vertex);
  const shares = !refersUp && isOnly(vertex, node);
  if (shares) vertex.shares = source;
  const passed = { ...passedBy(vertex, conjunct, source), hasData: hasOther };
  const adapt = (own: Conjunct): Conjunct => ({
    environment: own.environment,
    expression: own.expression,
    group,
    passed: shares ? { ...passed, next: shifted(own.passed, vertex.depth - source.depth) } : passed,
    cyclic: conjunct.cyclic || structural || own.cyclic,
  });
  if (structural) vertex.cyclic = true;
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

/** Whether nothing but `_` is said of a field, cycles aside. */
function isAny({ conjuncts }: Vertex): boolean {
  const others = conjuncts.filter(({ cyclic }) => !cyclic);
  return others.length > 0 && others.every(({ expression }) => expression.kind === "identifier" && expression.name === "_");
}

/** Whether a definition is named on the way to what is referred to: `#a`, `#a.b`, `a.#b`. */
function namesDefinition(expression: Expression): boolean {
  if (expression.kind === "identifier") return expression.target?.kind === "field" && isDefinitionLabel(expression.target.label);
  if (expression.kind === "selector")
    return (isDefinitionLabel(expression.name) && !expression.quoted) || namesDefinition(expression.of);
  if (expression.kind === "index") return namesDefinition(expression.of);
  return expression.kind === "vertex" && expression.vertex instanceof Vertex && expression.vertex.inDefinition;
}

/** Whether a reference was passed before; a selection from a made value starts anew, being held to rules of its own. */
function hasPassed(conjunct: Conjunct, node: Expression, isAt: (depth: number) => boolean): boolean {
  for (let at = conjunct.passed; at !== undefined && at.made === undefined; at = at.next)
    if (at.node === node && isAt(at.depth)) return true;
  return false;
}

/** Whether a reference was passed higher up, or a reference to the same value. */
function hasPassedTo(conjunct: Conjunct, node: Expression, target: Vertex, depth: number): boolean {
  for (let at = conjunct.passed; at !== undefined && at.made === undefined; at = at.next)
    if (at.depth < depth && !at.hasData && (at.node === node || at.target === target)) return true;
  return false;
}

/** Whether a field is a reference and nothing else: then it is that value, with its history. */
function isOnly(vertex: Vertex, node: Expression): boolean {
  const [only, second] = vertex.conjuncts;
  return only?.expression === node && second === undefined;
}

/** Whether a vertex lies in a value, or in a field that is that value by reference. */
function liesIn(vertex: Vertex, target: Vertex): boolean {
  const origin = sharedBy(target);
  for (let at = vertex.parent; at !== undefined; at = at.parent) if (sharedBy(originOf(at)) === origin) return true;
  return false;
}

function sharedBy(vertex: Vertex): Vertex {
  let at = vertex;
  for (let i = 0; i < 20 && at.shares !== undefined && at.conjuncts.length === 1; i++) at = originOf(at.shares);
  return at;
}

function shifted(passed: Passed | undefined, by: number): Passed | undefined {
  if (passed === undefined || by === 0) return passed;
  return { ...passed, depth: passed.depth + by, next: shifted(passed.next, by) };
}

/** Whether a field is given a literal besides a reference: as deep as that goes, it may be a value of its own type again. */
function hasData(vertex: Vertex, { environment }: Conjunct): boolean {
  const origin = originOf(vertex);
  if (environment.vertex !== undefined && originOf(environment.vertex) === origin) return false;
  return origin.conjuncts.some(
    ({ weak, cyclic, passed, expression }) => weak !== true && !cyclic && passed === undefined && isLiteral(expression),
  );
}

function isLiteral(expression: Expression): boolean {
  const { kind } = expression;
  if (kind === "binary" && expression.operator === "&") return isLiteral(expression.left) || isLiteral(expression.right);
  return kind === "struct" || kind === "list" || kind === "literal";
}

/** The error of a value that contains itself. */
export function structuralCycle(vertex: Vertex, at?: Place): Bottom {
  const places = at === undefined ? vertex.conjuncts.map(({ expression }) => expression.at) : [at];
  return { code: "structural", message: "structural cycle", places, path: pathOf(vertex) };
}
