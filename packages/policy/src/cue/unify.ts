// Unification of what has no structure: kinds, scalars, bounds and validators (language specification, "Unification").
import { addExact, compareNumbers, decimalParts, type Numeric, numeric, subtractExact } from "../values/index.ts";
import type { Engine } from "./engine.ts";
import { formatVertex, validatorKey } from "./format.ts";
import { formatExpression } from "./format-syntax.ts";
import type { Place } from "./position.ts";
import type { Expression } from "./syntax.ts";
import {
  type Bottom,
  type Bound,
  compareScalars,
  equalScalars,
  fail,
  formatBound,
  formatKinds,
  formatScalar,
  isIncomplete,
  isNumber,
  kindOf,
  kinds,
  type Scalar,
  Stop,
  sameScalar,
  showScalar,
} from "./value.ts";
import { added, type Claim, type Validator, type Vertex } from "./vertex.ts";

/** Take in a type: a set of kinds. */
export function takeType(
  evaluator: Engine,
  vertex: Vertex,
  mask: number,
  name: string | Expression,
  at: Place,
  record = true,
): void {
  if (record && typeof name === "string") vertex.items = added(vertex.items, { kind: "type", mask, name, at });
  if (mask === kinds.top) return;
  claim(evaluator, vertex, { mask, text: () => (typeof name === "string" ? name : formatExpression(name)), at });
}

function claim(evaluator: Engine, vertex: Vertex, made: Claim): boolean {
  const left = vertex.mask & made.mask;
  if (left !== 0) {
    vertex.mask = left;
    vertex.claims = added(vertex.claims, made);
    return true;
  }
  const other = vertex.claims.find(({ mask }) => (mask & made.mask) === 0) ?? vertex.claims[vertex.claims.length - 1];
  const [first, second] = [other?.text() ?? "_", made.text()];
  evaluator.setBottom(vertex, {
    code: "eval",
    message: `conflicting values ${first} and ${second} (mismatched types ${formatKinds(other?.mask ?? vertex.mask)} and ${formatKinds(made.mask)})`,
    places: other === undefined ? [made.at] : [other.at, made.at],
    values: [first, second],
  });
  return false;
}

/** Take in a concrete scalar. */
export function takeScalar(evaluator: Engine, vertex: Vertex, value: Scalar, at: Place): void {
  vertex.items = added(vertex.items, { kind: "scalar", value, at });
  if (!claim(evaluator, vertex, { mask: kindOf(value), text: () => showScalar(value), at })) return;
  const before = vertex.scalar;
  if (before === undefined) vertex.scalar = { value, at };
  else if (!sameScalar(before.value, value)) {
    const [first, second] = [showScalar(value), showScalar(before.value)];
    evaluator.setBottom(vertex, {
      code: "eval",
      message: `conflicting values ${first} and ${second}`,
      places: [before.at, at],
      values: [first, second],
    });
  }
}

/** Take in a bound. */
export function takeBound(evaluator: Engine, vertex: Vertex, bound: Bound): void {
  vertex.items = added(vertex.items, { kind: "bound", bound });
  claim(evaluator, vertex, { mask: boundMask(bound), text: () => formatBound(bound), at: bound.at });
  if (!vertex.bounds.some((other) => other.operator === bound.operator && sameScalar(other.value, bound.value)))
    vertex.bounds = added(vertex.bounds, bound);
}

/** Take in a function used as a value. */
export function takeValidator(evaluator: Engine, vertex: Vertex, validator: Validator): void {
  vertex.items = added(vertex.items, { kind: "validator", validator });
  if (!claim(evaluator, vertex, { mask: validator.mask, text: () => validator.name, at: validator.at })) return;
  const same = vertex.validators.some(
    (other) => other.name === validator.name && validatorKey(evaluator, other) === validatorKey(evaluator, validator),
  );
  if (!same) vertex.validators = added(vertex.validators, validator);
}

