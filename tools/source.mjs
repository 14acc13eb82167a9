// Reads TypeScript source as far as the checks of this folder need it: what is code, what is comment or text, what it imports.

const REGEX_AFTER = new Set("(,=:[!&|?{};+-*%<>~^\n".split(""));
const REGEX_AFTER_WORD = /\b(?:return|typeof|case|in|of|do|else|void|delete|await|yield|throw|new)$/;

/**
 * The same text, character for character, with comments and the contents of strings, templates and regular expressions
 * blanked (quotes and line ends stay), so that a pattern over it finds code only. `${…}` in a template stays code.
 * With `keepText` only comments are blanked.
 */
export function maskSource(text, { keepText = false } = {}) {
  const out = [...Array.from({ length: text.length }, (_, i) => text[i])];
  const blank = (from, to) => {
    for (let i = from; i < to; i += 1) if (out[i] !== "\n") out[i] = " ";
  };
  const braces = []; // one entry an open template substitution: how deep its own braces are
  let at = 0;
  let last = "\n"; // the last character of code, blanks apart
  while (at < text.length) {
    const char = text[at];
    const end = endOfOpaque(text, at, last, out);
    if (end !== undefined) {
      if (end.comment || !keepText) blank(end.from, end.to);
      at = end.next;
      if (end.opensCode) braces.push(0);
      if (!end.comment) last = end.opensCode ? "{" : '"';
      continue;
    }
    if (braces.length > 0) {
      if (char === "{") braces[braces.length - 1] += 1;
      if (char === "}" && braces[braces.length - 1] === 0) {
        braces.pop();
        const piece = templatePiece(text, at + 1);
        if (!keepText) blank(piece.from, piece.to);
        at = piece.next;
        if (piece.opensCode) braces.push(0);
        last = piece.opensCode ? "{" : '"';
        continue;
      }
      if (char === "}") braces[braces.length - 1] -= 1;
    }
    if (!/\s/.test(char)) last = char;
    at += 1;
  }
  return out.join("");
}

function endOfOpaque(text, at, last, out) {
  const char = text[at];
  if (char === "/" && text[at + 1] === "/") {
    const to = lineEnd(text, at);
    return { from: at, to, next: to, comment: true };
  }
  if (char === "/" && text[at + 1] === "*") {
    const close = text.indexOf("*/", at + 2);
    const to = close < 0 ? text.length : close + 2;
    return { from: at, to, next: to, comment: true };
  }
  if (char === '"' || char === "'") return quoted(text, at, char);
  if (char === "`") return templatePiece(text, at + 1);
  if (char === "/" && startsRegex(last, out, at)) return regex(text, at);
  return undefined;
}

function lineEnd(text, at) {
  const end = text.indexOf("\n", at);
  return end < 0 ? text.length : end;
}

function quoted(text, at, quote) {
  let i = at + 1;
  while (i < text.length && text[i] !== quote && text[i] !== "\n") i += text[i] === "\\" ? 2 : 1;
  return { from: at + 1, to: Math.min(i, text.length), next: Math.min(i + 1, text.length) };
}

/** From just after a backquote or a closing substitution brace to the next substitution or the end of the template. */
function templatePiece(text, from) {
  let i = from;
  while (i < text.length && text[i] !== "`") {
    if (text[i] === "$" && text[i + 1] === "{") return { from, to: i, next: i + 2, opensCode: true };
    i += text[i] === "\\" ? 2 : 1;
  }
  return { from, to: Math.min(i, text.length), next: Math.min(i + 1, text.length) };
}

function startsRegex(last, out, at) {
  if (REGEX_AFTER.has(last)) return true;
  return (
    /[a-z]/.test(last) &&
    REGEX_AFTER_WORD.test(
      out
        .slice(Math.max(0, at - 20), at)
        .join("")
        .trimEnd(),
    )
  );
}

function regex(text, at) {
  let i = at + 1;
  let inClass = false;
  while (i < text.length && text[i] !== "\n" && (inClass || text[i] !== "/")) {
    if (text[i] === "[") inClass = true;
    if (text[i] === "]") inClass = false;
    i += text[i] === "\\" ? 2 : 1;
  }
  return { from: at + 1, to: Math.min(i, text.length), next: Math.min(i + 1, text.length) };
}

/** The line, from 1, on which the character at `offset` stands. */
export function lineOf(text, offset) {
  let line = 1;
  for (let i = text.indexOf("\n"); i >= 0 && i < offset; i = text.indexOf("\n", i + 1)) line += 1;
  return line;
}

/**
 * Every import of one file: static, `export … from`, for its side effect, `import()`, `import("…").T` and `require()`.
 * `specifier` is undefined where it is an expression; `require` tells that last form; `line` counts from 1.
 */
export function scanImports(text, code = maskSource(text)) {
  const found = [];
  const literal = (offset) => {
    const quote = code[offset];
    const end = code.indexOf(quote, offset + 1);
    return end < 0 ? undefined : { value: text.slice(offset + 1, end), end };
  };
  for (const match of code.matchAll(/(?<![.\w$#])(?:import|export)\b(?!\s*\()[^"'`;()=]*?\bfrom\s*(?=["'])/g)) {
    found.push({ at: match.index, specifier: literal(match.index + match[0].length)?.value });
  }
  for (const match of code.matchAll(/(?<![.\w$#])import\s*(?=["'])/g)) {
    found.push({ at: match.index, specifier: literal(match.index + match[0].length)?.value });
  }
  for (const match of code.matchAll(/(?<![.\w$#])(?:import|require)\s*\(\s*/g)) {
    const offset = match.index + match[0].length;
    const plain = /["']/.test(code[offset] ?? "") ? literal(offset) : undefined;
    const closed = plain !== undefined && /^\s*[,)]/.test(code.slice(plain.end + 1));
    found.push({ at: match.index, specifier: closed ? plain.value : undefined, require: match[0].startsWith("require") });
  }
  return found
    .sort((a, b) => a.at - b.at)
    .map(({ at, specifier, require = false }) => ({ specifier, require, line: lineOf(text, at) }));
}

/** The specifiers of `import("…")` in a file, those of type queries too. */
export function scanDynamicImports(text, code = maskSource(text)) {
  return [...code.matchAll(/(?<![.\w$#])import\s*\(\s*(["'])/g)].map((match) => {
    const start = match.index + match[0].length;
    return text.slice(start, code.indexOf(match[1], start));
  });
}

/** What a test file must not do, because the runner would stay green over it: `{rule, line, message}`. */
export function findTestHabits(text, code = maskSource(text)) {
  const habits = [
    ["test-only", /\.\s*only\s*\(|\bonly\s*:\s*true\b/g, "a forgotten only drops the other tests"],
    ["test-exit", /\bprocess\s*\.\s*(?:exit|reallyExit|abort)\s*\(/g, "process.exit in a test ends the run without a failure"],
  ];
  return habits.flatMap(([rule, pattern, message]) =>
    [...code.matchAll(pattern)].map((match) => ({ rule, line: lineOf(text, match.index), message })),
  );
}
