// Exact decimal numbers: mantissa × 10^exponent. A number that a safe integer holds is a plain JavaScript number; all others, and
// those that were written another way (1.0, 1e3), are a Decimal, which keeps the text it was read from for printing.
import { valuesError } from "./errors.ts";
import { quote } from "./policy-error.ts";

/** A number of any size, exact. A plain number is always a safe integer, never a fraction, NaN or an infinity. */
export type Numeric = number | Decimal;

/** Digits that a number may have, and the largest exponent of ten; both after reading and after each operation. */
export const maxNumberDigits = 100_000;

/** Powers of ten that a number may be read with, its own digits counted: OPA's bound of 2^±100000. */
export const maxReadExponent = 30_103;

const numberText = /^(-?)(0|[1-9][0-9]*)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?$/;

/** A number that is no safe integer, or that was written as a fraction or with an exponent. Made by `parseNumber` and `numeric`. */
export class Decimal {
  #text: string | undefined;
  #mantissa: bigint | undefined;
  #exponent = 0;

  private constructor(text: string | undefined, mantissa: bigint | undefined, exponent: number) {
    this.#text = text;
    this.#mantissa = mantissa;
    this.#exponent = exponent;
  }

  /** From a text that was checked to be a number; it is taken apart when first calculated with. */
  static fromText(text: string): Decimal {
    return new Decimal(text, undefined, 0);
  }

  /** mantissa × 10^exponent, with trailing zeros of the mantissa removed. */
  static of(mantissa: bigint, exponent: number): Decimal {
    const [m, e] = reduced(mantissa, exponent);
    return new Decimal(undefined, m, e);
  }

