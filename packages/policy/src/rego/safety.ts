// Safety: every variable has a value when it is needed. A body's expressions are put into an order in which that holds; what cannot be
// ordered is refused. Follows OPA's algorithm, so that the order of results is OPA's too.
import { ObjectValue, type PolicyError, type Position } from "../values/index.ts";
import { type Body, type Expr, isSameKey, type Operator, type Rule, type Term, valueTerm } from "./ast.ts";
import { regoError } from "./errors.ts";
import { writtenName } from "./locals.ts";
import { bodiesOf, bodyVars, collect, exprVars, mapExpr, mapTerm, termVars } from "./walk.ts";

/** The number of arguments of a function; undefined when there is none of that name. */
export type Arity = (operator: Operator) => number | undefined;

const visible = { closures: true } as const;
const outputs = { closures: true, refHeads: true, objectKeys: true, sets: true } as const;
const roots: ReadonlySet<string> = new Set(["input", "data"]);

/** Names of which it can be asked whether they are bound. */
interface Known {
  readonly has: (name: string) => boolean;
}

/** Names bound here, and those bound around: nothing is copied, for bodies may be long and closures many. */
class Scope implements Known {
  readonly #around: Known;
  readonly #own = new Set<string>();

  constructor(around: Known) {
    this.#around = around;
  }

  has(name: string): boolean {
    return this.#own.has(name) || this.#around.has(name);
  }

  add(name: string): void {
    this.#own.add(name);
  }
}

interface Unsafe {
  readonly name: string;
  readonly at: Position;
}

/** A rule with its body in a safe order; throws rego_unsafe_var_error with the first unsafe variable, the rest counted in the message. */
export function orderRule(rule: Rule, arity: Arity): Rule {
  const unsafe: Unsafe[] = [];
  const globals = new Scope(roots);
  for (const arg of rule.head.args ?? []) termVars(arg, {}, (name) => globals.add(name));
  const body = orderBody(rule.body, globals, arity, unsafe);
  const bound = boundBy(body, globals, arity);
  const inHead = (term: Term): Term => {
    for (const name of collect((found) => termVars(term, visible, found)))
      if (!bound.has(name)) unsafe.push({ name, at: term.at });
    return orderClosures(term, bound, arity, unsafe);
  };
  const [name, ...rest] = rule.head.ref;
  const head = {
    ...rule.head,
    ref: name === undefined ? [] : [name, ...rest.map(inHead)],
    ...(rule.head.key === undefined ? {} : { key: inHead(rule.head.key) }),
    ...(rule.head.value === undefined ? {} : { value: inHead(rule.head.value) }),
  };
  throwUnsafe(unsafe);
  return { ...rule, head, body };
}

/** A query's body in a safe order. */
export function orderQuery(body: Body, arity: Arity): Body {
  const unsafe: Unsafe[] = [];
  const ordered = orderBody(body, roots, arity, unsafe);
  throwUnsafe(unsafe);
  return ordered;
}

function throwUnsafe(unsafe: readonly Unsafe[]): void {
  const errors = new Map<string, PolicyError>();
  for (const { name, at } of unsafe) {
    const written = writtenName(name);
    if (name.startsWith("$e") && unsafe.some((other) => !other.name.startsWith("$e"))) continue;
    if (!errors.has(written))
      errors.set(written, regoError("rego_unsafe_var_error", `var ${written} is unsafe`, { position: at, found: written }));
  }
  for (const error of errors.values()) throw error;
}

/** What is bound after a body: the variables that it binds, and what stands around it. */
function boundBy(body: Body, globals: Known, arity: Arity): Known {
  const bound = new Scope(globals);
  for (const expr of body) for (const name of outputsOf(expr, bound, arity)) bound.add(name);
  return bound;
}

interface Candidate {
  readonly expr: Expr;
  readonly needs: ReadonlySet<string>;
  /** The variables within its closures that the body binds. */
  readonly closes: ReadonlySet<string>;
  isPlaced: boolean;
}

function orderBody(body: Body, globals: Known, arity: Arity, unsafe: Unsafe[]): Body {
  const inBody = collect((found) => {
    for (const expr of body) neededBy(expr, found);
  });
  const candidates: readonly Candidate[] = body.map((expr) => ({
    expr,
    needs: collect((found) => neededBy(expr, found)),
    closes: new Set([...closureVars(expr)].filter((name) => inBody.has(name) && !globals.has(name))),
    isPlaced: false,
  }));
  const safe = new Scope(globals);
  const bound = new Set<string>();
  const ordered = placeAll(candidates, safe, bound, arity);
  if (ordered.length === body.length) return orderWithin(ordered, globals, arity, unsafe);
  for (const { expr, needs, closes, isPlaced } of candidates) {
    if (isPlaced) continue;
    const out = outputsOf(expr, safe, arity);
    for (const name of needs) if (!safe.has(name) && !out.has(name)) unsafe.push({ name, at: positionOf(expr, name) });
    for (const name of closes) if (!bound.has(name)) unsafe.push({ name, at: expr.at });
  }
  return body;
}

