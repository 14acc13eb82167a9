// The parser of modules, rules and queries.
import type { Position } from "../values/index.ts";
import {
  type Body,
  type Dialect,
  type Expr,
  type Head,
  type Import,
  type Module,
  type RefTerm,
  type Rule,
  type Term,
  valueTerm,
} from "./ast.ts";
import { regoError } from "./errors.ts";
import { Parser, trueBody } from "./parser.ts";
import { tokenize } from "./tokenizer.ts";

const v0Keywords = ["in", "every", "contains", "if"];
const laterKeywords = ["not", "and", "or"];

/** Parse a module; throws rego_parse_error with its position. */
export function parseModule(file: string, source: string, dialect: Dialect): Module {
  const parser = new Parser(tokenize(file, source), dialect === "v1" ? v0Keywords : []);
  return new ModuleParser(parser, file, dialect).module();
}

/** Parse the body of a query; `imports` brings in keywords and names as a module's imports would. */
export function parseQuery(file: string, source: string, dialect: Dialect): Body {
  const parser = new Parser(tokenize(file, source), dialect === "v1" ? v0Keywords : ["in", "every"]);
  return parser.query(() => parser.token().kind === "end", "eof", false);
}

class ModuleParser {
  readonly #parser: Parser;
  readonly #file: string;
  #strict: boolean;
  readonly #imports: Import[] = [];
  readonly #rules: Rule[] = [];

  constructor(parser: Parser, file: string, dialect: Dialect) {
    this.#parser = parser;
    this.#file = file;
    this.#strict = dialect === "v1";
  }

  module(): Module {
    const parser = this.#parser;
    const packageAt = parser.token().at;
    if (parser.token().kind === "end") throw parser.error("empty module");
    if (!parser.isKeyword("package")) throw parser.error("package expected");
    parser.at++;
    const path = this.#path("package");
    while (parser.token().kind !== "end") {
      parser.startStatement();
      if (parser.isKeyword("import")) this.#import();
      else this.#rules.push(...this.#rule());
    }
    if (this.#strict) for (const rule of this.#rules) checkStrict(rule);
    return { file: this.#file, package: path, packageAt, imports: this.#imports, rules: this.#rules, strict: this.#strict };
  }

  #path(what: string): string[] {
    const first = this.#parser.token();
    if (first.kind !== "name") throw this.#parser.unexpected();
    const { head, path } = this.#dotted();
    const names = head.kind === "var" ? [head.name] : [];
    for (const part of path) {
      if (part.kind !== "value" || typeof part.value !== "string")
        throw this.#parser.error(`unexpected ${what} path: expecting string`, part.at);
      names.push(part.value);
    }
    return names;
  }

  /** A reference whose first name may be a keyword. */
  #dotted(): RefTerm {
    const token = this.#parser.token();
    const keywords = [...this.#parser.keywords];
    this.#parser.keywords.clear();
    const term = this.#parser.term();
    for (const keyword of keywords) this.#parser.keywords.add(keyword);
    this.#parser.startStatement();
    if (term.kind === "ref") return term;
    if (term.kind !== "var") throw this.#parser.error("expected path", token.at);
    return { kind: "ref", head: term, path: [], at: term.at };
  }

  #import(): void {
    const parser = this.#parser;
    const at = parser.token().at;
    parser.at++;
    const path = this.#dotted();
    const root = path.head.kind === "var" ? path.head.name : "";
    for (const part of path.path)
      if (part.kind !== "value" || typeof part.value !== "string")
        throw parser.error("unexpected import path: expecting string", part.at);
    if (!["data", "input", "future", "rego"].includes(root))
      throw parser.error(`unexpected import path, must begin with one of: {data, future, input, rego}, got: ${root}`, path.at);
    let alias: string | undefined;
    if (parser.take("as")) {
      const token = parser.token();
      if (token.kind !== "name" || token.text === "_") throw parser.unexpected("expected var");
      if (token.text === "input" || token.text === "data")
        throw parser.error(`unexpected import alias, must not be a reserved name, got: ${token.text}`);
      alias = token.text;
      parser.at++;
    }
    if (root === "future") this.#futureImport(path, alias);
    else if (root === "rego") this.#regoImport(path, alias);
    this.#imports.push(alias === undefined ? { path, at } : { path, alias, at });
  }

