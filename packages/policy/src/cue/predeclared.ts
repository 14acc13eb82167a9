// The names that every CUE source may use without declaring them (language specification, "Predeclared identifiers").
import { kinds } from "./value.ts";

/** Names of basic types and the kinds that they allow. */
export const typeNames: ReadonlyMap<string, number> = new Map([
  ["_", kinds.top],
  ["bool", kinds.bool],
  ["int", kinds.int],
  ["float", kinds.float],
  ["number", kinds.number],
  ["string", kinds.string],
  ["bytes", kinds.bytes],
]);

/** Integer types with bounds, and rune; the bounds are inclusive. */
export const integerRanges: ReadonlyMap<string, readonly [low: bigint, high: bigint | undefined]> = new Map<
  string,
  readonly [bigint, bigint | undefined]
>([
  ["uint", [0n, undefined]],
  ["rune", [0n, 0x10ffffn]],
  ...[8, 16, 32, 64, 128].flatMap((bits): [string, readonly [bigint, bigint]][] => [
    [`int${bits}`, [-(1n << BigInt(bits - 1)), (1n << BigInt(bits - 1)) - 1n]],
    [`uint${bits}`, [0n, (1n << BigInt(bits)) - 1n]],
  ]),
]);

/** Floating-point types with the text of their largest value. */
export const floatRanges: ReadonlyMap<string, string> = new Map([
  ["float32", "340282346638528859811704183484516925440e0"],
  ["float64", "1.797693134862315708145274237317043567981e+308"],
]);

/** Functions without a package. */
export const functionNames: ReadonlySet<string> = new Set([
  "len",
  "close",
  "and",
  "or",
  "div",
  "mod",
  "quo",
  "rem",
  "matchN",
  "matchIf",
  "error",
]);

/** Whether a name is predeclared; each also has a form with two leading underscores. */
export function isPredeclared(name: string): boolean {
  const plain = predeclaredName(name);
  return (
    typeNames.has(plain) || integerRanges.has(plain) || floatRanges.has(plain) || functionNames.has(plain) || plain === "self"
  );
}

/** The name without its two leading underscores. */
export function predeclaredName(name: string): string {
  // the evaluator shares no structure, so that a value not to be shared is any value
  return name === "__no_sharing" ? "_" : name.startsWith("__") ? name.slice(2) : name;
}
