// Package list.
import { addExact, compareNumbers, divideRounded, multiplyExact, type Numeric } from "../../values/index.ts";
import type { Builtin, Call, Result } from "../builtin.ts";
import { elementsOf } from "../comprehension.ts";
import { tryWith } from "../disjunction.ts";
import { equalVertices } from "../equality.ts";
import { vertexKey } from "../format.ts";
import { floatDigits, maxRepeat } from "../literal.ts";
import type { Expression, NumberLiteral } from "../syntax.ts";
import { compareText } from "../text.ts";
import { equalScalars, isNumber, kinds, type Scalar } from "../value.ts";
import { Environment, Vertex } from "../vertex.ts";
import { parseComparer } from "./comparer.ts";
import { checkCount } from "./predeclared.ts";

/** Functions of package list. */
export const listPackage: Readonly<Record<string, Builtin>> = {
  Ascending: comparer("{T: number | string, x: T, y: T, less: x < y}"),
  Avg: { parameters: 1, call: average },
  Comparer: comparer("{T: _, x: T, y: T, less: bool}"),
  Concat: {
    parameters: 1,
    call: (call) =>
      spent(
        call,
        call.list(0).flatMap((element) => elementsOf(listOf(call, element))),
      ),
  },
  Contains: { parameters: 2, validates: kinds.list, call: contains },
  Descending: comparer("{T: number | string, x: T, y: T, less: x > y}"),
  Drop: { parameters: 2, call: (call) => call.list(0).slice(count(call, 1)) },
  FlattenN: { parameters: 2, call: (call) => spent(call, flatten(call, call.list(0), call.int(1))) },
  IsSorted: { parameters: 2, validates: kinds.list, call: (call) => isSorted(call, call.list(0)) },
  IsSortedStrings: {
    parameters: 1,
    validates: kinds.list,
    call: (call) => call.strings(0).every((text, i, all) => i === 0 || compareText(all[i - 1] ?? "", text) <= 0),
  },
  MatchN: { parameters: 3, validates: kinds.list, grows: true, call: matchN },
  Max: { parameters: 1, call: (call) => extreme(call, 1) },
  MaxItems: { parameters: 2, validates: kinds.list, call: maxItems },
  Min: { parameters: 1, call: (call) => extreme(call, -1) },
  MinItems: { parameters: 2, validates: kinds.list, grows: true, call: minItems },
  Product: { parameters: 1, call: (call) => fold(call, { int: true, value: 1 }, multiplyExact) },
  Range: { parameters: 3, call: range },
  Repeat: { parameters: 2, call: repeat },
  Reverse: { parameters: 1, call: (call) => call.list(0).reverse() },
  Slice: { parameters: 3, call: slice },
  Sort: { parameters: 2, call: (call) => sort(call, call.list(0)) },
  SortStable: { parameters: 2, call: (call) => sort(call, call.list(0)) },
  SortStrings: { parameters: 1, call: (call) => call.strings(0).sort(compareText) },
  Sum: { parameters: 1, call: (call) => fold(call, { int: true, value: 0 }, addExact) },
  Take: { parameters: 2, call: (call) => call.list(0).slice(0, count(call, 1)) },
  UniqueItems: { parameters: 1, validates: kinds.list, call: uniqueItems },
};

function comparer(source: string): Builtin {
  return {
    parameters: 0,
    call: (call) => ({
      computed: {
        kind: "conjuncts",
        conjuncts: [{ ...call.conjunct, environment: new Environment(undefined, undefined), expression: parseComparer(source) }],
      },
    }),
  };
}

function spent<T>(call: Call, elements: T[]): T[] {
  call.evaluator.budget.allocate(elements.length * 64);
  call.evaluator.budget.step(elements.length);
  return elements;
}

function count(call: Call, index: number): number {
  const value = call.int(index);
  if (value < 0) throw call.fail("negative index");
  return value;
}

function listOf(call: Call, element: Vertex): Vertex {
  const value = call.evaluator.concreteOf(element, call.expression(0));
  if (value instanceof Vertex && value.mask === kinds.list) return value;
  throw call.fail("cannot use a value that is no list as list");
}

function numbers(call: Call): NumberLiteral[] {
  return call.list(0).map((element) => {
    const value = call.evaluator.concreteOf(element, call.expression(0), kinds.number);
    if (value instanceof Vertex || !isNumber(value)) throw call.fail("invalid list element: want a number");
    return value;
  });
}

function fold(call: Call, start: NumberLiteral, operate: (a: Numeric, b: Numeric) => Numeric): Scalar {
  return numbers(call).reduce((sum, value) => ({ int: sum.int && value.int, value: operate(sum.value, value.value) }), start);
}

function average(call: Call): Result {
  const all = numbers(call);
  if (all.length === 0) throw call.fail("empty list");
  const sum = all.reduce<Numeric>((total, { value }) => addExact(total, value), 0);
  const value = divideRounded(sum, all.length, floatDigits);
  return { int: typeof value === "number", value };
}

function extreme(call: Call, direction: 1 | -1): Result {
  const all = numbers(call);
  const [first] = all;
  if (first === undefined) throw call.fail("empty list");
  return all.reduce((best, value) => (compareNumbers(value.value, best.value) * direction > 0 ? value : best), first);
}

function contains(call: Call): Result {
  const wanted = call.value(1);
  return call.list(0).some((element) => {
    const value = call.evaluator.concreteOf(element, call.expression(1));
    if (value instanceof Vertex || wanted instanceof Vertex)
      return value instanceof Vertex && wanted instanceof Vertex && equalVertices(call.evaluator, value, wanted, call.at);
    return equalScalars(value, wanted);
  });
}

