// Calls within terms move out into expressions of their own, in the order of evaluation: `f(g(x))` becomes `g(x, y); f(y)`. After
// the reordering for safety, references and comprehensions move out too, as OPA's compiler does it: what stands within `not` as an
// argument is therefore evaluated outside of it.
import { type Body, type Expr, equation, type Term, varTerm, type With } from "./ast.ts";
import type { Names } from "./locals.ts";
import { mapExpr, mapTerm } from "./walk.ts";

/** Move calls out of the terms of a body. */
export function expandCalls(body: Body, names: Names): Body {
  return body.flatMap((expr) => new CallExpander(names).expr(expr));
}

/**
 * Move the values of `with`s that are evaluated out before their expressions, which see the documents as they were; what names a
 * function stays.
 */
export function expandWiths(body: Body, names: Names, isFunction: (term: Term) => boolean): Body {
  const inner = (next: Body): Body => expandWiths(next, names, isFunction);
  const inTerm = (term: Term): Term => mapTerm(term, inTerm, inner);
  return body.flatMap((expr) => {
    const support: Expr[] = [];
    const mapped = mapExpr(expr, inTerm, inner, (item) => {
      const value = inTerm(item.value);
      if (value.kind === "value" || value.kind === "var" || isFunction(value)) return { ...item, value };
      const local = varTerm(names.generated(), item.at);
      support.push(equation(local, value, item.at));
      return { ...item, value: local };
    });
    return [...support, mapped];
  });
}

/** Move calls out of a term; the expressions come first. */
export function expandTerm(term: Term, names: Names): { support: readonly Expr[]; term: Term } {
  const expander = new CallExpander(names);
  const expanded = expander.term(term);
  return { support: expander.support, term: expanded };
}

class CallExpander {
  readonly #names: Names;
  support: Expr[] = [];

  constructor(names: Names) {
    this.#names = names;
  }

