// Bodies become closures: each expression a test or a search, chained so that a search runs what follows it for each of its finds.
import { equalValues, isArray, ObjectBuilder, ObjectValue, SetBuilder, SetValue, type Value } from "../values/index.ts";
import { type Body, type Expr, isSameKey, type Operator, type Term } from "./ast.ts";
import type { Builtin } from "./builtin.ts";
import { regoError } from "./errors.ts";
import { type Machine, type Mock, newScope } from "./machine.ts";
import { type Bound, type Exec, type Get, type Match, type Slots, TermPlanner } from "./plan-term.ts";
import { type Draft, type Functions, WithPlanner } from "./plan-with.ts";

/** What an expression does: test and go on once, or search and go on for each find. */
type Step = { readonly test: Exec } | { readonly search: (next: Exec) => Exec };

/** Plans the bodies of one rule. */
export class BodyPlanner {
  readonly terms: TermPlanner;
  readonly #machine: Machine;
  readonly #slots: Slots;
  readonly #functions: Functions;
  readonly #replacements: WithPlanner;

  constructor(machine: Machine, slots: Slots, functions: Functions) {
    this.#machine = machine;
    this.#slots = slots;
    this.#functions = functions;
    this.terms = new TermPlanner(machine, slots, (term, bound) => this.#comprehension(term, bound));
    this.#replacements = new WithPlanner(machine, this.terms, functions);
  }

  /** A search through a body; `bound` gains the variables that it binds. Plan what follows after this, then give it. */
  body(body: Body, bound: Bound): (next: Exec) => Exec {
    const steps = body.flatMap((expr) => this.#expr(expr, bound));
    return (next) => chain(steps, next);
  }

  /** Whether a body has any solution; what it binds stays within. */
  #exists(body: Body, bound: Bound): Exec {
    return this.body(body, new Set(bound))(() => true);
  }

  #expr(expr: Expr, bound: Bound): Step[] {
    if (expr.with.length > 0) return [this.#withs(expr, bound)];
    if (expr.negated) {
      const inner = chain(this.#bare({ ...expr, negated: false }, new Set(bound)), () => true);
      return [{ test: (frame) => !inner(frame) }];
    }
    return this.#bare(expr, bound);
  }

  #bare(expr: Expr, bound: Bound): Step[] {
    switch (expr.kind) {
      case "term":
        return this.#term(expr.term, bound);
      case "eq":
        return this.#equation(expr.left, expr.right, bound);
      case "call":
        return this.#call(expr, bound);
      case "every":
        return [this.#every(expr, bound)];
      case "not": {
        const inner = this.#exists(expr.body, bound);
        return [{ test: (frame) => !inner(frame) }];
      }
      case "and": {
        const [left, right] = [this.#exists(expr.left, bound), this.#exists(expr.right, bound)];
        return [{ test: (frame) => left(frame) && right(frame) }];
      }
      case "or": {
        const [left, right] = [this.#exists(expr.left, bound), this.#exists(expr.right, bound)];
        return [{ test: (frame) => left(frame) || right(frame) }];
      }
      default:
        throw regoError("rego_compile_error", `a ${expr.kind} stands where the compiler leaves none`, { position: expr.at });
    }
  }

  #term(term: Term, bound: Bound): Step[] {
    if (term.kind === "ref" && this.terms.isWalk(term, bound)) {
      const walk = this.terms.walk(term, bound);
      return [{ search: (next) => walk((frame, value) => value !== false && next(frame)) }];
    }
    const get = this.terms.get(term, bound);
    return [
      {
        test: (frame) => {
          const value = get(frame);
          return value !== undefined && value !== false;
        },
      },
    ];
  }

  /** Unification: pairs of terms, each done when one side can be had. */
  #equation(left: Term, right: Term, bound: Bound): Step[] {
    const steps: Step[] = [];
    let pending: (readonly [Term, Term])[] = [[left, right]];
    while (pending.length > 0) {
      const later: (readonly [Term, Term])[] = [];
      for (const [a, b] of pending) {
        const parts = this.terms.isBound(a, bound) || this.terms.isBound(b, bound) ? undefined : decompose(a, b);
        if (parts === "never") return [{ test: () => false }];
        if (parts !== undefined) later.push(...parts);
        else if (!this.#unify(a, b, bound, steps)) later.push([a, b]);
      }
      if (later.length === pending.length && later.every((pair, i) => pair === pending[i] || same(pair, pending[i]))) {
        const [first] = later;
        throw regoError(
          "rego_unsafe_var_error",
          "a unification has no value on either side",
          first === undefined ? {} : { position: first[0].at },
        );
      }
      pending = later;
    }
    return steps;
  }

  /** Plan one pair if one of its sides can be had now. */
  #unify(a: Term, b: Term, bound: Bound, steps: Step[]): boolean {
    const { terms } = this;
    for (const [source, pattern] of [
      [b, a],
      [a, b],
    ] as const) {
      if (!terms.isBound(source, bound) || terms.isWalk(pattern, bound)) continue;
      if (pattern.kind === "ref" && !terms.isBound(pattern, bound)) continue;
      const get = terms.get(source, bound);
      const match = terms.match(pattern, bound);
      steps.push({ test: (frame) => matched(get, match, frame) });
      return true;
    }
    for (const [source, pattern] of [
      [b, a],
      [a, b],
    ] as const) {
      if (source.kind !== "ref" || !terms.isWalk(source, bound) || !canMatch(pattern, terms, bound)) continue;
      steps.push(this.#walkInto(source, pattern, bound));
      return true;
    }
    return false;
  }

  #walkInto(source: Term & { kind: "ref" }, pattern: Term, bound: Bound): Step {
    const walk = this.terms.walk(source, bound);
    if (pattern.kind !== "ref" || !this.terms.isWalk(pattern, bound)) {
      const match = this.terms.match(pattern, bound);
      return { search: (next) => walk((frame, value) => match(frame, value) && next(frame)) };
    }
    const slot = this.#slots.of(`$r${this.#slots.size}`);
    const other = this.terms.walk(pattern, bound);
    return {
      search: (next) => {
        const inner = other((frame, value) => {
          const first = frame[slot];
          return first !== undefined && equalValues(first, value) && next(frame);
        });
        return walk((frame, value) => {
          frame[slot] = value;
          return inner(frame);
        });
      },
    };
  }

  #call(expr: Expr & { kind: "call" }, bound: Bound): Step[] {
    const { operator } = expr;
    const machine = this.#machine;
    const arity = this.#functions.arity(operator) ?? expr.args.length;
    const gets = expr.args.slice(0, arity).map((arg) => this.terms.get(arg, bound));
    const builtin = this.#functions.builtins.get(operator.name);
    const output = expr.output ?? expr.args[arity];
    const match: Match = output === undefined ? (_, value) => value !== false : this.terms.match(output, bound);
    if (builtin?.enumerate !== undefined) {
      return [
        {
          search: (next) => (frame) => {
            const args = evaluateAll(gets, frame);
            if (args === undefined) return false;
            const mock = machine.scope.mocks?.get(operator.name);
            const values =
              mock === undefined ? machine.relation(builtin, args, expr.at) : single(runMock(machine, mock, args, expr));
            for (const value of values) {
              machine.budget.step();
              if (match(frame, value) && next(frame)) return true;
            }
            return false;
          },
        },
      ];
    }
    const run = this.#function(operator, builtin, expr);
    return [
      {
        test: (frame) => {
          const args = evaluateAll(gets, frame);
          if (args === undefined) return false;
          const mock = machine.scope.mocks?.get(operator.name);
          const value = mock === undefined ? run(args) : runMock(machine, mock, args, expr);
          return value !== undefined && match(frame, value);
        },
      },
    ];
  }

  #function(operator: Operator, builtin: Builtin | undefined, expr: Expr): (args: readonly Value[]) => Value | undefined {
    const machine = this.#machine;
    if (builtin !== undefined) return (args) => machine.builtin(builtin, args, expr.at);
    const node = this.#functions.find(operator);
    if (node === undefined) throw regoError("rego_type_error", `undefined function ${operator.name}`, { position: operator.at });
    return (args) => (machine.scope.hidden?.has(node) === true ? undefined : machine.call(node, args));
  }

