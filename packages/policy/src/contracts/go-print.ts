// A value as Go's `%v` prints it after OPA made JSON of it: what stands in cosign's messages.
import { formatNumber, isArray, ObjectValue, SetValue, type Value } from "../values/index.ts";

const maxText = 2000;

/** A value as cosign prints it in a message, shortened at 2,000 characters. */
export function goPrint(value: Value): string {
  const text = print(value);
  return text.length <= maxText ? text : `${text.slice(0, maxText - 1)}…`;
}

function print(value: Value): string {
  if (value === null) return "<nil>";
  if (typeof value === "string") return value;
  if (typeof value === "boolean") return String(value);
  if (isArray(value)) return `[${value.map(print).join(" ")}]`;
  if (value instanceof SetValue) return `[${value.values().map(print).join(" ")}]`;
  if (value instanceof ObjectValue) {
    const entries = value.entries().map(([key, one]): [string, string] => [print(key), print(one)]);
    entries.sort(([left], [right]) => (left < right ? -1 : left > right ? 1 : 0));
    return `map[${entries.map(([key, one]) => `${key}:${one}`).join(" ")}]`;
  }
  return formatNumber(value);
}
