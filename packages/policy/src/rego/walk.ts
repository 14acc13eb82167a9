// Walks over the syntax tree: collecting variables, and making a changed copy.
import type { Body, Expr, RefTerm, Term, With } from "./ast.ts";

/** What a walk for variables passes by. */
export interface VarsOptions {
  /** Comprehensions, and the bodies of every, not, and, or. */
  readonly closures?: boolean;
  /** The heads of references. */
  readonly refHeads?: boolean;
  /** The keys of objects. */
  readonly objectKeys?: boolean;
  /** Sets, whose members cannot be matched. */
  readonly sets?: boolean;
}

/** Call `found` for each variable of a term, those that `skip` names aside. */
export function termVars(term: Term, skip: VarsOptions, found: (name: string) => void): void {
  switch (term.kind) {
    case "value":
      return;
    case "var":
      found(term.name);
      return;
    case "ref":
      if (skip.refHeads !== true) termVars(term.head, skip, found);
      else if (term.head.kind !== "var") termVars(term.head, skip, found);
      for (const part of term.path) termVars(part, skip, found);
      return;
    case "array":
      for (const item of term.items) termVars(item, skip, found);
      return;
    case "set":
      if (skip.sets !== true) for (const item of term.items) termVars(item, skip, found);
      return;
    case "object":
      for (const [key, value] of term.pairs) {
        if (skip.objectKeys !== true) termVars(key, skip, found);
        termVars(value, skip, found);
      }
      return;
    case "call":
      for (const arg of term.args) termVars(arg, skip, found);
      return;
    case "comprehension":
      if (skip.closures === true) return;
      if (term.key !== undefined) termVars(term.key, skip, found);
      termVars(term.value, skip, found);
      bodyVars(term.body, skip, found);
      return;
    default:
      if (skip.closures === true) return;
      for (const part of term.parts) if (typeof part !== "string") exprVars(part, skip, found);
  }
}

/** Call `found` for each variable of an expression. Of a `with`, the roots of target and function name are passed by. */
export function exprVars(expr: Expr, skip: VarsOptions, found: (name: string) => void): void {
  switch (expr.kind) {
    case "term":
      termVars(expr.term, skip, found);
      break;
    case "eq":
      termVars(expr.left, skip, found);
      termVars(expr.right, skip, found);
      break;
    case "call":
      for (const arg of expr.args) termVars(arg, skip, found);
      if (expr.output !== undefined) termVars(expr.output, skip, found);
      break;
    case "some":
      for (const name of expr.names) found(name.name);
      break;
    case "someIn":
      if (expr.key !== undefined) termVars(expr.key, skip, found);
      termVars(expr.value, skip, found);
      termVars(expr.domain, skip, found);
      break;
    case "every":
      termVars(expr.domain, skip, found);
      if (skip.closures === true) break;
      if (expr.key !== undefined) found(expr.key.name);
      found(expr.value.name);
      bodyVars(expr.body, skip, found);
      break;
    default:
      if (skip.closures !== true) for (const body of bodiesOf(expr)) bodyVars(body, skip, found);
  }
  for (const { target, value } of expr.with) {
    for (const part of target.path) termVars(part, skip, found);
    if (value.kind === "ref") for (const part of value.path) termVars(part, skip, found);
    else termVars(value, skip, found);
  }
}

/** Call `found` for each variable of a body. */
export function bodyVars(body: Body, skip: VarsOptions, found: (name: string) => void): void {
  for (const expr of body) exprVars(expr, skip, found);
}

/** The bodies within an expression: of every, not, and, or. */
export function bodiesOf(expr: Expr): readonly Body[] {
  if (expr.kind === "every" || expr.kind === "not") return [expr.body];
  return expr.kind === "and" || expr.kind === "or" ? [expr.left, expr.right] : [];
}

/** The variables of something, as a set. */
export function collect(walk: (found: (name: string) => void) => void): Set<string> {
  const names = new Set<string>();
  walk((name) => names.add(name));
  return names;
}

/** A copy of a term with its direct subterms, and the bodies of comprehensions, changed. */
export function mapTerm(term: Term, each: (term: Term) => Term, eachBody: (body: Body) => Body): Term {
  switch (term.kind) {
    case "value":
    case "var":
      return term;
    case "ref":
      return { ...term, head: each(term.head), path: term.path.map(each) };
    case "array":
    case "set":
      return { ...term, items: term.items.map(each) };
    case "object":
      return { ...term, pairs: term.pairs.map(([key, value]) => [each(key), each(value)] as const) };
    case "call":
      return { ...term, args: term.args.map(each) };
    case "comprehension": {
      const body = eachBody(term.body);
      const key = term.key === undefined ? {} : { key: each(term.key) };
      return { ...term, ...key, value: each(term.value), body };
    }
    default:
      return { ...term, parts: term.parts.map((part) => (typeof part === "string" ? part : (eachBody([part])[0] ?? part))) };
  }
}

/** A copy of an expression with its terms, bodies and withs changed. */
export function mapExpr(
  expr: Expr,
  each: (term: Term) => Term,
  eachBody: (body: Body) => Body,
  eachWith: (item: With) => With,
): Expr {
  const withs = expr.with.map(eachWith);
  switch (expr.kind) {
    case "term":
      return { ...expr, term: each(expr.term), with: withs };
    case "eq":
      return { ...expr, left: each(expr.left), right: each(expr.right), with: withs };
    case "call": {
      const output = expr.output === undefined ? {} : { output: each(expr.output) };
      return { ...expr, args: expr.args.map(each), ...output, with: withs };
    }
    case "some":
      return { ...expr, with: withs };
    case "someIn": {
      const key = expr.key === undefined ? {} : { key: each(expr.key) };
      return { ...expr, ...key, value: each(expr.value), domain: each(expr.domain), with: withs };
    }
    case "every":
      return { ...expr, domain: each(expr.domain), body: eachBody(expr.body), with: withs };
    case "not":
      return { ...expr, body: eachBody(expr.body), with: withs };
    default:
      return { ...expr, left: eachBody(expr.left), right: eachBody(expr.right), with: withs };
  }
}

/** A reference with its parts known to be a reference still. */
export function mapRef(ref: RefTerm, each: (term: Term) => Term): RefTerm {
  return { ...ref, head: each(ref.head), path: ref.path.map(each) };
}

/** Call `visit` for each term in a body, outermost first, closures included; `visitExpr` for each expression. */
export function visitBody(body: Body, visit: (term: Term) => void, visitExpr: (expr: Expr) => void = () => {}): void {
  const eachTerm = (term: Term): Term => {
    visit(term);
    return mapTerm(term, eachTerm, eachBody);
  };
  const eachBody = (inner: Body): Body => {
    for (const expr of inner) {
      visitExpr(expr);
      mapExpr(expr, eachTerm, eachBody, (item) => {
        eachTerm(item.target);
        eachTerm(item.value);
        return item;
      });
    }
    return inner;
  };
  eachBody(body);
}
