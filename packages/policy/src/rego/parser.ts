// The parser of expressions and bodies. Terms stand in parse-term.ts, rules and modules in parse-module.ts.
import type { Position } from "../values/index.ts";
import { type Body, type Expr, type RefTerm, type Term, trueExpr, type VarTerm, type With } from "./ast.ts";
import { TermParser } from "./parse-term.ts";
import { reserved } from "./token-reader.ts";

/** Reads terms, expressions and bodies from tokens. */
export class Parser extends TermParser {
  /** Expressions up to the closing bracket, which is stepped over. */
  override body(close: string): Body {
    return this.nested(() => {
      const body = this.query(() => this.isOperator(close), close);
      this.expect(close);
      return body;
    });
  }

  /** Expressions separated by semicolons or line ends; in a query, where `separated` is false, by nothing. */
  query(ends: () => boolean, close: string, separated = true): Body {
    if (ends()) throw this.error("found empty body");
    const body: Expr[] = [];
    for (;;) {
      body.push(this.literal());
      if (this.take(";")) {
        if (ends()) throw this.unexpected();
        continue;
      }
      if (ends()) return body;
      if (separated && !this.token().newLine) throw this.unexpected(`expected \\n or ; or ${close}`);
    }
  }

  /** One expression of a body, with its `with`s. */
  override literal(): Expr {
    const logical = this.#logicalActive();
    if (logical && this.isOperator("{")) {
      const at = this.token().at;
      const left = this.attempt(() => {
        this.at++;
        const body = this.body("}");
        if (!this.#atLogical()) throw this.unexpected();
        return body;
      });
      if (left !== undefined) return this.#withs(this.#logical(left, true, at));
    }
    if (logical && this.isOperator("(")) {
      const group = this.#group(false);
      if (group !== undefined) return this.#tail(group.body, group.explicit);
    }
    if (this.isKeyword("some")) return this.#some();
    if (this.isKeyword("every")) return this.#every();
    const at = this.token().at;
    const negated = this.take("not");
    if (negated && (this.isKeyword("some") || this.isKeyword("every")))
      throw this.unexpected(`illegal negation of '${this.token().text}'`);
    if (!negated || !this.keywords.has("not")) return this.#plain(negated, at);
    return this.#notBody(at);
  }

  #plain(negated: boolean, at: Position): Expr {
    const brace = this.isOperator("{");
    const expr = this.#expression(negated, at);
    if (!this.#atLogical()) return this.#withs(expr);
    if (brace && !negated) throw this.unexpected("`{...}` in an operand position must contain expression(s)");
    return this.#withs(this.#logical([expr], false, at));
  }

  /** What follows `not` when it may hold a body. */
  #notBody(at: Position): Expr {
    if (this.isOperator("{")) {
      this.at++;
      const body = this.body("}");
      return this.#tail([{ kind: "not", body, explicit: true, negated: false, with: [], at }], false);
    }
    const group = this.isOperator("(") ? this.#group(true) : undefined;
    const body = group?.body ?? [this.#expression(false, this.token().at)];
    return this.#tail([{ kind: "not", body, explicit: group?.explicit === true, negated: false, with: [], at }], false);
  }

  #tail(body: Body, explicit: boolean): Expr {
    const [first] = body;
    if (first === undefined) throw this.unexpected();
    return this.#withs(this.#atLogical() ? this.#logical(body, explicit, first.at) : first);
  }

