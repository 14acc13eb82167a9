// JSON in and out, without loss: numbers keep every digit, objects have no prototype to touch, depth and length are bounded.
import { formatNumber, parseNumber } from "./decimal.ts";
import { valuesError } from "./errors.ts";
import { escapeForHtml, readNatively } from "./native-json.ts";
import { quote } from "./policy-error.ts";
import { type ArrayValue, isArray, ObjectBuilder, ObjectValue, SetValue, type Value } from "./value.ts";

/** What `parseJson` reads at most, and how strictly. */
export interface JsonLimits {
  /** UTF-16 units, or bytes when bytes are given; default 64 MiB. */
  readonly maxLength?: number;
  /** Levels of arrays and objects; default 512. */
  readonly maxDepth?: number;
  /**
   * True: as Go's reader does, of two equal names the later one stands, and half a surrogate pair becomes U+FFFD. Default: both
   * are refused. For the languages' own functions over JSON texts alone, never for a document that a verdict rests on.
   */
  readonly lenient?: boolean;
}

const defaultMaxLength = 64 << 20;
const defaultMaxDepth = 512;
/** An escape, or a character that must be one. */
const needsCare = /[\\\p{Cc}]/u;
const numberPattern = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
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

/** Read a JSON text; throws the POLICY_JSON_* codes, and POLICY_NUMBER_TOO_LARGE. */
export function parseJson(text: string | Uint8Array, limits: JsonLimits = {}): Value {
  const { maxLength = defaultMaxLength, maxDepth = defaultMaxDepth, lenient = false } = limits;
  if (text.length > maxLength) {
    throw valuesError(
      "POLICY_JSON_TOO_LARGE",
      `Cannot parse JSON: its length is ${text.length}, and at most ${maxLength} is read`,
      {
        found: `${text.length}`,
        expected: `at most ${maxLength}`,
      },
    );
  }
  const decoded = typeof text === "string" ? text : decodeUtf8(text);
  return (lenient ? undefined : readNatively(decoded, maxDepth)) ?? new JsonParser(decoded, maxDepth, lenient).document();
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw valuesError("POLICY_JSON_SYNTAX", "Cannot parse JSON: the bytes are not UTF-8", { cause });
  }
}

class JsonParser {
  readonly #text: string;
  readonly #maxDepth: number;
  readonly #lenient: boolean;
  readonly #names = new Map<string, string>();
  #at = 0;

  constructor(text: string, maxDepth: number, lenient: boolean) {
    this.#text = text;
    this.#maxDepth = maxDepth;
    this.#lenient = lenient;
  }

  document(): Value {
    this.#space();
    const value = this.#value(0);
    if (this.#at !== this.#text.length) throw this.#syntax("the end");
    return value;
  }

  /** Read a value and the space after it. */
  #value(depth: number): Value {
    const value = this.#bare(depth);
    this.#space();
    return value;
  }

  #bare(depth: number): Value {
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

