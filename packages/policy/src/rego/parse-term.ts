// The parser of terms: literals, references, calls, operators, comprehensions.
import { ObjectValue, type Position, parseNumber, SetValue, type Value } from "../values/index.ts";
import { type Body, type Expr, type Operator, type Term, type VarTerm, valueTerm, varTerm } from "./ast.ts";
import { regoError } from "./errors.ts";
import { maxNesting, reserved, TokenReader } from "./token-reader.ts";
import type { Token } from "./tokenizer.ts";

const relations: ReadonlyMap<string, string> = new Map([
  ["==", "equal"],
  ["!=", "neq"],
  ["<", "lt"],
  [">", "gt"],
  ["<=", "lte"],
  [">=", "gte"],
]);
/** Infix operators by how tightly they bind, loosest first. */
const levels: readonly ReadonlyMap<string, string>[] = [
  relations,
  new Map([["|", "or"]]),
  new Map([["&", "and"]]),
  new Map([
    ["+", "plus"],
    ["-", "minus"],
  ]),
  new Map([
    ["*", "mul"],
    ["/", "div"],
    ["%", "rem"],
  ]),
];

/** Reads terms; bodies, which comprehensions hold, are read by the class that extends it. */
export abstract class TermParser extends TokenReader {
  /** Expressions up to the closing bracket, which is stepped over. */
  abstract body(close: string): Body;
  /** One expression of a body. */
  abstract literal(): Expr;