/** The kinds of values that a bound may hold of. */
export function boundMask({ operator, value }: Bound): number {
  if (operator === "!=" && value === null) return kinds.top & ~kinds.null;
  if (operator === "=~" || operator === "!~") return kinds.string;
  return isNumber(value) ? kinds.number : kindOf(value);
}

/** Check what is known of a vertex against its bounds and validators; attaches an error where they fail. */
export function applyScalarConstraints(evaluator: Engine, vertex: Vertex): void {
  if (vertex.bottom !== undefined) return;
  if (vertex.scalar === undefined) {
    if (vertex.bounds.length > 1) simplifyBounds(evaluator, vertex);
  } else
    for (const bound of vertex.bounds)
      if (!satisfies(evaluator, vertex.scalar.value, bound)) {
        evaluator.setBottom(vertex, outOfBound(vertex.scalar, bound));
        return;
      }
  if (vertex.validators.length === 0 || vertex.tasks.length > 0) return;
  const isComposite = vertex.mask === kinds.struct || vertex.mask === kinds.list;
  if (vertex.scalar !== undefined || (isComposite && vertex.items.some(({ kind }) => kind === "struct" || kind === "list")))
    for (const validator of vertex.validators) if (!validate(evaluator, vertex, validator)) return;
}

function outOfBound({ value, at }: { value: Scalar; at: Place }, bound: Bound): Bottom {
  const [found, limit] = [showScalar(value), formatBound(bound)];
  return {
    code: "eval",
    message: `invalid value ${found} (out of bound ${limit})`,
    places: [bound.at, at],
    values: [found, limit],
  };
}

function validate(evaluator: Engine, vertex: Vertex, validator: Validator): boolean {
  try {
    const result = validator.check(vertex);
    if (result === true) return true;
    const found = vertex.scalar === undefined ? formatVertex(evaluator, vertex) : showScalar(vertex.scalar.value);
    const message = `invalid value ${found} (does not satisfy ${validator.name})${typeof result === "string" ? `: ${result}` : ""}`;
    const places = vertex.scalar === undefined ? [validator.at] : [validator.at, vertex.scalar.at];
    evaluator.setBottom(vertex, { code: "eval", message, places, values: [found, validator.name] });
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
    if (!isIncomplete(error.bottom)) evaluator.setBottom(vertex, error.bottom);
    else evaluator.setBottom(vertex, error.bottom);
  }
  return false;
}

/** Whether a scalar keeps to a bound. */
export function satisfies(evaluator: Engine, value: Scalar, { operator, value: limit, at }: Bound): boolean {
  if (operator === "=~" || operator === "!~") {
    return matchesPattern(evaluator, value, limit, at) === (operator === "=~");
  }
  if (operator === "!=") return !equalScalars(value, limit);
  return compareWith(operator, value, limit) ?? false;
}

/** Whether a text or bytes match a regular expression. */
export function matchesPattern(evaluator: Engine, value: Scalar, pattern: Scalar, at: Place): boolean {
  const text = typeof value === "string" ? value : value instanceof Uint8Array ? String.fromCharCode(...value) : undefined;
  if (text === undefined || typeof pattern !== "string") throw fail(`cannot use ${formatScalar(value)} with =~`, at);
  try {
    const spend = (steps: number): void => evaluator.budget.step(steps);
    return evaluator.regexes.compile(pattern, spend).test(text, spend);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "POLICY_REGEX_MALFORMED")
      throw fail(`invalid regexp: ${error.message}`, at);
    throw error;
  }
}

/** The outcome of an ordered comparison; undefined for values that have no order. */
export function compareWith(operator: string, left: Scalar, right: Scalar): boolean | undefined {
  const order = compareScalars(left, right);
  if (order === undefined) return undefined;
  return operator === "<" ? order < 0 : operator === "<=" ? order <= 0 : operator === ">" ? order > 0 : order >= 0;
}

