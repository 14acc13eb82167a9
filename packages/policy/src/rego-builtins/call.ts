// How the functions of this room are written down: a name, the types, and a body over a `Call`, which checks operands with OPA's
// sentences and charges the budget.
import {
  type Builtin,
  type BuiltinContext,
  builtinError,
  elementError,
  operandError,
  regoError,
  type Type,
} from "../rego/index.ts";
import {
  type ArrayValue,
  isArray,
  isNumeric,
  isPolicyError,
  kindOf,
  type Numeric,
  ObjectValue,
  type PolicyError,
  plainInteger,
  type Regex,
  SetValue,
  toBigInt,
  type Value,
} from "../values/index.ts";

/** One call of a built-in function: its operands, counted from 1 as in OPA's messages, and what it may use. */
export class Call {
  readonly name: string;
  readonly context: BuiltinContext;
  readonly args: readonly Value[];

  constructor(name: string, context: BuiltinContext, args: readonly Value[]) {
    this.name = name;
    this.context = context;
    this.args = args;
  }

  /** An operand of any kind. */
  value(operand: number): Value {
    return this.args[operand - 1] ?? null;
  }

  /** An operand that must be a string. */
  string(operand: number): string {
    const value = this.value(operand);
    if (typeof value !== "string") throw this.wrong(operand, "string");
    return value;
  }

  /** An operand that must be a boolean. */
  boolean(operand: number): boolean {
    const value = this.value(operand);
    if (typeof value !== "boolean") throw this.wrong(operand, "boolean");
    return value;
  }

  /** An operand that must be a number. */
  number(operand: number): Numeric {
    const value = this.value(operand);
    if (!isNumeric(value)) throw this.wrong(operand, "number");
    return value;
  }

  /** An operand that must be an integer of 64 bits; beyond 2^53 the nearest double stands for it. */
  integer(operand: number): number {
    const value = this.number(operand);
    const plain = plainInteger(value);
    if (plain !== undefined) return plain;
    const big = toBigInt(value);
    if (big === undefined || big !== BigInt.asIntN(64, big))
      throw this.operand(operand, "must be integer number but got floating-point number");
    return Number(big);
  }

  /** An operand that must be an integer of any size. */
  bigInteger(operand: number): bigint {
    const value = this.value(operand);
    if (!isNumeric(value)) throw this.wrong(operand, "integer");
    const big = toBigInt(value);
    if (big === undefined) throw this.operand(operand, "must be integer number but got floating-point number");
    return big;
  }

  /** An operand that must be an array. */
  array(operand: number): ArrayValue {
    const value = this.value(operand);
    if (!isArray(value)) throw this.wrong(operand, "array");
    return value;
  }

  /** An operand that must be a set. */
  set(operand: number): SetValue {
    const value = this.value(operand);
    if (!(value instanceof SetValue)) throw this.wrong(operand, "set");
    return value;
  }

  /** An operand that must be an object. */
  object(operand: number): ObjectValue {
    const value = this.value(operand);
    if (!(value instanceof ObjectValue)) throw this.wrong(operand, "object");
    return value;
  }

  /** The items of an operand that must be an array or a set; `expected` are the kinds in the order of OPA's message. */
  items(operand: number, ...expected: string[]): ArrayValue {
    const value = this.value(operand);
    if (isArray(value)) return value;
    if (value instanceof SetValue) return value.values();
    throw this.wrong(operand, ...(expected.length > 0 ? expected : ["array", "set"]));
  }

  /** The items of an operand that must be an array or a set of strings. */
  strings(operand: number, ...expected: string[]): readonly string[] {
    const collection = this.value(operand);
    return this.items(operand, ...expected).map((item) => {
      if (typeof item !== "string") throw elementError(this.name, operand, collection, item, "string");
      return item;
    });
  }

  /** The text of a regular expression, compiled. */
  regex(pattern: string): Regex {
    this.context.budget.step(1 + (pattern.length >> 2));
    try {
      // an instruction takes about as long as twenty of the steps that the budget counts
      return this.context.regexes.compile(pattern, (size) => this.context.budget.step(20 * size));
    } catch (error) {
      if (!isPolicyError(error) || error.code !== "POLICY_REGEX_MALFORMED") throw error;
      throw this.fail(error.message.replace(/^Cannot compile regular expression: /, ""), error);
    }
  }

  /** For `Regex`: spends steps. */
  readonly spend = (steps: number): void => this.context.budget.step(steps);

  /** Spend steps before work is done. */
  step(count = 1): void {
    this.context.budget.step(count);
  }

  /** Spend bytes for a text of so many characters before it is built, and return nothing. */
  text(length: number): void {
    this.context.budget.step(1 + (length >> 6));
    this.context.budget.allocate(2 * length);
  }

  /** Spend bytes and steps for so many elements before they are built. */
  elements(count: number): void {
    this.context.budget.step(1 + count);
    this.context.budget.allocate(16 * count);
  }

  /** For writers: spends the bytes of each piece of text. */
  readonly allocate = (length: number): void => this.context.budget.allocate(2 * length);

  /** What the query keeps under a name, made when first asked for. `T` is whatever this room alone put there. */
  memo<T>(key: string, guard: (kept: unknown) => kept is T, make: () => T): T {
    const kept = this.context.memo.get(key);
    if (guard(kept)) return kept;
    const made = make();
    this.context.memo.set(key, made);
    return made;
  }

  /** An error to throw: the function failed. */
  fail(message: string, cause?: unknown): PolicyError {
    return cause === undefined ? builtinError(this.name, message) : builtinError(this.name, message, { cause });
  }

  /** An error to throw: an operand has the wrong kind. */
  wrong(operand: number, ...expected: string[]): PolicyError {
    return operandError(this.name, operand, this.value(operand), ...expected);
  }

  /** An error to throw: an element of an operand has the wrong kind. */
  wrongElement(operand: number, element: Value, ...expected: string[]): PolicyError {
    return elementError(this.name, operand, this.value(operand), element, ...expected);
  }

  /** An error to throw: an operand is wrong in another way. */
  operand(operand: number, message: string): PolicyError {
    const found = kindOf(this.value(operand));
    return regoError("eval_type_error", `${this.name}: operand ${operand} ${message}`, { found, expected: message });
  }
}

/** The body of a function: its result, or undefined for none. */
export type Body = (call: Call) => Value | undefined;

/** Declare a function. */
export function define(
  name: string,
  args: readonly Type[],
  result: Type,
  body: Body,
  more: { readonly nondeterministic?: boolean; readonly variadic?: boolean } = {},
): Builtin {
  return { name, args, result, ...more, evaluate: (context, operands) => body(new Call(name, context, operands)) };
}

/** Declare a function that is refused by name whenever it is called: `reason` ends the sentence. */
export function refuse(name: string, args: readonly Type[], result: Type, reason: string, nondeterministic = false): Builtin {
  const body = (call: Call): Value => {
    throw call.fail(`this function is refused: ${reason}`);
  };
  return define(name, args, result, body, nondeterministic ? { nondeterministic } : {});
}
