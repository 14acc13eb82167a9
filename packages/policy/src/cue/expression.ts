// What an expression comes to (language specification, "Operators", "Calls", "Interpolation").
import {
  addExact,
  divideRounded,
  multiplyExact,
  type Numeric,
  negate,
  plainInteger,
  roundToDigits,
  subtractExact,
  toBigInt,
} from "../values/index.ts";
import { awaitedBelow } from "./awaited.ts";
import { callBuiltin, type Named } from "./call.ts";
import { elementsOf } from "./comprehension.ts";
import type { Engine } from "./engine.ts";
import { equalVertices } from "./equality.ts";
import { describeType } from "./format.ts";
import { formatExpression } from "./format-syntax.ts";
import { floatDigits, maxRepeat } from "./literal.ts";
import type { Place } from "./position.ts";
import { predeclaredName } from "./predeclared.ts";
import type { Expression, NumberLiteral } from "./syntax.ts";
import { decodeText, encodeText } from "./text.ts";
import { compareWith, matchesPattern } from "./unify.ts";
import {
  equalScalars,
  fail,
  formatKinds,
  formatScalar,
  incomplete,
  isIncomplete,
  isNumber,
  kindOf,
  kinds,
  type Scalar,
  Stop,
} from "./value.ts";
import { type Computed, type Conjunct, Vertex } from "./vertex.ts";

/** The value of an expression that is no reference; throws Stop while it cannot be calculated. */
export function compute(evaluator: Engine, vertex: Vertex, conjunct: Conjunct): Computed {
  const { expression } = conjunct;
  switch (expression.kind) {
    case "interpolation":
      return { kind: "scalar", value: interpolate(evaluator, vertex, conjunct, expression) };
    case "unary":
      return computeUnary(evaluator, vertex, conjunct, expression);
    case "binary":
      return computeBinary(evaluator, vertex, conjunct, expression);
    case "slice":
      return computeSlice(evaluator, vertex, conjunct, expression);
    case "call":
      return callResult(evaluator, vertex, conjunct, expression.callee, expression.arguments);
    default:
      throw new TypeError(`an expression of kind ${expression.kind} is not calculated`);
  }
}

function interpolate(
  evaluator: Engine,
  vertex: Vertex,
  conjunct: Conjunct,
  { parts, bytes, at }: Extract<Expression, { kind: "interpolation" }>,
): Scalar {
  let waiting: Stop | undefined;
  const pieces = parts.map((part) => {
    try {
      const piece = typeof part === "string" ? part : interpolated(evaluator, vertex, { ...conjunct, expression: part }, at);
      evaluator.budget.allocate(2 * piece.length);
      return piece;
    } catch (error) {
      // an error that nothing can mend counts before one that something may
      if (!(error instanceof Stop) || !isIncomplete(error.bottom)) throw error;
      waiting ??= error;
      return "";
    }
  });
  if (waiting !== undefined) throw waiting;
  if (bytes)
    return repeatBytes(
      evaluator,
      pieces.map((piece) => (typeof piece === "string" ? encodeText(piece) : piece)),
      1,
    );
  // a run of bytes that are no UTF-8 becomes one U+FFFD
  return pieces.map((piece) => (typeof piece === "string" ? piece : decodeText(piece).replace(/\ufffd+/g, "\ufffd"))).join("");
}

function interpolated(evaluator: Engine, vertex: Vertex, conjunct: Conjunct, at: Place): string | Uint8Array {
  let value: Scalar | Vertex;
  try {
    value = evaluator.concrete(vertex, conjunct);
  } catch (error) {
    if (!(error instanceof Stop) || !isIncomplete(error.bottom)) throw error;
    throw new Stop({
      ...error.bottom,
      message: `invalid interpolation: ${error.bottom.message}`,
      places: [at, ...error.bottom.places],
    });
  }
  if (typeof value === "string") return value;
  if (value instanceof Uint8Array) return value;
  if (value instanceof Vertex || value === null) {
    const found = value === null ? "null" : describeType(value);
    throw fail(
      `invalid interpolation: cannot use ${formatExpression(conjunct.expression)} (type ${found}) as type (bool|string|bytes|number)`,
      at,
      conjunct.expression.at,
    );
  }
  return isNumber(value) ? formatScalar(value) : String(value);
}

