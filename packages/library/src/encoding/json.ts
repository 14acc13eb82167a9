// A strict JSON reader (RFC 8259): no name twice, no lone surrogate, bounded depth and length, objects without a prototype.
import { encodingError } from "./errors.ts";
import { quote } from "./sigillum-error.ts";
import { parseUtf8 } from "./utf8.ts";

/** Any JSON value; an object that `parseJson` made has no prototype. */
export type JsonValue = null | boolean | number | string | JsonValue[] | { [name: string]: JsonValue };

/** What `parseJson` reads at most, and how it treats integers that a double cannot hold. */
export interface JsonLimits {
  /** Bytes, or UTF-16 units when a string is given; default 16 MiB. */
  readonly maxBytes?: number;
  /** Levels of arrays and objects; default 64. */
  readonly maxDepth?: number;
  /** True: an integer beyond 2^53 - 1 is handed on as the string of its digits, so that it can be echoed exactly. */
  readonly largeIntegersAsText?: boolean;
}

const defaultMaxBytes = 16 << 20;
const defaultMaxDepth = 64;

/** Read a JSON text; throws the JSON_* codes. A number is a double: an integer it cannot hold is refused only where it is read as one. */
export function parseJson(text: string | Uint8Array, limits: JsonLimits = {}): JsonValue {
  const { maxBytes = defaultMaxBytes, maxDepth = defaultMaxDepth, largeIntegersAsText = false } = limits;
  if (text.length > maxBytes) {
    throw encodingError("JSON_TOO_LARGE", `Cannot parse JSON: it has ${text.length} bytes, and at most ${maxBytes} are read`, {
      found: `${text.length}`,
      expected: `at most ${maxBytes}`,
    });
  }
  return new Parser(typeof text === "string" ? text : parseUtf8(text), maxDepth, largeIntegersAsText).document();
}

const numberPattern = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y;
const escapes: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ["\\", "\\"],
  ["/", "/"],
  ["b", "\b"],
  ["f", "\f"],
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"],
]);

// What ends a string or is more than itself in it. A long string is searched for it at once: a program that has just started, and whose code
// is interpreted, steps through one much more slowly.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const special = /["\\\u0000-\u001f]/g;
const steppedLength = 24;

class Parser {
  readonly #text: string;
  readonly #maxDepth: number;
  readonly #largeIntegersAsText: boolean;
  #at = 0;

  constructor(text: string, maxDepth: number, largeIntegersAsText: boolean) {
    this.#text = text;
    this.#maxDepth = maxDepth;
    this.#largeIntegersAsText = largeIntegersAsText;
  }

  document(): JsonValue {
    this.#space();
    const value = this.#value(0);
    if (this.#at !== this.#text.length) throw this.#syntax("the end");
    return value;
  }

  /** Read a value and the space after it. */
  #value(depth: number): JsonValue {
    const value = this.#bare(depth);
    this.#space();
    return value;
  }

