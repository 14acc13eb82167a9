// Canonical JSON as TUF signs it (the OLPC form): names in code-point order, no white space, only `"` and `\` escaped,
// whole numbers only. It differs from RFC 8785 in its escapes, so it stands beside JCS and not on it.
import { encodeUtf8, type JsonValue } from "../encoding/index.ts";
import { tufError } from "./errors.ts";

/** Encode a value as OLPC canonical JSON in UTF-8; numbers that are not safe integers are refused with TUF_MALFORMED. */
export function encodeCanonicalJson(value: JsonValue): Uint8Array {
  return encodeUtf8(write(value));
}

function write(value: JsonValue): string {
  if (value === null) return "null";
  if (typeof value === "boolean") return value ? "true" : "false";
  if (typeof value === "string") return writeString(value);
  if (typeof value === "number") {
    if (!Number.isSafeInteger(value)) {
      throw tufError("TUF_MALFORMED", `Cannot write canonical JSON: number ${value} is no whole number below 2^53`, {
        found: String(value),
      });
    }
    return String(value);
  }
  if (Array.isArray(value)) return `[${value.map(write).join(",")}]`;
  const members = value;
  const names = Object.keys(members).sort(compareCodePoints);
  return `{${names.map((name) => `${writeString(name)}:${write(members[name] ?? null)}`).join(",")}}`;
}

function writeString(text: string): string {
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}

/** Order two strings by code point: JavaScript's own order is by UTF-16 unit, which differs above U+FFFF. */
export function compareCodePoints(a: string, b: string): number {
  const left = [...a];
  const right = [...b];
  for (let i = 0; i < left.length && i < right.length; i++) {
    const difference = (left[i]?.codePointAt(0) ?? 0) - (right[i]?.codePointAt(0) ?? 0);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}
