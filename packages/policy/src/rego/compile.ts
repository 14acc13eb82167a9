// From modules to a policy: names resolved, variables renamed, calls moved out, bodies ordered, everything checked, then planned.
import type { Position } from "../values/index.ts";
import {
  type Body,
  type Dialect,
  type Expr,
  equation,
  type Head,
  type Module,
  type Operator,
  type Rule,
  type Term,
  trueExpr,
  varTerm,
} from "./ast.ts";
import { type BuiltinRegistry, builtinRegistry } from "./builtin.ts";
import { checkQueryTypes, checkTypes } from "./check-types.ts";
import { regoError } from "./errors.ts";
import { expandCalls, expandDynamic, expandTerm, expandWiths, needsEvaluation } from "./expand.ts";
import { Names, renameQuery, renameRule } from "./locals.ts";
import { type DocNode, Machine } from "./machine.ts";
import { withMetadata } from "./metadata.ts";
import { operatorBuiltins } from "./operators.ts";
import { parseModule, parseQuery } from "./parse-module.ts";
import { planNode } from "./plan-rule.ts";
import type { Functions } from "./plan-with.ts";
import { type Global, globalsOf, resolveModule, resolveQuery } from "./resolve.ts";
import { buildRuleTree, checkPackages, checkRecursion, functionNode, type PlacedRule, type RuleTree } from "./rule-tree.ts";
import { type Arity, orderQuery, orderRule } from "./safety.ts";
import { checkModule } from "./strictness.ts";
import { mapExpr, mapTerm, visitBody } from "./walk.ts";
import { checkWiths } from "./with-targets.ts";

/** A file of a policy. */
export interface Source {
  /** The name that positions carry. */
  readonly file: string;
  readonly source: string;
}

/** How a policy is compiled. */
export interface CompileOptions {
  /** How modules are read that do not say `import rego.v1`; cosign and policy-controller read v0. */
  readonly dialect: Dialect;
  /** The built-in functions besides the operators: from the room `rego-builtins`. A call of any other is refused. */
  readonly builtins: BuiltinRegistry;
}

/** A compiled policy, before it is asked anything. */
export interface Compiled {
  readonly machine: Machine;
  readonly tree: RuleTree;
  readonly functions: Functions;
  readonly names: Names;
  readonly options: CompileOptions;
}

/** Compile modules; throws the rego_*_error codes with the position of the first error. */
export function compileModules(sources: readonly Source[], options: CompileOptions): Compiled {
  const builtins = builtinRegistry(operatorBuiltins, options.builtins);
  const parsed = sources.map(({ file, source }) => parseModule(file, source, options.dialect));
  const modules = withMetadata(parsed, sources, builtins);
  for (const module of modules) checkModule(module, builtins);
  const names = new Names();
  const placed: PlacedRule[] = [];
  for (const module of modules) {
    const globals = globalsOf(module, modules);
    for (const rule of resolveModule(module, globals, builtins))
      placed.push({ rule: expandRule(renameRule(rule, names), names), package: module.package });
  }
  const machine = new Machine();
  const draft = buildRuleTree(machine.root, placed);
  checkPackages(
    draft,
    modules.map((module) => ({ path: module.package, at: module.packageAt })),
  );
  const arity = arityOf(draft, builtins);
  checkWiths(
    placed.map(({ rule }) => rule),
    draft,
    builtins,
  );
  checkCalls(
    placed.map(({ rule }) => rule),
    arity,
  );
  const isFunction = functionTest(draft, builtins);
  const ordered = placed.map((each) => ({ ...each, rule: finishRule(each.rule, arity, names, isFunction) }));
  const tree = buildRuleTree(machine.root, ordered);
  checkRecursion(tree);
  checkTypes(tree, builtins);
  const functions: Functions = { builtins, arity, find: (operator) => functionNode(tree, operator) };
  ensurePackages(machine.root, modules);
  for (const [node, entry] of tree.entries) planNode(machine, node, entry, functions, (rule) => tree.rest(rule));
  return { machine, tree, functions, names, options };
}

/** A package without rules is an empty object. */
function ensurePackages(root: DocNode, modules: readonly Module[]): void {
  for (const module of modules) {
    let node = root;
    for (const key of module.package) {
      let child = node.children.get(key);
      if (child === undefined) {
        child = { key, path: [...node.path, key], children: new Map() };
        node.children.set(key, child);
      }
      node = child;
    }
  }
}