  #logicalActive(): boolean {
    return this.keywords.has("and") || this.keywords.has("or");
  }

  #atLogical(): boolean {
    return (this.keywords.has("and") && this.isKeyword("and")) || (this.keywords.has("or") && this.isKeyword("or"));
  }

  /** `left and right or …`, `and` binding tighter. */
  #logical(first: Body, explicit: boolean, at: Position): Expr {
    let [left, explicitLeft] = this.#conjunction(first, explicit, at);
    while (this.keywords.has("or") && this.take("or")) {
      const operand = this.#operand();
      const [right, explicitRight] = this.#conjunction(operand.body, operand.explicit, at);
      left = [{ kind: "or", left, right, explicitLeft, explicitRight, negated: false, with: [], at }];
      explicitLeft = false;
    }
    const [expr] = left;
    if (expr === undefined) throw this.unexpected();
    return expr;
  }

  #conjunction(first: Body, explicit: boolean, at: Position): [Body, boolean] {
    let left = first;
    let explicitLeft = explicit;
    while (this.keywords.has("and") && this.take("and")) {
      const { body: right, explicit: explicitRight } = this.#operand();
      left = [{ kind: "and", left, right, explicitLeft, explicitRight, negated: false, with: [], at }];
      explicitLeft = false;
    }
    return [left, explicitLeft];
  }

  #operand(): { body: Body; explicit: boolean } {
    if (this.isOperator("{")) {
      this.at++;
      return { body: this.body("}"), explicit: true };
    }
    const at = this.token().at;
    const negated = this.take("not");
    const bodies = negated && this.keywords.has("not");
    if (bodies && this.isOperator("{")) {
      this.at++;
      const body = this.body("}");
      return { body: [{ kind: "not", body, explicit: true, negated: false, with: [], at }], explicit: false };
    }
    if (this.isOperator("(") && (!negated || bodies)) {
      const group = this.#group(true);
      if (group !== undefined && !negated) return group;
      if (group !== undefined) return { body: [{ kind: "not", ...group, negated: false, with: [], at }], explicit: false };
    }
    const expr = this.#expression(negated && !bodies, at);
    return {
      body: [bodies ? { kind: "not", body: [expr], explicit: false, negated: false, with: [], at } : expr],
      explicit: false,
    };
  }

  /** A group in parentheses that holds `and`, `or` or `not`; nothing (and no step) when the parentheses hold a plain term. */
  #group(operand: boolean): { body: Body; explicit: boolean } | undefined {
    return this.attempt(() =>
      this.nested(() => {
        this.expect("(");
        const inner = this.#operand();
        const [first] = inner.body;
        if (first === undefined) throw this.unexpected();
        if (this.#atLogical()) {
          const body = [this.#withs(this.#logical(inner.body, inner.explicit, first.at))];
          this.expect(")");
          return { body, explicit: false };
        }
        if (this.isKeyword("with") && !inner.explicit) {
          const body = [this.#withs(first)];
          this.expect(")");
          if (!operand && !this.#atLogical()) throw this.unexpected();
          return { body, explicit: false };
        }
        const logical = first.kind === "and" || first.kind === "or" || first.kind === "not" || first.negated;
        if (inner.explicit || !logical) throw this.unexpected();
        this.expect(")");
        return { body: inner.body, explicit: false };
      }),
    );
  }

  #withs(expr: Expr): Expr {
    if (!this.isKeyword("with")) return expr;
    const withs: With[] = [];
    while (this.isKeyword("with")) {
      const at = this.token().at;
      this.at++;
      const target = this.term();
      const ref: RefTerm | undefined =
        target.kind === "ref"
          ? target
          : target.kind === "var"
            ? { kind: "ref", head: target, path: [], at: target.at }
            : undefined;
      if (ref === undefined) throw this.error("expected with target path", target.at);
      this.expect("as");
      withs.push({ target: ref, value: this.infix(), at });
    }
    return { ...expr, with: [...expr.with, ...withs] };
  }

  #some(): Expr {
    const at = this.token().at;
    this.at++;
    const domain = this.keywords.has("in") ? this.attempt(() => this.#membership()) : undefined;
    if (domain !== undefined) return this.#withs({ kind: "someIn", ...domain, negated: false, with: [], at });
    const names: VarTerm[] = [];
    do {
      const token = this.token();
      if (token.kind !== "name" || reserved.has(token.text)) throw this.unexpected("expected var");
      names.push(this.variable());
    } while (this.take(","));
    return { kind: "some", names, negated: false, with: [], at };
  }

  /** `value in domain` or `key, value in domain`. */
  #membership(): { key?: Term; value: Term; domain: Term } {
    const call = this.infix();
    if (call.kind !== "call") throw this.unexpected("expected `x in xs` or `x, y in xs` expression");
    const [first, second, third] = call.args;
    if (call.operator.name === "internal.member_2" && first !== undefined && second !== undefined)
      return { value: first, domain: second };
    if (call.operator.name === "internal.member_3" && first !== undefined && second !== undefined && third !== undefined)
      return { key: first, value: second, domain: third };
    throw this.unexpected("expected `x in xs` or `x, y in xs` expression");
  }

  #every(): Expr {
    const at = this.token().at;
    this.at++;
    const { key, value, domain } = this.#membership();
    if (key !== undefined && key.kind !== "var") throw this.error("expected key to be a variable", key.at);
    if (value.kind !== "var") throw this.error("expected value to be a variable", value.at);
    if (!this.isOperator("{")) throw this.unexpected("missing body");
    this.at++;
    const body = this.body("}");
    const expr: Expr = {
      kind: "every",
      ...(key === undefined ? {} : { key }),
      value,
      domain,
      body,
      negated: false,
      with: [],
      at,
    };
    return this.#withs(expr);
  }

  /** A term, a comparison, an assignment or a unification. */
  #expression(negated: boolean, at: Position): Expr {
    const left = this.infix();
    const base = { negated, with: [], at };
    const assign = this.isOperator(":=");
    if (assign || this.isOperator("=")) {
      this.at++;
      return { kind: "eq", left, right: this.infix(), assign, ...base };
    }
    if (left.kind !== "call") return { kind: "term", term: left, ...base };
    const [first, second] = left.args;
    const named = left.operator.name;
    if ((named === "eq" || named === "assign") && left.args.length === 2 && first !== undefined && second !== undefined)
      return { kind: "eq", left: first, right: second, assign: named === "assign", ...base };
    return { kind: "call", operator: left.operator, args: left.args, ...base };
  }
}

/** A body that always holds. */
export function trueBody(at: Position): Body {
  return [trueExpr(at)];
}
