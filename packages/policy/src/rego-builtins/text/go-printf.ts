// Go's fmt.Sprintf over what OPA hands it: 64-bit integers, larger integers, doubles and strings (every other value as its text).
import { quoteGo } from "../../values/index.ts";
import { formatFloat } from "./go-float.ts";

/** An operand of a format: `type` is Go's name for what OPA passes. */
export type Operand =
  | { readonly type: "int64" | "big.Int"; readonly value: bigint }
  | { readonly type: "float64"; readonly value: number }
  | { readonly type: "string"; readonly value: string };

const maxWidth = 1_000_000;

interface Flags {
  minus: boolean;
  plus: boolean;
  sharp: boolean;
  space: boolean;
  zero: boolean;
  width: number | undefined;
  precision: number | undefined;
}

/** Write a format with its operands. `allocate` is called with the length of each piece before it is built, and may throw. */
export function sprintf(format: string, operands: readonly Operand[], allocate: (length: number) => void): string {
  return new Printer(format, operands, allocate).print();
}

class Printer {
  readonly #format: string;
  readonly #operands: readonly Operand[];
  readonly #allocate: (length: number) => void;
  readonly #out: string[] = [];
  #at = 0;
  #next = 0;
  #goodIndex = true;
  #reordered = false;

  constructor(format: string, operands: readonly Operand[], allocate: (length: number) => void) {
    this.#format = format;
    this.#operands = operands;
    this.#allocate = allocate;
  }

  print(): string {
    for (;;) {
      const percent = this.#format.indexOf("%", this.#at);
      this.#write(this.#format.slice(this.#at, percent < 0 ? undefined : percent));
      if (percent < 0) break;
      this.#at = percent + 1;
      this.#directive();
    }
    if (!this.#reordered && this.#next < this.#operands.length) {
      const extra = this.#operands.slice(this.#next).map((operand) => `${operand.type}=${verbV(operand)}`);
      this.#write(`%!(EXTRA ${extra.join(", ")})`);
    }
    return this.#out.join("");
  }