  expr(expr: Expr): Expr[] {
    const withs = expr.with.map((item) => ({ ...item, value: this.term(item.value) }));
    const before = this.support;
    this.support = [];
    const mapped = mapExpr(
      { ...expr, with: [] },
      (term) => this.term(term),
      (body) => expandCalls(body, this.#names),
      (item) => item,
    );
    const domain = mapped.kind === "every" ? this.#everyDomain(mapped.domain) : undefined;
    const extras = this.support.map((extra) => ({ ...extra, with: withs }));
    const whole = domain !== undefined && mapped.kind === "every" ? { ...mapped, domain } : mapped;
    return [...before, ...extras, { ...whole, with: withs }];
  }

  #everyDomain(domain: Term): Term {
    const local = varTerm(this.#names.generated(), domain.at);
    this.support.push(equation(local, domain, domain.at));
    return local;
  }

  term(term: Term): Term {
    switch (term.kind) {
      case "call": {
        const args = term.args.map((arg) => this.term(arg));
        const output = varTerm(this.#names.generated(), term.at);
        this.support.push({
          kind: "call",
          operator: term.operator,
          args,
          output,
          negated: false,
          with: [],
          at: term.at,
          generated: true,
        });
        return output;
      }
      case "ref": {
        const head = this.term(term.head);
        const path = term.path.map((part) => this.term(part));
        // a scalar has nothing under any key: it may stay
        if (head.kind === "var" || isScalar(head)) return { ...term, head, path };
        const local = varTerm(this.#names.generated(), head.at);
        this.support.push(equation(local, head, head.at));
        return { ...term, head: local, path };
      }
      case "comprehension":
        return this.#comprehension(term);
      case "template":
        return this.term(templateCall(term));
      default:
        return mapTerm(
          term,
          (inner) => this.term(inner),
          (body) => expandCalls(body, this.#names),
        );
    }
  }

  /** The head of a comprehension: a reference in it is evaluated, and iterates, in the body. */
  head(term: Term): Term {
    const expanded = this.term(term);
    if (!needsEvaluation(expanded)) return expanded;
    const local = varTerm(this.#names.generated(), term.at);
    this.support.push(equation(local, expanded, term.at));
    return local;
  }

  #comprehension(term: Term & { kind: "comprehension" }): Term {
    const inner = new CallExpander(this.#names);
    const key = term.key === undefined ? {} : { key: inner.head(term.key) };
    const value = inner.head(term.value);
    return { ...term, ...key, value, body: [...expandCalls(term.body, this.#names), ...inner.support] };
  }
}

function isScalar(term: Term): boolean {
  return term.kind === "value" && (term.value === null || typeof term.value !== "object");
}

/** Whether a term holds a reference outside its comprehensions. */
export function needsEvaluation(term: Term): boolean {
  let found = term.kind === "ref";
  mapTerm(
    term,
    (inner) => {
      found ||= term.kind !== "comprehension" && needsEvaluation(inner);
      return inner;
    },
    (body) => body,
  );
  return found;
}

/** A template string is a call over its parts; an expression is a set of its values, so that undefined is not lost. */
function templateCall(term: Term & { kind: "template" }): Term {
  const items = term.parts.map((part): Term => {
    if (typeof part === "string") return { kind: "value", value: part, at: term.at };
    const value = part.kind === "term" ? part.term : part.kind === "call" ? callOf(part) : undefined;
    if (value === undefined)
      return { kind: "comprehension", of: "set", value: { kind: "value", value: true, at: part.at }, body: [part], at: part.at };
    const local = varTerm(`$t${part.at.line}_${part.at.column}`, part.at);
    return { kind: "comprehension", of: "set", value: local, body: [equation(local, value, part.at, part.with)], at: part.at };
  });
  const name = "internal.template_string";
  return {
    kind: "call",
    operator: { name, parts: name.split("."), at: term.at },
    args: [{ kind: "array", items, at: term.at }],
    at: term.at,
  };
}

function callOf(expr: Expr & { kind: "call" }): Term {
  return { kind: "call", operator: expr.operator, args: expr.args, at: expr.at };
}

/** Move references and comprehensions out of arguments, arrays, objects and sets, and out of the paths of references. */
export function expandDynamic(body: Body, names: Names): Body {
  return body.flatMap((expr) => expandDynamicExpr(expr, names));
}

function expandDynamicExpr(expr: Expr, names: Names): Expr[] {
  const expander = new DynamicExpander(names, expr.with);
  const inner = (next: Body): Body => expandDynamic(next, names);
  switch (expr.kind) {
    case "eq": {
      const left = expander.shallow(expr.left);
      const right = expander.shallow(expr.right);
      return [...expander.support, { ...expr, left, right }];
    }
    case "call": {
      const args = expr.args.map((arg) => expander.deep(arg));
      const output = expr.output === undefined ? {} : { output: expander.deep(expr.output) };
      return [...expander.support, { ...expr, args, ...output }];
    }
    case "term": {
      const term = expander.shallow(expr.term);
      return [...expander.support, { ...expr, term }];
    }
    case "every": {
      const domain = expander.deep(expr.domain);
      return [...expander.support, { ...expr, domain, body: inner(expr.body) }];
    }
    case "not":
      return [{ ...expr, body: inner(expr.body) }];
    case "and":
    case "or":
      return [{ ...expr, left: inner(expr.left), right: inner(expr.right) }];
    default:
      return [expr];
  }
}

class DynamicExpander {
  readonly #names: Names;
  readonly #with: readonly With[];
  readonly support: Expr[] = [];

  constructor(names: Names, withs: readonly With[]) {
    this.#names = names;
    this.#with = withs;
  }

  shallow(term: Term): Term {
    if (term.kind === "ref") return { ...term, path: term.path.map((part) => this.deep(part)) };
    if (term.kind === "comprehension") return { ...term, body: expandDynamic(term.body, this.#names) };
    return this.deep(term);
  }

  deep(term: Term): Term {
    if (term.kind === "ref" || term.kind === "comprehension") {
      const whole = this.shallow(term);
      const local = varTerm(this.#names.generated(), term.at);
      this.support.push(equation(local, whole, term.at, this.#with));
      return local;
    }
    return mapTerm(
      term,
      (inner) => this.deep(inner),
      (body) => expandDynamic(body, this.#names),
    );
  }
}