  #futureImport(path: RefTerm, alias: string | undefined): void {
    const parser = this.#parser;
    const names = path.path.map((part) => (part.kind === "value" ? part.value : ""));
    if (names[0] !== "keywords") throw parser.error("invalid import, must be `future.keywords`", path.at);
    if (alias !== undefined) throw parser.error("`future` imports cannot be aliased", path.at);
    const all = [...v0Keywords, ...laterKeywords];
    const [, keyword] = names;
    if (names.length === 1) {
      for (const word of all) parser.keywords.add(word);
      return;
    }
    if (typeof keyword !== "string" || names.length > 2 || !all.includes(keyword))
      throw parser.error(`unexpected keyword, must be one of [${all.sort().join(" ")}]`, path.at);
    parser.keywords.add(keyword);
    if (keyword === "every") parser.keywords.add("in");
  }

  #regoImport(path: RefTerm, alias: string | undefined): void {
    const parser = this.#parser;
    const names = path.path.map((part) => (part.kind === "value" ? part.value : ""));
    const known = names.length === 1 && (names[0] === "v1" || names[0] === "v2");
    if (!known) throw parser.error("invalid import, must be one of: `rego.v1`, `rego.v2`", path.at);
    if (alias !== undefined) throw parser.error("`rego` imports cannot be aliased", path.at);
    for (const word of names[0] === "v2" ? [...v0Keywords, ...laterKeywords] : v0Keywords) parser.keywords.add(word);
    this.#strict = true;
  }

  #rule(): Rule[] {
    const parser = this.#parser;
    const at = parser.token().at;
    const isDefault = parser.take("default");
    if (parser.token().kind !== "name" || this.#isReserved()) throw this.#notARule();
    const first = parser.headTerm();
    const head = this.#head(first, isDefault, at);
    if (isDefault) return [defaultRule(head.head, at)];
    const usesIf = parser.take("if");
    const brace = parser.isOperator("{");
    if (!usesIf && !brace) return [this.#bodiless(head, first, at)];
    const finished = this.#finishHead(head, usesIf);
    const body = usesIf ? this.#ifBody() : this.#braced();
    const shared = { isDefault: false, head: finished, usesIf, usesContains: head.usesContains, generatedBody: false };
    const otherwise = parser.isKeyword("else") ? this.#else(finished, head.usesContains) : undefined;
    const rules: Rule[] = [{ at, body, ...shared, ...(otherwise === undefined ? {} : { otherwise }) }];
    while (parser.isOperator("{")) {
      if (otherwise !== undefined) throw parser.error("expected else keyword");
      const next = parser.token().at;
      rules.push({ at: next, body: this.#braced(), ...shared });
    }
    return rules;
  }

  #isReserved(): boolean {
    const word = this.#parser.token().text;
    return this.#parser.isKeyword(word) && word !== "contains";
  }

  #notARule(): Error {
    const token = this.#parser.token();
    if (token.kind === "name" && this.#isReserved()) {
      const next = this.#parser.token(1).text;
      if ([":=", "=", "if", "contains", "("].includes(next))
        return this.#parser.error(`${token.text} keyword cannot be used for rule name`);
    }
    if (token.kind === "string" || token.kind === "number")
      return this.#parser.error(`${token.kind} cannot be used for rule name`);
    return this.#parser.unexpected();
  }

  #head(first: Term, isDefault: boolean, at: Position): { head: Head; usesContains: boolean } {
    const parser = this.#parser;
    // `f()` without arguments is the complete rule `f`
    const args = first.kind === "call" && first.args.length > 0 ? { args: first.args } : {};
    const base = { ref: headRef(first), ...args, assign: false, generatedValue: false, at };
    if (parser.isKeyword("contains")) {
      if (first.kind === "call")
        throw parser.unexpected("the contains keyword can only be used with multi-value rule definitions");
      parser.at++;
      return { head: { ...base, key: parser.infix() }, usesContains: true };
    }
    const assign = parser.isOperator(":=");
    if (!assign && !parser.isOperator("=")) {
      if (isDefault) throw parser.unexpected("expected default rule value term (e.g., default allow := <VALUE>)");
      return { head: base, usesContains: false };
    }
    parser.at++;
    return { head: { ...base, assign, value: parser.infix() }, usesContains: false };
  }

  /** What a head without value stands for: a member of a set (`p[x]` without `if`), or true. */
  #finishHead({ head, usesContains }: { head: Head; usesContains: boolean }, usesIf: boolean): Head {
    if (usesContains || head.value !== undefined) return head;
    const [name, key] = head.ref;
    if (!usesIf && head.args === undefined && head.ref.length === 2 && name !== undefined && key !== undefined)
      return { ...head, ref: [name], key };
    return { ...head, value: valueTerm(true, head.at), generatedValue: true };
  }

  #bodiless(parsed: { head: Head; usesContains: boolean }, first: Term, at: Position): Rule {
    const { head, usesContains } = parsed;
    if (head.value === undefined && !usesContains && first.kind === "var")
      throw this.#parser.error("var cannot be used for rule name", at);
    if (head.value !== undefined || usesContains || first.kind === "call" || first.kind === "ref") {
      const finished = this.#finishHead(parsed, false);
      return { at, isDefault: false, head: finished, body: trueBody(at), usesIf: false, usesContains, generatedBody: true };
    }
    throw this.#parser.unexpected();
  }

  #braced(): Body {
    this.#parser.expect("{");
    return this.#parser.body("}");
  }

  /** What follows `if`: one expression, or a body in braces. A set alone in braces is a body. */
  #ifBody(): Body {
    const parser = this.#parser;
    if (!parser.isOperator("{")) return [parser.literal()];
    const start = parser.at;
    const literal = parser.attempt(() => {
      const expr = parser.literal();
      if (isSetLiteral(expr)) throw parser.unexpected();
      return expr;
    });
    if (literal !== undefined) return [literal];
    parser.at = start;
    return this.#braced();
  }

  #else(head: Head, usesContains: boolean): Rule {
    const parser = this.#parser;
    const at = parser.token().at;
    if (head.key !== undefined) throw parser.error("else keyword cannot be used on multi-value rules");
    if (head.ref.slice(1).some((part) => part.kind !== "value"))
      throw parser.error("else keyword cannot be used on rules with variables in head");
    parser.at++;
    const assign = parser.isOperator(":=");
    let value: Term | undefined;
    if (parser.take(":=") || parser.take("=")) value = parser.infix();
    const usesIf = parser.isKeyword("if");
    if (value === undefined && !usesIf && !parser.isOperator("{"))
      throw parser.unexpected("expected else value term or rule body");
    const elseHead: Head = { ...head, at, assign, value: value ?? valueTerm(true, at), generatedValue: value === undefined };
    const shared = { at, isDefault: false, head: elseHead, usesIf, usesContains };
    if (!usesIf && !parser.isOperator("{")) return { ...shared, body: trueBody(at), generatedBody: true };
    if (usesIf) parser.at++;
    const body = parser.isOperator("{") ? this.#braced() : [parser.literal()];
    const otherwise = parser.isKeyword("else") ? { otherwise: this.#else(head, usesContains) } : {};
    return { ...shared, body, generatedBody: false, ...otherwise };
  }
}