  #write(text: string): void {
    this.#allocate(text.length);
    this.#out.push(text);
  }

  /** What stands after a percent sign: flags, [index], width, precision, [index], verb. */
  #directive(): void {
    this.#goodIndex = true;
    const flags = this.#flags();
    let afterIndex = this.#index();
    if (this.#take("*")) {
      const width = this.#star();
      if (width === undefined) this.#write("%!(BADWIDTH)");
      else flags.width = Math.abs(width);
      if (width !== undefined && width < 0) flags.minus = true;
      afterIndex = false;
    } else {
      flags.width = this.#number();
      if (afterIndex && flags.width !== undefined) this.#goodIndex = false;
    }
    if (this.#take(".")) afterIndex = this.#precision(flags, afterIndex);
    if (!afterIndex) this.#index();
    const verb = String.fromCodePoint(this.#format.codePointAt(this.#at) ?? 0);
    if (this.#at >= this.#format.length) {
      this.#write("%!(NOVERB)");
      return;
    }
    this.#at += verb.length;
    this.#verb(verb, flags);
  }

  #verb(verb: string, flags: Flags): void {
    const operand = this.#operands[this.#next];
    if (verb === "%") this.#write("%");
    else if (!this.#goodIndex) this.#write(`%!${verb}(BADINDEX)`);
    else if (operand === undefined) this.#write(`%!${verb}(MISSING)`);
    else {
      this.#next++;
      if ((flags.width ?? 0) > 0 || (flags.precision ?? 0) > 0) this.#allocate(Math.max(flags.width ?? 0, flags.precision ?? 0));
      this.#write(formatOperand(operand, verb, flags));
    }
  }

  #flags(): Flags {
    const flags: Flags = {
      minus: false,
      plus: false,
      sharp: false,
      space: false,
      zero: false,
      width: undefined,
      precision: undefined,
    };
    for (;;) {
      if (this.#take("#")) flags.sharp = true;
      else if (this.#take("0")) flags.zero = true;
      else if (this.#take("+")) flags.plus = true;
      else if (this.#take("-")) flags.minus = true;
      else if (this.#take(" ")) flags.space = true;
      else return flags;
    }
  }

  #precision(flags: Flags, afterWidthIndex: boolean): boolean {
    if (afterWidthIndex) this.#goodIndex = false;
    const afterIndex = this.#index();
    if (!this.#take("*")) {
      flags.precision = this.#number() ?? 0;
      if (afterIndex && this.#format.charAt(this.#at - 1) !== "]") this.#goodIndex = false;
      return afterIndex;
    }
    const precision = this.#star();
    if (precision === undefined || precision < 0) this.#write("%!(BADPREC)");
    else flags.precision = precision;
    return false;
  }

  /** An operand as a width or precision. */
  #star(): number | undefined {
    const operand = this.#operands[this.#next];
    if (operand === undefined) return undefined;
    this.#next++;
    const value = operand.type === "int64" ? Number(operand.value) : Number.NaN;
    return Math.abs(value) <= maxWidth ? value : undefined;
  }

  /** `[n]`: the operand to go on with. */
  #index(): boolean {
    if (this.#format.charAt(this.#at) !== "[") return false;
    this.#reordered = true;
    const close = this.#format.indexOf("]", this.#at);
    const text = close < 0 ? "" : this.#format.slice(this.#at + 1, close);
    this.#at = close < 0 ? this.#at + 1 : close + 1;
    const index = /^[0-9]{1,7}$/.test(text) ? Number(text) - 1 : undefined;
    if (index !== undefined && index >= 0 && index < this.#operands.length) {
      this.#next = index;
      return true;
    }
    this.#goodIndex = false;
    return index !== undefined;
  }

  #number(): number | undefined {
    const from = this.#at;
    while (/[0-9]/.test(this.#format.charAt(this.#at))) this.#at++;
    const value = Number(this.#format.slice(from, this.#at));
    return from === this.#at || value > maxWidth ? undefined : value;
  }

  #take(character: string): boolean {
    if (this.#format.charAt(this.#at) !== character) return false;
    this.#at++;
    return true;
  }
}

const noFlags: Flags = {
  minus: false,
  plus: false,
  sharp: false,
  space: false,
  zero: false,
  width: undefined,
  precision: undefined,
};

function verbV(operand: Operand): string {
  return formatOperand(operand, "v", noFlags);
}

function formatOperand(operand: Operand, verb: string, flags: Flags): string {
  // the flag + of %v is for structures alone
  if (verb === "v" && flags.plus) return formatOperand(operand, verb, { ...flags, plus: false });
  if (verb === "T") return padded(truncated(operand.type === "big.Int" ? "*big.Int" : operand.type, flags), flags);
  const text =
    operand.type === "string"
      ? formatString(operand.value, verb, flags)
      : operand.type === "float64"
        ? formatDouble(operand.value, verb, flags)
        : operand.type === "big.Int"
          ? formatBigInteger(operand.value, verb, flags)
          : formatInteger(operand.value, verb, flags);
  if (text !== undefined) return text;
  if (operand.type === "big.Int") return `%!${verb}(big.Int=${operand.value})`;
  return `%!${verb}(${operand.type}=${formatOperand(operand, "v", { ...flags })})`;
}

function padded(text: string, flags: Flags): string {
  const missing = (flags.width ?? 0) - [...text].length;
  if (missing <= 0) return text;
  if (flags.minus) return text + " ".repeat(missing);
  return (flags.zero ? "0" : " ").repeat(missing) + text;
}

function truncated(text: string, flags: Flags): string {
  if (flags.precision === undefined || text.length <= flags.precision) return text;
  return [...text].slice(0, flags.precision).join("");
}

function formatString(text: string, verb: string, flags: Flags): string | undefined {
  switch (verb) {
    case "v":
      return flags.sharp
        ? padded(quoted(truncated(text, flags), { ...flags, sharp: false }), flags)
        : padded(truncated(text, flags), flags);
    case "s":
      return padded(truncated(text, flags), flags);
    case "q":
      return padded(quoted(truncated(text, flags), flags), flags);
    case "x":
    case "X":
      return padded(hexString(text, verb, flags), flags);
    default:
      return undefined;
  }
}

function quoted(text: string, flags: Flags): string {
  if (flags.sharp && !/[`\ufeff]|(?![\t\u0080-\u009f])\p{Cc}/u.test(text)) return `\`${text}\``;
  return flags.plus ? toAscii(quoteGo(text)) : quoteGo(text);
}

function toAscii(text: string): string {
  return text.replace(/\P{ASCII}/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return code > 0xffff ? `\\U${code.toString(16).padStart(8, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
  });
}

function hexString(text: string, verb: string, flags: Flags): string {
  const bytes = new TextEncoder().encode(text).slice(0, flags.precision);
  if (bytes.length === 0) return "";
  const pairs = [...bytes].map((byte) => byte.toString(16).padStart(2, "0"));
  const joined = flags.space
    ? pairs.map((pair) => (flags.sharp ? `0x${pair}` : pair)).join(" ")
    : (flags.sharp ? "0x" : "") + pairs.join("");
  return verb === "X" ? joined.toUpperCase() : joined;
}

const bases: Readonly<Record<string, number>> = { b: 2, o: 8, O: 8, d: 10, v: 10, x: 16, X: 16 };

function formatInteger(value: bigint, verb: string, flags: Flags): string | undefined {
  switch (verb) {
    case "c":
      return padded(character(value), flags);
    case "q":
      return padded(quotedCharacter(character(value), flags), flags);
    case "U":
      return padded(unicode(value, flags), { ...flags, zero: false });
    default:
      return bases[verb] === undefined ? undefined : integerDigits(value, verb, bases[verb] ?? 10, flags);
  }
}

function character(value: bigint): string {
  const valid = value >= 0n && value <= 0x10ffffn && !(value >= 0xd800n && value <= 0xdfffn);
  return valid ? String.fromCodePoint(Number(value)) : "\ufffd";
}

function quotedCharacter(text: string, flags: Flags): string {
  const inner = (flags.plus ? toAscii(quoteGo(text)) : quoteGo(text)).slice(1, -1);
  return `'${inner === '\\"' ? '"' : inner === "'" ? "\\'" : inner}'`;
}

function unicode(value: bigint, flags: Flags): string {
  const digits = BigInt.asUintN(64, value).toString(16).toUpperCase();
  const code = `U+${digits.padStart(Math.max(4, flags.precision ?? 4), "0")}`;
  return flags.sharp && value >= 0n && value <= 0x10ffffn ? `${code} '${character(value)}'` : code;
}

/** The sign, then zeros up to the precision or, with the flag 0, the width. */
function integerDigits(value: bigint, verb: string, base: number, flags: Flags): string {
  if (flags.precision === 0 && value === 0n) return " ".repeat(flags.width ?? 0);
  const sign = value < 0n ? "-" : flags.plus ? "+" : flags.space ? " " : "";
  const fill = flags.precision ?? (flags.zero && !flags.minus ? (flags.width ?? 0) - sign.length : 0);
  const plain = (value < 0n ? -value : value).toString(base).padStart(fill, "0");
  const digits = prefix(plain, verb, base, flags) + plain;
  return padded(sign + (verb === "X" ? digits.toUpperCase() : digits), { ...flags, zero: false });
}

function prefix(digits: string, verb: string, base: number, flags: Flags): string {
  if (verb === "O") return "0o";
  if (!flags.sharp || base === 10) return "";
  if (base === 2) return "0b";
  if (base === 8) return digits.startsWith("0") ? "" : "0";
  return "0x";
}

/** math/big's own Format: `s` is a decimal too, and the flag 0 fills between sign and digits only without a precision. */
function formatBigInteger(value: bigint, verb: string, flags: Flags): string | undefined {
  const base = verb === "s" ? 10 : bases[verb];
  if (base === undefined) return undefined;
  return integerDigits(value, verb === "s" ? "d" : verb, base, flags);
}

function formatDouble(value: number, verb: string, flags: Flags): string | undefined {
  const format = verb === "v" ? "g" : verb === "F" ? "f" : verb;
  if (!"begGEfxX".includes(format) || verb.length !== 1) return undefined;
  const precision = flags.precision ?? ("efE".includes(format) ? 6 : -1);
  const text = formatFloat(value, format, precision);
  const negative = text.startsWith("-");
  const unsigned = negative ? text.slice(1) : text;
  const shown = flags.sharp && format !== "b" && verb !== "v" ? withAllDigits(unsigned, format, precision) : unsigned;
  const sign = negative ? "-" : flags.plus ? "+" : flags.space ? " " : "";
  const missing = (flags.width ?? 0) - sign.length - shown.length;
  if (flags.zero && !flags.minus && missing > 0) return sign + "0".repeat(missing) + shown;
  return padded(sign + shown, { ...flags, zero: false });
}

/** The flag #: always a point, and for g the zeros up to the precision. */
function withAllDigits(text: string, format: string, precision: number): string {
  const cut = text.search(/[eEpP]/);
  const [mantissa, tail] = cut < 0 ? [text, ""] : [text.slice(0, cut), text.slice(cut)];
  const pointed = mantissa.includes(".") ? mantissa : `${mantissa}.`;
  if (format !== "g" && format !== "G") return pointed + tail;
  const significant = pointed.replace(".", "").replace(/^0+/, "").length + (/^0\.$/.test(pointed) ? 1 : 0);
  return pointed + "0".repeat(Math.max(0, (precision < 0 ? 6 : precision) - significant)) + tail;
}
