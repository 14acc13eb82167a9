// Names of a module become full references: a rule of the package `data.pkg.rule`, an import what it imports. A name that a body
// declares hides them.
import type { Body, Expr, Head, Module, Operator, RefTerm, Rule, Term, VarTerm, With } from "./ast.ts";
import { valueTerm, varTerm } from "./ast.ts";
import type { BuiltinRegistry } from "./builtin.ts";
import { regoError } from "./errors.ts";
import { mapExpr, mapTerm, termVars } from "./walk.ts";

/** What a name of a module stands for: a root (`data`, `input`) and the path behind it. */
export interface Global {
  readonly root: string;
  readonly path: readonly string[];
}

/** The names of a module: the rules of its package, and its imports, which hide rules. */
export function globalsOf(module: Module, modules: readonly Module[]): Map<string, Global> {
  const globals = new Map<string, Global>();
  for (const other of modules) {
    if (other.package.join("\0") !== module.package.join("\0")) continue;
    for (const rule of other.rules) {
      const [name] = rule.head.ref;
      if (name?.kind === "var") globals.set(name.name, { root: "data", path: [...module.package, name.name] });
    }
  }
  for (const { path, alias } of module.imports) {
    const root = path.head.kind === "var" ? path.head.name : "";
    if (root === "future" || root === "rego") continue;
    const names = path.path.map((part) => (part.kind === "value" && typeof part.value === "string" ? part.value : ""));
    const name = alias ?? names.at(-1);
    if (name !== undefined) globals.set(name, { root, path: names });
  }
  return globals;
}

/** The rules of a module with every name resolved. */
export function resolveModule(module: Module, globals: ReadonlyMap<string, Global>, builtins: BuiltinRegistry): Rule[] {
  const resolver = new Resolver(globals, builtins);
  return module.rules.map((rule) => resolver.rule(rule));
}

/** A query with every name resolved. */
export function resolveQuery(body: Body, globals: ReadonlyMap<string, Global>, builtins: BuiltinRegistry): Body {
  return new Resolver(globals, builtins).body(body);
}

class Resolver {
  readonly #globals: ReadonlyMap<string, Global>;
  readonly #builtins: BuiltinRegistry;
  readonly #hidden: Set<string>[] = [];

  constructor(globals: ReadonlyMap<string, Global>, builtins: BuiltinRegistry) {
    this.#globals = globals;
    this.#builtins = builtins;
  }

