// A module's syntax tree as OPA writes it in JSON: what rego.parse_module gives to a policy.
import { compareStrings, isArray, isNumeric, kindOf, ObjectBuilder, ObjectValue, SetValue, type Value } from "../values/index.ts";
import type { Body, Expr, Import, Module, Operator, Rule, Term, With } from "./ast.ts";
import { parseModule } from "./parse-module.ts";
import { type Comment, readComments } from "./tokenizer.ts";

/** The syntax tree of a module of version 1, as OPA's `ast.Module` is in JSON: comments are bytes there, so in base64. Throws rego_parse_error. */
export function moduleJson(file: string, source: string, base64: (text: string) => string): Value {
  const module = parseModule(file, source, "v1");
  const comments = readComments(file, source);
  return object({
    package: object({ path: pathOf(module) }),
    imports: listOrNone(module.imports.map(importOf)),
    rules: listOrNone(module.rules.map((rule) => ruleOf(rule))),
    comments: listOrNone(comments.map((comment) => commentOf(comment, base64))),
  });
}

/** An object of what there is. */
function object(fields: Readonly<Record<string, Value | undefined>>): ObjectValue {
  const builder = new ObjectBuilder();
  for (const [name, value] of Object.entries(fields)) if (value !== undefined) builder.set(name, value);
  return builder.finish();
}

function listOrNone(list: readonly Value[]): Value | undefined {
  return list.length === 0 ? undefined : list;
}

function typed(type: string, value: Value): ObjectValue {
  return object({ type, value });
}

const variable = (name: string): ObjectValue => typed("var", name);

function pathOf(module: Module): Value {
  return [variable("data"), ...module.package.map((name) => typed("string", name))];
}

function importOf({ path, alias }: Import): Value {
  return object({ path: termOf(path), alias });
}

function commentOf({ text, at }: Comment, base64: (text: string) => string): Value {
  return object({ Text: base64(text), Location: object({ file: at.file, row: at.line, col: at.column }) });
}

function ruleOf(rule: Rule, isElse = false): Value {
  return object({
    default: rule.isDefault ? true : undefined,
    head: headOf(rule, isElse),
    body: rule.isDefault || rule.generatedBody ? [generatedTrue] : bodyOf(rule.body),
    else: rule.otherwise === undefined ? undefined : elseOf(rule, rule.otherwise),
  });
}

/** An else without a value is written as the rule is. */
function elseOf(rule: Rule, otherwise: Rule): Value {
  const { head } = otherwise;
  return ruleOf(head.generatedValue ? { ...otherwise, head: { ...head, assign: rule.head.assign } } : otherwise, true);
}

const generatedTrue: Value = object({ generated: true, index: 0, terms: typed("boolean", true) });

/** As OPA's parser leaves it: a rule of two parts has its second as key, unless that is a constant and a body follows. */
function headOf({ head, generatedBody, isDefault }: Rule, isElse: boolean): Value {
  const { ref, args, key, value, assign, generatedValue } = head;
  const [first, second, third] = ref;
  const isPair = second !== undefined && third === undefined && key === undefined;
  const isNamed = second === undefined || (isPair && !generatedValue && (args === undefined || !(isDefault || generatedBody)));
  const isBodiless = generatedBody && !isElse;
  const ownKey = isPair && args === undefined && (isBodiless || second.kind !== "value") ? second : undefined;
  return object({
    name: isNamed && first?.kind === "var" ? first.name : undefined,
    ref: ref.map(termOf),
    args: args === undefined ? undefined : args.map(termOf),
    key: key !== undefined ? termOf(key) : ownKey === undefined ? undefined : termOf(ownKey),
    value: value === undefined ? undefined : termOf(value),
    assign: assign ? true : undefined,
  });
}

function bodyOf(body: Body): Value {
  return body.map(exprOf);
}

function exprOf(expr: Expr, index: number): Value {
  return object({
    index,
    negated: expr.negated ? true : undefined,
    terms: termsOf(expr),
    with: listOrNone(expr.with.map(withOf)),
  });
}

function withOf({ target, value }: With): Value {
  const { head, path } = target;
  const isName = path.length === 0 && head.kind === "var" && head.name !== "input" && head.name !== "data";
  return object({ target: termOf(isName ? head : target), value: termOf(value) });
}

