// The functions that need no import (language specification, "Built-in Functions").
import { type Builtin, type Call, fieldsOf, type Result, toExpression } from "../builtin.ts";
import { integer } from "../comprehension.ts";
import { tryWith } from "../disjunction.ts";
import { formatExpression } from "../format-syntax.ts";
import { elementCount } from "../list-value.ts";
import type { Expression } from "../syntax.ts";
import { encodeText } from "../text.ts";
import { type Bottom, isIncomplete, isNumber, kinds, Stop } from "../value.ts";
import { Group, Vertex } from "../vertex.ts";

/** len, close, and, or, div, mod, quo, rem, matchN, matchIf, error. */
export const predeclared: Readonly<Record<string, Builtin>> = {
  len: { parameters: 1, call: length },
  close: {
    parameters: 1,
    call: closed,
  },
  and: {
    parameters: 1,
    call: (call) => ({
      computed: {
        kind: "conjuncts",
        conjuncts: call
          .list(0)
          .map((element) => ({ ...call.conjunct, expression: { kind: "vertex", at: call.at, vertex: element } })),
      },
    }),
  },
  or: { parameters: 1, call: anyOf },
  div: { parameters: 2, call: (call) => integer(floorDivide(call).quotient) },
  mod: { parameters: 2, call: (call) => integer(floorDivide(call).remainder) },
  quo: { parameters: 2, call: (call) => integer(call.bigint(0) / divisor(call)) },
  rem: { parameters: 2, call: (call) => integer(call.bigint(0) % divisor(call)) },
  matchN: { parameters: 3, validates: kinds.top, call: matchN },
  matchIf: { parameters: 4, validates: kinds.top, call: matchIf },
  error: {
    parameters: 1,
    call: (call) => {
      throw new Stop({ code: "user", message: call.string(0), places: [call.at] });
    },
  },
};

function closed(call: Call): Result {
  const argument = call.unresolved(0);
  call.evaluator.settle(call.evaluator.live(argument));
  const { alternatives } = call.evaluator.live(argument);
  const group = new Group(call.conjunct.group, "close", call.vertex);
  const chosen = alternatives === undefined ? undefined : call.value(0);
  if (chosen instanceof Vertex && chosen.items.every(({ kind }) => kind === "struct"))
    return {
      computed: {
        kind: "conjuncts",
        conjuncts: chosen.items.flatMap((item) => (item.kind === "struct" ? [{ ...item.conjunct, group }] : [])),
      },
    };
  const expression = chosen === undefined ? call.expression(0) : toExpression(call.at, chosen);
  return { computed: { kind: "conjuncts", conjuncts: [{ ...call.conjunct, expression, group }] } };
}

function length(call: Call): Result {
  const value = call.value(0);
  if (value instanceof Vertex && value.mask === kinds.struct) call.evaluator.ranged(call.vertex, value, call.at);
  if (value instanceof Vertex) return integer(value.mask === kinds.list ? listLength(call, value) : fieldsOf(value).length);
  if (typeof value === "string") return integer(encodeText(value).length);
  if (value instanceof Uint8Array) return integer(value.length);
  const text = isNumber(value) ? "number" : typeof value === "boolean" ? "bool" : "null";
  throw call.fail(`invalid argument type ${text} of ${formatExpression(call.expression(0))}`);
}

function listLength(call: Call, list: Vertex): number {
  if (list.listLengths.every(({ open }) => open)) throw call.incomplete("incomplete list: its length is not known");
  return elementCount(list);
}

function anyOf(call: Call): Result {
  const elements = call.list(0);
  if (elements.length === 0) throw call.incomplete("empty list in call to or");
  const terms = elements.map((element) => ({
    marked: false,
    conjunct: { ...call.conjunct, expression: { kind: "vertex" as const, at: call.at, vertex: element } },
  }));
  return { computed: { kind: "disjunction", disjunction: { terms, at: call.at } } };
}

function divisor(call: Call): bigint {
  const value = call.bigint(1);
  if (value === 0n) throw call.fail("division by zero");
  return value;
}

/** Euclidean division: the remainder is never negative. */
function floorDivide(call: Call): { quotient: bigint; remainder: bigint } {
  const [a, b] = [call.bigint(0), divisor(call)];
  const rest = a % b;
  const remainder = rest < 0n ? rest + (b < 0n ? -b : b) : rest;
  return { quotient: (a - remainder) / b, remainder };
}

function matchN(call: Call): Result {
  const subject = call.unresolved(0);
  return checkCount(
    call,
    call.list(2).map((schema) => tryWith(call.evaluator, subject, call.conjunct, schema)),
    call.unresolved(1),
    call.expression(1),
  );
}

/** Whether the number of trials that did not fail is as wanted; it is awaited while trials that may yet succeed could make it so. */
export function checkCount(call: Call, trials: readonly (Bottom | undefined)[], wanted: Vertex, written: Expression): Result {
  const matched = trials.filter((trial) => trial === undefined).length;
  const possible = trials.filter((trial) => trial === undefined || isIncomplete(trial)).length;
  const accepts = (count: number): boolean => {
    const number = call.evaluator.inline(call.vertex, {
      ...call.conjunct,
      expression: { kind: "literal", at: call.at, value: integer(count) },
    });
    return tryWith(call.evaluator, number, call.conjunct, wanted) === undefined;
  };
  if (accepts(matched)) return true;
  const because = `${matched} matched, expected ${formatExpression(written)}`;
  for (let count = matched + 1; count <= possible; count++) if (accepts(count)) return { because, awaited: true };
  return { because };
}

function matchIf(call: Call): Result {
  const subject = call.unresolved(0);
  const matches = (index: number): boolean =>
    tryWith(call.evaluator, subject, call.conjunct, call.unresolved(index)) === undefined;
  return matches(1) ? matches(2) : matches(3);
}
