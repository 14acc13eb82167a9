// What each identifier refers to (language specification, "Scopes"): decided once, before anything is evaluated. `up` of a target
// counts the environments that the evaluator will have between.

import { cueError } from "./errors.ts";
import { formatPlace, locate, type Place } from "./position.ts";
import { isPredeclared } from "./predeclared.ts";
import { unsupported } from "./scanner.ts";
import {
  type Clause,
  type Comprehension,
  type Declaration,
  type Expression,
  type FileSyntax,
  type Identifier,
  identifierLabel,
  type StructLiteral,
  type Target,
} from "./syntax.ts";

interface Entry {
  readonly at: Place;
  readonly what: "field" | "alias" | "let" | "variable";
  readonly target: (up: number) => Target;
  used: boolean;
}
type Scope = Map<string, Entry>;

/** Which packages may be imported, and what they hold. */
export interface KnownPackages {
  readonly has: (path: string, name?: string) => boolean;
}

/**
 * Resolve the identifiers of all files of a package; throws CUE_UNRESOLVED_REFERENCE, CUE_IMPORT and CUE_UNSUPPORTED. True when fields
 * beside each other refer to each other.
 */
export function resolveFiles(files: readonly FileSyntax[], packages: KnownPackages): boolean {
  const shared: Scope = new Map();
  const links = new Links();
  for (const file of files) for (const declaration of file.body.declarations) declareField(shared, declaration);
  for (const file of files) new Resolver(file, shared, packages, links).run();
  return links.areMutual();
}

/** Which fields of a scope refer to which others of it. */
class Links {
  readonly #links = new Map<Scope, Map<string, Set<string>>>();

  add(scope: Scope, from: string | undefined, to: string): void {
    if (from === undefined || from === to) return;
    const links = this.#links.get(scope) ?? new Map<string, Set<string>>();
    this.#links.set(scope, links.set(from, (links.get(from) ?? new Set()).add(to)));
  }

  /** Whether some refer to each other, at once or through others. */
  areMutual(): boolean {
    for (const links of this.#links.values()) {
      const known = new Map<string, "open" | "done">();
      const comesBack = (label: string): boolean => {
        const before = known.get(label);
        if (before !== undefined) return before === "open";
        known.set(label, "open");
        for (const next of links.get(label) ?? []) if (comesBack(next)) return true;
        known.set(label, "done");
        return false;
      };
      for (const label of links.keys()) if (comesBack(label)) return true;
    }
    return false;
  }
}

class Resolver {
  readonly #packages: KnownPackages;
  readonly #file: FileSyntax;
  readonly #shared: Scope;
  readonly #imports = new Map<string, { path: string; at: Place; used: boolean }>();
  readonly #scopes: Scope[] = [];
  /** The field of each of these scopes that is being resolved. */
  readonly #within: (string | undefined)[] = [];
  readonly #links: Links;

  constructor(file: FileSyntax, shared: Scope, packages: KnownPackages, links: Links) {
    this.#packages = packages;
    this.#links = links;
    this.#file = file;
    this.#shared = shared;
  }