/** As cue has it, of an element that has defaults nothing else is left. */
function flatten(call: Call, elements: readonly Vertex[], levels: number): Vertex[] {
  return elements.flatMap((element) => {
    call.evaluator.budget.step();
    const value = defaultOf(call, element);
    return levels !== 0 && value.mask === kinds.list ? flatten(call, elementsOf(value), levels - 1) : [value];
  });
}

function defaultOf(call: Call, element: Vertex): Vertex {
  const { evaluator, vertex, conjunct } = call;
  evaluator.settle(evaluator.live(element));
  const defaults = evaluator.live(element).alternatives?.filter(({ mode }) => mode === 1) ?? [];
  if (defaults.length === 1) return evaluator.choose(element);
  if (defaults.length === 0) return evaluator.live(element);
  const { at } = call.expression(0);
  const terms = defaults.map(({ vertex: term }): Expression => ({ kind: "vertex", at, vertex: term }));
  return evaluator.inline(vertex, {
    ...conjunct,
    expression: terms.reduce((left, right) => ({ kind: "binary", at, operator: "|", left, right })),
  });
}

function maxItems(call: Call): Result {
  const [length, most] = [call.length(0), call.int(1)];
  return length <= most ? true : { because: `len(list) > MaxItems(${most}) (${length} > ${most})` };
}

function minItems(call: Call): Result {
  const [length, least] = [call.length(0), call.int(1)];
  return length >= least ? true : { because: `len(list) < MinItems(${least}) (${length} < ${least})` };
}

function matchN(call: Call): Result {
  return checkCount(
    call,
    call.list(0).map((element) => tryWith(call.evaluator, element, call.conjunct, call.unresolved(2))),
    call.unresolved(1),
    call.expression(1),
  );
}

function range(call: Call): Result {
  const [start, limit, step] = [call.number(0), call.number(1), call.number(2)];
  const direction = compareNumbers(step.value, 0);
  if (direction === 0) throw call.fail("step must be non zero");
  if (direction > 0 ? compareNumbers(start.value, limit.value) > 0 : compareNumbers(start.value, limit.value) < 0)
    throw call.fail("end must be on the side of start that step goes to");
  const elements: NumberLiteral[] = [];
  const int = start.int && step.int;
  for (let value = start.value; compareNumbers(value, limit.value) * direction < 0; value = addExact(value, step.value)) {
    call.evaluator.budget.step();
    call.evaluator.budget.allocate(64);
    elements.push({ int, value });
  }
  return elements;
}

function repeat(call: Call): Result {
  const [elements, times] = [call.list(0), call.int(1)];
  if (times < 0) throw call.fail("negative count");
  if (times > maxRepeat) throw call.fail(`count ${times} exceeds limit of ${maxRepeat}`);
  call.evaluator.budget.allocate(elements.length * times * 64);
  return Array.from({ length: times }, () => elements).flat();
}

function slice(call: Call): Result {
  const elements = call.list(0);
  const [from, to] = [count(call, 1), count(call, 2)];
  if (from > to) throw call.fail(`invalid index: ${from} > ${to}`);
  if (to > elements.length) throw call.fail("slice bounds out of range");
  return elements.slice(from, to);
}

function less(call: Call, a: Vertex, b: Vertex): boolean {
  call.evaluator.budget.step(8);
  const made = call.evaluator.inline(call.vertex, {
    ...call.conjunct,
    expression: { kind: "vertex", at: call.at, vertex: call.unresolved(1) },
  });
  const pair = new Map([
    ["x", a],
    ["y", b],
  ]);
  for (const [name, value] of pair) {
    const expression = {
      kind: "struct",
      at: call.at,
      attributes: [],
      declarations: [
        {
          kind: "field",
          at: call.at,
          label: `"${name}`,
          quoted: true,
          constraint: "",
          alias: undefined,
          value: { kind: "vertex", at: call.at, vertex: value },
          attributes: [],
        },
      ],
    } as const;
    call.evaluator.addConjunct(made, { ...call.conjunct, expression, group: undefined });
  }
  const outcome = call.evaluator.concreteOf(call.evaluator.arcOf(made, '"less', call.expression(1)), call.expression(1));
  if (typeof outcome !== "boolean") throw call.fail("less is no bool");
  return outcome;
}

function isSorted(call: Call, elements: readonly Vertex[]): boolean {
  return elements.every((element, i) => {
    const before = elements[i - 1];
    return before === undefined || !less(call, element, before);
  });
}

/** A merge sort: it asks for few comparisons, and keeps equal elements in order. */
function sort(call: Call, elements: Vertex[]): Vertex[] {
  if (elements.length < 2) return elements;
  const middle = elements.length >> 1;
  const [left, right] = [sort(call, elements.slice(0, middle)), sort(call, elements.slice(middle))];
  const merged: Vertex[] = [];
  let [i, j] = [0, 0];
  while (i < left.length || j < right.length) {
    const [a, b] = [left[i], right[j]];
    if (a !== undefined && (b === undefined || !less(call, b, a))) {
      merged.push(a);
      i++;
    } else if (b !== undefined) {
      merged.push(b);
      j++;
    }
  }
  return merged;
}

function uniqueItems(call: Call): Result {
  const seen = new Map<string, number>();
  const elements = call.list(0);
  for (const [index, element] of elements.entries()) {
    call.evaluator.finish(element);
    const key = vertexKey(call.evaluator, element);
    const before = seen.get(key);
    if (before !== undefined) return { because: `equal values at position ${before} and ${index}` };
    seen.set(key, index);
  }
  return true;
}