function termsOf(expr: Expr): Value {
  switch (expr.kind) {
    case "term":
      return termOf(expr.term);
    case "eq":
      return [operatorOf(expr.assign ? ["assign"] : ["eq"]), termOf(expr.left), termOf(expr.right)];
    case "call":
      return callOf(expr.operator, expr.args);
    case "some":
      return object({ symbols: expr.names.map(termOf) });
    case "someIn": {
      const operator = ["internal", expr.key === undefined ? "member_2" : "member_3"];
      const args = [...(expr.key === undefined ? [] : [expr.key]), expr.value, expr.domain];
      return object({ symbols: [typed("call", [operatorOf(operator), ...args.map(termOf)])] });
    }
    case "every":
      return object({
        key: expr.key === undefined ? null : termOf(expr.key),
        value: termOf(expr.value),
        domain: termOf(expr.domain),
        body: bodyOf(expr.body),
      });
    case "not":
      return object({ type: "not", body: bodyOf(expr.body), explicit_body: expr.explicit });
    default:
      return object({
        type: expr.kind,
        lhs: bodyOf(expr.left),
        rhs: bodyOf(expr.right),
        explicit_lhs: expr.explicitLeft ? true : undefined,
        explicit_rhs: expr.explicitRight ? true : undefined,
      });
  }
}

function operatorOf([first = "", ...rest]: readonly string[]): Value {
  return typed("ref", [variable(first), ...rest.map((name) => typed("string", name))]);
}

function callOf({ parts }: Operator, args: readonly Term[]): Value[] {
  return [operatorOf(parts), ...args.map(termOf)];
}

function termOf(term: Term): Value {
  switch (term.kind) {
    case "value":
      return constantOf(term.value);
    case "var":
      return variable(term.name);
    case "ref":
      return typed("ref", [termOf(term.head), ...term.path.map(termOf)]);
    case "array":
      return typed("array", term.items.map(termOf));
    case "set":
      return typed("set", inOrder(term.items.map((item) => [termOf(item), termOf(item)])));
    case "object":
      return typed("object", inOrder(term.pairs.map(([key, value]) => [termOf(key), [termOf(key), termOf(value)]])));
    case "call":
      return typed("call", callOf(term.operator, term.args));
    case "comprehension": {
      const body = bodyOf(term.body);
      const value = termOf(term.value);
      const made = term.key === undefined ? { term: value, body } : { key: termOf(term.key), value, body };
      return typed(`${term.of}comprehension`, object(made));
    }
    default:
      return typed(
        "templatestring",
        object({
          multi_line: term.raw,
          parts: term.parts.map(partOf),
        }),
      );
  }
}

function partOf(part: string | Expr): Value {
  if (typeof part === "string") return typed("string", part);
  return part.kind === "term" && part.term.kind === "value" && part.with.length === 0 ? termOf(part.term) : exprOf(part, 0);
}

function constantOf(value: Value): Value {
  if (value === null) return typed("null", object({}));
  if (isArray(value)) return typed("array", value.map(constantOf));
  if (value instanceof SetValue) return typed("set", value.values().map(constantOf));
  if (value instanceof ObjectValue)
    return typed(
      "object",
      value.entries().map(([key, item]) => [constantOf(key), constantOf(item)]),
    );
  return typed(isNumeric(value) ? "number" : kindOf(value), value);
}

const order = ["null", "boolean", "number", "string", "var", "ref", "array", "object", "set"];

/** Members and pairs stand in the order of OPA's terms: by kind, and variables by name. */
function inOrder(pairs: readonly (readonly [by: Value, Value])[]): Value {
  const rank = (by: Value): number => {
    const type = by instanceof ObjectValue ? by.get("type") : undefined;
    const at = order.indexOf(String(type));
    return at < 0 ? order.length : at;
  };
  const text = (by: Value): string => {
    const value = by instanceof ObjectValue ? by.get("value") : undefined;
    return typeof value === "string" ? value : "";
  };
  return pairs.toSorted(([a], [b]) => rank(a) - rank(b) || compareStrings(text(a), text(b))).map(([, value]) => value);
}
