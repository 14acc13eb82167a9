// Finds in a source text its exported declarations with their doc comments, and the length of its functions.
import { lineOf, maskSource } from "./source.mjs";

const DECLARATION =
  /^(export\s+)?(?:declare\s+)?(?:abstract\s+)?(?:async\s+)?(function\*?|const|let|class|interface|type)\s+([\w$]+)/gm;

/**
 * Every top-level name that the file exports and declares itself: `{name, line, documented}`. A name that is re-exported from
 * another file is documented there; of overloads the first speaks for all.
 */
export function exportedDeclarations(text, code = maskSource(text)) {
  const listed = exportLists(code);
  const found = new Map();
  for (const match of code.matchAll(DECLARATION)) {
    const name = match[3];
    if ((match[1] === undefined && !listed.has(name)) || found.has(name)) continue;
    found.set(name, { name, line: lineOf(text, match.index), documented: hasDocComment(text, match.index) });
  }
  return [...found.values()];
}

/** The local names in `export { a, b as c }` without a `from`. */
function exportLists(code) {
  const names = [...code.matchAll(/^export\s+(?:type\s+)?\{([^}]*)\}(?!\s*from)/gm)].flatMap((match) => match[1].split(","));
  return new Set(names.map((name) => /^\s*(?:type\s+)?([\w$]+)/.exec(name)?.[1]).filter((name) => name !== undefined));
}

/** Whether a non-empty doc comment stands right before `offset`; a biome or TypeScript directive may stand between. */
function hasDocComment(text, offset) {
  const before = text.slice(0, offset).replace(/(?:^[ \t]*\/\/.*\n)+$/m, "");
  const match = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*$/.exec(before.slice(-8000));
  return match !== null && /\w/.test(match[1]);
}

const NO_FUNCTION = new Set([
  "if",
  "for",
  "while",
  "switch",
  "catch",
  "with",
  "return",
  "await",
  "function",
  "super",
  "typeof",
  "new",
  "of",
  "in",
]);

/** Every function of the file that has a body: `{name, line, lines}`. Arrow functions without a name are "=>". */
export function functionLengths(text, code = maskSource(text)) {
  const found = [];
  const add = (name, start, open) => {
    const close = matching(code, open, "{", "}");
    const line = lineOf(text, start);
    found.push({ name, line, lines: lineOf(text, close) - line + 1 });
  };
  for (const match of code.matchAll(/(?:\bfunction\b\*?\s*)?([#\w$]+)?\s*(?:<[^<>(){};]*>)?\(/g)) {
    const name = match[1] ?? "function";
    if (match.index > 0 && /[.\w$]/.test(code[match.index - 1])) continue;
    if (NO_FUNCTION.has(name) && !match[0].startsWith("function")) continue;
    const open = bodyAfter(code, matching(code, match.index + match[0].length - 1, "(", ")"));
    if (open !== undefined) add(name, match.index, open);
  }
  for (const match of code.matchAll(
    /(?:\b(?:const|let)\s+([\w$]+)\b[^;={}]*=\s*(?:async\s*)?(?:\([^;{}]*?\)|[\w$]+)[^;{}=]*)?=>\s*(?=\{)/g,
  )) {
    add(match[1] ?? "=>", match.index, match.index + match[0].length);
  }
  return found;
}

function matching(code, open, up, down) {
  let depth = 0;
  for (let i = open; i < code.length; i += 1) {
    if (code[i] === up) depth += 1;
    if (code[i] === down && --depth === 0) return i;
  }
  return code.length - 1;
}

/** Where the body of a function opens whose parameters close at `close`: at once, or after its return type. */
function bodyAfter(code, close) {
  let i = skipBlanks(code, close + 1);
  if (code[i] === "{") return i;
  if (code[i] !== ":") return undefined;
  let last = ":";
  for (i += 1; i < code.length; i += 1) {
    const char = code[i];
    if (/\s/.test(char)) continue;
    if (char === ";" || char === "}" || char === ")") return undefined;
    if (char === "{" && !":|&<,([>=".includes(last)) return i;
    if (char === "{" && last === ">" && code[i - 2] !== "=" && !code.slice(0, i).trimEnd().endsWith("=>")) return i;
    if (char === "{") i = matching(code, i, "{", "}");
    if (char === "(") i = matching(code, i, "(", ")");
    if (char === "[") i = matching(code, i, "[", "]");
    last = code[i];
  }
  return undefined;
}

function skipBlanks(code, from) {
  let i = from;
  while (i < code.length && /\s/.test(code[i])) i += 1;
  return i;
}
