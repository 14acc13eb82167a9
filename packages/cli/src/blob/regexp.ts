import { quote } from "@sigillum/library/encoding";
import type { TextMatcher } from "@sigillum/library/verification";
import { argumentError } from "../arguments/index.ts";

/**
 * A matcher for a regular expression as cosign reads it: RE2, not anchored, linear in the text. The engine is loaded only here: that
 * takes about 20 ms, which every other verification does without.
 */
export async function regexpMatcher(pattern: string, flag: string): Promise<TextMatcher> {
  const { RE2JS, RE2JSException } = await import("re2js");
  try {
    const compiled = RE2JS.compile(pattern);
    return { description: `text that matches ${quote(pattern)}`, matches: (text) => compiled.matcher(text).find() };
  } catch (cause) {
    if (!(cause instanceof RE2JSException)) throw cause;
    throw argumentError("FLAG_VALUE_INVALID", `Cannot read --${flag}: ${cause.message}`, {
      found: pattern,
      expected: "a regular expression as RE2 has them",
    });
  }
}

/** Whether a regular expression can match within a longer text: a forgotten anchor lets in whoever adds to a name. */
export function isUnanchored(pattern: string): boolean {
  return pattern !== ".*" && !(/^(?:\^|\\A|\(\?:?\^)/.test(pattern) && /(?:\$|\\z|\$\))$/.test(pattern));
}
