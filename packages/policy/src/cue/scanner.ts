// CUE's tokens (language specification, "Lexical elements"): comments, automatic commas, numbers, and strings in all their forms.
import { cueError } from "./errors.ts";
import { type CueSource, formatPlace, locate, type Place } from "./position.ts";

/** What a token is: an operator is its own kind. */
export type TokenKind = "end" | "identifier" | "number" | "string" | "attribute" | (string & {});

/** How a string literal was opened, so that the part after an interpolation is read the same way. */
export interface Quote {
  readonly bytes: boolean;
  readonly multiline: boolean;
  readonly hashes: number;
  /** The white space before the closing quotes, which every line of a multi-line string starts with. */
  readonly indent: string;
}

/** One token. */
export interface Token {
  readonly kind: TokenKind;
  /** Its text; for an inserted comma, a line break. */
  readonly text: string;
  readonly at: Place;
  /** For a string: the raw text between quotes, up to the end or to the first interpolation. */
  readonly raw?: string;
  readonly quote?: Quote;
  /** For a string: whether `raw` ends at an interpolation. */
  readonly open?: boolean;
  /** Whether white space or a line break stands before it. */
  readonly spaced: boolean;
}

const operators = [
  "_|_",
  "...",
  "&&",
  "||",
  "==",
  "!=",
  "=~",
  "!~",
  "<=",
  ">=",
  "<-",
  "->",
  "&",
  "|",
  "=",
  "!",
  "<",
  ">",
  "+",
  "-",
  "*",
  "/",
  "(",
  ")",
  "[",
  "]",
  "{",
  "}",
  ",",
  ":",
  ".",
  "?",
  "~",
  ";",
] as const;