  /** The digits, without trailing zeros. */
  get mantissa(): bigint {
    if (this.#mantissa === undefined) this.#read();
    return this.#mantissa ?? 0n;
  }

  /** The power of ten that the digits are multiplied by. */
  get exponent(): number {
    if (this.#mantissa === undefined) this.#read();
    return this.#exponent;
  }

  /** Whether the number has no fraction. */
  get isInteger(): boolean {
    return this.exponent >= 0;
  }

  /** The number as it was written, or as Go's %g writes it when it was calculated. */
  toString(): string {
    this.#text ??= formatDecimal(this.mantissa, this.exponent);
    return this.#text;
  }

  #read(): void {
    const match = numberText.exec(this.#text ?? "");
    if (match === null) throw new TypeError("a Decimal holds a text that was not checked");
    const [, sign = "", whole = "0", fraction = "", exponent = "0"] = match;
    const digits = BigInt(whole + fraction);
    [this.#mantissa, this.#exponent] = reduced(sign === "-" ? -digits : digits, Number(exponent) - fraction.length);
  }
}

/** Read a number as JSON writes it, exactly; throws POLICY_NUMBER_MALFORMED or POLICY_NUMBER_TOO_LARGE. */
export function parseNumber(text: string): Numeric {
  const plain = isPlain(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(plain)) return plain + 0;
  const match = text.length > maxNumberDigits ? undefined : numberText.exec(text);
  if (match === null)
    throw valuesError("POLICY_NUMBER_MALFORMED", `Cannot read number: ${quote(text)} is not one`, { found: quote(text) });
  if (match === undefined) throw tooLarge();
  const size = Number(match[4] ?? 0) + (match[2] === "0" ? 0 : (match[2] ?? "").length);
  if (size > maxReadExponent || size < -maxReadExponent) throw tooLarge();
  return Decimal.fromText(text);
}

function isPlain(text: string): boolean {
  const length = text.length;
  if (length === 0 || length > 17) return false;
  const first = text.charCodeAt(0);
  let at = first === 0x2d ? 1 : 0;
  if (at === length || (text.charCodeAt(at) === 0x30 && length > at + 1)) return false;
  for (; at < length; at++) {
    const code = text.charCodeAt(at);
    if (code < 0x30 || code > 0x39) return false;
  }
  return true;
}

/** mantissa × 10^exponent in its plainest form; throws POLICY_NUMBER_TOO_LARGE. */
export function numeric(mantissa: bigint, exponent = 0): Numeric {
  if (exponent >= 0 && exponent <= 16) {
    const whole = exponent === 0 ? mantissa : mantissa * 10n ** BigInt(exponent);
    const plain = Number(whole);
    if (Number.isSafeInteger(plain)) return plain;
  }
  if (Math.abs(exponent) > 2 * maxNumberDigits || !isBounded(mantissa)) throw tooLarge();
  const decimal = Decimal.of(mantissa, exponent);
  const small = plainInteger(decimal);
  return small === undefined ? decimal : small;
}

const bound = 1n << 332_192n; // about 10^100000
function isBounded(mantissa: bigint): boolean {
  return mantissa < bound && mantissa > -bound;
}

function tooLarge(): Error {
  return valuesError("POLICY_NUMBER_TOO_LARGE", `Cannot calculate: a number has over ${maxNumberDigits} digits`, {
    expected: `at most ${maxNumberDigits} digits`,
  });
}

/** The plain number that equals a value, or nothing when no safe integer does. */
export function plainInteger(value: Numeric): number | undefined {
  if (typeof value === "number") return value;
  const { mantissa, exponent } = value;
  if (exponent < 0 || exponent > 16) return mantissa === 0n ? 0 : undefined;
  const plain = Number(exponent === 0 ? mantissa : mantissa * 10n ** BigInt(exponent));
  return Number.isSafeInteger(plain) ? plain : undefined;
}

/** The integer as a bigint, or nothing when the value has a fraction; throws POLICY_NUMBER_TOO_LARGE when it has too many digits. */
export function toBigInt(value: Numeric): bigint | undefined {
  if (typeof value === "number") return BigInt(value);
  if (!value.isInteger) return undefined;
  if (value.exponent > maxNumberDigits) throw tooLarge();
  return value.mantissa * 10n ** BigInt(value.exponent);
}

/** The nearest double; an infinity when it is out of range. */
export function toDouble(value: Numeric): number {
  return typeof value === "number" ? value : Number(value.toString());
}

/** The exact value of a finite double's shortest decimal form; throws POLICY_NUMBER_MALFORMED for NaN and the infinities. */
export function fromDouble(value: number): Numeric {
  if (Number.isSafeInteger(value)) return value + 0;
  if (!Number.isFinite(value)) throw valuesError("POLICY_NUMBER_MALFORMED", `Cannot read number: ${value} is not one`);
  const [mantissa = "0", exponent = "0"] = value.toExponential().split("e");
  const [whole = "0", fraction = ""] = mantissa.split(".");
  return numeric(BigInt(whole + fraction), Number(exponent) - fraction.length);
}

/** Digits and exponent of a value. */
export function decimalParts(value: Numeric): readonly [mantissa: bigint, exponent: number] {
  return typeof value === "number" ? [BigInt(value), 0] : [value.mantissa, value.exponent];
}

/** Order of two numbers: negative, zero or positive; exact. */
export function compareNumbers(a: Numeric, b: Numeric): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  const [am, ae] = decimalParts(a);
  const [bm, be] = decimalParts(b);
  const signs = signOf(am) - signOf(bm);
  if (signs !== 0 || am === 0n) return signs;
  // the positions of the first digits decide, so that 1e99999 is never written out to be compared with 1
  const sizes = digitCount(am) + ae - (digitCount(bm) + be);
  if (sizes !== 0) return am > 0n ? sizes : -sizes;
  const shift = ae - be;
  const left = shift > 0 ? am * 10n ** BigInt(shift) : am;
  const right = shift < 0 ? bm * 10n ** BigInt(-shift) : bm;
  return left < right ? -1 : left > right ? 1 : 0;
}

function signOf(value: bigint): number {
  return value > 0n ? 1 : value < 0n ? -1 : 0;
}

/** The number of decimal digits of an integer, its sign aside. */
export function digitCount(value: bigint): number {
  return (value < 0n ? -value : value).toString().length;
}

/** The exact sum. */
export function addExact(a: Numeric, b: Numeric): Numeric {
  if (typeof a === "number" && typeof b === "number" && Number.isSafeInteger(a + b)) return a + b;
  const [am, ae] = decimalParts(a);
  const [bm, be] = decimalParts(b);
  const least = Math.min(ae, be);
  if (Math.max(ae, be) - least > maxNumberDigits) throw tooLarge();
  return numeric(am * 10n ** BigInt(ae - least) + bm * 10n ** BigInt(be - least), least);
}

/** The exact difference. */
export function subtractExact(a: Numeric, b: Numeric): Numeric {
  return addExact(a, negate(b));
}

/** The exact product. */
export function multiplyExact(a: Numeric, b: Numeric): Numeric {
  if (typeof a === "number" && typeof b === "number" && Number.isSafeInteger(a * b)) return a * b + 0;
  const [am, ae] = decimalParts(a);
  const [bm, be] = decimalParts(b);
  return numeric(am * bm, ae + be);
}

/** The quotient, rounded half to even to so many significant digits; throws POLICY_DIVIDE_BY_ZERO. */
export function divideRounded(a: Numeric, b: Numeric, digits: number): Numeric {
  const [am, ae] = decimalParts(a);
  const [bm, be] = decimalParts(b);
  if (bm === 0n) throw valuesError("POLICY_DIVIDE_BY_ZERO", "Cannot divide: the divisor is zero");
  const shift = Math.max(0, digits + digitCount(bm) - digitCount(am) + 1);
  const scaled = am * 10n ** BigInt(shift);
  const quotient = scaled / bm;
  // a digit that says whether anything was cut off keeps the rounding below exact
  const sticky = scaled % bm === 0n ? 0n : am < 0n !== bm < 0n ? -1n : 1n;
  return roundToDigits(numeric(quotient * 10n + sticky, ae - be - shift - 1), digits);
}

/** Rounded half to even to so many significant digits. */
export function roundToDigits(value: Numeric, digits: number): Numeric {
  const [mantissa, exponent] = decimalParts(value);
  const excess = digitCount(mantissa) - digits;
  if (excess <= 0) return value;
  const unit = 10n ** BigInt(excess);
  let kept = mantissa / unit;
  const rest = mantissa % unit;
  const twice = (rest < 0n ? -rest : rest) * 2n;
  if (twice > unit || (twice === unit && kept % 2n !== 0n)) kept += mantissa < 0n ? -1n : 1n;
  return numeric(kept, exponent + excess);
}

/** The number with the other sign. */
export function negate(value: Numeric): Numeric {
  return typeof value === "number" ? 0 - value : numeric(-value.mantissa, value.exponent);
}

/** A number as its digits: as it was written, or as Go writes it. */
export function formatNumber(value: Numeric): string {
  return typeof value === "number" ? String(value) : value.toString();
}

/** The same text for equal numbers, however they were written; exact. */
export function canonicalNumber(value: Numeric): string {
  const plain = plainInteger(value);
  if (plain !== undefined) return String(plain);
  const [mantissa, exponent] = decimalParts(value);
  return `${mantissa}e${exponent}`;
}

function reduced(mantissa: bigint, exponent: number): [bigint, number] {
  if (mantissa === 0n) return [0n, 0];
  if (mantissa % 10n !== 0n) return [mantissa, exponent];
  const text = mantissa.toString();
  let end = text.length;
  while (text.charCodeAt(end - 1) === 0x30) end--;
  return [BigInt(text.slice(0, end)), exponent + text.length - end];
}

/** Integers in full; fractions as Go's %g with the shortest precision: an exponent below 1e-4 and from a million on. */
function formatDecimal(mantissa: bigint, exponent: number): string {
  const sign = mantissa < 0n ? "-" : "";
  const digits = (mantissa < 0n ? -mantissa : mantissa).toString();
  if (exponent >= 0) return sign + digits + "0".repeat(exponent);
  const point = digits.length + exponent;
  if (point - 1 < -4 || point - 1 >= 21) return sign + withExponent(digits, point - 1);
  if (point <= 0) return `${sign}0.${"0".repeat(-point)}${digits}`;
  return `${sign}${digits.slice(0, point)}.${digits.slice(point)}`;
}

function withExponent(digits: string, exponent: number): string {
  const fraction = digits.length > 1 ? `.${digits.slice(1)}` : "";
  const size = String(Math.abs(exponent)).padStart(2, "0");
  return `${digits.charAt(0)}${fraction}e${exponent < 0 ? "-" : "+"}${size}`;
}