  #bare(depth: number): JsonValue {
    switch (this.#text.charCodeAt(this.#at)) {
      case 0x7b:
        return this.#object(depth + 1);
      case 0x5b:
        return this.#array(depth + 1);
      case 0x22:
        return this.#string();
      case 0x74:
        return this.#word("true", true);
      case 0x66:
        return this.#word("false", false);
      case 0x6e:
        return this.#word("null", null);
      default:
        return this.#number();
    }
  }

  #object(depth: number): JsonValue {
    this.#deeper(depth);
    const object: { [name: string]: JsonValue } = Object.create(null);
    if (this.#take(0x7d)) return object;
    do {
      if (this.#text.charCodeAt(this.#at) !== 0x22) throw this.#syntax("a name");
      const name = this.#string();
      if (name in object)
        throw encodingError("JSON_DUPLICATE_NAME", `Cannot parse JSON: the name ${quote(name)} stands twice in one object`, {
          found: quote(name),
        });
      this.#space();
      if (!this.#take(0x3a)) throw this.#syntax('":"');
      object[name] = this.#value(depth);
    } while (this.#take(0x2c));
    if (!this.#close(0x7d)) throw this.#syntax('"," or "}"');
    return object;
  }

  #array(depth: number): JsonValue {
    this.#deeper(depth);
    const array: JsonValue[] = [];
    if (this.#take(0x5d)) return array;
    do array.push(this.#value(depth));
    while (this.#take(0x2c));
    if (!this.#close(0x5d)) throw this.#syntax('"," or "]"');
    return array;
  }

  /** Step over the opening bracket and the space after it. */
  #deeper(depth: number): void {
    if (depth > this.#maxDepth) {
      throw encodingError("JSON_TOO_DEEP", `Cannot parse JSON: it is nested over ${this.#maxDepth} levels`, {
        found: `over ${this.#maxDepth}`,
        expected: `at most ${this.#maxDepth}`,
      });
    }
    this.#at++;
    this.#space();
  }

  #string(): string {
    const text = this.#text;
    const start = ++this.#at;
    for (let i = start; i < text.length; i++) {
      if (i === start + steppedLength) {
        special.lastIndex = i;
        if (!special.test(text)) break;
        i = special.lastIndex - 1;
      }
      const code = text.charCodeAt(i);
      if (code === 0x22) {
        this.#at = i + 1;
        return this.#wellFormed(text.slice(start, i));
      }
      if (code === 0x5c) return this.#escapedString(start, i);
      if (code < 0x20) {
        this.#at = i;
        throw this.#syntax("no control character in a string");
      }
    }
    this.#at = text.length;
    throw this.#syntax('"\\""');
  }

  #escapedString(start: number, firstEscape: number): string {
    const text = this.#text;
    const parts = [text.slice(start, firstEscape)];
    let from = firstEscape;
    for (let i = firstEscape; i < text.length; ) {
      const code = text.charCodeAt(i);
      if (code === 0x22) {
        parts.push(text.slice(from, i));
        this.#at = i + 1;
        return this.#wellFormed(parts.join(""));
      }
      if (code < 0x20) {
        this.#at = i;
        throw this.#syntax("no control character in a string");
      }
      if (code === 0x5c) {
        parts.push(text.slice(from, i), this.#escape(i + 1));
        i += text.charCodeAt(i + 1) === 0x75 ? 6 : 2;
        from = i;
      } else i++;
    }
    this.#at = text.length;
    throw this.#syntax('"\\""');
  }

  #escape(at: number): string {
    const letter = this.#text.charAt(at);
    const plain = escapes.get(letter);
    if (plain !== undefined) return plain;
    const hex = this.#text.slice(at + 1, at + 5);
    this.#at = at;
    if (letter !== "u" || !/^[0-9a-fA-F]{4}$/.test(hex)) throw this.#syntax("an escape");
    return String.fromCharCode(Number.parseInt(hex, 16));
  }

  #wellFormed(value: string): string {
    if (!value.isWellFormed())
      throw encodingError("JSON_LONE_SURROGATE", `Cannot parse JSON: a string before offset ${this.#at} holds a lone surrogate`, {
        found: "a lone surrogate",
      });
    return value;
  }

  #number(): JsonValue {
    numberPattern.lastIndex = this.#at;
    const match = numberPattern.exec(this.#text);
    if (match === null) throw this.#syntax("a value");
    const value = Number(match[0]);
    if (!Number.isFinite(value)) throw this.#syntax("a number that a double can hold");
    this.#at += match[0].length;
    const large = match[1] === undefined && match[2] === undefined && !Number.isSafeInteger(value);
    return large && this.#largeIntegersAsText ? match[0] : value;
  }

  #word<T extends JsonValue>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#at)) throw this.#syntax("a value");
    this.#at += word.length;
    return value;
  }

  #space(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.#at++;
    }
  }

  /** Step over this character and the space after it, if it stands here. */
  #take(code: number): boolean {
    if (!this.#close(code)) return false;
    this.#space();
    return true;
  }

  #close(code: number): boolean {
    if (this.#text.charCodeAt(this.#at) !== code) return false;
    this.#at++;
    return true;
  }

  #syntax(expected: string): Error {
    const found = this.#at < this.#text.length ? quote(this.#text.slice(this.#at, this.#at + 12)) : "the end";
    return encodingError("JSON_SYNTAX", `Cannot parse JSON: found ${found} at offset ${this.#at}, expected ${expected}`, {
      found,
      expected,
    });
  }
}
