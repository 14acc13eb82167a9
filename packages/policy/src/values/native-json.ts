// JSON by JavaScript's own reader, which is many times faster, for texts of which it loses nothing: those that JavaScript writes just so.
import { measureRaw } from "./raw-object.ts";
import { fromRaw, type Value } from "./value.ts";

/**
 * A document whose text is to the letter what JSON.stringify makes of what JSON.parse read: then no name stood twice, and each number is
 * the double's own text. Undefined for any other text, and for one that is too deep: what is wrong with it, if anything, is for `JsonParser`.
 */
export function readNatively(text: string, maxDepth: number): Value | undefined {
  const indent = indentOf(text);
  // half a surrogate pair is written as it was read
  if (indent === undefined || text.includes("\\ud")) return undefined;
  let raw: unknown;
  try {
    raw = JSON.parse(text);
    const written = JSON.stringify(raw, undefined, indent);
    const escaped = escapesHtml(text) ? escapeForHtml(written) : written;
    if (escaped !== (text.endsWith("\n") ? text.slice(0, -1) : text)) return undefined;
  } catch {
    return undefined; // JsonParser says what is wrong
  }
  const extent = { values: 0, depth: 0 };
  return measureRaw(raw, 0, maxDepth, extent) ? fromRaw(raw, extent) : undefined;
}

/** The indentation that a text seems to be written with, none being ""; undefined when its first words tell that it is written otherwise. */
function indentOf(text: string): string | undefined {
  const [, indent, colon] = /^[[{](?:\n( {1,8}|\t))?(?:"[^"\\]{0,100}":(.))?/.exec(text) ?? [];
  if (indent !== undefined) return indent;
  return colon === " " ? undefined : "";
}

/** Go's encoder writes <, > and & as escapes, JavaScript's does not. */
function escapesHtml(text: string): boolean {
  return text.includes("\\u003") || text.includes("\\u0026") || text.includes("\\u202");
}

const htmlEscapes: ReadonlyMap<string, string> = new Map([
  ["<", "\\u003c"],
  [">", "\\u003e"],
  ["&", "\\u0026"],
  ["\u2028", "\\u2028"],
  ["\u2029", "\\u2029"],
]);

/** A JSON text as Go's encoder writes it. */
export function escapeForHtml(text: string): string {
  return text.replace(/[<>&\u2028\u2029]/g, (character) => htmlEscapes.get(character) ?? character);
}
