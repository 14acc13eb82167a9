// Values as Rego writes them: strings quoted as Go quotes them, sets in braces, objects with keys of any kind.
import { formatNumber } from "./decimal.ts";
import { isArray, ObjectValue, SetValue, type Value } from "./value.ts";

const goEscapes: ReadonlyMap<string, string> = new Map([
  ["\x07", "\\a"],
  ["\b", "\\b"],
  ["\f", "\\f"],
  ["\n", "\\n"],
  ["\r", "\\r"],
  ["\t", "\\t"],
  ["\v", "\\v"],
  ["\\", "\\\\"],
  ['"', '\\"'],
]);

/** A value in Rego's own notation, as OPA prints terms. `allocate` is called with the length of each piece and may throw. */
export function formatValue(value: Value, allocate?: (length: number) => void): string {
  const parts: string[] = [];
  writeValue(value, (part) => {
    allocate?.(part.length);
    parts.push(part);
  });
  return parts.join("");
}

function writeValue(value: Value, write: (part: string) => void): void {
  if (typeof value === "string") write(quoteGo(value));
  else if (value === null || typeof value === "boolean") write(String(value));
  else if (isArray(value)) writeList("[", value, "]", write);
  else if (value instanceof SetValue) writeSet(value, write);
  else if (value instanceof ObjectValue) writePairs(value, write);
  else write(formatNumber(value));
}

function writeList(open: string, items: readonly Value[], close: string, write: (part: string) => void): void {
  write(open);
  items.forEach((item, i) => {
    if (i > 0) write(", ");
    writeValue(item, write);
  });
  write(close);
}

function writeSet(set: SetValue, write: (part: string) => void): void {
  if (set.size === 0) write("set()");
  else writeList("{", set.values(), "}", write);
}

function writePairs(object: ObjectValue, write: (part: string) => void): void {
  write("{");
  object.entries().forEach(([key, value], i) => {
    if (i > 0) write(", ");
    writeValue(key, write);
    write(": ");
    writeValue(value, write);
  });
  write("}");
}

/** A text in double quotes as Go's strconv.Quote writes it: what cannot be printed becomes an escape. */
export function quoteGo(text: string): string {
  return `"${text.replace(/["\\]|[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu, escapeGo)}"`;
}

function escapeGo(character: string): string {
  const known = goEscapes.get(character);
  if (known !== undefined) return known;
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x80) return `\\x${code.toString(16).padStart(2, "0")}`;
  return code > 0xffff ? `\\U${code.toString(16).padStart(8, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
}