  /** A term with infix operators; `key, value in domain` too. */
  infix(): Term {
    return this.nested(() => this.#membershipFrom(this.#level(0), true));
  }

  /** The same within a list, where a comma ends it. */
  infixInList(): Term {
    return this.nested(() => this.#membershipFrom(this.#level(0), false));
  }

  #membershipFrom(first: Term, pairs: boolean): Term {
    let left = first;
    for (;;) {
      if (!this.keywords.has("in")) return left;
      if (pairs && this.isOperator(",")) {
        const start = left;
        const call = this.attempt(() => {
          this.at++;
          const middle = this.#level(0);
          const at = this.expect("in").at;
          return this.call("internal.member_3", [start, middle, this.#level(0)], at, start.at);
        });
        if (call === undefined) return left;
        left = call;
      } else if (this.isKeyword("in")) {
        const at = this.token().at;
        this.at++;
        left = this.call("internal.member_2", [left, this.#level(0)], at, left.at);
      } else return left;
    }
  }

  #level(level: number, first?: Term): Term {
    const names = levels[level];
    if (names === undefined) return first ?? this.term();
    let left = this.#level(level + 1, first);
    for (let length = 0; ; length++) {
      const token = this.token();
      const name = token.kind === "operator" ? names.get(token.text) : undefined;
      if (name === undefined) return left;
      if (length > maxNesting) throw this.error(`max nesting depth of ${maxNesting} exceeded`);
      this.at++;
      left = this.call(name, [left, this.#level(level + 1)], token.at, left.at);
    }
  }

  call(name: string, args: Term[], operatorAt: Position, at: Position): Term {
    return { kind: "call", operator: { name, parts: name.split("."), at: operatorAt }, args, at };
  }

  /** A term without infix operators, with what refers into it. */
  term(): Term {
    const start = this.at;
    const known = this.terms.get(start);
    if (known !== undefined) {
      this.at = known.next;
      return known.term;
    }
    const term = this.nested(() => this.#suffixes(this.#primary()));
    this.terms.set(start, { term, next: this.at });
    return term;
  }

  /** The name of a rule, with what refers into it or its arguments, which may stand behind a space. */
  headTerm(): Term {
    return this.nested(() => this.#suffixes(this.variable(), true));
  }

  #primary(): Term {
    const token = this.token();
    switch (token.kind) {
      case "number":
        return this.#number(token, "");
      case "string":
        this.at++;
        return valueTerm(token.text, token.at);
      case "template":
      case "templateEnd":
        return this.#template();
      case "name":
        return this.#named(token);
      case "operator":
        return this.#bracketed(token);
      default:
        throw this.unexpected();
    }
  }

  #named(token: Token): Term {
    const call = this.isOperator("(", 1) && !this.token(1).spaced;
    if ((token.text === "and" || token.text === "or") && call) return this.variable();
    for (const [word, value] of [
      ["null", null],
      ["true", true],
      ["false", false],
    ] as const) {
      if (this.isKeyword(word)) {
        this.at++;
        return valueTerm(value, token.at);
      }
    }
    const taken = reserved.has(token.text) || (token.text !== "contains" && this.keywords.has(token.text));
    if (taken && this.isKeyword(token.text)) throw this.unexpected();
    return this.variable();
  }

  /** The variable that stands here; `_` is a new one each time. */
  protected variable(): VarTerm {
    const token = this.token();
    this.at++;
    return varTerm(token.text === "_" ? `$${this.wildcards++}` : token.text, token.at);
  }

  #bracketed(token: Token): Term {
    switch (token.text) {
      case "[":
        return this.#array();
      case "{":
        return this.#setOrObject();
      case "(": {
        this.at++;
        const inner = this.infix();
        this.expect(")");
        return inner;
      }
      case "-":
        return this.#minus(token);
      case ".":
        return this.#number(token, "");
      default:
        throw this.unexpected();
    }
  }

  #minus(token: Token): Term {
    this.at++;
    const next = this.token();
    if (next.kind !== "name") return this.#number(next, "-");
    const operand = this.#suffixes(this.variable());
    return this.call("minus", [valueTerm(0, token.at), operand], token.at, token.at);
  }

  #number(token: Token, sign: string): Term {
    let text = sign;
    if (this.isOperator(".")) {
      this.at++;
      text += "0.";
    }
    const digits = this.token();
    if (digits.kind !== "number") throw this.unexpected("expected number");
    if (text.endsWith(".") ? digits.text.includes(".") : /^0[0-9]/.test(digits.text))
      throw this.unexpected("expected number without leading zero");
    const next = this.token(1);
    if (next.kind === "name" && !next.spaced) throw this.error("illegal number format", token.at);
    this.at++;
    try {
      return valueTerm(parseNumber(text + digits.text), token.at);
    } catch (cause) {
      throw regoError("rego_parse_error", "number too big", { cause, position: token.at });
    }
  }

  #template(): Term {
    const at = this.token().at;
    const parts: (string | Expr)[] = [];
    for (;;) {
      const token = this.token();
      this.at++;
      if (token.text !== "") parts.push(token.text);
      if (token.kind === "templateEnd")
        return parts.every((part) => typeof part === "string")
          ? valueTerm(parts.join(""), at)
          : { kind: "template", parts, raw: token.raw === true, at };
      const expr = this.literal();
      const wrong = expr.kind === "every" || expr.kind === "some" || expr.kind === "someIn" || expr.kind === "eq";
      if (wrong || expr.negated) throw this.error("unexpected expression in template-string", expr.at);
      parts.push(expr);
      this.expect("}");
    }
  }

  /** `.name`, `[index]` and `(arguments)` that follow a term without space. */
  #suffixes(head: Term, spaced = false): Term {
    let term = head;
    let mayBeSpaced = spaced;
    let path: Term[] = [];
    const joined = (): Term => (path.length === 0 ? term : { kind: "ref", head: term, path, at: head.at });
    for (;;) {
      const token = this.token();
      const joins = !token.spaced || (mayBeSpaced && !token.newLine);
      const suffix = token.kind === "operator" && joins ? token.text : "";
      mayBeSpaced = false;
      if (suffix === ".") {
        const name = this.token(1);
        if (name.kind !== "name" || name.spaced) throw this.#notAName(name);
        path.push(valueTerm(name.text, name.at));
        this.at += 2;
      } else if (suffix === "[") {
        this.at++;
        path.push(this.infix());
        this.expect("]");
      } else if (suffix === "(") {
        term = this.#arguments(term, path);
        path = [];
      } else break;
      if (term.kind === "value" && path.length > 0) this.#refHead(term);
    }
    if (path.length === 0 && term.kind === "var" && (term.name === "input" || term.name === "data"))
      return { kind: "ref", head: term, path, at: term.at };
    return joined();
  }

  #notAName({ spaced, kind, at }: Token): Error {
    if (spaced && kind !== "end") return this.error("unexpected whitespace token: expected identifier", at);
    this.at++;
    return this.unexpected("expected identifier");
  }

