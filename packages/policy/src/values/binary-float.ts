// Arithmetic as OPA does it: integers exactly, everything else as a binary floating-point number with a mantissa of 64 bits (Go's
// big.Float at its default precision), printed with the fewest digits that tell it from its neighbours.
import { Decimal, decimalParts, maxNumberDigits, type Numeric, numeric, toBigInt } from "./decimal.ts";
import { valuesError } from "./errors.ts";

const precision = 64;

/** mantissa × 2^exponent. */
interface BinaryFloat {
  readonly mantissa: bigint;
  readonly exponent: number;
}

/** a + b as OPA adds. */
export function add(a: Numeric, b: Numeric): Numeric {
  if (typeof a === "number" && typeof b === "number" && Number.isSafeInteger(a + b)) return a + b;
  const [x, y] = [toBigInt(a), toBigInt(b)];
  if (x !== undefined && y !== undefined) return numeric(x + y);
  return fromBinary(sum(toBinary(a), toBinary(b)));
}

/** a - b as OPA subtracts. */
export function subtract(a: Numeric, b: Numeric): Numeric {
  if (typeof a === "number" && typeof b === "number" && Number.isSafeInteger(a - b)) return a - b;
  const [x, y] = [toBigInt(a), toBigInt(b)];
  if (x !== undefined && y !== undefined) return numeric(x - y);
  const right = toBinary(b);
  return fromBinary(sum(toBinary(a), { mantissa: -right.mantissa, exponent: right.exponent }));
}

/** a × b as OPA multiplies. */
export function multiply(a: Numeric, b: Numeric): Numeric {
  if (typeof a === "number" && typeof b === "number" && Number.isSafeInteger(a * b)) return a * b + 0;
  const [x, y] = [toBigInt(a), toBigInt(b)];
  if (x !== undefined && y !== undefined) return numeric(x * y);
  const [left, right] = [toBinary(a), toBinary(b)];
  return fromBinary(rounded(left.mantissa * right.mantissa, left.exponent + right.exponent));
}

/** a ÷ b as OPA divides; throws POLICY_DIVIDE_BY_ZERO. */
export function divide(a: Numeric, b: Numeric): Numeric {
  if (typeof a === "number" && typeof b === "number" && b !== 0 && a % b === 0) return a / b + 0;
  const [left, right] = [toBinary(a), toBinary(b)];
  if (right.mantissa === 0n) throw valuesError("POLICY_DIVIDE_BY_ZERO", "Cannot divide: the divisor is zero");
  const shift = Math.max(0, precision + 3 + bitLength(right.mantissa) - bitLength(left.mantissa));
  const scaled = left.mantissa << BigInt(shift);
  const quotient = scaled / right.mantissa;
  // one bit more says whether the division left a rest, so that a tie is told from nearly a tie
  const rest = scaled % right.mantissa === 0n ? 0n : scaled < 0n !== right.mantissa < 0n ? -1n : 1n;
  return fromBinary(rounded(quotient * 2n + rest, left.exponent - right.exponent - shift - 1));
}

/** The remainder of a ÷ b with a's sign; integers alone: throws POLICY_NOT_AN_INTEGER and POLICY_DIVIDE_BY_ZERO. */
export function remainder(a: Numeric, b: Numeric): Numeric {
  if (typeof a === "number" && typeof b === "number" && b !== 0) return (a % b) + 0;
  const [x, y] = [toBigInt(a), toBigInt(b)];
  if (x === undefined || y === undefined)
    throw valuesError("POLICY_NOT_AN_INTEGER", "Cannot take a remainder: modulo on floating-point number");
  if (y === 0n) throw valuesError("POLICY_DIVIDE_BY_ZERO", "Cannot take a remainder: modulo by zero");
  return numeric(x % y);
}

/** The nearest number with a mantissa of 64 bits, as OPA's aggregate functions see a number. */
export function roundToBinary(value: Numeric): Numeric {
  return typeof value === "number" ? value : fromBinary(toBinary(value));
}

function sum(a: BinaryFloat, b: BinaryFloat): BinaryFloat {
  const least = Math.min(a.exponent, b.exponent);
  if (Math.max(a.exponent, b.exponent) - least > 4 * maxNumberDigits)
    throw valuesError("POLICY_NUMBER_TOO_LARGE", "Cannot calculate: the sizes of two numbers are too far apart");
  return rounded((a.mantissa << BigInt(a.exponent - least)) + (b.mantissa << BigInt(b.exponent - least)), least);
}

