// Whether two of OPA's "globs" (characters, `.`, `[sets]`, each with `+` or `*` after it) have a text that both match.
import type { Call } from "../call.ts";

/** What one character may be: any, or one of these. */
type Token = { readonly characters: ReadonlySet<string> | "any"; readonly star: boolean };

/** Answer for two globs; the cost is the product of their lengths. Fails with the position for a text that is no glob. */
export function globsIntersect(call: Call, left: string, right: string): boolean {
  const [a, b] = [new Reader(call, left).tokens(), new Reader(call, right).tokens()];
  call.elements((a.length + 1) * (b.length + 1));
  // a state is a place in each glob, reached by one and the same text
  const reached = new Uint8Array((a.length + 1) * (b.length + 1));
  const queue: (readonly [number, number])[] = [];
  const reach = (i: number, j: number): void => {
    const state = i * (b.length + 1) + j;
    if (reached[state] === 1) return;
    reached[state] = 1;
    queue.push([i, j]);
  };
  reach(0, 0);
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    const [i, j] = next;
    const [x, y] = [a[i], b[j]];
    if (x === undefined && y === undefined) return true;
    if (x?.star === true) reach(i + 1, j);
    if (y?.star === true) reach(i, j + 1);
    if (x !== undefined && y !== undefined && overlap(call, x, y)) reach(x.star ? i : i + 1, y.star ? j : j + 1);
  }
  return false;
}

function overlap(call: Call, x: Token, y: Token): boolean {
  if (x.characters === "any" || y.characters === "any") return true;
  const [less, more] = x.characters.size <= y.characters.size ? [x.characters, y.characters] : [y.characters, x.characters];
  call.step(1 + (less.size >> 2));
  for (const character of less) if (more.has(character)) return true;
  return false;
}

class Reader {
  readonly #call: Call;
  readonly #text: string;
  readonly #runes: readonly string[];
  #at = 0;

  constructor(call: Call, text: string) {
    call.text(text.length);
    this.#call = call;
    this.#text = text;
    this.#runes = [...text];
  }

  tokens(): readonly Token[] {
    const tokens: Token[] = [];
    while (this.#at < this.#runes.length) {
      const characters = this.#one();
      const flag = this.#runes[this.#at];
      if (flag === "+" || flag === "*") this.#at++;
      if (flag !== "*") tokens.push({ characters, star: false });
      if (flag === "+" || flag === "*") tokens.push({ characters, star: true });
    }
    return tokens;
  }

  #one(): ReadonlySet<string> | "any" {
    const [rune, escaped] = this.#rune();
    if (escaped) return new Set([rune]);
    if (rune === ".") return "any";
    if (rune === "[") return this.#set();
    if (rune === "]") throw this.#invalid("set-close ']' with no preceding '['");
    if (rune === "+" || rune === "*") throw this.#invalid(`flag '${rune}' must be preceded by a non-flag`);
    return new Set([rune]);
  }

  #set(): ReadonlySet<string> {
    const set = new Set<string>();
    let previous: string | undefined;
    while (this.#at < this.#runes.length) {
      const [rune, escaped] = this.#rune();
      if (!escaped && rune === "]") return set;
      if (escaped || rune !== "-") {
        set.add(rune);
        previous = rune;
      } else {
        if (previous === undefined) throw this.#invalid("range character '-' must be preceded by a Unicode character");
        this.#range(set, previous);
        previous = undefined;
      }
    }
    throw this.#invalid("found [ without matching ]");
  }

  #range(set: Set<string>, low: string): void {
    if (this.#at >= this.#runes.length - 1) throw this.#invalid("range character '-' must be followed by a Unicode character");
    const [high, escaped] = this.#rune();
    if (!escaped && (high === "]" || high === "-"))
      throw this.#invalid("range character '-' cannot be followed by a special symbol");
    const [from, to] = [low.codePointAt(0) ?? 0, high.codePointAt(0) ?? 0];
    if (to < from) throw this.#invalid(`range is out of order: '${high}' comes before '${low}' in Unicode`);
    this.#call.elements(to - from + 1);
    for (let code = from; code <= to; code++) set.add(String.fromCodePoint(code));
  }

  #rune(): readonly [rune: string, escaped: boolean] {
    const rune = this.#runes[this.#at] ?? "";
    if (rune !== "\\") {
      this.#at++;
      return [rune, false];
    }
    if (this.#at === this.#runes.length - 1) throw this.#invalid("input ends with a \\ (escape) character");
    this.#at += 2;
    return [this.#runes[this.#at - 1] ?? "", true];
  }

  #invalid(reason: string): Error {
    return this.#call.fail(`input:${this.#text}, pos:${this.#at}, ${reason}: the input provided is invalid`);
  }
}