function arityOf(tree: RuleTree, builtins: BuiltinRegistry): Arity {
  return (operator: Operator): number | undefined => {
    const node = functionNode(tree, operator);
    if (node !== undefined) {
      const entry = tree.entries.get(node);
      return (entry?.rules[0] ?? entry?.defaults[0])?.head.args?.length;
    }
    return builtins.get(operator.name)?.args.length;
  };
}

/** Calls out of the body, and calls and references out of the head into the body. */
function expandRule(rule: Rule, names: Names): Rule {
  const support: Expr[] = [];
  const inTerm = (term: Term): Term => mapTerm(term, inTerm, withoutPrints);
  const move = (term: Term, hoist: boolean): Term => {
    const expanded = expandTerm(inTerm(term), names);
    support.push(...expanded.support);
    if (!hoist || !needsEvaluation(expanded.term)) return expanded.term;
    const local = varTerm(names.generated(), term.at);
    support.push(equation(local, expanded.term, term.at));
    return local;
  };
  const { head } = rule;
  const [name, ...rest] = head.ref;
  const moved: Head = {
    ...head,
    ref: name === undefined ? [] : [name, ...rest.map((part) => move(part, true))],
    ...(head.args === undefined ? {} : { args: head.args.map((arg) => move(arg, true)) }),
    ...(head.key === undefined ? {} : { key: move(head.key, true) }),
    ...(head.value === undefined ? {} : { value: move(head.value, !rule.isDefault) }),
  };
  const body = [...expandCalls(withoutPrints(rule.body), names), ...support];
  const otherwise = rule.otherwise === undefined ? {} : { otherwise: expandRule(rule.otherwise, names) };
  return { ...rule, head: moved, body, ...otherwise };
}

/** `print` has no value and no effect here. */
function withoutPrints(body: Body): Body {
  const inTerm = (term: Term): Term => mapTerm(term, inTerm, withoutPrints);
  return body.map((expr) => {
    if (expr.kind === "call" && expr.operator.name === "print") return trueExpr(expr.at);
    return mapExpr(expr, inTerm, withoutPrints, (item) => item);
  });
}

/** Whether a term names a function: of the policy, or a built-in one. */
function functionTest(tree: RuleTree, builtins: BuiltinRegistry): (term: Term) => boolean {
  return (term) => {
    if (term.kind !== "ref" || term.head.kind !== "var") return false;
    const parts = [term.head.name, ...term.path.map((part) => (part.kind === "value" ? String(part.value) : "_"))];
    const operator: Operator = { name: parts.join("."), parts, at: term.at };
    return builtins.has(operator.name) || functionNode(tree, operator) !== undefined;
  };
}

function finishRule(rule: Rule, arity: Arity, names: Names, isFunction: (term: Term) => boolean): Rule {
  const ordered = orderRule({ ...rule, body: expandWiths(rule.body, names, isFunction) }, arity);
  const body = expandDynamic(rewriteEqual(ordered.body), names);
  const otherwise = rule.otherwise === undefined ? {} : { otherwise: finishRule(rule.otherwise, arity, names, isFunction) };
  return { ...ordered, head: finishHead(ordered.head, names), body, ...otherwise };
}

function finishHead(head: Head, names: Names): Head {
  const finish = (term: Term): Term =>
    term.kind === "comprehension"
      ? { ...term, body: expandDynamic(rewriteEqual(term.body), names) }
      : mapTerm(term, finish, (body) => body);
  return {
    ...head,
    ...(head.key === undefined ? {} : { key: finish(head.key) }),
    ...(head.value === undefined ? {} : { value: finish(head.value) }),
  };
}

/** After ordering, `a == b` is `a = b`: nothing is left in it to bind. */
function rewriteEqual(body: Body): Body {
  const eachTerm = (term: Term): Term => mapTerm(term, eachTerm, rewriteEqual);
  return body.map((expr) => {
    const mapped = mapExpr(expr, eachTerm, rewriteEqual, (item) => item);
    const [left, right] = mapped.kind === "call" ? mapped.args : [];
    if (
      mapped.kind !== "call" ||
      mapped.operator.name !== "equal" ||
      mapped.output !== undefined ||
      left === undefined ||
      right === undefined
    )
      return mapped;
    const { negated, with: withs, at } = mapped;
    return { kind: "eq", left, right, assign: false, negated, with: withs, at };
  });
}

function checkCalls(rules: readonly Rule[], arity: Arity): void {
  for (const rule of rules)
    for (let each: Rule | undefined = rule; each !== undefined; each = each.otherwise) checkBodyCalls(each, arity);
}