function toBinary(value: Numeric): BinaryFloat {
  const [mantissa, exponent] = decimalParts(value);
  if (exponent >= 0) return rounded(mantissa * 10n ** BigInt(exponent), 0);
  const divisor = 10n ** BigInt(-exponent);
  const shift = Math.max(0, precision + 3 + bitLength(divisor) - bitLength(mantissa));
  const scaled = mantissa << BigInt(shift);
  const rest = scaled % divisor === 0n ? 0n : mantissa < 0n ? -1n : 1n;
  return rounded((scaled / divisor) * 2n + rest, -shift - 1);
}

/** Rounded to 64 bits, half to even. */
function rounded(mantissa: bigint, exponent: number): BinaryFloat {
  const negative = mantissa < 0n;
  const size = negative ? -mantissa : mantissa;
  const excess = bitLength(size) - precision;
  if (excess <= 0) return { mantissa, exponent };
  const shift = BigInt(excess);
  const half = 1n << (shift - 1n);
  let kept = size >> shift;
  const rest = size - (kept << shift);
  if (rest > half || (rest === half && (kept & 1n) === 1n)) kept += 1n;
  return { mantissa: negative ? -kept : kept, exponent: exponent + excess };
}

/** The number of bits of an integer, its sign aside. */
export function bitLength(value: bigint): number {
  if (value === 0n) return 0;
  const hex = (value < 0n ? -value : value).toString(16);
  return (hex.length - 1) * 4 + (32 - Math.clz32(Number.parseInt(hex.charAt(0), 16)));
}

function fromBinary(value: BinaryFloat): Numeric {
  const negative = value.mantissa < 0n;
  const size = negative ? -value.mantissa : value.mantissa;
  if (size === 0n) return 0;
  const { digits, exponent } = shortest(size, value.exponent);
  const integer = isWhole(size, value.exponent);
  const plain = numeric(negative ? -digits : digits, exponent);
  if (typeof plain === "number" || integer) return plain;
  return Decimal.fromText((negative ? "-" : "") + formatG(digits.toString(), exponent));
}

function isWhole(mantissa: bigint, exponent: number): boolean {
  return exponent >= 0 || mantissa % (1n << BigInt(-exponent)) === 0n;
}

/** The fewest digits within half a unit of the last bit of mantissa × 2^exponent, the nearest of those. */
function shortest(mantissa: bigint, exponent: number): { digits: bigint; exponent: number } {
  const widen = precision - bitLength(mantissa);
  const bits = mantissa << BigInt(widen);
  const scale = exponent - widen;
  const edge = bits === 1n << BigInt(precision - 1);
  // all of value, low and high are numerators over one denominator, scaled by 4 so that a quarter of a unit is whole
  const up = scale > 2 ? BigInt(scale - 2) : 0n;
  const down = scale > 2 ? 0n : BigInt(2 - scale);
  const value = (bits * 4n) << up;
  const low = (bits * 4n - (edge ? 1n : 2n)) << up;
  const high = (bits * 4n + 2n) << up;
  const denominator = 1n << down;
  const inclusive = (bits & 1n) === 0n;
  let power = Math.ceil((bitLength(high) - Number(down)) * 0.30103) + 1;
  for (; ; power--) {
    const found = digitsAt(power, value, low, high, denominator, inclusive);
    if (found !== undefined) return { digits: found, exponent: power };
  }
}

/** The multiple of 10^power in the interval that is nearest to the value, if one is there. */
function digitsAt(
  power: number,
  value: bigint,
  low: bigint,
  high: bigint,
  denominator: bigint,
  inclusive: boolean,
): bigint | undefined {
  const ten = 10n ** BigInt(Math.abs(power));
  const unit = power >= 0 ? denominator * ten : denominator;
  const factor = power >= 0 ? 1n : ten;
  const first = (low * factor) / unit + ((low * factor) % unit === 0n && inclusive ? 0n : 1n);
  const last = (high * factor) / unit - ((high * factor) % unit === 0n && !inclusive ? 1n : 0n);
  if (first > last || last <= 0n) return undefined;
  const nearest = (value * factor * 2n + unit) / (unit * 2n);
  return nearest < first ? first : nearest > last ? last : nearest;
}

/** Go's %g with the shortest precision: with an exponent below 1e-4 and from a million on. */
function formatG(digits: string, exponent: number): string {
  const point = digits.length + exponent;
  if (point - 1 < -4 || point - 1 >= 6) {
    const size = String(Math.abs(point - 1)).padStart(2, "0");
    const fraction = digits.length > 1 ? `.${digits.slice(1)}` : "";
    return `${digits.charAt(0)}${fraction}e${point - 1 < 0 ? "-" : "+"}${size}`;
  }
  if (point <= 0) return `0.${"0".repeat(-point)}${digits}`;
  return `${digits.slice(0, point)}.${digits.slice(point)}`;
}