  #every(expr: Expr & { kind: "every" }, bound: Bound): Step {
    const machine = this.#machine;
    const domain = this.terms.get(expr.domain, bound);
    const inner = new Set(bound);
    const key = expr.key === undefined ? () => true : this.terms.match(expr.key, inner);
    const value = this.terms.match(expr.value, inner);
    const holds = this.#exists(expr.body, inner);
    return {
      test: (frame) => {
        const collection = domain(frame);
        const pairs = collection === undefined ? undefined : pairsOf(collection);
        if (pairs === undefined) return false;
        for (const [k, v] of pairs) {
          machine.budget.step();
          if (!key(frame, k) || !value(frame, v) || !holds(frame)) return false;
        }
        return true;
      },
    };
  }

  #comprehension(term: Term & { kind: "comprehension" }, bound: Bound): Get {
    const inner = new Set(bound);
    const search = this.body(term.body, inner);
    const value = this.terms.get(term.value, inner);
    if (term.of === "object") return this.#objectComprehension(term, search, value, inner);
    return term.of === "set" ? this.#setComprehension(search, value) : this.#arrayComprehension(search, value);
  }

  #arrayComprehension(search: (next: Exec) => Exec, value: Get): Get {
    const machine = this.#machine;
    let items: Value[] = [];
    const exec = search((frame) => {
      const item = value(frame);
      if (item === undefined) return false;
      machine.budget.step();
      machine.budget.allocate(16);
      items.push(item);
      return false;
    });
    return (frame) => {
      const outer = items;
      items = [];
      exec(frame);
      const result = items;
      items = outer;
      return result;
    };
  }

  #setComprehension(search: (next: Exec) => Exec, value: Get): Get {
    const machine = this.#machine;
    let builder = new SetBuilder();
    const exec = search((frame) => {
      const item = value(frame);
      if (item === undefined) return false;
      machine.budget.step();
      // a member that is no scalar is kept with the text of its key
      if (builder.add(item)) machine.budget.allocate(typeof item === "object" ? 256 : 48);
      return false;
    });
    return (frame) => {
      const outer = builder;
      builder = new SetBuilder();
      exec(frame);
      const result = builder.finish();
      builder = outer;
      return result;
    };
  }

  #objectComprehension(term: Term & { kind: "comprehension" }, search: (next: Exec) => Exec, value: Get, bound: Bound): Get {
    const machine = this.#machine;
    const key = term.key === undefined ? () => undefined : this.terms.get(term.key, bound);
    let builder = new ObjectBuilder();
    const exec = search((frame) => {
      const [k, v] = [key(frame), value(frame)];
      if (k === undefined || v === undefined) return false;
      machine.budget.step();
      const before = builder.get(k);
      if (before !== undefined && !equalValues(before, v))
        throw regoError("eval_conflict_error", "object comprehension produces conflicting values: object keys must be unique", {
          position: term.at,
        });
      if (before === undefined) machine.budget.allocate(64);
      builder.set(k, v);
      return false;
    });
    return (frame) => {
      const outer = builder;
      builder = new ObjectBuilder();
      exec(frame);
      const result = builder.finish();
      builder = outer;
      return result;
    };
  }

  /** `expr with …`: the expression sees the changed documents, what follows it does not. */
  #withs(expr: Expr, bound: Bound): Step {
    const machine = this.#machine;
    const changes = expr.with.map((item) => this.#replacements.change(item, bound));
    const inner = this.#expr({ ...expr, with: [] }, bound);
    const derive = (frame: Parameters<Exec>[0]): boolean => {
      const before = machine.scope;
      let draft: Draft = { input: before.input, data: before.data, hidden: new Set(before.hidden), mocks: new Map(before.mocks) };
      for (const change of changes) {
        const next = change(frame, draft);
        if (next === undefined) return false;
        draft = next;
      }
      const hidden = draft.hidden.size === 0 ? undefined : draft.hidden;
      machine.scope = newScope(draft.input, draft.data, hidden, draft.mocks.size === 0 ? undefined : draft.mocks);
      return true;
    };
    return {
      search: (next) => {
        let outer = machine.scope;
        const exec = chain(inner, (frame) => {
          const mine = machine.scope;
          const saved = outer;
          machine.scope = saved;
          const stop = next(frame);
          machine.scope = mine;
          outer = saved;
          return stop;
        });
        return (frame) => {
          const before = machine.scope;
          const saved = outer;
          outer = before;
          if (!derive(frame)) {
            outer = saved;
            return false;
          }
          const stop = exec(frame);
          machine.scope = before;
          outer = saved;
          return stop;
        };
      },
    };
  }
}