/**
 * The expressions that can be placed, in the order that passes over all of them would give, each taking what is ready when it comes by.
 * One is looked at again only when a variable in it was bound since: in this pass when it is still to come, else in the next.
 */
function placeAll(candidates: readonly Candidate[], safe: Scope, bound: Set<string>, arity: Arity): Expr[] {
  const users = new Map<string, number[]>();
  candidates.forEach(({ expr, needs, closes }, i) => {
    const names = new Set([...needs, ...closes]);
    exprVars(expr, {}, (name) => names.add(name));
    for (const name of names) {
      const known = users.get(name);
      if (known === undefined) users.set(name, [i]);
      else known.push(i);
    }
  });
  const ordered: Expr[] = [];
  let pass = new Agenda(candidates.keys());
  while (!pass.isEmpty) {
    const next = new Agenda([]);
    for (let i = pass.take(); i !== undefined; i = pass.take()) {
      const candidate = candidates[i];
      if (candidate === undefined || candidate.isPlaced) continue;
      const out = outputsOf(candidate.expr, safe, arity);
      if (![...candidate.closes].every((name) => bound.has(name))) continue;
      if (![...candidate.needs].every((name) => safe.has(name) || out.has(name))) continue;
      ordered.push(candidate.expr);
      candidate.isPlaced = true;
      for (const name of out) {
        safe.add(name);
        bound.add(name);
        for (const user of users.get(name) ?? []) (user > i ? pass : next).add(user);
      }
    }
    pass = next;
  }
  return ordered;
}

/** Numbers, taken from the least on; each is in it once. */
class Agenda {
  readonly #heap: number[] = [];
  readonly #known = new Set<number>();

  constructor(numbers: Iterable<number>) {
    for (const number of numbers) this.add(number);
  }

  get isEmpty(): boolean {
    return this.#heap.length === 0;
  }

