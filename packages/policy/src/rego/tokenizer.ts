// Tokens of Rego. A template string becomes a run of tokens: its texts, and between them the tokens of its expressions.
import { type Position, parseJson, quote } from "../values/index.ts";
import { regoError } from "./errors.ts";

/** The kinds of token; an operator is its own kind. `template` is a text of a template that an expression follows. */
export type TokenKind = "name" | "number" | "string" | "template" | "templateEnd" | "operator" | "end";

/** A token. */
export interface Token {
  readonly kind: TokenKind;
  /** A name, number or operator as written; the value of a string or of a template's text. */
  readonly text: string;
  readonly at: Position;
  /** Whether white space or a comment stands before it. */
  readonly spaced: boolean;
  /** Whether a line end stands before it. */
  readonly newLine: boolean;
  /** Of a text of a template: whether it stands in back quotes. */
  readonly raw?: boolean;
}

/** A comment, without its `#`. */
export interface Comment {
  readonly text: string;
  readonly at: Position;
}

/** UTF-16 units of a policy that are read. */
export const maxSourceLength: number = 8 << 20;

const operators = [":=", "==", "!=", "<=", ">="];
const single = "{}[]().,;:=<>+-*/%&|";
const namePattern = /[A-Za-z_][A-Za-z0-9_]*/y;
const numberPattern = /[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;

/** Split a source into tokens, an `end` last; throws rego_parse_error. */
export function tokenize(file: string, source: string): Token[] {
  return read(file, source).tokens;
}

/** The comments of a source; throws rego_parse_error. */
export function readComments(file: string, source: string): readonly Comment[] {
  return read(file, source).comments;
}

function read(file: string, source: string): Tokenizer {
  if (source.length > maxSourceLength) {
    const message = `Cannot parse policy: its length is ${source.length}, and at most ${maxSourceLength} is read`;
    throw regoError("rego_parse_error", message, { position: { file, line: 1, column: 1 } });
  }
  const tokenizer = new Tokenizer(file, source);
  tokenizer.run();
  return tokenizer;
}

class Tokenizer {
  readonly #file: string;
  readonly #text: string;
  readonly tokens: Token[] = [];
  readonly comments: Comment[] = [];
  /** For each open template string, how it is quoted and how many braces are open in its expression. */
  readonly #templates: { raw: boolean; braces: number }[] = [];
  #at = 0;
  #line = 1;
  #lineStart = 0;
  #spaced = false;
  #newLine = false;

  constructor(file: string, text: string) {
    this.#file = file;
    this.#text = text;
  }

  run(): void {
    if (this.#text.charCodeAt(0) === 0xfeff) this.#at = 1;
    for (;;) {
      this.#space();
      const at = this.#position();
      if (this.#at >= this.#text.length) {
        if (this.#templates.length > 0) throw this.#error("non-terminated string", at);
        this.#push("end", "", at);
        return;
      }
      this.#token(at);
    }
  }

  #token(at: Position): void {
    const character = this.#text.charAt(this.#at);
    if (this.#match(namePattern, "name", at)) return;
    if (character >= "0" && character <= "9") {
      this.#match(numberPattern, "number", at);
      return;
    }
    if (character === '"') this.#string(at);
    else if (character === "`") this.#rawString(at);
    else if (character === "$") this.#openTemplate(at);
    else this.#operator(character, at);
  }

  #operator(character: string, at: Position): void {
    const template = this.#templates.at(-1);
    if (template !== undefined && character === "{") template.braces++;
    if (template !== undefined && character === "}" && template.braces-- === 0) {
      this.#push("operator", "}", at);
      this.#at++;
      this.#templateText(template.raw, at);
      return;
    }
    const pair = this.#text.slice(this.#at, this.#at + 2);
    const operator = operators.includes(pair) ? pair : character;
    if (operator === character && !single.includes(character)) throw this.#error(`illegal token ${quote(character)}`, at);
    this.#push("operator", operator, at);
    this.#at += operator.length;
  }

  #match(pattern: RegExp, kind: TokenKind, at: Position): boolean {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match === null) return false;
    this.#push(kind, match[0], at);
    this.#at += match[0].length;
    return true;
  }

  #space(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code === 0x0a) {
        this.#at++;
        this.#line++;
        this.#lineStart = this.#at;
        this.#newLine = true;
      } else if (code === 0x20 || code === 0x09 || code === 0x0d) this.#at++;
      else if (code === 0x23) {
        const end = this.#text.indexOf("\n", this.#at);
        const to = end < 0 ? this.#text.length : end;
        this.comments.push({ text: this.#text.slice(this.#at + 1, to), at: this.#position() });
        this.#at = to;
      } else return;
      this.#spaced = true;
    }
  }

  #push(kind: TokenKind, text: string, at: Position, raw = false): void {
    this.tokens.push({ kind, text, at, spaced: this.#spaced, newLine: this.#newLine, ...(raw ? { raw } : {}) });
    this.#spaced = false;
    this.#newLine = false;
  }

  #string(at: Position): void {
    const end = this.#closing(this.#at + 1, '"', at);
    this.#push("string", this.#unescape(this.#text.slice(this.#at + 1, end), at), at);
    this.#at = end + 1;
  }

  /** The offset of the quote that ends a string, or with `brace` of the brace that opens an expression. */
  #closing(from: number, quoteMark: string, at: Position, brace = false): number {
    for (let i = from; i < this.#text.length; i++) {
      const character = this.#text.charAt(i);
      if (character === quoteMark || (brace && character === "{")) return i;
      if (character === "\\") i++;
      else if (character === "\n") throw this.#error("non-terminated string", at);
    }
    throw this.#error("non-terminated string", at);
  }

  #unescape(inner: string, at: Position): string {
    if (!inner.includes("\\")) return inner;
    try {
      const value = parseJson(`"${inner}"`, { lenient: true });
      if (typeof value === "string") return value;
    } catch {
      // parseJson says where in the string; the author is told where the string is
    }
    throw this.#error(`illegal string literal ${quote(inner)}`, at);
  }

  #rawString(at: Position): void {
    const end = this.#text.indexOf("`", this.#at + 1);
    if (end < 0) throw this.#error("non-terminated string", at);
    this.#push("string", this.#text.slice(this.#at + 1, end), at);
    this.#skipLines(end + 1);
  }

  #skipLines(to: number): void {
    for (let i = this.#at; i < to; i++) {
      if (this.#text.charCodeAt(i) !== 0x0a) continue;
      this.#line++;
      this.#lineStart = i + 1;
    }
    this.#at = to;
  }

  #openTemplate(at: Position): void {
    const mark = this.#text.charAt(this.#at + 1);
    if (mark !== '"' && mark !== "`") throw this.#error('illegal token "$"', at);
    this.#at += 2;
    this.#templates.push({ raw: mark === "`", braces: 0 });
    this.#templateText(mark === "`", at);
  }

  /** A text of a template, from here to the brace of the next expression or to the end. */
  #templateText(raw: boolean, at: Position): void {
    const end = raw ? this.#rawClosing(at) : this.#closing(this.#at, '"', at, true);
    const inner = this.#text.slice(this.#at, end);
    const text = raw ? inner.replace(/\\\{/g, "{") : this.#unescape(inner.replace(/\\(?:\{|[^{])/g, braceEscape), at);
    const ends = this.#text.charAt(end) !== "{";
    this.#push(ends ? "templateEnd" : "template", text, at, raw);
    this.#skipLines(end + 1);
    const template = this.#templates.at(-1);
    if (ends) this.#templates.pop();
    else if (template !== undefined) template.braces = 0;
  }

  #rawClosing(at: Position): number {
    for (let i = this.#at; i < this.#text.length; i++) {
      const character = this.#text.charAt(i);
      if (character === "`" || character === "{") return i;
      if (character === "\\" && this.#text.charAt(i + 1) === "{") i++;
    }
    throw this.#error("non-terminated string", at);
  }

  #position(): Position {
    return { file: this.#file, line: this.#line, column: this.#at - this.#lineStart + 1 };
  }

  #error(message: string, position: Position): Error {
    return regoError("rego_parse_error", message, { position });
  }
}

function braceEscape(escaped: string): string {
  return escaped === "\\{" ? "{" : escaped;
}
