// Text and bytes as CUE sees them: strings are sequences of code points, bytes are UTF-8.

/** A text as UTF-8. */
export function encodeText(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** UTF-8 as a text; what is not UTF-8 becomes U+FFFD. */
export function decodeText(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { fatal: false, ignoreBOM: true }).decode(bytes);
}

/** How many code points a text has. */
export function runeCount(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

/** Order of two texts by their UTF-8 bytes, which is the order of their code points. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    // a surrogate begins a code point above every other UTF-16 unit
    const left = x >= 0xd800 && x < 0xe000 ? x + 0x10000 : x;
    const right = y >= 0xd800 && y < 0xe000 ? y + 0x10000 : y;
    return left - right;
  }
  return a.length - b.length;
}

/** Order of two byte strings. */
export function compareByteStrings(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

const escapes: ReadonlyMap<string, string> = new Map([
  ["\\", "\\\\"],
  ['"', '\\"'],
  ["\n", "\\n"],
  ["\t", "\\t"],
  ["\r", "\\r"],
  ["\x07", "\\a"],
  ["\b", "\\b"],
  ["\f", "\\f"],
  ["\v", "\\v"],
]);

/** A string literal that reads back as this text. */
export function quoteText(text: string, mark = '"'): string {
  let quoted = mark;
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    const escaped = character === '"' && mark !== '"' ? undefined : escapes.get(character);
    if (escaped !== undefined) quoted += escaped;
    else if (character === mark) quoted += `\\${mark}`;
    else if (
      code < 0x20 ||
      (code >= 0x7f && code < 0xa0) ||
      (code >= 0xd800 && code < 0xe000) ||
      /[\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/.test(character)
    )
      quoted += `\\u${code.toString(16).padStart(4, "0")}`;
    else quoted += character;
  }
  return quoted + mark;
}
