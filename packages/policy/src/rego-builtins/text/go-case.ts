// Upper and lower case as Go's strings package has it: one code point becomes one code point, whatever stands around it.

const ascii = /^\p{ASCII}*$/u;

/** A text in upper or lower case. */
export function changeCase(text: string, to: "upper" | "lower"): string {
  if (ascii.test(text)) return to === "upper" ? text.toUpperCase() : text.toLowerCase();
  let changed = "";
  for (const character of text) changed += simple(character, to);
  return changed;
}

/** JavaScript maps some code points to several (ß to SS); those keep Unicode's simple mapping, which is mostly themselves. */
function simple(character: string, to: "upper" | "lower"): string {
  const mapped = to === "upper" ? character.toUpperCase() : character.toLowerCase();
  if ([...mapped].length === 1) return mapped;
  if (character === "\u0130") return "i";
  const code = character.codePointAt(0) ?? 0;
  if (to === "upper" && code >= 0x1f80 && code <= 0x1faf && (code & 8) === 0) return String.fromCodePoint(code + 8);
  if (to === "upper" && (code === 0x1fb3 || code === 0x1fc3 || code === 0x1ff3)) return String.fromCodePoint(code + 9);
  return character;
}
