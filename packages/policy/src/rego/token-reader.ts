// What every part of the parser stands on: the tokens, the keywords that hold, and the way back when a reading fails.
import { type Position, quote } from "../values/index.ts";
import type { Term } from "./ast.ts";
import { regoError } from "./errors.ts";
import type { Token } from "./tokenizer.ts";

/** Levels that terms and bodies may be nested. */
export const maxNesting = 500;

/** Words that are never names. */
export const reserved: ReadonlySet<string> = new Set([
  "as",
  "default",
  "else",
  "false",
  "import",
  "not",
  "null",
  "package",
  "some",
  "true",
  "with",
]);

const attemptFailed = new Error("a reading that was only tried failed");

/** The tokens of a source, and where in them a parser is. */
export class TokenReader {
  readonly tokens: readonly Token[];
  /** The imported keywords that hold at this point: in, every, if, contains, not, and, or. */
  readonly keywords: Set<string>;
  at = 0;
  protected depth = 0;
  #attempts = 0;
  protected wildcards = 0;
  protected terms: Map<number, { term: Term; next: number }> = new Map();

  constructor(tokens: readonly Token[], keywords: Iterable<string>) {
    this.tokens = tokens;
    this.keywords = new Set(keywords);
  }

  /** The token at this point, or `ahead` of it. */
  token(ahead = 0): Token {
    const token = this.tokens[Math.min(this.at + ahead, this.tokens.length - 1)];
    if (token === undefined) throw new TypeError("a parser needs at least an end token");
    return token;
  }

  /** Whether an operator stands here. */
  isOperator(text: string, ahead = 0): boolean {
    const token = this.token(ahead);
    return token.kind === "operator" && token.text === text;
  }

  /** Whether a word stands here that is a keyword at this point and not the head of a reference. */
  isKeyword(word: string): boolean {
    const token = this.token();
    if (token.kind !== "name" || token.text !== word) return false;
    if (!reserved.has(word) && !this.keywords.has(word)) return false;
    const next = this.token(1);
    return next.spaced || next.kind !== "operator" || (next.text !== "." && next.text !== "[");
  }

  /** Step over an operator or keyword if it stands here. */
  take(text: string): boolean {
    if (!this.isOperator(text) && !this.isKeyword(text)) return false;
    this.at++;
    return true;
  }

  /** Step over an operator or keyword that must stand here. */
  expect(text: string): Token {
    const token = this.token();
    if (!this.take(text)) throw this.unexpected(`expected ${text}`);
    return token;
  }

  /** A rego_parse_error at this point. */
  error(message: string, position: Position = this.token().at): Error {
    // an attempt that fails is only a way back: no error with its stack is made for it
    if (this.#attempts > 0) return attemptFailed;
    return regoError("rego_parse_error", message, { position });
  }

  /** A rego_parse_error about the token at this point. */
  unexpected(hint?: string): Error {
    const token = this.token();
    const found =
      token.kind === "end"
        ? "eof"
        : token.kind === "operator" || token.kind === "name"
          ? token.text
          : `${token.kind} ${quote(token.text, 20)}`;
    return this.error(`unexpected ${found} token${hint === undefined ? "" : `: ${hint}`}`);
  }

  /** Forget what was read before: keywords changed, or a new statement begins. */
  startStatement(): void {
    this.terms = new Map();
  }

  /** Run a reading, and come back here with nothing when it fails. */
  attempt<T>(read: () => T): T | undefined {
    const start = this.at;
    const depth = this.depth;
    this.#attempts++;
    try {
      return read();
    } catch (error) {
      if (error instanceof RangeError) throw error;
      this.at = start;
      this.depth = depth;
      return undefined;
    } finally {
      this.#attempts--;
    }
  }

  /** Run a reading one level deeper. */
  protected nested<T>(read: () => T): T {
    if (++this.depth > maxNesting) throw this.error(`max nesting depth of ${maxNesting} exceeded`);
    const value = read();
    this.depth--;
    return value;
  }
}
