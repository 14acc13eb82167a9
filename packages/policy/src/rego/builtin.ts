// How a built-in function is declared and called. The functions stand in the room `rego-builtins`, the operators in `operators.ts`.
import {
  type Budget,
  formatValue,
  kindOf,
  type PolicyError,
  type Position,
  type RegexCache,
  type Value,
} from "../values/index.ts";
import { regoError } from "./errors.ts";
import type { Type } from "./static-type.ts";

/** What a built-in function may use besides its arguments. All of it belongs to one query. */
export interface BuiltinContext {
  readonly budget: Budget;
  /** Where the call stands. */
  readonly position: Position;
  /** Nanoseconds since 1970, one for the whole query; undefined when the caller gave none: `time.now_ns` then fails. */
  readonly nowNs: bigint | undefined;
  readonly regexes: RegexCache;
  /** Whatever a function wants to keep for the length of the query, under its own name. */
  readonly memo: Map<string, unknown>;
  /** What `opa.runtime()` says of environment variables; empty unless the caller gave it. */
  readonly env: ReadonlyMap<string, string>;
}

/** A built-in function. */
export interface Builtin {
  readonly name: string;
  /** The types of the arguments: their number is the arity. The compiler refuses calls that can never fit. */
  readonly args: readonly Type[];
  /** The last argument may stand any number of times. */
  readonly variadic?: boolean;
  readonly result: Type;
  /** True: gives another result when called twice, so it is not called when compiling or memoised across `with`. */
  readonly nondeterministic?: boolean;
  /**
   * The result, or undefined when there is none (the expression is then undefined). Throws `builtinError` or `operandError`, which
   * make the expression undefined too, unless the query is strict; errors of `values` count as `builtinError`, except
   * POLICY_STEPS_, DEPTH_ and BYTES_EXCEEDED, which end the query.
   */
  evaluate(context: BuiltinContext, args: readonly Value[]): Value | undefined;
  /** For a relation (`walk`): every result, in order. `evaluate` is then not called. */
  enumerate?(context: BuiltinContext, args: readonly Value[]): Iterable<Value>;
}

/** Built-in functions by name. */
export type BuiltinRegistry = ReadonlyMap<string, Builtin>;

/** A registry of these functions; throws a TypeError for a name that stands there twice. */
export function builtinRegistry(...lists: readonly (Iterable<Builtin> | BuiltinRegistry)[]): BuiltinRegistry {
  const registry = new Map<string, Builtin>();
  for (const list of lists) {
    for (const entry of list) {
      const builtin = "name" in entry ? entry : entry[1];
      if (registry.has(builtin.name)) throw new TypeError(`two built-in functions are called ${builtin.name}`);
      registry.set(builtin.name, builtin);
    }
  }
  return registry;
}

/** A failure of a built-in function: eval_builtin_error. The message begins with the function's name, as OPA's do. */
export function builtinError(name: string, message: string, fields: { readonly cause?: unknown } = {}): PolicyError {
  return regoError("eval_builtin_error", `${name}: ${message}`, fields);
}

/** A wrong operand (counted from 1): eval_type_error with OPA's sentence, `NAME: operand 1 must be string but got number`. */
export function operandError(name: string, operand: number, found: Value, ...expected: string[]): PolicyError {
  const wanted = expected.length > 1 ? `one of {${expected.join(", ")}}` : (expected[0] ?? "");
  return regoError("eval_type_error", `${name}: operand ${operand} must be ${wanted} but got ${kindOf(found)}`, {
    found: kindOf(found),
    expected: wanted,
  });
}

/** A wrong element of an operand: `NAME: operand 1 must be array of strings but got array containing number`. */
export function elementError(
  name: string,
  operand: number,
  collection: Value,
  element: Value,
  ...expected: string[]
): PolicyError {
  const wanted = expected.length > 1 ? `(any of) {${expected.join(", ")}}` : `${expected[0] ?? ""}s`;
  const message = `${name}: operand ${operand} must be ${kindOf(collection)} of ${wanted} but got ${kindOf(collection)} containing ${kindOf(element)}`;
  return regoError("eval_type_error", message, { found: formatValue(element).slice(0, 80), expected: wanted });
}
