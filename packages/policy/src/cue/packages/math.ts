// Package math: exact decimals, rounded to 34 digits where a result has no end.
import {
  addExact,
  compareNumbers,
  divideRounded,
  fromDouble,
  multiplyExact,
  type Numeric,
  negate,
  parseNumber,
  roundToDigits,
  subtractExact,
  toBigInt,
  toDouble,
} from "../../values/index.ts";
import type { Builtin, Call, Result } from "../builtin.ts";
import { floatDigits } from "../literal.ts";
import { floorOf } from "../unify.ts";
import { kinds } from "../value.ts";

const half: Numeric = parseNumber("0.5");
const constants = {
  E: "2.71828182845904523536028747135266249775724709369995957496696763",
  Ln10: "2.30258509299404568401799145468436420760110148862877297603332790",
  Ln2: "0.693147180559945309417232121458176568075500134360255254120680009",
  Phi: "1.61803398874989484820458683436563811772030917980576286213544862",
  Pi: "3.14159265358979323846264338327950288419716939937510582097494459",
  Sqrt2: "1.41421356237309504880168872420969807856967187537694807317667974",
} as const;

/** Functions and constants of package math. */
export const mathPackage: Readonly<Record<string, Builtin | Result>> = {
  ...Object.fromEntries(Object.entries(constants).map(([name, text]) => [name, { int: false, value: parseNumber(text) }])),
  Abs: {
    parameters: 1,
    call: (call) => ({
      int: call.number(0).int,
      value: compareNumbers(call.number(0).value, 0) < 0 ? negate(call.number(0).value) : call.number(0).value,
    }),
  },
  Ceil: rounding((value) => negate(floorOf(negate(value)))),
  Floor: rounding(floorOf),
  MultipleOf: { parameters: 2, validates: kinds.number, call: multipleOf },
  Pow: { parameters: 2, call: power },
  Round: rounding((value) =>
    compareNumbers(value, 0) < 0 ? negate(floorOf(addExact(negate(value), half))) : floorOf(addExact(value, half)),
  ),
  RoundToEven: rounding(roundToEven),
  Signbit: { parameters: 1, call: (call) => compareNumbers(call.number(0).value, 0) < 0 },
  Sqrt: { parameters: 1, call: (call) => ({ int: false, value: root(call) }) },
  Trunc: rounding((value) => (compareNumbers(value, 0) < 0 ? negate(floorOf(negate(value))) : floorOf(value))),
};

function rounding(round: (value: Numeric) => Numeric): Builtin {
  return { parameters: 1, call: (call) => ({ int: true, value: round(call.number(0).value) }) };
}

function roundToEven(value: Numeric): Numeric {
  const floor = floorOf(value);
  const order = compareNumbers(subtractExact(value, floor), half);
  const even = (toBigInt(floor) ?? 0n) % 2n === 0n;
  return order < 0 || (order === 0 && even) ? floor : addExact(floor, 1);
}

function multipleOf(call: Call): Result {
  const [value, unit] = [call.number(0).value, call.number(1).value];
  if (compareNumbers(unit, 0) === 0) throw call.fail("division by zero");
  const quotient = divideRounded(value, unit, 2 * floatDigits);
  return typeof quotient === "number" || quotient.isInteger;
}

function power(call: Call): Result {
  const [base, exponent] = [call.number(0), call.number(1)];
  const whole = toBigInt(exponent.value);
  if (whole === undefined || whole > 10_000n || whole < -10_000n) {
    const result = toDouble(base.value) ** toDouble(exponent.value);
    if (!Number.isFinite(result)) throw call.fail("result is no number");
    return { int: false, value: fromDouble(result) };
  }
  let value: Numeric = 1;
  for (let i = whole < 0n ? -whole : whole; i > 0n; i--) {
    call.evaluator.budget.step();
    value = base.int ? multiplyExact(value, base.value) : roundToDigits(multiplyExact(value, base.value), 2 * floatDigits);
    if (typeof value !== "number" && value.mantissa > 10n ** 5000n) throw call.fail("result is too large");
  }
  if (whole < 0n) return { int: false, value: divideRounded(1, value, floatDigits) };
  return { int: base.int && exponent.int, value: base.int ? value : roundToDigits(value, floatDigits) };
}

function root(call: Call): Numeric {
  const { value } = call.number(0);
  if (compareNumbers(value, 0) < 0) throw call.fail("square root of a negative number");
  if (compareNumbers(value, 0) === 0) return 0;
  let guess = fromDouble(Math.sqrt(toDouble(value)));
  for (let i = 0; i < 3; i++) guess = divideRounded(addExact(guess, divideRounded(value, guess, 60)), 2, 60);
  return roundToDigits(guess, floatDigits);
}
