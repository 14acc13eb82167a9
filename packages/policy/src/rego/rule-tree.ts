// The tree of virtual documents: which rules stand at which path, what contradicts what, and who needs whom.
import { mapKey, type Value } from "../values/index.ts";
import type { Body, Expr, Operator, Rule, Term } from "./ast.ts";
import { regoError } from "./errors.ts";
import { type DocNode, docNode } from "./machine.ts";
import { mapTerm, visitBody } from "./walk.ts";

/** A rule with the full path of its head: the package, then what the head says. */
export interface PlacedRule {
  readonly rule: Rule;
  readonly package: readonly string[];
}

/** The rules that stand at one node. */
export interface NodeEntry {
  readonly node: DocNode;
  readonly rules: Rule[];
  readonly defaults: Rule[];
}

/** The tree and the rules at its nodes. */
export interface RuleTree {
  readonly root: DocNode;
  readonly entries: Map<DocNode, NodeEntry>;
  /** What of a rule's head stands behind its node: from the first variable on. */
  rest(rule: Rule): readonly Term[];
}

/** Put rules into the tree below `root`; throws rego_type_error for rules that contradict one another. */
export function buildRuleTree(root: DocNode, placed: readonly PlacedRule[]): RuleTree {
  const entries = new Map<DocNode, NodeEntry>();
  const rests = new Map<Rule, readonly Term[]>();
  for (const { rule, package: prefix } of placed) {
    const [name, ...path] = rule.head.ref;
    const ground = path.findIndex((part) => part.kind !== "value");
    const constant = ground < 0 ? path : path.slice(0, ground);
    rests.set(rule, ground < 0 ? [] : path.slice(ground));
    const keys: Value[] = [...prefix, ...(name?.kind === "var" ? [name.name] : [])];
    for (const part of constant) if (part.kind === "value") keys.push(part.value);
    const node = nodeFor(root, keys);
    let entry = entries.get(node);
    if (entry === undefined) {
      entry = { node, rules: [], defaults: [] };
      entries.set(node, entry);
    }
    (rule.isDefault ? entry.defaults : entry.rules).push(rule);
  }
  const tree: RuleTree = { root, entries, rest: (rule) => rests.get(rule) ?? [] };
  for (const entry of entries.values()) checkConflicts(tree, entry);
  return tree;
}

function nodeFor(root: DocNode, keys: readonly Value[]): DocNode {
  let node = root;
  for (const key of keys) {
    const place = mapKey(key);
    let child = node.children.get(place);
    if (child === undefined) {
      child = docNode(key, [...node.path, key]);
      node.children.set(place, child);
    }
    node = child;
  }
  return node;
}

/** The path of a node as a reference is written. */
export function nodeName(node: DocNode): string {
  return ["data", ...node.path.map(String)].join(".");
}

function checkConflicts(tree: RuleTree, { node, rules, defaults }: NodeEntry): void {
  const all = [...rules, ...defaults];
  const [first] = all;
  if (first === undefined) return;
  const fail = (message: string) => regoError("rego_type_error", message, { position: first.at });
  const ground = all.some((rule) => tree.rest(rule).length === 0);
  const below = [...descendants(node)].filter((child) => tree.entries.has(child));
  if (ground && below.length > 0)
    throw fail(`rule ${nodeName(node)} conflicts with ${below.map((child) => nodeName(child)).join(", ")}`);
  const isFunction = (candidate: DocNode): boolean =>
    tree.entries.get(candidate)?.rules.some((rule) => rule.head.args !== undefined) === true;
  if (below.some(isFunction)) throw fail(`rule ${nodeName(node)} conflicts with functions below it`);
  const arities = new Set(all.map((rule) => rule.head.args?.length ?? -1));
  const multi = (rule: Rule): boolean => rule.head.key !== undefined;
  const kinds = new Set(all.map(multi));
  const complete = all.filter((rule) => !multi(rule) && tree.rest(rule).length === 0).length;
  const depths = new Set(all.filter(multi).map((rule) => tree.rest(rule).length === 0));
  if (arities.size > 1 || kinds.size > 1 || (complete > 0 && complete < all.length) || depths.size > 1)
    throw fail(`conflicting rules ${nodeName(node)} found`);
  if (defaults.length > 1)
    throw fail(
      `multiple default rules ${nodeName(node)} found at ${defaults.map((rule) => `${rule.at.file}:${rule.at.line}`).join(", ")}`,
    );
}

/** A package may not stand where a rule does. */
export function checkPackages(
  tree: RuleTree,
  packages: readonly { readonly path: readonly string[]; readonly at: Rule["at"] }[],
): void {
  for (const { path, at } of packages) {
    let node: DocNode | undefined = tree.root;
    for (const key of path) {
      node = node?.children.get(mapKey(key));
      const entry = node === undefined ? undefined : tree.entries.get(node);
      const rule =
        entry === undefined || node === undefined
          ? undefined
          : [...entry.rules, ...entry.defaults].find((each) => tree.rest(each).length === 0);
      if (rule !== undefined && node !== undefined)
        throw regoError(
          "rego_type_error",
          `package ${path.join(".")} conflicts with rule ${nodeName(node)} defined at ${rule.at.file}:${rule.at.line}`,
          { position: at },
        );
    }
  }
}

