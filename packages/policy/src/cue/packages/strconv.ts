// Package strconv: numbers from texts and back.
import { numeric, parseNumber, roundToDigits } from "../../values/index.ts";
import type { Builtin, Call, Result } from "../builtin.ts";
import { floatDigits } from "../literal.ts";
import { quoteText } from "../text.ts";

/** Functions of package strconv. */
export const strconvPackage: Readonly<Record<string, Builtin>> = {
  Atoi: { parameters: 1, call: (call) => integerOf(call, call.string(0), 10) },
  FormatBool: { parameters: 1, call: (call) => String(call.value(0)) },
  FormatInt: { parameters: 2, call: (call) => call.bigint(0).toString(base(call, 1)) },
  FormatUint: { parameters: 2, call: (call) => call.bigint(0).toString(base(call, 1)) },
  ParseBool: { parameters: 1, call: parseBool },
  ParseFloat: { parameters: 2, call: parseFloatText },
  ParseInt: { parameters: 3, call: (call) => integerOf(call, call.string(0), base(call, 1)) },
  ParseUint: { parameters: 3, call: (call) => integerOf(call, call.string(0), base(call, 1)) },
  Quote: { parameters: 1, call: (call) => quoteText(call.string(0)) },
};

function base(call: Call, index: number): number {
  const value = call.int(index);
  if (value !== 0 && (value < 2 || value > 36)) throw call.fail(`invalid base ${value}`);
  return value === 0 ? 10 : value;
}

function integerOf(call: Call, text: string, radix: number): Result {
  const digits = /^([+-]?)([0-9a-z]+)$/i.exec(text);
  if (digits === null || text.length > 1000) throw call.fail(`parsing ${JSON.stringify(text.slice(0, 80))}: invalid syntax`);
  let value = 0n;
  for (const digit of digits[2] ?? "") {
    const size = Number.parseInt(digit, 36);
    if (size >= radix) throw call.fail(`parsing ${JSON.stringify(text.slice(0, 80))}: invalid syntax`);
    value = value * BigInt(radix) + BigInt(size);
  }
  return { int: true, value: numeric(digits[1] === "-" ? -value : value) };
}

function parseBool(call: Call): Result {
  const text = call.string(0);
  if (["1", "t", "T", "TRUE", "true", "True"].includes(text)) return true;
  if (["0", "f", "F", "FALSE", "false", "False"].includes(text)) return false;
  throw call.fail(`parsing ${JSON.stringify(text.slice(0, 80))}: invalid syntax`);
}

function parseFloatText(call: Call): Result {
  const text = call.string(0).replace(/^\+/, "");
  if (!/^-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$/.test(text) || text.length > 1000)
    throw call.fail(`parsing ${JSON.stringify(text.slice(0, 80))}: invalid syntax`);
  return { int: false, value: roundToDigits(parseNumber(text.replace(/^(-?)0+(?=[0-9])/, "$1")), floatDigits) };
}