  rule(rule: Rule): Rule {
    const args = new Set<string>();
    for (const arg of rule.head.args ?? [])
      termVars(arg, { closures: true, refHeads: true, objectKeys: true }, (name) => args.add(name));
    return this.#scope(args, () => {
      const otherwise = rule.otherwise === undefined ? {} : { otherwise: this.rule(rule.otherwise) };
      return this.#scope(declaredIn(rule.body), () => ({
        ...rule,
        head: this.#head(rule.head),
        body: this.#exprs(rule.body),
        ...otherwise,
      }));
    });
  }

  body(body: Body): Body {
    return this.#scope(declaredIn(body), () => this.#exprs(body));
  }

  #scope<T>(names: Set<string>, run: () => T): T {
    this.#hidden.push(names);
    try {
      return run();
    } finally {
      this.#hidden.pop();
    }
  }

  #head(head: Head): Head {
    const [name, ...rest] = head.ref;
    return {
      ...head,
      ref: name === undefined ? [] : [name, ...rest.map((part) => this.#term(part))],
      ...(head.args === undefined ? {} : { args: head.args.map((arg) => this.#term(arg)) }),
      ...(head.key === undefined ? {} : { key: this.#term(head.key) }),
      ...(head.value === undefined ? {} : { value: this.#term(head.value) }),
    };
  }

  #exprs(body: Body): Body {
    return body.map((expr) => this.#expr(expr));
  }

  #expr(expr: Expr): Expr {
    if (expr.kind === "every") {
      const domain = this.#term(expr.domain);
      const names = new Set([expr.value.name, ...(expr.key === undefined ? [] : [expr.key.name])]);
      const body = this.#scope(names, () => this.body(expr.body));
      return { ...expr, domain, body, with: expr.with.map((item) => this.#with(item)) };
    }
    const mapped = mapExpr(
      expr,
      (term) => this.#term(term),
      (body) => this.body(body),
      (item) => this.#with(item),
    );
    return mapped.kind === "call" ? { ...mapped, operator: this.#operator(mapped.operator) } : mapped;
  }

  #with(item: With): With {
    const target = this.#term(item.target);
    const ref: RefTerm | undefined =
      target.kind === "ref" ? target : target.kind === "var" ? { kind: "ref", head: target, path: [], at: target.at } : undefined;
    if (ref === undefined)
      throw regoError("rego_type_error", "with keyword target must reference existing input, data, or a function", {
        position: item.at,
      });
    return { target: ref, value: this.#replacement(item.value), at: item.at };
  }

  /** The value of a `with`, which may name a built-in function. */
  #replacement(value: Term): Term {
    const resolved = this.#term(value);
    if (resolved.kind !== "var" || this.#isHidden(resolved.name) || !this.#builtins.has(resolved.name)) return resolved;
    return { kind: "ref", head: resolved, path: [], at: resolved.at };
  }

  #term(term: Term): Term {
    if (term.kind === "var") return this.#global(term) ?? term;
    if (term.kind === "ref") {
      const path = term.path.map((part) => this.#term(part));
      const global = term.head.kind === "var" ? this.#global(term.head) : undefined;
      if (global !== undefined) return { ...global, path: [...global.path, ...path], at: term.at };
      return { ...term, head: term.head.kind === "var" ? term.head : this.#term(term.head), path };
    }
    if (term.kind === "comprehension") {
      return this.#scope(declaredIn(term.body), () => ({
        ...term,
        ...(term.key === undefined ? {} : { key: this.#term(term.key) }),
        value: this.#term(term.value),
        body: this.#exprs(term.body),
      }));
    }
    const mapped = mapTerm(
      term,
      (inner) => this.#term(inner),
      (body) => this.body(body),
    );
    return mapped.kind === "call" ? { ...mapped, operator: this.#operator(mapped.operator) } : mapped;
  }

  #isHidden(name: string): boolean {
    return this.#hidden.some((names) => names.has(name));
  }

  #global(term: VarTerm): RefTerm | undefined {
    const global = this.#isHidden(term.name) ? undefined : this.#globals.get(term.name);
    if (global === undefined) return undefined;
    const path = global.path.map((part) => valueTerm(part, term.at));
    return { kind: "ref", head: varTerm(global.root, term.at), path, at: term.at };
  }

  #operator(operator: Operator): Operator {
    const [name = "", ...rest] = operator.parts;
    const global = this.#globals.get(name);
    if (this.#isHidden(name))
      throw regoError("rego_compile_error", `called function ${operator.name} shadowed`, { position: operator.at });
    if (global === undefined) return operator;
    const parts = [global.root, ...global.path, ...rest];
    return { name: parts.join("."), parts, at: operator.at };
  }
}

/** The names that a body declares with `some` and `:=`. */
function declaredIn(body: Body): Set<string> {
  const names = new Set<string>();
  const pattern = (term: Term): void =>
    termVars(term, { closures: true, refHeads: true, objectKeys: true }, (name) => names.add(name));
  for (const expr of body) {
    if (expr.kind === "some") for (const { name } of expr.names) names.add(name);
    else if (expr.kind === "someIn") {
      if (expr.key !== undefined) pattern(expr.key);
      pattern(expr.value);
    } else if (expr.kind === "eq" && expr.assign) {
      // `input := 1` declares too
      if (expr.left.kind === "ref" && expr.left.path.length === 0 && expr.left.head.kind === "var")
        names.add(expr.left.head.name);
      else pattern(expr.left);
    }
  }
  return names;
}