const space = /[ \t\r\n]/;
const goingOn = /[ \t\r\n]*[,:]/y;
const letter = /[\p{L}_$]/u;
const identifierPattern = /(?:__)?(?:_?#)?[\p{L}_$][\p{L}\p{N}_$]*|_?#(?![#"'])|_/uy;
const numberPattern =
  /0[xX][0-9a-fA-F_]*|0[bB][01_]*|0[oO][0-7_]*|(?:[0-9][0-9_]*)?\.[0-9][0-9_]*(?:[eE][+-]?[0-9_]+)?(?:[KMGTP]i?)?|[0-9][0-9_]*\.?(?:[eE][+-]?[0-9_]+)?(?:[KMGTP]i?)?/y;
const stringStart = /(#*)("""|'''|"|')/y;
const endsLine = new Set(["identifier", "number", "string", "attribute", "_|_", "...", ")", "]", "}", "?"]);

/** Reads the tokens of a source one after another. */
export class Scanner {
  readonly source: CueSource;
  readonly #text: string;
  #at = 0;
  #mayEndLine = false;

  constructor(source: CueSource) {
    this.source = source;
    this.#text = source.source;
    if (this.#text.startsWith("\ufeff")) this.#at = 1;
  }

  /** The next token; at the end, one of kind `end` again and again. */
  next(): Token {
    const spaced = this.#skip();
    const start = this.#at;
    if (spaced === "comma") {
      this.#mayEndLine = false;
      return { kind: ",", text: "\n", at: this.#place(start), spaced: true };
    }
    if (start >= this.#text.length) return { kind: "end", text: "", at: this.#place(start), spaced: true };
    const token = this.#token(start, spaced === "space");
    this.#mayEndLine = endsLine.has(token.kind) && token.open !== true;
    return token;
  }

  /** The rest of a string after the `)` of an interpolation. */
  resume(quote: Quote): Token {
    const token = this.#string(this.#at, this.#at, quote, false);
    this.#mayEndLine = token.open !== true;
    return token;
  }

  /** Whether the next character, white space aside, follows on the same line and is this one. */
  nextIs(character: string): boolean {
    let at = this.#at;
    while (this.#text[at] === " " || this.#text[at] === "\t") at++;
    return this.#text.startsWith(character, at);
  }

  #place(offset: number): Place {
    return { source: this.source, offset };
  }

  #skip(): "comma" | "space" | "none" {
    let skipped: "space" | "none" = "none";
    for (;;) {
      const character = this.#text[this.#at];
      if (character === undefined) return this.#mayEndLine ? "comma" : skipped;
      if (character === "\n" && this.#mayEndLine && !this.#goesOn()) return "comma";
      if (space.test(character)) this.#at++;
      else if (this.#text.startsWith("//", this.#at)) {
        const end = this.#text.indexOf("\n", this.#at);
        this.#at = end === -1 ? this.#text.length : end;
      } else return skipped;
      skipped = "space";
    }
  }

  /** Whether a comma or a colon begins the next line that has anything: then none is put in at the end of this one. */
  #goesOn(): boolean {
    goingOn.lastIndex = this.#at;
    return goingOn.test(this.#text);
  }

  #token(start: number, spaced: boolean): Token {
    const string = this.#match(stringStart);
    if (string !== null) return this.#stringToken(start, string, spaced);
    const character = String.fromCodePoint(this.#text.codePointAt(start) ?? 0);
    if (character === "@") return this.#attribute(start, spaced);
    if (/[0-9]/.test(character) || (character === "." && /[0-9]/.test(this.#text[start + 1] ?? "")))
      return this.#number(start, spaced);
    if (this.#text.startsWith("_|_", start)) return this.#operator("_|_", start, spaced);
    if (letter.test(character) || character === "#") {
      const match = this.#match(identifierPattern);
      if (match !== null) {
        this.#at += match[0].length;
        return { kind: "identifier", text: match[0], at: this.#place(start), spaced };
      }
    }
    for (const operator of operators) if (this.#text.startsWith(operator, start)) return this.#operator(operator, start, spaced);
    throw syntaxError(this.#place(start), `character ${JSON.stringify(character)} begins no token`);
  }

  #operator(kind: string, start: number, spaced: boolean): Token {
    this.#at = start + kind.length;
    return { kind, text: kind, at: this.#place(start), spaced };
  }

  #match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at;
    return pattern.exec(this.#text);
  }

  #number(start: number, spaced: boolean): Token {
    const text = this.#match(numberPattern)?.[0] ?? "";
    this.#at += text.length;
    if (/[\p{L}\p{N}_$]/u.test(this.#text[this.#at] ?? " "))
      throw syntaxError(this.#place(start), "a number is followed by a letter");
    return { kind: "number", text, at: this.#place(start), spaced };
  }

  #attribute(start: number, spaced: boolean): Token {
    const name = /@[\p{L}_$][\p{L}\p{N}_$]*\(/uy;
    name.lastIndex = start;
    const match = name.exec(this.#text);
    if (match === null) throw syntaxError(this.#place(start), "an attribute is written @name(...)");
    const end = this.#attributeEnd(start + match[0].length, start);
    this.#at = end;
    return { kind: "attribute", text: this.#text.slice(start, end), at: this.#place(start), spaced };
  }

  /** The offset after the parenthesis that closes an attribute; strings in it may hold any bracket. */
  #attributeEnd(from: number, start: number): number {
    const closing: string[] = [")"];
    for (let at = from; at < this.#text.length; ) {
      stringStart.lastIndex = at;
      const string = stringStart.exec(this.#text);
      const character = this.#text[at] ?? "";
      if (string !== null) at = this.#endOfString(at, string);
      else {
        if (this.#text.startsWith("//", at)) at = Math.max(this.#text.indexOf("\n", at), at + 1);
        else if (character === "(") closing.push(")");
        else if (character === "[") closing.push("]");
        else if (character === "{") closing.push("}");
        else if (")]}".includes(character) && closing.pop() !== character) break;
        at++;
        if (closing.length === 0) return at;
      }
    }
    throw syntaxError(this.#place(start), "an attribute is not closed");
  }

  #endOfString(at: number, match: RegExpExecArray): number {
    const [all = "", hashes = "", quotes = ""] = match;
    const close = quotes + hashes;
    const escaped = `\\${hashes}`;
    let end = at + all.length;
    while (end < this.#text.length && !this.#text.startsWith(close, end)) {
      if (quotes.length === 1 && this.#text[end] === "\n") break;
      end += this.#text.startsWith(escaped, end) ? escaped.length + 1 : 1;
    }
    return end + close.length;
  }

  #stringToken(start: number, match: RegExpExecArray, spaced: boolean): Token {
    const [all = "", hashes = "", quotes = ""] = match;
    const bytes = quotes.startsWith("'");
    const multiline = quotes.length === 3;
    let from = start + all.length;
    let indent = "";
    if (multiline) {
      const line = /\r?\n/y;
      line.lastIndex = from;
      const found = line.exec(this.#text);
      if (found === null) throw syntaxError(this.#place(start), "a multi-line string begins with a line break");
      from += found[0].length;
      indent = this.#indent(start, from, quotes + hashes, `\\${hashes}`);
    }
    return this.#string(start, from, { bytes, multiline, hashes: hashes.length, indent }, spaced);
  }

  /** The white space before the closing quotes of a multi-line string. */
  #indent(start: number, from: number, close: string, escaped: string): string {
    let depth = 0;
    for (let at = from; at < this.#text.length; at++) {
      if (depth === 0 && this.#text.startsWith(`${escaped}(`, at)) {
        depth = 1;
        at += escaped.length;
      } else if (depth > 0) {
        stringStart.lastIndex = at;
        const inner = stringStart.exec(this.#text);
        if (inner !== null) at = this.#endOfString(at, inner) - 1;
        else depth += this.#text[at] === "(" ? 1 : this.#text[at] === ")" ? -1 : 0;
      } else if (this.#text.startsWith(escaped, at)) at += escaped.length;
      else if (this.#text.startsWith(close, at)) {
        const lineStart = this.#text.lastIndexOf("\n", at) + 1;
        const indent = this.#text.slice(lineStart, at);
        if (/[^ \t]/.test(indent))
          throw syntaxError(this.#place(at), "the closing quotes of a multi-line string stand on a line of their own");
        return indent;
      }
    }
    throw syntaxError(this.#place(start), "a string is not closed");
  }

  #string(start: number, from: number, quote: Quote, spaced: boolean): Token {
    const hashes = "#".repeat(quote.hashes);
    const close = (quote.bytes ? "'" : '"').repeat(quote.multiline ? 3 : 1) + hashes;
    const escaped = `\\${hashes}`;
    for (let at = from; at < this.#text.length; at++) {
      if (this.#text.startsWith(close, at)) return this.#endString(start, from, at, at + close.length, quote, false, spaced);
      if (this.#text.startsWith(escaped, at)) {
        if (this.#text[at + escaped.length] === "(")
          return this.#endString(start, from, at, at + escaped.length + 1, quote, true, spaced);
        at += escaped.length;
      } else if (!quote.multiline && this.#text[at] === "\n") break;
    }
    throw syntaxError(this.#place(start), "a string is not closed");
  }

  #endString(start: number, from: number, to: number, next: number, quote: Quote, open: boolean, spaced: boolean): Token {
    this.#at = next;
    return {
      kind: "string",
      text: this.#text.slice(start, next),
      at: this.#place(start),
      raw: this.#text.slice(from, to),
      quote,
      open,
      spaced,
    };
  }
}

/** CUE_SYNTAX with its place. */
export function syntaxError(at: Place, found: string): Error {
  return cueError("CUE_SYNTAX", `Cannot parse CUE: ${formatPlace(at)}: ${found}`, { found, position: locate(at) });
}

/** CUE_UNSUPPORTED with its place and the construct's name. */
export function unsupported(at: Place, construct: string): Error {
  return cueError("CUE_UNSUPPORTED", `Cannot accept CUE: ${formatPlace(at)}: ${construct} is outside the subset`, {
    found: construct,
  });
}