/** Bounds on numbers that leave nothing are an error, and those that leave one integer are that integer. */
function simplifyBounds(evaluator: Engine, vertex: Vertex): void {
  const lower = vertex.bounds.filter(({ operator }) => operator.startsWith(">"));
  const upper = vertex.bounds.filter(({ operator }) => operator === "<" || operator === "<=");
  const low = lower.reduce<Bound | undefined>(
    (best, bound) => (best === undefined || tighter(bound, best, 1) ? bound : best),
    undefined,
  );
  const high = upper.reduce<Bound | undefined>(
    (best, bound) => (best === undefined || tighter(bound, best, -1) ? bound : best),
    undefined,
  );
  vertex.bounds = vertex.bounds.filter(
    (bound) =>
      (!lower.includes(bound) || bound === low) &&
      (!upper.includes(bound) || bound === high) &&
      !impliedBy(evaluator, bound, vertex.bounds),
  );
  if (low === undefined || high === undefined) return;
  const order = compareScalars(low.value, high.value);
  if (order === undefined) return;
  const strict = low.operator === ">" || high.operator === "<";
  const none = order > 0 || (order === 0 && strict) || (vertex.mask === kinds.int && noIntegerBetween(low, high));
  if (none) {
    const [first, second] = [formatBound(low), formatBound(high)];
    evaluator.setBottom(vertex, {
      code: "eval",
      message: `incompatible ${isNumber(low.value) ? "number" : "string"} bounds ${first} and ${second}`,
      places: [low.at, high.at],
      values: [first, second],
    });
  } else if (order === 0 && isNumber(low.value) && (vertex.mask & kinds.number) === kinds.int)
    fixTo(evaluator, vertex, low.value.value, low.at);
  else if (vertex.mask === kinds.int && isNumber(low.value) && isNumber(high.value)) {
    const [first, last] = [
      firstInteger(low.value.value, low.operator === ">"),
      lastInteger(high.value.value, high.operator === "<"),
    ];
    if (compareNumbers(first, last) === 0) fixTo(evaluator, vertex, first, low.at);
  }
}

function fixTo(evaluator: Engine, vertex: Vertex, value: Numeric, at: Place): void {
  const scalar: Scalar = { int: true, value };
  vertex.scalar = { value: scalar, at };
  for (const bound of vertex.bounds)
    if (!satisfies(evaluator, scalar, bound)) {
      evaluator.setBottom(vertex, outOfBound(vertex.scalar, bound));
      return;
    }
}

function tighter(bound: Bound, best: Bound, direction: 1 | -1): boolean {
  const order = (compareScalars(bound.value, best.value) ?? 0) * direction;
  return order > 0 || (order === 0 && bound.operator.length < best.operator.length);
}

/** Whether a `!=` says nothing that the other bounds do not. */
function impliedBy(evaluator: Engine, { operator, value }: Bound, bounds: readonly Bound[]): boolean {
  if (operator !== "!=") return false;
  return bounds.some(
    (bound) =>
      bound.operator !== "!=" &&
      (bound.operator.includes("~") ? typeof value === "string" : (boundMask(bound) & kindOf(value)) !== 0) &&
      !satisfies(evaluator, value, bound),
  );
}

function noIntegerBetween(low: Bound, high: Bound): boolean {
  if (!isNumber(low.value) || !isNumber(high.value)) return false;
  return (
    compareNumbers(firstInteger(low.value.value, low.operator === ">"), lastInteger(high.value.value, high.operator === "<")) > 0
  );
}

function firstInteger(value: Numeric, strict: boolean): Numeric {
  const floor = floorOf(value);
  return compareNumbers(floor, value) === 0 && !strict ? floor : addExact(floor, 1);
}

function lastInteger(value: Numeric, strict: boolean): Numeric {
  const floor = floorOf(value);
  return compareNumbers(floor, value) === 0 && strict ? subtractExact(floor, 1) : floor;
}

/** The largest integer that is not above a number. */
export function floorOf(value: Numeric): Numeric {
  const [mantissa, exponent] = decimalParts(value);
  if (exponent >= 0) return value;
  const unit = 10n ** BigInt(-exponent);
  const quotient = mantissa / unit;
  return numeric(mantissa < 0n && mantissa % unit !== 0n ? quotient - 1n : quotient);
}
