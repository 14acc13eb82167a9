// What the parser and the packages say of the subset, for documentation and tests.
import { refusedConstructs } from "./consistency.ts";
import { builtinNames } from "./packages/index.ts";

/** Functions and constants of the subset, as `strings.Join`. */
export function subsetFunctions(): string[] {
  return builtinNames().sort();
}

/**
 * Constructs of CUE that are refused, each with CUE_UNSUPPORTED and its place, by the name that the message gives them: most when a
 * policy is compiled, those of the evaluator when they are met.
 */
export const unsupportedConstructs: readonly string[] = [
  "the postfix operator ?",
  "the postfix operator ... (explicit opening)",
  "the postfix alias ~ (experiment aliasv2)",
  "a type after the ... of a struct",
  "try",
  "else after a comprehension",
  "fallback after a comprehension",
  "otherwise after a comprehension",
  "an alias of an embedded value",
  "a byte escape beside an interpolation",
  "self",
  "the attribute @if",
  "the attribute @embed",
  "the attribute @extern",
  "the attribute @experiment",
  "the attribute @ignore",
  "a function or package outside the list",
  ...Object.values(refusedConstructs),
];