  /** A scalar has nothing to refer into. */
  #refHead(term: Term): void {
    if (
      term.kind === "value" &&
      (term.value === null ||
        typeof term.value !== "object" ||
        !(Array.isArray(term.value) || term.value instanceof ObjectValue || term.value instanceof SetValue))
    )
      throw this.error("illegal ref (head cannot be a scalar)", term.at);
  }

  #arguments(head: Term, path: readonly Term[]): Term {
    if (head.kind !== "var") throw this.unexpected();
    const parts = [head.name];
    for (const part of path) {
      if (part.kind !== "value" || typeof part.value !== "string")
        throw this.error("illegal call of a reference with variables", part.at);
      parts.push(part.value);
    }
    this.at++;
    const args = this.#list(")");
    if (parts.length === 1 && head.name === "set" && args.length === 0) return valueTerm(SetValue.of([]), head.at);
    const operator: Operator = { name: parts.join("."), parts, at: head.at };
    return { kind: "call", operator, args, at: head.at };
  }

  #list(close: string, list: Term[] = []): Term[] {
    while (!this.take(close)) {
      list.push(this.infixInList());
      if (!this.isOperator(close)) this.expect(",");
    }
    return list;
  }

  #array(): Term {
    const at = this.token().at;
    this.at++;
    if (this.take("]")) return valueTerm([], at);
    if (this.take(",")) return listTerm("array", this.#list("]"), at);
    const start = this.at;
    const head = this.term();
    if (this.isOperator("|")) {
      const body = this.#comprehensionBody("]");
      if (body !== undefined) return { kind: "comprehension", of: "array", value: head, body, at };
    }
    this.at = start;
    return listTerm("array", this.#list("]"), at);
  }

  /** The body behind `|`; nothing when a comma says that it was a union. */
  #comprehensionBody(close: string): Body | undefined {
    this.at++;
    const depth = this.depth;
    try {
      return this.body(close);
    } catch (error) {
      if (error instanceof RangeError || !this.isOperator(",")) throw error;
      this.depth = depth;
      return undefined;
    }
  }

  #setOrObject(): Term {
    const at = this.token().at;
    this.at++;
    if (this.take("}")) return valueTerm(ObjectValue.of([]), at);
    const comprehension = !this.take(",");
    const start = this.at;
    const head = this.term();
    if (this.isOperator("|") && comprehension) {
      const body = this.#comprehensionBody("}");
      if (body !== undefined) return { kind: "comprehension", of: "set", value: head, body, at };
    }
    this.at = start;
    const first = this.infixInList();
    if (this.isOperator(":")) return this.#object(first, comprehension, at);
    if (this.take(",")) return listTerm("set", this.#list("}", [first]), at);
    if (!this.take("}")) throw this.unexpected("non-terminated set");
    return listTerm("set", [first], at);
  }

  #object(key: Term, comprehension: boolean, at: Position): Term {
    this.expect(":");
    const start = this.at;
    const value = this.term();
    if (this.isOperator("|") && comprehension) {
      const body = this.#comprehensionBody("}");
      if (body !== undefined) return { kind: "comprehension", of: "object", key, value, body, at };
    }
    this.at = start;
    const pairs: (readonly [Term, Term])[] = [[key, this.infixInList()]];
    while (!this.take("}")) {
      if (!this.isOperator("}")) this.expect(",");
      if (this.take("}")) break;
      const next = this.infixInList();
      this.expect(":");
      pairs.push([next, this.infixInList()]);
    }
    return objectTerm(pairs, at);
  }
}

function listTerm(kind: "array" | "set", items: readonly Term[], at: Position): Term {
  const values = constants(items);
  if (values === undefined) return { kind, items, at };
  return valueTerm(kind === "array" ? values : SetValue.of(values), at);
}

function objectTerm(pairs: readonly (readonly [Term, Term])[], at: Position): Term {
  const keys = constants(pairs.map(([key]) => key));
  const values = constants(pairs.map(([, value]) => value));
  if (keys === undefined || values === undefined) return { kind: "object", pairs, at };
  return valueTerm(ObjectValue.of(keys.map((key, i) => [key, values[i] ?? null] as const)), at);
}

function constants(items: readonly Term[]): Value[] | undefined {
  const values: Value[] = [];
  for (const item of items) {
    if (item.kind !== "value") return undefined;
    values.push(item.value);
  }
  return values;
}
