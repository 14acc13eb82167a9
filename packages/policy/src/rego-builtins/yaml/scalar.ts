// What a plain scalar of YAML means: the core schema of YAML 1.2 as the Go library that OPA uses resolves it.
import { fromDouble, numeric, parseNumber, type Value } from "../../values/index.ts";

/** A scalar with a meaning that JSON has no value for: an infinity or no number. */
export interface NoJson {
  readonly noJson: string;
}

const words: ReadonlyMap<string, Value> = new Map<string, Value>([
  ["", null],
  ["~", null],
  ...["null", "Null", "NULL"].map((word) => [word, null] as const),
  ...["true", "True", "TRUE"].map((word) => [word, true] as const),
  ...["false", "False", "FALSE"].map((word) => [word, false] as const),
]);
const endless = /^[-+]?\.(?:inf|Inf|INF)$|^\.(?:nan|NaN|NAN)$/;
const float = /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/;
const maxDigits = 400;

/** The value of a plain scalar. */
export function resolvePlain(text: string): Value | NoJson {
  const word = words.get(text);
  if (word !== undefined) return word;
  if (endless.test(text)) return { noJson: text };
  if (text.length > maxDigits || !/^[-+.0-9]/.test(text)) return text;
  return integerOf(text.replace(/_/g, "")) ?? floatOf(text) ?? text;
}

/** Integers of 64 bits, signed or not, in base 2, 8, 10 or 16; larger decimal ones are floats. */
function integerOf(text: string): Value | undefined {
  const match = /^([-+]?)(0b[01]+|0o[0-7]+|0x[0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)$/.exec(text);
  if (match === null) return undefined;
  const [, sign = "", digits = ""] = match;
  const size = BigInt(/^0[0-7]+$/.test(digits) ? `0o${digits.slice(1)}` : digits);
  const value = sign === "-" ? -size : size;
  return value >= -(1n << 63n) && value < 1n << 64n ? numeric(value) : undefined;
}

function floatOf(text: string): Value | undefined {
  if (!float.test(text)) return undefined;
  const double = Number(text.replace(/^\+/, ""));
  return Number.isFinite(double) ? fromDouble(double) : undefined;
}

/** The value of a scalar with a tag of the core schema, or what is wrong with it. */
export function resolveTagged(tag: string, text: string): Value | NoJson | { readonly wrong: string } {
  const plain = resolvePlain(text);
  switch (tag) {
    case "!!str":
    case "!":
      return text;
    case "!!null":
      return null;
    case "!!bool":
      return typeof plain === "boolean" ? plain : { wrong: `cannot decode ${JSON.stringify(text.slice(0, 80))} as a !!bool` };
    case "!!int":
      if (/^[-+]?[0-9]+$/.test(text)) return parseNumber(text.replace(/^\+/, "").replace(/^(-?)0+(?=[0-9])/, "$1"));
      return typeof plain === "number" ? plain : { wrong: `cannot decode ${JSON.stringify(text.slice(0, 80))} as a !!int` };
    case "!!float":
      return (
        floatOf(text) ??
        (typeof plain === "number" ? plain : { wrong: `cannot decode ${JSON.stringify(text.slice(0, 80))} as a !!float` })
      );
    default:
      return text;
  }
}