function headRef(term: Term): Term[] {
  if (term.kind === "var") return [term];
  if (term.kind === "ref" && term.head.kind === "var") return [term.head, ...term.path];
  if (term.kind === "call") {
    const [name = "", ...rest] = term.operator.parts;
    return [{ kind: "var", name, at: term.at }, ...rest.map((part) => valueTerm(part, term.at))];
  }
  throw regoError("rego_parse_error", "expected rule head name", { position: term.at });
}

function isSetLiteral(expr: Expr): boolean {
  if (expr.kind !== "term") return false;
  const { term } = expr;
  return (
    term.kind === "set" ||
    (term.kind === "value" && typeof term.value === "object" && term.value !== null && "union" in term.value)
  );
}

function defaultRule(head: Head, at: Position): Rule {
  if (head.value === undefined) throw regoError("rego_parse_error", "default rule must have a value", { position: at });
  const bad = head.ref.slice(1).find((part) => part.kind !== "value");
  if (bad !== undefined)
    throw regoError("rego_parse_error", "default rules cannot have variables in their name", { position: bad.at });
  checkDefaultValue(head.value);
  for (const arg of head.args ?? []) {
    if (arg.kind !== "var")
      throw regoError("rego_parse_error", "illegal default rule (arguments cannot contain anything but variables)", {
        position: arg.at,
      });
  }
  const names = (head.args ?? []).map((arg) => (arg.kind === "var" ? arg.name : ""));
  if (new Set(names).size !== names.length)
    throw regoError("rego_parse_error", "illegal default rule (arguments cannot be repeated)", { position: at });
  return { at, isDefault: true, head, body: trueBody(at), usesIf: false, usesContains: false, generatedBody: true };
}

/** A default is there whatever happens: it holds no variable, reference or call outside a comprehension. */
function checkDefaultValue(term: Term): void {
  switch (term.kind) {
    case "value":
    case "comprehension":
      return;
    case "array":
    case "set":
      term.items.forEach(checkDefaultValue);
      return;
    case "object":
      for (const [key, value] of term.pairs) {
        checkDefaultValue(key);
        checkDefaultValue(value);
      }
      return;
    default:
      throw regoError("rego_parse_error", `illegal default rule (value cannot contain ${term.kind})`, { position: term.at });
  }
}

/** What rego.v1 demands of a rule's form. */
function checkStrict(rule: Rule): void {
  const fail = (message: string) => regoError("rego_parse_error", message, { position: rule.at });
  if (rule.isDefault) return;
  const { head } = rule;
  if (rule.generatedBody && head.generatedValue)
    throw fail(`${headName(head)} must have value assignment and/or body declaration`);
  if (!rule.generatedBody && !rule.usesIf) throw fail("`if` keyword is required before rule body");
  if (head.key !== undefined && !rule.usesContains) throw fail("`contains` keyword is required for partial set rules");
  if (rule.otherwise !== undefined) checkStrict(rule.otherwise);
}

/** A rule's name as its head begins. */
export function headName(head: Head): string {
  return head.ref
    .map((part, i) =>
      part.kind === "var"
        ? i === 0
          ? part.name
          : `[${part.name}]`
        : part.kind === "value"
          ? `${i === 0 ? "" : "."}${String(part.value)}`
          : "[_]",
    )
    .join("");
}