function chain(steps: readonly Step[], next: Exec): Exec {
  let exec = next;
  for (let i = steps.length - 1; i >= 0; i--) {
    const step = steps[i];
    if (step === undefined) continue;
    if ("search" in step) exec = step.search(exec);
    else {
      const { test } = step;
      const after = exec;
      exec = (frame) => test(frame) && after(frame);
    }
  }
  return exec;
}

function matched(get: Get, match: Match, frame: Parameters<Exec>[0]): boolean {
  const value = get(frame);
  return value !== undefined && match(frame, value);
}

function canMatch(pattern: Term, terms: TermPlanner, bound: Bound): boolean {
  if (terms.isBound(pattern, bound) || terms.isWalk(pattern, bound)) return true;
  return pattern.kind === "var" || pattern.kind === "array" || pattern.kind === "object";
}

function same(pair: readonly [Term, Term], other: readonly [Term, Term] | undefined): boolean {
  return other !== undefined && pair[0] === other[0] && pair[1] === other[1];
}

/** Two arrays or objects as the pairs of their items. */
function decompose(a: Term, b: Term): (readonly [Term, Term])[] | "never" | undefined {
  if (a.kind === "array" && b.kind === "array") {
    if (a.items.length !== b.items.length) return "never";
    return a.items.flatMap((item, i): (readonly [Term, Term])[] => {
      const other = b.items[i];
      return other === undefined ? [] : [[item, other]];
    });
  }
  if (a.kind !== "object" || b.kind !== "object") return undefined;
  if (a.pairs.length !== b.pairs.length) return "never";
  const pairs: (readonly [Term, Term])[] = [];
  for (const [key, value] of a.pairs) {
    const other = b.pairs.find(([candidate]) => isSameKey(candidate, key));
    if (other === undefined)
      return key.kind === "value" && b.pairs.every(([candidate]) => candidate.kind === "value") ? "never" : undefined;
    pairs.push([value, other[1]]);
  }
  return pairs;
}

function evaluateAll(gets: readonly Get[], frame: Parameters<Exec>[0]): Value[] | undefined {
  const values: Value[] = [];
  for (const get of gets) {
    const value = get(frame);
    if (value === undefined) return undefined;
    values.push(value);
  }
  return values;
}

function runMock(machine: Machine, mock: Mock, args: readonly Value[], expr: Expr): Value | undefined {
  if ("value" in mock) return mock.value;
  return machine.unmocked(() => ("builtin" in mock ? machine.builtin(mock.builtin, args, expr.at) : mock.call(args)));
}

function single(value: Value | undefined): readonly Value[] {
  return value === undefined ? [] : [value];
}

function pairsOf(value: Value): Iterable<readonly [Value, Value]> | undefined {
  if (isArray(value)) return value.map((item, i) => [i, item] as const);
  if (value instanceof ObjectValue) return value.entries();
  return value instanceof SetValue ? value.values().map((member) => [member, member] as const) : undefined;
}
