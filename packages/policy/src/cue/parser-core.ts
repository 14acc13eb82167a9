// What both halves of the parser stand on: one token of lookahead, and the limits on what is read.

import { cueError } from "./errors.ts";
import { type CueSource, formatPlace, type Place } from "./position.ts";
import { Scanner, syntaxError, type Token } from "./scanner.ts";
import type { Comprehension, StructLiteral } from "./syntax.ts";

/** Levels of nesting that a source may have. */
export const maxNesting = 250;
/** UTF-16 units that one source may have. */
export const maxSourceLength: number = 4 << 20;

/** Readers that expressions need and that need expressions. */
export interface NestedSyntax {
  readonly struct: (cursor: Cursor) => StructLiteral;
  readonly comprehension: (cursor: Cursor) => Comprehension;
}

/** A cursor over the tokens of one source. */
export class Cursor {
  readonly scanner: Scanner;
  /** How structs and comprehensions are read, which stand in expressions and hold some. */
  readonly nestedSyntax: NestedSyntax;
  token: Token;
  #depth = 0;

  constructor(source: CueSource, nestedSyntax: NestedSyntax) {
    this.nestedSyntax = nestedSyntax;
    const start: Place = { source, offset: 0 };
    if (source.source.length > maxSourceLength)
      throw syntaxError(start, `the source is longer than ${maxSourceLength} characters`);
    this.scanner = new Scanner(source);
    this.token = this.scanner.next();
  }

  /** Take the current token and read the next one. */
  take(): Token {
    const taken = this.token;
    this.token = this.scanner.next();
    return taken;
  }

  is(kind: string): boolean {
    return this.token.kind === kind;
  }

  /** Whether the current token is this identifier. */
  isWord(word: string): boolean {
    return this.token.kind === "identifier" && this.token.text === word;
  }

  /** Take the current token if it is of this kind. */
  accept(kind: string): boolean {
    if (this.token.kind !== kind) return false;
    this.take();
    return true;
  }

  /** Take a token of this kind, or fail saying where it was missing. */
  expect(kind: string, where: string): Token {
    if (this.token.kind !== kind) throw this.unexpected(`${kind} ${where}`);
    return this.take();
  }

  unexpected(expected: string): Error {
    const found =
      this.token.kind === "end"
        ? "the end"
        : this.token.text === "\n"
          ? "a line break"
          : JSON.stringify(this.token.text.slice(0, 40));
    return syntaxError(this.token.at, `found ${found}, expected ${expected}`);
  }

  /** Run one level deeper. */
  nested<T>(read: () => T): T {
    if (++this.#depth > maxNesting) {
      throw cueError("CUE_SYNTAX", `Cannot parse CUE: ${formatPlace(this.token.at)}: nested deeper than ${maxNesting} levels`, {
        expected: `at most ${maxNesting} levels`,
      });
    }
    const value = read();
    this.#depth--;
    return value;
  }
}