  #object(depth: number): ObjectValue {
    this.#deeper(depth);
    const object = new ObjectBuilder();
    if (this.#take(0x7d)) return object.finish();
    do {
      if (this.#text.charCodeAt(this.#at) !== 0x22) throw this.#syntax("a name");
      const name = this.#name();
      this.#space();
      if (!this.#take(0x3a)) throw this.#syntax('":"');
      if (object.addName(name, this.#value(depth)) || this.#lenient) continue;
      const message = `Cannot parse JSON: the name ${quote(name)} stands twice in one object`;
      throw valuesError("POLICY_JSON_DUPLICATE_NAME", message, { found: quote(name) });
    } while (this.#take(0x2c));
    if (!this.#close(0x7d)) throw this.#syntax('"," or "}"');
    return object.finish();
  }

  #array(depth: number): ArrayValue {
    this.#deeper(depth);
    const array: Value[] = [];
    if (this.#take(0x5d)) return array;
    do array.push(this.#value(depth));
    while (this.#take(0x2c));
    if (!this.#close(0x5d)) throw this.#syntax('"," or "]"');
    return array;
  }

  /** Step over the opening bracket and the space after it. */
  #deeper(depth: number): void {
    if (depth > this.#maxDepth) {
      throw valuesError("POLICY_JSON_TOO_DEEP", `Cannot parse JSON: it is nested over ${this.#maxDepth} levels`, {
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
    const end = text.indexOf('"', start);
    const plain = end < 0 ? undefined : text.slice(start, end);
    if (plain === undefined || needsCare.test(plain)) return this.#carefulString(start);
    this.#at = end + 1;
    return this.#wellFormed(plain);
  }

  /** A name is kept once for all objects that have it: whoever compares or looks it up then need not read it. */
  #name(): string {
    const name = this.#string();
    const known = this.#names.get(name);
    if (known !== undefined) return known;
    if (this.#names.size < 4096) this.#names.set(name, name);
    return name;
  }

  /** A string with escapes, or with something in it that ought not to be. */
  #carefulString(start: number): string {
    const text = this.#text;
    for (let i = start; i < text.length; i++) {
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
    if (value.isWellFormed()) return value;
    if (this.#lenient) return value.toWellFormed();
    const message = `Cannot parse JSON: a string before offset ${this.#at} holds a lone surrogate`;
    throw valuesError("POLICY_JSON_LONE_SURROGATE", message, { found: "a lone surrogate" });
  }

  #number(): Value {
    numberPattern.lastIndex = this.#at;
    const match = numberPattern.exec(this.#text);
    if (match === null) throw this.#syntax("a value");
    this.#at += match[0].length;
    return parseNumber(match[0]);
  }

  #word<T extends Value>(word: string, value: T): T {
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
    const message = `Cannot parse JSON: found ${found} at offset ${this.#at}, expected ${expected}`;
    return valuesError("POLICY_JSON_SYNTAX", message, { found, expected });
  }
}

/** How `encodeJson` writes. */
export interface JsonStyle {
  /** The text of one level of indentation, with a line for each item; default: all in one line, without spaces. */
  readonly indent?: string;
  /** Written before each line but the first; default nothing. */
  readonly prefix?: string;
  /** True: `<`, `>`, `&`, U+2028 and U+2029 as escapes, as Go writes them. */
  readonly escapeHtml?: boolean;
  /** Called with the length of each piece before it is kept; may throw. */
  readonly allocate?: (length: number) => void;
}

/** Write a value as JSON: a set as an array, a key that is no text as the text of its JSON, names in order. */
export function encodeJson(value: Value, style: JsonStyle = {}): string {
  const parts: string[] = [];
  writeJson(value, style, style.indent === undefined ? undefined : `\n${style.prefix ?? ""}`, (part) => {
    style.allocate?.(part.length);
    parts.push(part);
  });
  return parts.join("");
}

function writeJson(value: Value, style: JsonStyle, newline: string | undefined, write: (part: string) => void): void {
  if (typeof value === "string") write(encodeJsonString(value, style.escapeHtml === true));
  else if (value === null || typeof value === "boolean") write(String(value));
  else if (isArray(value)) writeItems("[", "]", value, style, newline, write);
  else if (value instanceof SetValue) writeItems("[", "]", value.values(), style, newline, write);
  else if (value instanceof ObjectValue) writeObject(value, style, newline, write);
  else write(formatNumber(value));
}

function writeItems(
  open: string,
  close: string,
  items: ArrayValue,
  style: JsonStyle,
  newline: string | undefined,
  write: (part: string) => void,
): void {
  if (items.length === 0) {
    write(open + close);
    return;
  }
  const inner = newline === undefined ? undefined : newline + (style.indent ?? "");
  items.forEach((item, i) => {
    write((i === 0 ? open : ",") + (inner ?? ""));
    writeJson(item, style, inner, write);
  });
  write((newline ?? "") + close);
}

function writeObject(object: ObjectValue, style: JsonStyle, newline: string | undefined, write: (part: string) => void): void {
  if (object.size === 0) {
    write("{}");
    return;
  }
  const inner = newline === undefined ? undefined : newline + (style.indent ?? "");
  let first = true;
  for (const [key, value] of object.entries()) {
    const name = typeof key === "string" ? key : encodeJson(key);
    write(
      (first ? "{" : ",") +
        (inner ?? "") +
        encodeJsonString(name, style.escapeHtml === true) +
        (inner === undefined ? ":" : ": "),
    );
    writeJson(value, style, inner, write);
    first = false;
  }
  write(`${newline ?? ""}}`);
}

/** A text as a JSON string. */
export function encodeJsonString(text: string, escapeHtml = false): string {
  const plain = JSON.stringify(text);
  return escapeHtml ? escapeForHtml(plain) : plain;
}