function computeUnary(
  evaluator: Engine,
  vertex: Vertex,
  conjunct: Conjunct,
  { operator, operand, at }: Extract<Expression, { kind: "unary" }>,
): Computed {
  if (operator === "*") throw fail("preference mark not allowed at this position", at);
  const value = evaluator.concrete(
    vertex,
    { ...conjunct, expression: operand },
    operator === "!" ? kinds.bool : operator === "+" || operator === "-" ? kinds.number : kinds.top,
  );
  if (operator === "+" || operator === "-") {
    if (value instanceof Vertex || !isNumber(value)) throw invalidUnary(operator, operand, value);
    return scalar(operator === "-" ? { int: value.int, value: negate(value.value) } : value);
  }
  if (operator === "!") {
    if (typeof value !== "boolean") throw invalidUnary(operator, operand, value);
    return scalar(!value);
  }
  if (value instanceof Vertex)
    throw fail(
      `invalid operand ${formatExpression(operand)} (found ${describeType(value)}, want a scalar) for bound ${operator}`,
      at,
    );
  const ordered = isNumber(value) || typeof value === "string" || value instanceof Uint8Array;
  const pattern = operator === "=~" || operator === "!~";
  if (pattern ? typeof value !== "string" : !ordered && operator !== "!=")
    throw fail(`cannot use ${formatScalar(value)} (type ${formatKinds(kindOf(value))}) for bound ${operator}`, at);
  if (pattern) matchesPattern(evaluator, "", value, at);
  return { kind: "bound", bound: { operator, value, at } };
}

function invalidUnary(operator: string, operand: Expression, value: Scalar | Vertex): Stop {
  return fail(
    `invalid operation ${operator}${formatExpression(operand)} (${operator} ${value instanceof Vertex ? describeType(value) : formatKinds(kindOf(value))})`,
    operand.at,
  );
}

function scalar(value: Scalar): Computed {
  return { kind: "scalar", value };
}

type Binary = Extract<Expression, { kind: "binary" }>;

function computeBinary(evaluator: Engine, vertex: Vertex, conjunct: Conjunct, binary: Binary): Computed {
  const { operator, left, right } = binary;
  if ((operator === "==" || operator === "!=") && (left.kind === "bottom" || right.kind === "bottom")) {
    return scalar(isBottom(evaluator, vertex, conjunct, left.kind === "bottom" ? right : left) === (operator === "=="));
  }
  const wanted =
    operator === "&&" || operator === "||" ? kinds.bool : operator === "-" || operator === "/" ? kinds.number : kinds.top;
  const a = evaluator.concrete(vertex, { ...conjunct, expression: left }, wanted);
  const b = evaluator.concrete(vertex, { ...conjunct, expression: right }, wanted);
  if (operator === "==" || operator === "!=") return scalar(equal(evaluator, a, b, binary) === (operator === "=="));
  if (a instanceof Vertex || b instanceof Vertex) throw invalidBinary(binary, a, b);
  switch (operator) {
    case "&&":
    case "||":
      if (typeof a !== "boolean" || typeof b !== "boolean") throw invalidBinary(binary, a, b);
      return scalar(operator === "&&" ? a && b : a || b);
    case "=~":
    case "!~":
      if (typeof a !== "string" || typeof b !== "string") throw invalidBinary(binary, a, b);
      return scalar(matchesPattern(evaluator, a, b, binary.at) === (operator === "=~"));
    case "<":
    case "<=":
    case ">":
    case ">=": {
      const outcome = compareWith(operator, a, b);
      if (outcome === undefined) throw invalidBinary(binary, a, b);
      return scalar(outcome);
    }
    default:
      return scalar(arithmetic(evaluator, binary, a, b));
  }
}