  run(): void {
    for (const { name, path, at } of this.#file.imports) {
      if (!this.#packages.has(path)) throw importError(at, `package ${JSON.stringify(path)} is not one of the subset`);
      if (this.#imports.has(name)) throw importError(at, `package name ${name} is declared twice`);
      this.#imports.set(name, { path, at, used: false });
    }
    this.#struct(this.#file.body);
    for (const [name, { path, at, used }] of this.#imports)
      if (!used) throw importError(at, `package ${JSON.stringify(path)} is imported and not used as ${name}`);
  }

  #inScope(scope: Scope, run: () => void): void {
    this.#scopes.push(scope);
    this.#within.push(undefined);
    run();
    this.#scopes.pop();
    this.#within.pop();
    for (const [name, { used, what, at }] of scope) {
      if (!used && what === "let") throw unresolved(at, `alias or let clause ${name} is not referred to`, name);
    }
  }

  #struct(struct: StructLiteral): void {
    const scope: Scope = new Map();
    for (const declaration of struct.declarations) {
      declareField(scope, declaration);
      declareName(scope, declaration);
    }
    this.#inScope(scope, () => {
      for (const declaration of struct.declarations) this.#declaration(declaration);
    });
  }

  #declaration(declaration: Declaration): void {
    switch (declaration.kind) {
      case "field":
        if (typeof declaration.label !== "string") this.#expression(declaration.label);
        this.#within[this.#within.length - 1] = typeof declaration.label === "string" ? declaration.label : undefined;
        this.#expression(declaration.value);
        this.#within[this.#within.length - 1] = undefined;
        return;
      case "pattern": {
        const { alias, at } = declaration;
        this.#expression(declaration.pattern);
        const scope: Scope = new Map();
        if (alias !== undefined) scope.set(alias, variable(alias, at, "alias"));
        this.#inScope(scope, () => this.#expression(declaration.value));
        return;
      }
      case "ellipsis":
        return;
      case "comprehension":
        this.#comprehension(declaration);
        return;
      default:
        this.#expression(declaration.value);
        return;
    }
  }

  #comprehension({ clauses, value }: Comprehension): void {
    this.#clauses(clauses, 0, () => this.#struct(value));
  }

  #clauses(clauses: readonly Clause[], index: number, body: () => void): void {
    const clause = clauses[index];
    if (clause === undefined) {
      body();
      return;
    }
    const rest = (): void => this.#clauses(clauses, index + 1, body);
    if (clause.kind === "if") {
      this.#expression(clause.condition);
      rest();
      return;
    }
    this.#expression(clause.kind === "for" ? clause.of : clause.value);
    const scope: Scope = new Map();
    if (clause.kind === "for" && clause.key !== undefined && clause.key !== "_")
      scope.set(clause.key, variable(clause.key, clause.at, "variable"));
    if (clause.name !== "_") scope.set(clause.name, variable(clause.name, clause.at, "variable"));
    this.#inScope(scope, rest);
  }

  #expression(expression: Expression): void {
    switch (expression.kind) {
      case "identifier":
        this.#identifier(expression);
        return;
      case "interpolation":
        for (const part of expression.parts) if (typeof part !== "string") this.#expression(part);
        return;
      case "struct":
        this.#struct(expression);
        return;
      case "list":
        for (const element of expression.elements)
          if (element.kind === "comprehension") this.#comprehension(element);
          else this.#expression(element);
        if (typeof expression.open === "object") this.#expression(expression.open);
        return;
      case "selector": {
        this.#expression(expression.of);
        const { of, name, nameAt } = expression;
        if (of.kind !== "identifier" || of.target?.kind !== "package" || this.#packages.has(of.target.path, name)) return;
        throw unsupported(nameAt, `the function ${of.name}.${name}`);
      }
      case "index":
        this.#expression(expression.of);
        this.#expression(expression.index);
        return;
      case "slice":
        for (const part of [expression.of, expression.low, expression.high]) if (part !== undefined) this.#expression(part);
        return;
      case "call":
        this.#expression(expression.callee);
        for (const argument of expression.arguments) this.#expression(argument);
        return;
      case "unary":
        this.#expression(expression.operand);
        return;
      case "binary":
        this.#expression(expression.left);
        this.#expression(expression.right);
        return;
      case "aliased": {
        const scope: Scope = new Map([[expression.name, variable(expression.name, expression.at, "alias")]]);
        this.#inScope(scope, () => this.#expression(expression.value));
        return;
      }
      default:
        return;
    }
  }

  #identifier(identifier: Identifier): void {
    const { name, at } = identifier;
    if (name !== "_") {
      for (let up = 0; up < this.#scopes.length; up++) {
        const scope = this.#scopes[this.#scopes.length - 1 - up];
        const found = scope?.get(name) ?? (up === this.#scopes.length - 1 ? this.#shared.get(name) : undefined);
        if (found === undefined) continue;
        found.used = true;
        identifier.target = found.target(up);
        const index = this.#scopes.length - 1 - up;
        const { target } = identifier;
        if (target.kind === "field" && scope !== undefined)
          this.#links.add(index === 0 ? this.#shared : scope, this.#within[index], target.label);
        return;
      }
      const imported = this.#imports.get(name);
      if (imported !== undefined) {
        imported.used = true;
        identifier.target = { kind: "package", path: imported.path };
        return;
      }
    }
    if (!isPredeclared(name)) throw unresolved(at, `reference "${name}" not found`, name);
    if (name === "self") throw unsupported(at, "self");
    identifier.target = { kind: "predeclared" };
  }
}

function declareField(scope: Scope, declaration: Declaration): void {
  if (declaration.kind !== "field" || declaration.quoted || typeof declaration.label !== "string") return;
  const { label, at } = declaration;
  const name = label.startsWith('"') ? label.slice(1) : label;
  scope.set(name, { at, what: "field", target: (up) => ({ kind: "field", up, label }), used: false });
}

function declareName(scope: Scope, declaration: Declaration): void {
  const { at } = declaration;
  if (declaration.kind === "let") {
    declare(scope, declaration.name, {
      at,
      what: "let",
      target: (up) => ({ kind: "let", up, clause: declaration }),
      used: false,
    });
    return;
  }
  if (declaration.kind !== "field" || declaration.alias === undefined) return;
  const { label, alias } = declaration;
  const target = (up: number): Target =>
    typeof label === "string" ? { kind: "field", up, label } : { kind: "dynamic", up, label };
  declare(scope, alias, { at, what: "alias", target, used: false });
}

function declare(scope: Scope, name: string, entry: Entry): void {
  const before = scope.get(name);
  if (before !== undefined)
    throw unresolved(
      entry.at,
      before.what === "field"
        ? `cannot have both alias and field with name "${name}" in same scope`
        : `"${name}" is declared twice in one scope`,
      name,
    );
  scope.set(name, entry);
}

function variable(name: string, at: Place, what: Entry["what"]): Entry {
  return { at, what, target: (up) => ({ kind: "variable", up, name }), used: false };
}

function unresolved(at: Place, message: string, found: string): Error {
  return cueError("CUE_UNRESOLVED_REFERENCE", `Cannot compile CUE: ${formatPlace(at)}: ${message}`, {
    found,
    position: locate(at),
  });
}

function importError(at: Place, message: string): Error {
  return cueError("CUE_IMPORT", `Cannot compile CUE: ${formatPlace(at)}: ${message}`, { position: locate(at) });
}

/** The label of an unquoted selector. */
export function selectorLabel(name: string, quoted: boolean): string {
  return quoted ? `"${name}` : identifierLabel(name);
}