function checkBodyCalls(rule: Rule, arity: Arity): void {
  const check = (body: Body): Body => {
    for (const expr of body) {
      if (expr.kind === "call") checkCall(expr, arity);
      mapExpr(expr, inTerm, check, (item) => ({ ...item, value: inTerm(item.value) }));
    }
    return body;
  };
  const inTerm = (term: Term): Term => mapTerm(term, inTerm, check);
  check(rule.body);
  for (const term of [...rule.head.ref, rule.head.key, rule.head.value]) if (term !== undefined) inTerm(term);
}

function checkCall(expr: Expr & { kind: "call" }, arity: Arity): void {
  const { operator, args, output } = expr;
  const wanted = arity(operator);
  if (wanted === undefined)
    throw regoError("rego_type_error", `undefined function ${operator.name}`, { position: expr.at, found: operator.name });
  const fits = args.length === wanted || (output === undefined && args.length === wanted + 1);
  if (!fits) {
    const message = `${operator.name}: arity mismatch: have ${args.length} arguments, want ${wanted}`;
    throw regoError("rego_type_error", message, { position: expr.at, found: `${args.length}`, expected: `${wanted}` });
  }
}

/** A query ready to be planned, and what its variables were called. */
export interface CompiledQuery {
  readonly body: Body;
  /** The variables of the answer: under its name in the plan, the written one. */
  readonly variables: ReadonlyMap<string, string>;
  /** How many expressions were written. */
  readonly expressions: number;
}

/** Compile a query; with `capture`, an expression that is a term or call gets a variable `$c0`, `$c1`, … for its value. */
export function compileQuery(
  compiled: Compiled,
  text: string,
  file: string,
  capture: boolean,
  globals: ReadonlyMap<string, Global> = new Map(),
): CompiledQuery {
  const { tree, functions, names, options } = compiled;
  const parsed = parseQuery(file, text, options.dialect);
  const resolved = resolveQuery(parsed, globals, functions.builtins);
  const captured = capture ? captureValues(resolved) : resolved;
  const { body, declared } = renameQuery(captured, names);
  const at: Position = parsed[0]?.at ?? { file, line: 1, column: 1 };
  const ref: Term = varTerm("query", at);
  const expanded = expandCalls(withoutPrints(body), names);
  const rule: Rule = {
    at,
    isDefault: false,
    head: { ref: [ref], assign: false, generatedValue: true, at },
    body: expanded,
    usesIf: true,
    usesContains: false,
    generatedBody: false,
  };
  checkWiths([rule], tree, functions.builtins);
  checkBodyCalls(rule, functions.arity);
  const ordered = expandDynamic(
    rewriteEqual(orderQuery(expandWiths(expanded, names, functionTest(tree, functions.builtins)), functions.arity)),
    names,
  );
  checkQueryTypes(ordered, tree, functions.builtins);
  return { body: ordered, variables: queryVariables(body, declared), expressions: parsed.length };
}

/** A query of one expression without iteration may be false; where there are more of either, what is false is no result, as in OPA. */
function captureValues(body: Body): Body {
  let iterates = body.length > 1;
  visitBody(body, (term) => {
    iterates ||= term.kind === "ref" && term.path.some((part) => part.kind === "var");
  });
  return body.flatMap((expr, index) => {
    const captured = captureValue(expr, index);
    if (captured === expr || !iterates) return [captured];
    return [
      captured,
      { kind: "term", term: varTerm(`$c${index}`, expr.at), negated: false, with: [], at: expr.at, generated: true } as const,
    ];
  });
}

function captureValue(expr: Expr, index: number): Expr {
  if (expr.negated) return expr;
  const local = varTerm(`$c${index}`, expr.at);
  const base = { negated: false, with: expr.with, at: expr.at };
  if (expr.kind === "term") return { kind: "eq", left: expr.term, right: local, assign: false, ...base };
  if (expr.kind !== "call") return expr;
  const call: Term = { kind: "call", operator: expr.operator, args: expr.args, at: expr.at };
  return { kind: "eq", left: local, right: call, assign: false, ...base };
}

/** The variables that a body shows: not those within closures. */
function queryVariables(body: Body, declared: ReadonlyMap<string, string>): Map<string, string> {
  const variables = new Map<string, string>();
  const inTerm = (term: Term): Term => {
    if (term.kind === "comprehension" || term.kind === "template") return term;
    if (term.kind === "var" && term.name !== "input" && term.name !== "data")
      variables.set(term.name, declared.get(term.name) ?? term.name);
    return mapTerm(term, inTerm, (inner) => inner);
  };
  for (const expr of body) {
    if (expr.negated) continue;
    mapExpr(
      expr,
      inTerm,
      (inner) => inner,
      (item) => item,
    );
  }
  return variables;
}
