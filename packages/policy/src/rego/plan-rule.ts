// Rules become documents: a complete rule one value, a rule with variables in its head an object or set, a function a call.
import {
  equalValues,
  type MapKey,
  mapKey,
  ObjectBuilder,
  ObjectValue,
  SetBuilder,
  SetValue,
  type Value,
} from "../values/index.ts";
import type { Rule, Term } from "./ast.ts";
import { isGeneratedName } from "./ast.ts";
import { regoError } from "./errors.ts";
import type { DocNode, Frame, Machine } from "./machine.ts";
import { BodyPlanner } from "./plan-body.ts";
import { type Bound, type Exec, type Get, type Match, Slots } from "./plan-term.ts";
import type { Functions } from "./plan-with.ts";
import { indexRules } from "./rule-index.ts";

/** The rules at one node: `depth` keys of their heads lead there, the name's package included. */
export interface NodeRules {
  readonly rules: readonly Rule[];
  readonly defaults: readonly Rule[];
}

/** Plan what a function or a complete or partial rule at a node does; the rules' bodies are in safe order. */
export function planNode(
  machine: Machine,
  node: DocNode,
  { rules, defaults }: NodeRules,
  functions: Functions,
  rest: (rule: Rule) => readonly Term[],
): void {
  const first = rules[0] ?? defaults[0];
  if (first?.head.args !== undefined) {
    node.call = lazily(() => planComplete(machine, node, rules, defaults, functions));
    return;
  }
  const partial = rules.some((rule) => rule.head.key !== undefined || rest(rule).length > 0);
  const compute = lazily(() =>
    partial ? planPartial(machine, node, rules, functions, rest) : planComplete(machine, node, rules, defaults, functions),
  );
  node.compute = () => compute([]);
}

type Run = (args: readonly Value[]) => Value | undefined;

/** Planned when it is first needed: most policies have rules that most queries do not touch. */
function lazily(plan: () => Run): Run {
  let run: Run | undefined;
  return (args) => {
    run ??= plan();
    return run(args);
  };
}

/** The one value of rules that may each give it; two different ones are a conflict. */
function planComplete(
  machine: Machine,
  node: DocNode,
  rules: readonly Rule[],
  defaults: readonly Rule[],
  functions: Functions,
): Run {
  const runs = rules.map((rule) => planChain(machine, node, rule, functions));
  const all = runs.map((_, place) => place);
  const index = indexRules(rules);
  const fallback = defaults[0] === undefined ? undefined : planChain(machine, node, defaults[0], functions);
  return (args) => {
    let value: Value | undefined;
    const candidates = index === undefined ? all : index(machine.scope.input, args);
    for (const place of candidates) {
      const candidate = runs[place];
      if (candidate === undefined) continue;
      const { run, constant, rule } = candidate;
      // a rule that can only repeat the value need not be looked at
      if (value !== undefined && constant !== undefined && equalValues(constant, value)) continue;
      const next = run(args);
      if (next === undefined) continue;
      if (value !== undefined && !equalValues(value, next)) throw conflict(rule, node);
      value = next;
    }
    return value === undefined ? fallback?.run(args) : value;
  };
}

/** With the message that OPA gave until its release 1.9, and cosign gives today; `found` is the sentence of later releases. */
function conflict(rule: Rule, node: DocNode): Error {
  const name = ["data", ...node.path.map(String)].join(".");
  const isRule = rule.head.args === undefined;
  const message = isRule
    ? "complete rules must not produce multiple outputs"
    : "functions must not produce multiple outputs for same inputs";
  const found = isRule
    ? `rule ${name} produced conflicting values`
    : `function ${name} produced conflicting values for the same inputs`;
  return regoError("eval_conflict_error", message, { position: rule.at, found });
}

interface Chain {
  readonly rule: Rule;
  readonly run: Run;
  /** The value of every solution, when the rule has no other. */
  readonly constant: Value | undefined;
}

/** A rule and what follows in its else. */
function planChain(machine: Machine, node: DocNode, rule: Rule, functions: Functions): Chain {
  const first = planOne(machine, node, rule, functions);
  const constant = rule.head.value?.kind === "value" ? rule.head.value.value : undefined;
  if (rule.otherwise === undefined) return { rule, run: first, constant };
  const second = planChain(machine, node, rule.otherwise, functions);
  const run: Run = (args) => {
    const value = first(args);
    return value === undefined ? second.run(args) : value;
  };
  return { rule, run, constant: undefined };
}

function planOne(machine: Machine, node: DocNode, rule: Rule, functions: Functions): Run {
  const slots = new Slots();
  const planner = new BodyPlanner(machine, slots, functions);
  const bound: Bound = new Set();
  const matches = (rule.head.args ?? []).map((arg) => argumentMatch(planner, arg, bound));
  const search = planner.body(rule.body, bound);
  const { value: term } = rule.head;
  const isConstant = term === undefined || term.kind === "value";
  const get: Get = term === undefined ? () => true : planner.terms.get(term, bound);
  let result: Value | undefined;
  const exec = search((frame) => {
    const value = get(frame);
    if (value === undefined) return false;
    if (result !== undefined && !equalValues(result, value)) throw conflict(rule, node);
    result = value;
    return isConstant;
  });
  return (args) => {
    machine.budget.step();
    const frame: Frame = new Array(slots.size);
    for (let i = 0; i < matches.length; i++) {
      const [match, arg] = [matches[i], args[i]];
      if (match === undefined || arg === undefined || !match(frame, arg)) return undefined;
    }
    const outer = result;
    result = undefined;
    exec(frame);
    const value = result;
    result = outer;
    return value;
  };
}

