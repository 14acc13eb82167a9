// Tokens of GraphQL (June 2018 and October 2021 editions, §2.1).

/** The kinds of tokens by the names that messages give them. */
export type TokenKind =
  | "<Invalid>"
  | "<EOF>"
  | "!"
  | "$"
  | "&"
  | "("
  | ")"
  | "..."
  | ":"
  | "="
  | "@"
  | "["
  | "]"
  | "{"
  | "}"
  | "|"
  | "Name"
  | "Int"
  | "Float"
  | "String"
  | "BlockString"
  | "Comment";

/** Where a token begins; both count from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** A token. */
export interface Token extends Place {
  readonly kind: TokenKind;
  readonly value: string;
}

/** A token as messages show it. */
export function showToken({ kind, value }: Token): string {
  return value === "" ? kind : `${kind} ${JSON.stringify(value)}`;
}

const punctuation = new Set(["!", "$", "&", "(", ")", ":", "=", "@", "[", "]", "{", "}", "|"]);
const number = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y;
const name = /[A-Za-z_][A-Za-z0-9_]*/y;
const escapes: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ["/", "/"],
  ["\\", "\\"],
  ["b", "\b"],
  ["f", "\f"],
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"],
]);

/** Cuts a text into tokens, one at a time. */
export class Lexer {
  readonly #text: string;
  readonly #spend: (steps: number) => void;
  #at = 0;
  #line = 1;
  #lineStart = 0;

  constructor(text: string, spend: (steps: number) => void) {
    this.#text = text;
    this.#spend = spend;
  }

  /** The next token; `<EOF>` again and again at the end. */
  next(): Token {
    this.#spend(1);
    this.#skip();
    const start = this.#at;
    const place = { line: this.#line, column: [...this.#text.slice(this.#lineStart, start)].length + 1 };
    const token = (kind: TokenKind, length: number, value = ""): Token => {
      this.#at = start + length;
      this.#spend(length >> 6);
      // the library that OPA uses says of a string where its contents begin
      const quotes = kind === "String" ? 1 : kind === "BlockString" ? 3 : 0;
      return { kind, value, line: place.line, column: place.column + quotes };
    };
    const character = this.#text.charAt(start);
    if (character === "") return token("<EOF>", 0);
    if (isPunctuation(character)) return token(character, 1);
    if (this.#text.startsWith("...", start)) return token("...", 3);
    if (character === "#") {
      const text = /[^\n\r]*/y;
      text.lastIndex = start;
      const comment = text.exec(this.#text)?.[0] ?? "";
      return token("Comment", comment.length, comment);
    }
    name.lastIndex = start;
    const word = name.exec(this.#text)?.[0];
    if (word !== undefined) return token("Name", word.length, word);
    number.lastIndex = start;
    const digits = number.exec(this.#text);
    if (digits !== null) {
      const after = this.#text.charAt(start + digits[0].length);
      if (/[0-9.A-Za-z_]/.test(after)) return token("<Invalid>", digits[0].length);
      return token(digits[1] === undefined && digits[2] === undefined ? "Int" : "Float", digits[0].length, digits[0]);
    }
    if (character === '"') return this.#string(start, token);
    return token("<Invalid>", 1);
  }

  #skip(): void {
    for (;;) {
      const character = this.#text.charAt(this.#at);
      if (character === "\n" || character === "\r") this.#newLine(this.#at);
      else if (/^[ \t,\ufeff]$/.test(character)) this.#at++;
      else return;
    }
  }

  /** Go past a line end, which is one or two characters. */
  #newLine(at: number): void {
    this.#at = at + (this.#text.startsWith("\r\n", at) ? 2 : 1);
    this.#line++;
    this.#lineStart = this.#at;
  }

  #string(start: number, token: (kind: TokenKind, length: number, value?: string) => Token): Token {
    if (this.#text.startsWith('"""', start)) return this.#block(start, token);
    let value = "";
    for (let at = start + 1; at < this.#text.length; ) {
      const character = this.#text.charAt(at);
      if (character === '"') return token("String", at + 1 - start, value);
      if (character === "\n" || character === "\r") break;
      if (character !== "\\") {
        value += character;
        at++;
        continue;
      }
      const letter = this.#text.charAt(at + 1);
      const plain = escapes.get(letter);
      const code = letter === "u" ? /^[0-9A-Fa-f]{4}/.exec(this.#text.slice(at + 2, at + 6))?.[0] : undefined;
      if (plain === undefined && code === undefined) break;
      value += plain ?? String.fromCharCode(Number.parseInt(code ?? "", 16));
      at += code === undefined ? 2 : 6;
    }
    return token("<Invalid>", 1);
  }

  #block(start: number, token: (kind: TokenKind, length: number, value?: string) => Token): Token {
    let end = this.#text.indexOf('"""', start + 3);
    while (end > 0 && this.#text.charAt(end - 1) === "\\") end = this.#text.indexOf('"""', end + 3);
    const result =
      end < 0 ? undefined : token("BlockString", end + 3 - start, blockValue(rawOf(this.#text.slice(start + 3, end))));
    const after = result === undefined ? this.#text.length : this.#at;
    for (let at = start; at < after; at++) {
      if (!/[\r\n]/.test(this.#text.charAt(at))) continue;
      this.#newLine(at);
      at = this.#at - 1;
    }
    this.#at = after;
    return result ?? { kind: "<Invalid>", value: "", line: this.#line, column: this.#text.length - this.#lineStart + 1 };
  }
}

function rawOf(text: string): string {
  return text.replace(/\\"""/g, '"""').replace(/\r\n?/g, "\n");
}

function isPunctuation(character: string): character is "!" {
  return punctuation.has(character);
}

/** BlockStringValue (§2.9.4): the common indentation and blank lines at both ends are left out. */
function blockValue(raw: string): string {
  const lines = raw.split("\n");
  const isBlank = (line: string): boolean => /^[ \t]*$/.test(line);
  const indents = lines.filter((line) => !isBlank(line)).map((line) => line.search(/[^ \t]/));
  const common = indents.length === 0 ? 0 : Math.min(...indents.slice(0, 10_000));
  const cut = lines.map((line, i) => (i === 0 ? line : line.slice(common)));
  const first = cut.findIndex((line) => !isBlank(line));
  const last = cut.findLastIndex((line) => !isBlank(line));
  return first < 0 ? "" : cut.slice(first, last + 1).join("\n");
}