  add(number: number): void {
    if (this.#known.has(number)) return;
    this.#known.add(number);
    const heap = this.#heap;
    let at = heap.push(number) - 1;
    for (let up = (at - 1) >> 1; at > 0 && (heap[up] ?? 0) > number; at = up, up = (at - 1) >> 1) heap[at] = heap[up] ?? 0;
    heap[at] = number;
  }

  take(): number | undefined {
    const heap = this.#heap;
    const [least] = heap;
    const last = heap.pop();
    if (least === undefined || last === undefined) return undefined;
    this.#known.delete(least);
    if (heap.length === 0) return least;
    let at = 0;
    for (let down = 1; down < heap.length; down = 2 * at + 1) {
      if ((heap[down + 1] ?? last) < (heap[down] ?? last)) down++;
      if ((heap[down] ?? last) >= last) break;
      heap[at] = heap[down] ?? last;
      at = down;
    }
    heap[at] = last;
    return least;
  }
}

/** The closures of ordered expressions, ordered in turn; each sees what stands before it. */
function orderWithin(body: Body, globals: Known, arity: Arity, unsafe: Unsafe[]): Body {
  const seen = new Scope(globals);
  return body.map((expr) => {
    const out = outputsOf(expr, seen, arity);
    const inner = (next: Body): Body => {
      const scope = new Scope(seen);
      if (expr.kind === "every") {
        scope.add(expr.value.name);
        if (expr.key !== undefined) scope.add(expr.key.name);
      }
      return orderBody(next, scope, arity, unsafe);
    };
    const mapped = mapExpr(
      expr,
      (term) => orderClosures(term, seen, arity, unsafe),
      inner,
      (item) => ({ ...item, value: orderClosures(item.value, seen, arity, unsafe) }),
    );
    for (const name of out) seen.add(name);
    return mapped;
  });
}

function orderClosures(term: Term, globals: Known, arity: Arity, unsafe: Unsafe[]): Term {
  if (term.kind === "comprehension") {
    const body = orderBody(term.body, globals, arity, unsafe);
    const bound = boundBy(body, globals, arity);
    const head = (part: Term): Term => {
      for (const name of collect((found) => termVars(part, visible, found)))
        if (!bound.has(name)) unsafe.push({ name, at: part.at });
      return orderClosures(part, bound, arity, unsafe);
    };
    return { ...term, ...(term.key === undefined ? {} : { key: head(term.key) }), value: head(term.value), body };
  }
  return mapTerm(
    term,
    (inner) => orderClosures(inner, globals, arity, unsafe),
    (body) => orderBody(body, globals, arity, unsafe),
  );
}

function positionOf(expr: Expr, name: string): Position {
  let at = expr.at;
  const search = (term: Term): Term => {
    if (term.kind === "var" && term.name === name) at = term.at;
    return mapTerm(term, search, (body) => body);
  };
  mapExpr(
    expr,
    search,
    (body) => body,
    (item) => item,
  );
  return at;
}

/** The variables that must have values for an expression; of an implicit operand of not, and, or, all but those made by passes. */
function neededBy(expr: Expr, found: (name: string) => void): void {
  exprVars(expr, visible, found);
  const implicit =
    expr.kind === "not"
      ? expr.explicit
        ? []
        : [expr.body]
      : expr.kind === "and" || expr.kind === "or"
        ? [...(expr.explicitLeft ? [] : [expr.left]), ...(expr.explicitRight ? [] : [expr.right])]
        : [];
  for (const body of implicit) {
    for (const inner of body)
      neededBy(inner, (name) => {
        if (!name.startsWith("$e")) found(name);
      });
  }
}

/** The variables within the closures of an expression. */
function closureVars(expr: Expr): Set<string> {
  return collect((found) => {
    const inTerm = (term: Term): Term => {
      if (term.kind === "comprehension" || term.kind === "template") {
        termVars(term, {}, found);
        return term;
      }
      return mapTerm(term, inTerm, (body) => body);
    };
    mapExpr(
      { ...expr },
      inTerm,
      (body) => body,
      (item) => item,
    );
    for (const body of bodiesOf(expr)) bodyVars(body, {}, found);
  });
}

/** The variables that an expression binds when those of `safe` are bound. */
export function outputsOf(expr: Expr, safe: Known, arity: Arity): Set<string> {
  const none = new Set<string>();
  if (expr.negated) return none;
  if (expr.with.length > 0) {
    const inWith = collect((found) =>
      exprVars({ kind: "some", names: [], negated: false, with: expr.with, at: expr.at }, visible, found),
    );
    for (const name of inWith) if (!safe.has(name)) return none;
  }
  switch (expr.kind) {
    case "term":
      return refOutputs([expr.term], safe);
    case "eq":
      return equationOutputs(expr, safe);
    case "call":
      return callOutputs(expr, safe, arity);
    case "every":
      return refOutputs([expr.domain], safe);
    default:
      return none;
  }
}

/** The variables in the paths of references whose heads are bound. */
function refOutputs(terms: readonly Term[], safe: Known): Set<string> {
  const found = new Set<string>();
  const search = (term: Term): Term => {
    if (term.kind === "comprehension" || term.kind === "template") return term;
    if (term.kind === "ref") {
      if (!isRefSafe(term, safe)) return term;
      for (const part of term.path) termVars(part, { refHeads: true, closures: true }, (name) => found.add(name));
    }
    return mapTerm(term, search, (body) => body);
  };
  terms.forEach(search);
  return found;
}

function isRefSafe(term: Term & { kind: "ref" }, safe: Known): boolean {
  if (term.head.kind === "var") return safe.has(term.head.name);
  return [...collect((found) => termVars(term.head, visible, found))].every((name) => safe.has(name));
}

function callOutputs(expr: Expr & { kind: "call" }, safe: Known, arity: Arity): Set<string> {
  const count = arity(expr.operator);
  if (count === undefined) return new Set();
  const found = refOutputs(expr.output === undefined ? expr.args : [...expr.args, expr.output], safe);
  const results = expr.output === undefined ? expr.args.slice(count) : [...expr.args.slice(count), expr.output];
  if (results.length === 0) return found;
  const needed = collect((each) => {
    for (const arg of expr.args.slice(0, count)) termVars(arg, outputs, each);
  });
  for (const name of needed) if (!found.has(name) && !safe.has(name)) return new Set();
  for (const result of results) termVars(result, outputs, (name) => found.add(name));
  return found;
}

function equationOutputs(expr: Expr & { kind: "eq" }, safe: Known): Set<string> {
  const found = refOutputs([expr.left, expr.right], safe);
  const declared = expr.assign ? collect((name) => termVars(expr.left, {}, name)) : new Set<string>();
  const unifier = new Unifier({ has: (name) => (safe.has(name) || found.has(name)) && !declared.has(name) });
  unifier.unify(expr.left, expr.right);
  const outputs = new Set<string>();
  for (const name of found) if (!declared.has(name) && !safe.has(name)) outputs.add(name);
  for (const name of unifier.unified) if (!safe.has(name)) outputs.add(name);
  return outputs;
}

/** Which variables two terms bind when they are unified. */
class Unifier {
  readonly unified = new Set<string>();
  readonly #safe: Known;
  /** For a variable, those on which its value hangs; and the other way round. */
  readonly #unknown = new Map<string, Set<string>>();
  readonly #hangers = new Map<string, Set<string>>();