function argumentMatch(planner: BodyPlanner, arg: Term, bound: Bound): Match {
  if (arg.kind === "var" && isGeneratedName(arg.name)) return () => true;
  return planner.terms.match(arg, bound);
}

/** A document that is put together from the solutions of many rules. */
function planPartial(
  machine: Machine,
  node: DocNode,
  rules: readonly Rule[],
  functions: Functions,
  rest: (rule: Rule) => readonly Term[],
): Run {
  // each is planned when it is first looked at: with an index most of many are not
  const plans = rules.map((rule) => {
    let plan: ((root: Branch) => void) | undefined;
    return (root: Branch): void => {
      plan ??= planContribution(machine, rule, functions, rest(rule));
      plan(root);
    };
  });
  const all = plans.map((_, place) => place);
  const index = indexRules(rules);
  const isSet = rules.every((rule) => rule.head.key !== undefined && rest(rule).length === 0);
  const children = [...node.children.values()];
  return () => {
    const root: Branch = { kind: isSet ? "set" : "object", members: new SetBuilder(), items: new Map() };
    for (const place of index?.(machine.scope.input, []) ?? all) plans[place]?.(root);
    for (const child of children) {
      const value = machine.fetch(child, undefined, [], 0);
      const rule = rules[0];
      if (value !== undefined && child.call === undefined && rule !== undefined) insertDocument(root, [child.key], value, rule);
    }
    return documentOf(root);
  };
}

interface Branch {
  kind: "object" | "set";
  readonly members: SetBuilder;
  readonly items: Map<MapKey, { readonly key: Value; readonly item: Branch | Leaf }>;
}

interface Leaf {
  readonly kind: "leaf";
  readonly value: Value;
}

function planContribution(machine: Machine, rule: Rule, functions: Functions, rest: readonly Term[]): (root: Branch) => void {
  const slots = new Slots();
  const planner = new BodyPlanner(machine, slots, functions);
  const bound: Bound = new Set();
  const search = planner.body(rule.body, bound);
  const path = rest.map((part) => planner.terms.get(part, bound));
  const term = rule.head.key ?? rule.head.value;
  const get: Get = term === undefined ? () => true : planner.terms.get(term, bound);
  const isMember = rule.head.key !== undefined;
  // further solutions could only say the same
  const isConstant = [...rest, term].every((part) => part === undefined || part.kind === "value");
  let root: Branch | undefined;
  const exec: Exec = search((frame) => {
    const value = get(frame);
    const keys: Value[] = [];
    for (const part of path) {
      const key = part(frame);
      if (key === undefined) return false;
      keys.push(key);
    }
    if (value === undefined || root === undefined) return false;
    machine.budget.step();
    machine.budget.allocate(64);
    if (isMember) branchAt(root, keys, rule, "set").members.add(value);
    else insertLeaf(root, keys, value, rule);
    return isConstant;
  });
  return (into) => {
    const outer = root;
    root = into;
    machine.budget.step();
    exec(new Array(slots.size));
    root = outer;
  };
}

function uniqueKeys(rule: Rule): Error {
  return regoError("eval_conflict_error", "object keys must be unique", { position: rule.at });
}

/** The branch at a path, made on the way. */
function branchAt(root: Branch, keys: readonly Value[], rule: Rule, kind: "object" | "set"): Branch {
  let branch = root;
  keys.forEach((key, i) => {
    const place = mapKey(key);
    let entry = branch.items.get(place);
    if (entry === undefined) {
      const item: Branch = { kind: i === keys.length - 1 ? kind : "object", members: new SetBuilder(), items: new Map() };
      entry = { key, item };
      branch.items.set(place, entry);
    }
    if (entry.item.kind === "leaf") throw uniqueKeys(rule);
    branch = entry.item;
  });
  if (branch.kind !== kind) throw uniqueKeys(rule);
  return branch;
}

function insertLeaf(root: Branch, keys: readonly Value[], value: Value, rule: Rule): void {
  const last = keys.at(-1);
  if (last === undefined) return;
  const branch = branchAt(root, keys.slice(0, -1), rule, "object");
  const entry = branch.items.get(mapKey(last));
  if (entry === undefined) branch.items.set(mapKey(last), { key: last, item: { kind: "leaf", value } });
  else if (entry.item.kind !== "leaf" || !equalValues(entry.item.value, value)) throw uniqueKeys(rule);
}

/** What rules below the node made; objects are merged, anything else must be the only value of its key. */
function insertDocument(root: Branch, keys: readonly Value[], value: Value, rule: Rule): void {
  const last = keys.at(-1);
  const parent = branchAt(root, keys.slice(0, -1), rule, "object");
  const entry = last === undefined ? undefined : parent.items.get(mapKey(last));
  if (value instanceof SetValue && entry?.item.kind === "set") {
    for (const member of value.values()) entry.item.members.add(member);
    return;
  }
  const isWhole = !(value instanceof ObjectValue) || (entry === undefined && value.size === 0) || entry?.item.kind === "leaf";
  if (isWhole) insertLeaf(root, keys, value, rule);
  else for (const [key, item] of value.entries()) insertDocument(root, [...keys, key], item, rule);
}

function documentOf(branch: Branch): Value {
  if (branch.kind === "set") return branch.members.finish();
  const builder = new ObjectBuilder();
  for (const { key, item } of branch.items.values()) builder.set(key, item.kind === "leaf" ? item.value : documentOf(item));
  return builder.finish();
}
