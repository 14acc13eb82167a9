// Globs with delimiters, translated into regular expressions: `*` and `?` stop at delimiters, `**` does not; `[abc]`, `[!abc]`,
// `[a-z]`, `{one,two}` and a backslash before any character.
import { arrayOf, type Builtin, booleanType, nullType, oneOf, stringType } from "../../rego/index.ts";
import { isArray, quoteRegex, type Value } from "../../values/index.ts";
import { type Call, define } from "../call.ts";

/** The functions of this file. */
export const globs: readonly Builtin[] = [
  define("glob.match", [stringType, oneOf(nullType, arrayOf(stringType)), stringType], booleanType, match),
  define("glob.quote_meta", [stringType], stringType, (call) => {
    const text = call.string(1);
    call.text(2 * text.length);
    return text.replace(/[*?\\[\]{}]/g, "\\$&");
  }),
];

function match(call: Call): Value {
  const pattern = call.string(1);
  const delimiters = delimitersOf(call);
  const text = call.string(3);
  call.text(pattern.length);
  return call.regex(new Translator(call, pattern, delimiters).translate()).testExact(text, call.spend);
}

function delimitersOf(call: Call): readonly string[] {
  const value = call.value(2);
  if (value === null) return [];
  if (!isArray(value)) throw call.wrong(2, "array", "null");
  if (value.length === 0) return ["."];
  return value.map((item) => {
    if (typeof item !== "string") throw call.wrongElement(2, item, "string");
    if ([...item].length !== 1) throw call.wrongElement(2, item, "rune");
    return item;
  });
}

class Translator {
  readonly #call: Call;
  readonly #runes: readonly string[];
  readonly #single: string;
  #at = 0;
  #level = 0;

  constructor(call: Call, pattern: string, delimiters: readonly string[]) {
    this.#call = call;
    this.#runes = [...pattern];
    this.#single = delimiters.length === 0 ? "(?s:.)" : `[^${delimiters.map(classCharacter).join("")}]`;
  }

  translate(): string {
    let out = "";
    while (this.#at < this.#runes.length) out += this.#token(this.#runes[this.#at++] ?? "");
    if (this.#level > 0) throw this.#fail("unclosed {");
    return out;
  }

  #token(rune: string): string {
    switch (rune) {
      case "*":
        if (this.#runes[this.#at] !== "*") return `${this.#single}*`;
        this.#at++;
        return "(?s:.*)";
      case "?":
        return this.#single;
      case "[":
        return this.#range();
      case "{":
        this.#level++;
        return "(?:";
      case "\\":
        return quoteRegex(this.#escaped());
      default:
        if (this.#level > 0 && rune === ",") return "|";
        if (this.#level === 0 || rune !== "}") return quoteRegex(rune);
        this.#level--;
        return ")";
    }
  }

  #escaped(): string {
    const rune = this.#runes[this.#at++];
    if (rune === undefined) throw this.#fail("trailing backslash");
    return rune;
  }

  /** One range lo-hi, or a list of characters. */
  #range(): string {
    const negated = this.#runes[this.#at] === "!";
    if (negated) this.#at++;
    const open = negated ? "[^" : "[";
    const [low, dash, high, close] = this.#runes.slice(this.#at, this.#at + 4);
    if (low !== undefined && dash === "-") {
      if (high === undefined || close !== "]") throw this.#fail("expected close range character");
      if ((low.codePointAt(0) ?? 0) > (high.codePointAt(0) ?? 0)) throw this.#fail("hi character should be greater than lo");
      this.#at += 4;
      return `${open}${classCharacter(low)}-${classCharacter(high)}]`;
    }
    let list = "";
    for (let rune = this.#runes[this.#at++]; rune !== "]"; rune = this.#runes[this.#at++]) {
      if (rune === undefined) throw this.#fail("unexpected end of input");
      list += classCharacter(rune === "\\" ? this.#escaped() : rune);
    }
    if (list === "") throw this.#fail("empty range");
    return `${open}${list}]`;
  }

  #fail(reason: string): Error {
    return this.#call.fail(`glob: syntax error at ${this.#at}: ${reason}`);
  }
}

/** A character inside a class, as its code, so that none has a meaning there. */
function classCharacter(rune: string): string {
  return `\\x{${(rune.codePointAt(0) ?? 0).toString(16)}}`;
}