  constructor(safe: Known) {
    this.#safe = safe;
  }

  unify(a: Term, b: Term): void {
    if (a.kind === "var" && b.kind === "var") {
      if (this.#isSafe(b.name)) this.#mark(a.name);
      else if (this.#isSafe(a.name)) this.#mark(b.name);
      else {
        this.#depend(a.name, b.name);
        this.#depend(b.name, a.name);
      }
    } else if (a.kind === "var") this.#unifyVar(a.name, b);
    else if (b.kind === "var") this.#unifyVar(b.name, a);
    else if (isPattern(a) && isPattern(b)) this.#unifyPatterns(a, b);
    else if (isPattern(a)) this.#matched(a, b);
    else if (isPattern(b)) this.#matched(b, a);
  }

  #unifyVar(name: string, term: Term): void {
    if (term.kind === "array" || term.kind === "object") {
      if (this.#isSafe(name)) this.#markAll(term);
      else {
        const open = [...collect((found) => termVars(term, { closures: true, refHeads: true, objectKeys: true }, found))].filter(
          (other) => !this.#isSafe(other),
        );
        if (open.length === 0) this.#mark(name);
        for (const other of open) this.#depend(name, other);
      }
    } else if (term.kind !== "ref" || isRefSafe(term, this.#safe)) this.#mark(name);
  }

  #unifyPatterns(a: Term, b: Term): void {
    const [left, right] = [itemsOf(a), itemsOf(b)];
    if (left !== undefined && right !== undefined && left.length === right.length) {
      left.forEach((item, i) => {
        const other = right[i];
        if (other !== undefined) this.unify(item, other);
      });
      return;
    }
    const [pairs, others] = [pairsOf(a), pairsOf(b)];
    if (pairs === undefined || others === undefined || pairs.length !== others.length) return;
    for (const [key, value] of pairs) {
      const other = others.find(([candidate]) => isSameKey(candidate, key));
      if (other !== undefined) this.unify(value, other[1]);
    }
  }

  /** A pattern against something that has a value, if that can be had. */
  #matched(pattern: Term, other: Term): void {
    const comes =
      other.kind === "comprehension" || other.kind === "call" || (other.kind === "ref" && isRefSafe(other, this.#safe));
    if (comes) this.#markAll(pattern);
  }

  #isSafe(name: string): boolean {
    return this.#safe.has(name) || this.unified.has(name);
  }

  #depend(name: string, on: string): void {
    addTo(this.#unknown, name, on);
    addTo(this.#hangers, on, name);
  }

  #markAll(term: Term): void {
    termVars(term, { closures: true, refHeads: true, objectKeys: true }, (name) => this.#mark(name));
  }

  /** Note that a variable has a value, and with it those that hang on it alone, and those on which it hung. */
  #mark(first: string): void {
    const marked = [first];
    for (let name = marked.pop(); name !== undefined; name = marked.pop()) {
      this.unified.add(name);
      for (const other of this.#unknown.get(name) ?? []) if (!this.unified.has(other)) marked.push(other);
      this.#unknown.delete(name);
      for (const other of this.#hangers.get(name) ?? []) {
        const needs = this.#unknown.get(other);
        if (needs?.delete(name) === true && needs.size === 0 && !this.unified.has(other)) marked.push(other);
      }
      this.#hangers.delete(name);
    }
  }
}

function addTo(map: Map<string, Set<string>>, key: string, value: string): void {
  const known = map.get(key);
  if (known === undefined) map.set(key, new Set([value]));
  else known.add(value);
}

function isPattern(term: Term): boolean {
  return (
    term.kind === "array" ||
    term.kind === "object" ||
    (term.kind === "value" && typeof term.value === "object" && term.value !== null)
  );
}

/** The items of an array pattern, written-out arrays included. */
function itemsOf(term: Term): readonly Term[] | undefined {
  if (term.kind === "array") return term.items;
  if (term.kind !== "value" || !Array.isArray(term.value)) return undefined;
  return term.value.map((value) => ({ kind: "value", value, at: term.at }) as const);
}

/** The pairs of an object pattern, written-out objects included. */
function pairsOf(term: Term): readonly (readonly [Term, Term])[] | undefined {
  if (term.kind === "object") return term.pairs;
  if (term.kind !== "value" || !(term.value instanceof ObjectValue)) return undefined;
  return term.value.entries().map(([key, value]) => [valueTerm(key, term.at), valueTerm(value, term.at)] as const);
}
