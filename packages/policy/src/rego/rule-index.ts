// An index over the rules of one document: where many rules begin with a comparison of one part of the input (or have a constant as
// one argument), only those that can hold are looked at, in their order.
import { type MapKey, mapKey, type Value } from "../values/index.ts";
import type { Expr, Rule, Term } from "./ast.ts";
import { lookup } from "./machine.ts";

/** Which rules to look at, by their places. */
export type RuleIndex = (input: Value | undefined, args: readonly Value[]) => readonly number[];

/** Rules from which on an index is worth its making. */
const worthwhile = 4;

interface Condition {
  /** Where the value is found: a path below input as one text, or the place of an argument. */
  readonly source: string;
  readonly path: readonly Value[] | undefined;
  readonly arg: number;
  readonly value: Value;
}

/** The index over some rules, or nothing when there is none to be had. */
export function indexRules(rules: readonly Rule[]): RuleIndex | undefined {
  if (rules.length < worthwhile) return undefined;
  const conditions = rules.map(conditionsOf);
  const counts = new Map<string, { count: number; condition: Condition }>();
  for (const condition of conditions.flatMap((list) => uniqueSources(list))) {
    const entry = counts.get(condition.source);
    if (entry === undefined) counts.set(condition.source, { count: 1, condition });
    else entry.count++;
  }
  const [best] = [...counts.values()].sort((a, b) => b.count - a.count);
  if (best === undefined || best.count < worthwhile) return undefined;
  const { source, path, arg } = best.condition;
  const buckets = new Map<MapKey, number[]>();
  const always: number[] = [];
  const places = conditions.map((list) => list.find((condition) => condition.source === source));
  for (const condition of places) if (condition !== undefined) buckets.set(mapKey(condition.value), []);
  places.forEach((condition, place) => {
    if (condition === undefined) {
      always.push(place);
      for (const bucket of buckets.values()) bucket.push(place);
    } else buckets.get(mapKey(condition.value))?.push(place);
  });
  return (input, args) => {
    const value = path === undefined ? args[arg] : valueAt(input, path);
    return (value === undefined ? undefined : buckets.get(mapKey(value))) ?? always;
  };
}

function uniqueSources(list: readonly Condition[]): Condition[] {
  return [...new Map(list.map((condition) => [condition.source, condition])).values()];
}

function conditionsOf(rule: Rule): Condition[] {
  // a rule with an else goes on when its body does not hold
  if (rule.otherwise !== undefined) return [];
  const conditions: Condition[] = [];
  for (const [arg, term] of (rule.head.args ?? []).entries()) {
    if (term.kind === "value" && isScalar(term.value))
      conditions.push({ source: `argument ${arg}`, path: undefined, arg, value: term.value });
  }
  for (const expr of rule.body) {
    const condition = comparison(expr);
    if (condition !== undefined) conditions.push(condition);
  }
  return conditions;
}

function comparison(expr: Expr): Condition | undefined {
  if (expr.kind !== "eq" || expr.negated || expr.with.length > 0) return undefined;
  for (const [ref, constant] of [
    [expr.left, expr.right],
    [expr.right, expr.left],
  ] as const) {
    const path = inputPath(ref);
    if (path !== undefined && constant.kind === "value" && isScalar(constant.value))
      return { source: `input ${JSON.stringify(path)}`, path, arg: -1, value: constant.value };
  }
  return undefined;
}

function inputPath(term: Term): readonly Value[] | undefined {
  if (term.kind !== "ref" || term.head.kind !== "var" || term.head.name !== "input" || term.path.length === 0) return undefined;
  const path: Value[] = [];
  for (const part of term.path) {
    if (part.kind !== "value" || typeof part.value !== "string") return undefined;
    path.push(part.value);
  }
  return path;
}

function isScalar(value: Value): boolean {
  return value === null || typeof value !== "object";
}

function valueAt(input: Value | undefined, path: readonly Value[]): Value | undefined {
  let value = input;
  for (const key of path) {
    if (value === undefined) return undefined;
    value = lookup(value, key);
  }
  return value;
}