/** Whether an expression is an error: what compares it with _|_ asks just that. */
function isBottom(evaluator: Engine, vertex: Vertex, conjunct: Conjunct, expression: Expression): boolean {
  if (expression.kind === "bottom") return true;
  // what is selected from a value that stands in the selection is an error when anything of that value is
  const selects = expression.kind === "selector" || expression.kind === "index";
  if (selects && expression.of.kind === "binary" && isBottom(evaluator, vertex, conjunct, expression.of)) return true;
  try {
    const found = evaluator.vertexOf(vertex, { ...conjunct, expression });
    evaluator.finish(found);
    const value = evaluator.live(found);
    const bottom = value.bottom ?? value.childBottom ?? (value.mask === kinds.top ? value.tasks[0]?.blocked : undefined);
    if (bottom?.code === "cycle") throw new Stop(bottom);
    if ((value.mask & kinds.struct) !== 0 && value.scalar === undefined && awaitedBelow(evaluator, found))
      throw new Stop({ code: "cycle", message: "cyclic reference to fields that are to be added", places: [expression.at] });
    if (value.mask === kinds.struct) evaluator.ranged(vertex, value, expression.at);
    // what can only be a scalar and is not known yet counts as an error; anything else that is valid does not
    const open = value.scalar === undefined && value.alternatives === undefined;
    const nothing = value.alternatives?.every(({ vertex: own }) => isUnknown(evaluator.live(own))) === true;
    return bottom !== undefined || nothing || (open && (value.mask & (kinds.struct | kinds.list)) === 0);
  } catch (error) {
    if (!(error instanceof Stop) || error.bottom.code === "cycle") throw error;
    return true;
  }
}

/** Whether nothing is known of a value but that it waits. */
function isUnknown({ bottom, mask, tasks, scalar }: Vertex): boolean {
  return bottom !== undefined || (scalar === undefined && mask === kinds.top && tasks.length > 0);
}

function equal(evaluator: Engine, a: Scalar | Vertex, b: Scalar | Vertex, { at }: Binary): boolean {
  if (a instanceof Vertex && b instanceof Vertex) return equalVertices(evaluator, a, b, at);
  return !(a instanceof Vertex) && !(b instanceof Vertex) && equalScalars(a, b);
}

function invalidBinary({ operator, left, right, at }: Binary, a: Scalar | Vertex, b: Scalar | Vertex): Stop {
  const type = (value: Scalar | Vertex): string => (value instanceof Vertex ? describeType(value) : formatKinds(kindOf(value)));
  return fail(
    `invalid operands ${formatExpression(left)} and ${formatExpression(right)} to '${operator}' (type ${type(a)} and ${type(b)})`,
    at,
    left.at,
    right.at,
  );
}

function arithmetic(evaluator: Engine, binary: Binary, a: Scalar, b: Scalar): Scalar {
  if (isNumber(a) && isNumber(b)) return calculate(evaluator, binary, a, b);
  if (binary.operator === "+") {
    if (typeof a === "string" && typeof b === "string") {
      evaluator.budget.allocate(2 * (a.length + b.length));
      return a + b;
    }
    if (a instanceof Uint8Array && b instanceof Uint8Array) return repeatBytes(evaluator, [a, b], 1);
  }
  if (binary.operator === "*") {
    const [text, count] = isNumber(a) ? [b, a] : [a, b];
    if (isNumber(count) && count.int && (typeof text === "string" || text instanceof Uint8Array)) {
      const times = plainInteger(count.value);
      if (times !== undefined && times < 0) throw fail(`cannot convert negative number to uint64`, binary.at);
      if (times === undefined) throw fail("a text is repeated too often", binary.at);
      if (times > maxRepeat) throw fail(`string multiplication count ${times} exceeds limit of ${maxRepeat}`, binary.at);
      if (text instanceof Uint8Array) return repeatBytes(evaluator, [text], times);
      evaluator.budget.allocate(2 * text.length * times);
      return text.repeat(times);
    }
  }
  throw invalidBinary(binary, a, b);
}

function repeatBytes(evaluator: Engine, parts: readonly Uint8Array[], times: number): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0) * times;
  evaluator.budget.allocate(length);
  const bytes = new Uint8Array(length);
  let at = 0;
  for (let i = 0; i < times && at < length; i++) {
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
  }
  return bytes;
}