function* descendants(node: DocNode): Iterable<DocNode> {
  for (const child of node.children.values()) {
    yield child;
    yield* descendants(child);
  }
}

/** The nodes whose documents a reference below `data` may need. */
function nodesOn(tree: RuleTree, node: DocNode, path: readonly Term[], found: (node: DocNode) => void): void {
  const entry = tree.entries.get(node);
  if (entry !== undefined) found(node);
  const [part, ...rest] = path;
  if (part === undefined) {
    for (const child of descendants(node)) if (tree.entries.has(child)) found(child);
  } else if (part.kind === "value") {
    const child = node.children.get(mapKey(part.value));
    if (child !== undefined) nodesOn(tree, child, rest, found);
  } else for (const child of node.children.values()) nodesOn(tree, child, rest, found);
}

/** The node of a function that an operator names. */
export function functionNode(tree: RuleTree, operator: Operator): DocNode | undefined {
  const [head, ...path] = operator.parts;
  if (head !== "data") return undefined;
  let node: DocNode | undefined = tree.root;
  for (const key of path) node = node?.children.get(mapKey(key));
  const entry = node === undefined ? undefined : tree.entries.get(node);
  return entry !== undefined && [...entry.rules, ...entry.defaults].some((rule) => rule.head.args !== undefined)
    ? node
    : undefined;
}

/** Throws rego_recursion_error when a rule needs itself, however far round; `bodiesOf` gives a rule as it was compiled. */
export function checkRecursion(tree: RuleTree): void {
  const needs = new Map<DocNode, Set<DocNode>>();
  for (const [node, entry] of tree.entries) {
    const found = new Set<DocNode>();
    for (const rule of [...entry.rules, ...entry.defaults])
      for (let each: Rule | undefined = rule; each !== undefined; each = each.otherwise)
        ruleNeeds(tree, each, (need) => found.add(need));
    needs.set(node, found);
  }
  const done = new Set<DocNode>();
  const path: DocNode[] = [];
  const visit = (node: DocNode): void => {
    const cycle = path.indexOf(node);
    if (cycle >= 0) {
      const names = [...path.slice(cycle), node].map(nodeName);
      const rule = tree.entries.get(node);
      const position = (rule?.rules[0] ?? rule?.defaults[0])?.at;
      throw regoError(
        "rego_recursion_error",
        `rule ${nodeName(node)} is recursive: ${names.join(" -> ")}`,
        position === undefined ? {} : { position },
      );
    }
    if (done.has(node)) return;
    path.push(node);
    for (const need of needs.get(node) ?? []) visit(need);
    path.pop();
    done.add(node);
  };
  for (const node of needs.keys()) visit(node);
}

/** The variables that a body says are one value. */
function constantsOf(body: Body): Map<string, Term> {
  const constants = new Map<string, Term>();
  for (const expr of body) {
    if (expr.kind !== "eq" || expr.negated || expr.with.length > 0) continue;
    if (expr.left.kind === "var" && expr.right.kind === "value") constants.set(expr.left.name, expr.right);
    if (expr.right.kind === "var" && expr.left.kind === "value") constants.set(expr.right.name, expr.left);
  }
  return constants;
}

function ruleNeeds(tree: RuleTree, rule: Rule, found: (node: DocNode) => void): void {
  const constants = constantsOf(rule.body);
  const known = (part: Term): Term => (part.kind === "var" ? (constants.get(part.name) ?? part) : part);
  const inTerm = (term: Term): void => {
    if (term.kind === "ref" && term.head.kind === "var" && term.head.name === "data")
      nodesOn(tree, tree.root, term.path.map(known), found);
    if (term.kind === "call") inOperator(term.operator);
  };
  const inOperator = (operator: Operator): void => {
    const node = functionNode(tree, operator);
    if (node !== undefined) found(node);
  };
  const inExpr = (expr: Expr): void => {
    if (expr.kind === "call") inOperator(expr.operator);
  };
  const { head } = rule;
  const terms = [
    ...head.ref.slice(1),
    ...(head.args ?? []),
    ...(head.key === undefined ? [] : [head.key]),
    ...(head.value === undefined ? [] : [head.value]),
  ];
  const recurse = (term: Term): Term => {
    inTerm(term);
    return mapTerm(term, recurse, (body: Body) => {
      visitBody(body, inTerm, inExpr);
      return body;
    });
  };
  terms.forEach(recurse);
  visitBody(rule.body, inTerm, inExpr);
}
