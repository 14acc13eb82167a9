// Doubles as Go's strconv.FormatFloat writes them: exact decimal digits, rounded half to even.

/** Digits of a number 0.d1d2d3… × 10^point, without trailing zeros; no digits for zero. */
interface Digits {
  readonly digits: string;
  readonly point: number;
}

/** A finite double in one of Go's formats (b e E f g G x X); a negative precision asks for the fewest digits that tell it apart. */
export function formatFloat(value: number, format: string, precision: number): string {
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  const size = Math.abs(value);
  switch (format) {
    case "e":
    case "E":
      return sign + scientific(roundedTo(size, precision < 0 ? undefined : precision + 1), precision, format);
    case "f":
      return sign + plain(size, precision);
    case "g":
    case "G":
      return sign + general(size, precision, format === "g" ? "e" : "E");
    case "b":
      return sign + binary(size);
    default:
      return sign + hexadecimal(size, precision, format === "X");
  }
}

function general(size: number, precision: number, letter: string): string {
  const wanted = precision === 0 ? 1 : precision;
  const digits = roundedTo(size, precision < 0 ? undefined : wanted);
  let limit = wanted;
  if (limit > digits.digits.length && digits.digits.length >= digits.point) limit = digits.digits.length;
  if (precision < 0) limit = 6;
  const exponent = digits.point - 1;
  if (exponent >= -4 && exponent < limit) return layOut(digits, Math.max(digits.digits.length - digits.point, 0));
  return scientific(digits, digits.digits.length - 1, letter);
}

function scientific(found: Digits, precision: number, letter: string): string {
  const { digits, point } = found;
  const places = precision < 0 ? Math.max(digits.length - 1, 0) : precision;
  const all = digits.padEnd(places + 1, "0");
  const exponent = digits === "" ? 0 : point - 1;
  const mantissa = places > 0 ? `${all.charAt(0)}.${all.slice(1, places + 1)}` : all.charAt(0);
  return `${mantissa}${letter}${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
}

function plain(size: number, precision: number): string {
  if (precision < 0) {
    const shortest = roundedTo(size, undefined);
    return layOut(shortest, Math.max(shortest.digits.length - shortest.point, 0));
  }
  const exact = exactDigits(size);
  return layOut(round(exact, exact.point + precision), precision);
}

function layOut({ digits, point }: Digits, places: number): string {
  const whole = point > 0 ? digits.slice(0, point).padEnd(point, "0") : "0";
  if (places <= 0) return whole;
  const fraction = point >= 0 ? digits.slice(point) : "0".repeat(Math.min(-point, places)) + digits;
  return `${whole}.${fraction.slice(0, places).padEnd(places, "0")}`;
}

/** So many significant digits, or, without a count, the fewest that tell the double apart. */
function roundedTo(size: number, count: number | undefined): Digits {
  if (count !== undefined) return round(exactDigits(size), count);
  const [mantissa = "0", exponent = "0"] = size.toExponential().split("e");
  return trimmed(mantissa.replace(".", ""), Number(exponent) + 1);
}

function exactDigits(size: number): Digits {
  if (size === 0) return { digits: "", point: 0 };
  const [mantissa, exponent] = parts(size);
  if (exponent >= 0) {
    const text = (mantissa << BigInt(exponent)).toString();
    return trimmed(text, text.length);
  }
  const text = (mantissa * 5n ** BigInt(-exponent)).toString();
  return trimmed(text, text.length + exponent);
}

function trimmed(text: string, point: number): Digits {
  const digits = text.replace(/0+$/, "");
  return { digits, point: digits === "" ? 0 : point };
}

/** The first `count` digits, rounded half to even. */
function round(found: Digits, count: number): Digits {
  const { digits, point } = found;
  if (count >= digits.length) return found;
  if (count < 0) return { digits: "", point: 0 };
  const rest = digits.slice(count);
  const kept = digits.slice(0, count);
  const last = Number(kept.slice(-1) || "0");
  const up = rest.charAt(0) > "5" || (rest.charAt(0) === "5" && (rest.length > 1 || last % 2 === 1));
  if (!up) return trimmed(kept, point);
  const raised = (BigInt(kept || "0") + 1n).toString().padStart(kept.length, "0");
  return trimmed(raised, point + raised.length - kept.length);
}

/** A double as mantissa × 2^exponent, the mantissa of 53 bits unless it is subnormal. */
function parts(size: number): readonly [mantissa: bigint, exponent: number] {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, size);
  const bits = view.getBigUint64(0);
  const exponent = Number(bits >> 52n);
  const fraction = bits & ((1n << 52n) - 1n);
  return exponent === 0 ? [fraction, -1074] : [fraction | (1n << 52n), exponent - 1075];
}

function binary(size: number): string {
  const [mantissa, exponent] = parts(size);
  return `${mantissa}p${exponent < 0 ? "-" : "+"}${Math.abs(exponent)}`;
}

function hexadecimal(size: number, precision: number, upper: boolean): string {
  let [mantissa, exponent] = size === 0 ? [0n, -52] : parts(size);
  while (mantissa !== 0n && mantissa < 1n << 52n) [mantissa, exponent] = [mantissa << 1n, exponent - 1];
  let places = 13;
  if (precision >= 0 && precision < 13) {
    const unit = 1n << BigInt(4 * (13 - precision));
    const rest = mantissa % unit;
    mantissa /= unit;
    if (rest * 2n > unit || (rest * 2n === unit && mantissa % 2n === 1n)) mantissa += 1n;
    places = precision;
    if (mantissa >= 2n << BigInt(4 * precision)) [mantissa, exponent] = [mantissa >> 1n, exponent + 1];
  }
  const hex = mantissa.toString(16).padStart(places + 1, "0");
  const fraction = precision < 0 ? hex.slice(1).replace(/0+$/, "") : hex.slice(1).padEnd(precision, "0");
  const power = size === 0 ? 0 : exponent + 52;
  const text = `0x${hex.charAt(0)}${fraction === "" ? "" : `.${fraction}`}p${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
  return upper ? text.toUpperCase() : text;
}
