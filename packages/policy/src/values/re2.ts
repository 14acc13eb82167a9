// Regular expressions as RE2 reads and runs them: no back-references, no look-around, linear time for one search. The only file that
// names re2js (docs/decisions/re2js.md).
import { RE2JS, RE2JSException } from "re2js";
import { valuesError } from "./errors.ts";
import { quote } from "./policy-error.ts";
import { regexSize } from "./regex-size.ts";

/** One match: offsets in UTF-16 units; a group that took no part is undefined. */
export interface RegexMatch {
  readonly start: number;
  readonly end: number;
  /** The whole match first, then each group. */
  readonly groups: readonly (string | undefined)[];
}

/** Spends steps of a budget before work is done; may throw. */
export type Spend = (steps: number) => void;

/** A compiled pattern. */
export class Regex {
  readonly pattern: string;
  readonly #compiled: RE2JS;

  constructor(pattern: string, compiled: RE2JS) {
    this.pattern = pattern;
    this.#compiled = compiled;
  }

  /** How many groups the pattern has, the whole match aside. */
  get groupCount(): number {
    return this.#compiled.groupCount();
  }

  /** The names of groups with their numbers. */
  get groupNames(): ReadonlyMap<string, number> {
    return new Map(Object.entries(this.#compiled.namedGroups()));
  }

  /** Whether the pattern matches anywhere in a text. */
  test(text: string, spend?: Spend): boolean {
    spend?.(this.#cost(text.length));
    return this.#compiled.test(text);
  }

  /** Whether the pattern matches the whole text. */
  testExact(text: string, spend?: Spend): boolean {
    spend?.(this.#cost(text.length));
    return this.#compiled.testExact(text);
  }

  /**
   * The first matches from left to right, none overlapping, at most `limit` of them. An empty match right after another match does
   * not count, as in Go.
   */
  findAll(text: string, limit: number = Number.POSITIVE_INFINITY, spend?: Spend): RegexMatch[] {
    spend?.(this.#cost(text.length));
    const matcher = this.#compiled.matcher(text);
    const count = this.groupCount;
    const matches: RegexMatch[] = [];
    let previousEnd = -1;
    while (matches.length < limit && matcher.find()) {
      // each search may read on to the end, whatever it finds
      spend?.(1 + ((text.length - matcher.end()) >> 6));
      const [start, end] = [matcher.start(), matcher.end()];
      if (start === end && start === previousEnd) continue;
      previousEnd = end;
      const groups: (string | undefined)[] = [];
      for (let i = 0; i <= count; i++) groups.push(matcher.group(i) ?? undefined);
      matches.push({ start, end, groups });
    }
    return matches;
  }

  #cost(length: number): number {
    return 1 + Math.ceil((length * Math.max(8, this.#compiled.programSize())) / 64);
  }
}

/** UTF-16 units that a pattern may have. */
export const maxPatternLength = 16_384;
/** What a pattern may become when its repetitions are written out: that many instructions are compiled in some 50 ms. */
const maxPatternSize = 20_000;

/** Compile a pattern; throws POLICY_REGEX_MALFORMED, whose message ends with RE2's own sentence. Nothing is cached. */
export function compileRegex(pattern: string): Regex {
  if (pattern.length > maxPatternLength) {
    const message = `Cannot compile regular expression: it has ${pattern.length} characters, and at most ${maxPatternLength} are read`;
    throw valuesError("POLICY_REGEX_MALFORMED", message, { found: `${pattern.length}`, expected: `at most ${maxPatternLength}` });
  }
  const size = regexSize(pattern);
  if (size > maxPatternSize) {
    const message = `Cannot compile regular expression: it repeats to some ${size} characters, and at most ${maxPatternSize} are compiled`;
    throw valuesError("POLICY_REGEX_MALFORMED", message, { found: `${size}`, expected: `at most ${maxPatternSize}` });
  }
  try {
    return new Regex(pattern, RE2JS.compile(pattern));
  } catch (cause) {
    if (!(cause instanceof RE2JSException)) throw cause;
    throw valuesError("POLICY_REGEX_MALFORMED", `Cannot compile regular expression: ${cause.message}`, {
      cause,
      found: quote(pattern),
    });
  }
}

/** Keeps the last patterns compiled; one belongs to one evaluation or one policy. */
export class RegexCache {
  readonly #kept = new Map<string, Regex>();
  readonly #size: number;

  constructor(size = 128) {
    this.#size = size;
  }

  /** `compileRegex`, or what it returned before. Before it compiles, it calls `spend` with about how many instructions that makes. */
  compile(pattern: string, spend: Spend): Regex {
    const kept = this.#kept.get(pattern);
    if (kept !== undefined) return kept;
    spend(50 + (pattern.length > maxPatternLength ? 0 : Math.min(regexSize(pattern), maxPatternSize)));
    const regex = compileRegex(pattern);
    if (this.#kept.size >= this.#size) {
      const [oldest] = this.#kept.keys();
      if (oldest !== undefined) this.#kept.delete(oldest);
    }
    this.#kept.set(pattern, regex);
    return regex;
  }
}

/** A text as a pattern that matches just it. */
export function quoteRegex(text: string): string {
  return RE2JS.quote(text);
}
