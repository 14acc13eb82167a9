// JSON Canonicalization Scheme (RFC 8785).
import type { JsonValue } from "./json.ts";
import { encodeUtf8 } from "./utf8.ts";

/** Write a JSON value in the one canonical form of RFC 8785; a TypeError for a number that is not finite or a lone surrogate. */
export function encodeJcs(value: JsonValue): Uint8Array {
  return encodeUtf8(canonicalText(value));
}

/** The canonical form as text. */
export function canonicalText(value: JsonValue): string {
  if (typeof value === "string") return canonicalString(value);
  if (typeof value === "number") return canonicalNumber(value);
  if (value === null || typeof value === "boolean") return String(value);
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(",")}]`;
  if (typeof value !== "object") throw new TypeError(`Cannot write JCS: ${typeof value} is no JSON value`);
  // RFC 8785 §3.2.3: names are sorted by UTF-16 code units, which is what sort() compares.
  const members = Object.keys(value)
    .sort()
    .map((name) => {
      const member = value[name];
      if (member === undefined) throw new TypeError(`Cannot write JCS: the member ${JSON.stringify(name)} is undefined`);
      return `${canonicalString(name)}:${canonicalText(member)}`;
    });
  return `{${members.join(",")}}`;
}

/** RFC 8785 §3.2.2.2 is what JSON.stringify does, but for lone surrogates, which are an error. */
function canonicalString(text: string): string {
  if (!text.isWellFormed()) throw new TypeError("Cannot write JCS: a string holds a lone surrogate");
  return JSON.stringify(text);
}

/** RFC 8785 §3.2.2.3: the shortest form of ECMAScript; minus zero is zero. */
function canonicalNumber(value: number): string {
  if (!Number.isFinite(value)) throw new TypeError(`Cannot write JCS: ${value} is no JSON number`);
  return JSON.stringify(value);
}
