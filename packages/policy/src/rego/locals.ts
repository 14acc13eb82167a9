// Declared variables (arguments, `some`, `:=`, `every`) get names of their own, so that every later pass may treat a rule as one scope.
// Uses before a declaration, declarations that stand twice, and declarations that nobody uses are refused.
import type { Body, Expr, Head, Rule, Term, VarTerm, With } from "./ast.ts";
import { equation, isGeneratedName, trueExpr, varTerm } from "./ast.ts";
import { regoError } from "./errors.ts";
import { bodyVars, collect, mapExpr, mapTerm, termVars } from "./walk.ts";

type Occurrence = "seen" | "assigned" | "declared" | "argument";

interface Scope {
  readonly names: Map<string, string>;
  readonly occurrences: Map<string, Occurrence>;
  readonly uses: Set<string>;
}

const patternVars = { closures: true, refHeads: true, objectKeys: true } as const;

/** Makes names that no source can hold: of a variable `x` the name `x#7`, of a pass's own `$e8`. One belongs to one compilation. */
export class Names {
  #next = 0;

  /** A name for a declared variable. */
  local(name: string): string {
    return `${isGeneratedName(name) ? "$w" : name}#${this.#next++}`;
  }

  /** A name for a value that a pass needs to keep. */
  generated(): string {
    return `$e${this.#next++}`;
  }
}

/** The name that the author gave a variable. */
export function writtenName(name: string): string {
  const mark = name.indexOf("#");
  return isGeneratedName(name) ? "_" : mark < 0 ? name : name.slice(0, mark);
}

/** A rule with its declared variables renamed. */
export function renameRule(rule: Rule, names: Names): Rule {
  const renamer = new Renamer(names);
  const renamed = renamer.rule(rule);
  return rule.otherwise === undefined ? renamed : { ...renamed, otherwise: renameRule(rule.otherwise, names) };
}

/** A query with its declared variables renamed, and for each new name the one it had. */
export function renameQuery(body: Body, names: Names): { body: Body; declared: ReadonlyMap<string, string> } {
  const renamer = new Renamer(names);
  const renamed = renamer.body(body);
  return { body: renamed, declared: renamer.declared() };
}

class Renamer {
  readonly #names: Names;
  readonly #scopes: Scope[] = [newScope()];

  constructor(names: Names) {
    this.#names = names;
  }