function calculate(evaluator: Engine, { operator, at }: Binary, a: NumberLiteral, b: NumberLiteral): Scalar {
  const int = a.int && b.int && operator !== "/";
  evaluator.budget.allocate(32);
  const result = ((): Numeric => {
    switch (operator) {
      case "+":
        return addExact(a.value, b.value);
      case "-":
        return subtractExact(a.value, b.value);
      case "*":
        spendDigits(evaluator, a.value, b.value);
        return multiplyExact(a.value, b.value);
      default:
        if (toBigInt(b.value) === 0n) throw fail("division by zero", at);
        return divideRounded(a.value, b.value, floatDigits);
    }
  })();
  return { int, value: int ? result : roundToDigits(result, floatDigits) };
}

/** Multiplying numbers of thousands of digits costs more than a step. */
function spendDigits(evaluator: Engine, a: Numeric, b: Numeric): void {
  if (typeof a !== "number" && typeof b !== "number")
    evaluator.budget.step(Math.ceil((String(a.mantissa).length * String(b.mantissa).length) / 100_000));
}

function computeSlice(
  evaluator: Engine,
  vertex: Vertex,
  conjunct: Conjunct,
  { of, low, high, at }: Extract<Expression, { kind: "slice" }>,
): Computed {
  const value = evaluator.concrete(vertex, { ...conjunct, expression: of });
  const bound = (expression: Expression | undefined, otherwise: number): number => {
    if (expression === undefined) return otherwise;
    const index = evaluator.concrete(vertex, { ...conjunct, expression });
    const plain = !(index instanceof Vertex) && isNumber(index) && index.int ? plainInteger(index.value) : undefined;
    if (plain === undefined || plain < 0) throw fail(`invalid slice index ${formatExpression(expression)}`, expression.at);
    return plain;
  };
  const bytes = value instanceof Uint8Array ? value : undefined;
  const elements = value instanceof Vertex && value.mask === kinds.list ? elementsOf(value) : undefined;
  const length = bytes?.length ?? elements?.length;
  if (length === undefined)
    throw fail(
      `cannot slice ${formatExpression(of)} (type ${value instanceof Vertex ? describeType(value) : formatKinds(kindOf(value))})`,
      of.at,
    );
  const [from, to] = [bound(low, 0), bound(high, length)];
  if (from > to) throw fail(`invalid slice index: ${from} > ${to}`, at);
  if (to > length) throw fail(`slice bounds out of range [${to}] with length ${length}`, at);
  if (bytes !== undefined) return scalar(bytes.slice(from, to));
  const kept = (elements ?? []).slice(from, to).map((element): Expression => ({ kind: "vertex", at, vertex: element }));
  return { kind: "conjuncts", conjuncts: [{ ...conjunct, expression: { kind: "list", at, elements: kept, open: undefined } }] };
}

/** What a call comes to; without arguments, what a function named as a value is. */
export function callResult(
  evaluator: Engine,
  vertex: Vertex,
  conjunct: Conjunct,
  callee: Expression,
  args: readonly Expression[] | undefined,
): Computed {
  if (callee.kind === "identifier" && callee.target?.kind === "predeclared") {
    return callBuiltin(evaluator, vertex, conjunct, { path: "", name: predeclaredName(callee.name), at: callee.at }, args);
  }
  if (callee.kind === "selector" && callee.of.kind === "identifier" && callee.of.target?.kind === "package") {
    return callBuiltin(evaluator, vertex, conjunct, { path: callee.of.target.path, name: callee.name, at: callee.at }, args);
  }
  const named = calledThrough(evaluator, vertex, { ...conjunct, expression: callee });
  return callBuiltin(evaluator, vertex, conjunct, named, args);
}

/** The function that a value stands for: one that was named without being called. */
function calledThrough(evaluator: Engine, vertex: Vertex, conjunct: Conjunct): Named {
  const { expression } = conjunct;
  const value = evaluator.choose(evaluator.vertexOf(vertex, conjunct));
  if (value.bottom !== undefined) throw new Stop(value.bottom);
  const [validator] = value.validators;
  if (value.scalar === undefined && validator !== undefined) {
    if (validator.uncalled !== undefined) return validator.uncalled;
    throw fail(`cannot call previously called validator ${formatExpression(expression)}`, expression.at);
  }
  const message = `cannot call non-function ${formatExpression(expression)} (type ${describeType(value)})`;
  throw value.scalar === undefined && value.mask === kinds.top
    ? incomplete(message, expression.at)
    : fail(message, expression.at);
}