  rule(rule: Rule): Rule {
    // comprehensions of the head have a scope of their own, made before the body's
    const fresh = (term: Term): Term => new Renamer(this.#names).#closures(term);
    const head: Head = {
      ...rule.head,
      ...(rule.head.key === undefined ? {} : { key: fresh(rule.head.key) }),
      ...(rule.head.value === undefined ? {} : { value: fresh(rule.head.value) }),
    };
    const args = head.args?.map((arg) => this.#argument(arg));
    const used = collect((found) => {
      for (const part of head.ref.slice(1)) termVars(part, {}, found);
      if (head.key !== undefined) termVars(head.key, {}, found);
      if (head.value !== undefined) termVars(head.value, {}, found);
    });
    const body = this.body(rule.body, used);
    const [name, ...rest] = head.ref;
    const renamed: Head = {
      ...head,
      ref: name === undefined ? [] : [name, ...rest.map((part) => this.#term(part))],
      ...(args === undefined ? {} : { args }),
      ...(head.key === undefined ? {} : { key: this.#term(head.key) }),
      ...(head.value === undefined ? {} : { value: this.#term(head.value) }),
    };
    return { ...rule, head: renamed, body };
  }

  #closures(term: Term): Term {
    if (term.kind === "comprehension") return this.#nested(() => this.#comprehension(term));
    return mapTerm(
      term,
      (inner) => this.#closures(inner),
      (body) => body,
    );
  }

  declared(): ReadonlyMap<string, string> {
    const declared = new Map<string, string>();
    for (const [name, renamed] of this.#scope().names) if (name !== renamed) declared.set(renamed, name);
    return declared;
  }

  body(body: Body, used: ReadonlySet<string> = new Set()): Body {
    const exprs: Expr[] = [];
    for (const expr of body) {
      const renamed = this.#expr(expr);
      if (renamed !== undefined) exprs.push(renamed);
    }
    this.#checkUnused(body, exprs, used);
    const [first] = body;
    return exprs.length > 0 || first === undefined ? exprs : [trueExpr(first.at)];
  }

  #scope(): Scope {
    const scope = this.#scopes.at(-1);
    if (scope === undefined) throw new TypeError("a renamer has at least one scope");
    return scope;
  }

  #nested<T>(run: () => T): T {
    this.#scopes.push(newScope());
    try {
      return run();
    } finally {
      this.#scopes.pop();
    }
  }

  #checkUnused(body: Body, exprs: Body, used: ReadonlySet<string>): void {
    const { names, occurrences } = this.#scope();
    let seen: Set<string> | undefined;
    for (const [name, occurrence] of occurrences) {
      if (occurrence !== "declared" || used.has(name) || isGeneratedName(name)) continue;
      seen ??= collect((found) => bodyVars(exprs, {}, found));
      if (seen.has(names.get(name) ?? name)) continue;
      const expr = body.find(
        (candidate) => candidate.kind === "some" && candidate.names.some((declared) => declared.name === name),
      );
      const position = (expr ?? body[0])?.at;
      throw regoError("rego_compile_error", `declared var ${name} unused`, position === undefined ? {} : { position });
    }
  }

  #declare(variable: VarTerm, occurrence: Occurrence): VarTerm {
    const { names, occurrences } = this.#scope();
    const before = occurrences.get(variable.name);
    if (before !== undefined) {
      const what = { seen: "referenced above", assigned: "assigned above", declared: "declared above", argument: "redeclared" }[
        before
      ];
      const message = before === "argument" ? `arg ${variable.name} redeclared` : `var ${variable.name} ${what}`;
      throw regoError("rego_compile_error", message, { position: variable.at });
    }
    const name = this.#names.local(variable.name);
    names.set(variable.name, name);
    occurrences.set(variable.name, occurrence);
    return varTerm(name, variable.at);
  }

  #argument(term: Term): Term {
    if (term.kind === "var") {
      if (isGeneratedName(term.name)) return term;
      const known = this.#scope().names.get(term.name);
      return known === undefined ? this.#declare(term, "argument") : varTerm(known, term.at);
    }
    if (term.kind === "object")
      return { ...term, pairs: term.pairs.map(([key, value]) => [this.#argument(key), this.#argument(value)] as const) };
    if (term.kind === "ref" || term.kind === "call") return this.#term(term);
    return mapTerm(
      term,
      (inner) => this.#argument(inner),
      (body) => this.#nested(() => this.body(body)),
    );
  }

  #expr(expr: Expr): Expr | undefined {
    switch (expr.kind) {
      case "some":
        for (const name of expr.names) this.#declare(name, "declared");
        return undefined;
      case "someIn":
        return this.#someIn(expr);
      case "every":
        return this.#every(expr);
      case "eq":
        return expr.assign ? this.#assignment(expr) : this.#mapped(expr);
      case "not":
        return this.#not(expr);
      case "and":
      case "or":
        return {
          ...expr,
          left: this.#operand(expr.left, expr.explicitLeft, expr.kind),
          right: this.#operand(expr.right, expr.explicitRight, expr.kind),
          with: expr.with.map((item) => this.#with(item)),
        };
      default:
        return this.#mapped(expr);
    }
  }

  #mapped(expr: Expr): Expr {
    return mapExpr(
      expr,
      (term) => this.#term(term),
      (body) => this.#nested(() => this.body(body)),
      (item) => this.#with(item),
    );
  }

  #with(item: With): With {
    const { target } = item;
    return { ...item, target: { ...target, path: target.path.map((part) => this.#term(part)) }, value: this.#term(item.value) };
  }

  #not(expr: Expr & { kind: "not" }): Expr {
    const withs = expr.with.map((item) => this.#with(item));
    return { ...expr, body: this.#operand(expr.body, expr.explicit, "not"), with: withs };
  }

  /** Only a body in braces may declare variables. */
  #operand(body: Body, explicit: boolean, of: "not" | "and" | "or"): Body {
    if (explicit) return this.#nested(() => this.body(body));
    const assignment = body.find((expr) => expr.kind === "eq" && expr.assign);
    if (assignment !== undefined) {
      const where = of === "not" ? "negated expression" : `${of} operand`;
      throw regoError("rego_compile_error", `cannot assign vars inside ${where}`, { position: assignment.at });
    }
    return body.map((expr) => this.#expr(expr) ?? expr);
  }

  #every(expr: Expr & { kind: "every" }): Expr {
    const domain = this.#term(expr.domain);
    const withs = expr.with.map((item) => this.#with(item));
    return this.#nested(() => {
      const key = expr.key === undefined ? undefined : this.#everyVar(expr.key);
      const value = this.#everyVar(expr.value);
      const body = this.body(expr.body);
      return { ...expr, ...(key === undefined ? {} : { key }), value, domain, body, with: withs };
    });
  }

  #everyVar(variable: VarTerm): VarTerm {
    return isGeneratedName(variable.name) ? variable : this.#declare(variable, "declared");
  }

  /** `some k, v in xs` is `v = xs[k]`, with the variables of k and v declared. */
  #someIn(expr: Expr & { kind: "someIn" }): Expr {
    const bound = collect((found) => {
      if (expr.key !== undefined) termVars(expr.key, patternVars, found);
      termVars(expr.value, patternVars, found);
    });
    const inDomain = collect((found) => termVars(expr.domain, { closures: true }, found));
    for (const name of bound) {
      if (inDomain.has(name) && !isGeneratedName(name))
        throw regoError("rego_compile_error", `var ${name} assigned before`, { position: expr.at });
    }
    const domain = this.#term(expr.domain);
    const withs = expr.with.map((item) => this.#with(item));
    for (const name of bound) if (!isGeneratedName(name)) this.#declare(varTerm(name, expr.at), "declared");
    const key = expr.key === undefined ? varTerm(this.#names.generated(), expr.at) : this.#term(expr.key);
    const value = this.#term(expr.value);
    const path: readonly Term[] = domain.kind === "ref" ? [...domain.path, key] : [key];
    const ref: Term = { kind: "ref", head: domain.kind === "ref" ? domain.head : domain, path, at: expr.at };
    return { ...equation(value, ref, expr.at, withs), generated: false };
  }

  #assignment(expr: Expr & { kind: "eq" }): Expr {
    if (expr.negated)
      throw regoError("rego_compile_error", "cannot assign vars inside negated expression", { position: expr.at });
    const right = this.#term(expr.right);
    const withs = expr.with.map((item) => this.#with(item));
    return { ...expr, left: this.#assignee(expr.left), right, with: withs };
  }

  #assignee(term: Term): Term {
    switch (term.kind) {
      case "var":
        return this.#declare(term, "assigned");
      case "array":
        return {
          ...term,
          items: term.items.map((item) => (item.kind === "value" ? this.#unassignable(item) : this.#assignee(item))),
        };
      case "object":
        return {
          ...term,
          pairs: term.pairs.map(
            ([key, value]) =>
              [this.#term(key), value.kind === "value" ? this.#unassignable(value) : this.#assignee(value)] as const,
          ),
        };
      case "ref":
        if (term.path.length === 0 && term.head.kind === "var") return this.#declare(term.head, "assigned");
    }
    return this.#unassignable(term);
  }

  #unassignable(term: Term): Term {
    throw regoError("rego_compile_error", `cannot assign to ${kindName(term)}`, { position: term.at });
  }

  #lookup(name: string): string | undefined {
    for (let i = this.#scopes.length - 1; i >= 0; i--) {
      const renamed = this.#scopes[i]?.names.get(name);
      if (renamed !== undefined) return renamed;
    }
    return undefined;
  }

  #term(term: Term): Term {
    if (term.kind === "var") return this.#variable(term);
    if (term.kind === "ref" && term.head.kind === "var" && (term.head.name === "input" || term.head.name === "data")) {
      const declared = this.#lookup(term.head.name);
      const path = term.path.map((part) => this.#term(part));
      if (declared === undefined || declared === term.head.name) return { ...term, path };
      const head = varTerm(declared, term.head.at);
      return path.length === 0 ? head : { ...term, head, path };
    }
    if (term.kind === "comprehension") return this.#nested(() => this.#comprehension(term));
    return mapTerm(
      term,
      (inner) => this.#term(inner),
      (body) => this.#nested(() => this.body(body)),
    );
  }

  #comprehension(term: Term & { kind: "comprehension" }): Term {
    const used = collect((found) => {
      if (term.key !== undefined) termVars(term.key, {}, found);
      termVars(term.value, {}, found);
    });
    const body = this.body(term.body, used);
    const key = term.key === undefined ? {} : { key: this.#term(term.key) };
    return { ...term, ...key, value: this.#term(term.value), body };
  }

  #variable(term: VarTerm): VarTerm {
    const known = this.#lookup(term.name);
    if (known !== undefined) return known === term.name ? term : varTerm(known, term.at);
    const { names, occurrences } = this.#scope();
    names.set(term.name, term.name);
    occurrences.set(term.name, "seen");
    return term;
  }
}

function newScope(): Scope {
  return { names: new Map(), occurrences: new Map(), uses: new Set() };
}

/** What a term is called in a message. */
export function kindName(term: Term): string {
  if (term.kind === "comprehension") return `${term.of}comprehension`;
  if (term.kind !== "value") return term.kind;
  const { value } = term;
  if (value === null) return "null";
  return Array.isArray(value)
    ? "array"
    : typeof value === "object"
      ? "union" in value
        ? "set"
        : "get" in value
          ? "object"
          : "number"
      : typeof value;
}
