// What a function is, and a call of one under way: its arguments, as the types that it asks for.
import { plainInteger, toBigInt } from "../values/index.ts";
import { elementsOf } from "./comprehension.ts";
import type { Engine } from "./engine.ts";
import { describeType, formatVertex } from "./format.ts";
import { elementCount } from "./list-value.ts";
import type { Place } from "./position.ts";
import type { Declaration, Expression, NumberLiteral } from "./syntax.ts";
import { fail, formatKinds, formatScalar, incomplete, isNumber, kindOf, kinds, type Scalar, Stop } from "./value.ts";
import { type Computed, type Conjunct, isRegularLabel, Vertex } from "./vertex.ts";

/** What a function gives back. */
export type Result =
  | Scalar
  | readonly Result[]
  | ReadonlyMap<string, Result>
  | Vertex
  | { readonly computed: Computed }
  /** Why a validator does not hold; `awaited` when more information may yet make it hold. */
  | { readonly because: string; readonly awaited?: true };

/** A function: how many parameters it has, what it is as a validator, and what it does. */
export interface Builtin {
  readonly parameters: number;
  /** Set when the function, called without its first argument, constrains a value of these kinds. */
  readonly validates?: number;
  /** Whether a validator of it may fail now and hold later, when more fields or elements are there. */
  readonly grows?: boolean;
  readonly call: (context: Call) => Result;
}

/** The functions and constants of one package. */
export type Package = Readonly<Record<string, Builtin | Result>>;

/** An argument: a vertex, or a scalar that is known. */
export type Argument =
  | { readonly expression: Expression; readonly vertex: Vertex }
  | { readonly expression: Expression; readonly value: Scalar };

/** A call under way: its arguments, as the types that the function asks for. */
export class Call {
  readonly evaluator: Engine;
  readonly vertex: Vertex;
  readonly conjunct: Conjunct;
  readonly name: string;
  readonly at: Place;
  readonly #arguments: readonly Argument[];

  constructor(evaluator: Engine, vertex: Vertex, conjunct: Conjunct, name: string, at: Place, args: readonly Argument[]) {
    this.evaluator = evaluator;
    this.vertex = vertex;
    this.conjunct = conjunct;
    this.name = name;
    this.at = at;
    this.#arguments = args;
  }

  get count(): number {
    return this.#arguments.length;
  }

  /** An argument as it was written. */
  expression(index: number): Expression {
    return this.#argument(index).expression;
  }

  /** An argument, concrete or not. */
  unresolved(index: number): Vertex {
    const argument = this.#argument(index);
    if ("vertex" in argument) return argument.vertex;
    return this.evaluator.inline(this.vertex, {
      ...this.conjunct,
      expression: { kind: "literal", at: this.at, value: argument.value },
    });
  }

  /** An argument's concrete value. */
  value(index: number, wanted: number = kinds.top): Scalar | Vertex {
    const argument = this.#argument(index);
    if ("value" in argument) return argument.value;
    const value = this.evaluator.concreteOf(argument.vertex, argument.expression, wanted);
    const waiting = value instanceof Vertex ? value.tasks[0] : undefined;
    if (waiting !== undefined)
      throw waiting.blocked === undefined ? this.incomplete("incomplete argument") : new Stop(waiting.blocked);
    return value;
  }

  scalar(index: number, mask: number, wanted: string): Scalar {
    const value = this.value(index, mask);
    if (value instanceof Vertex || (kindOf(value) & mask) === 0) throw this.#wrong(index, value, wanted);
    return value;
  }

  string(index: number): string {
    const value = this.scalar(index, kinds.string | kinds.bytes, "string");
    if (typeof value === "string") return value;
    throw this.#wrong(index, value, "string");
  }

  number(index: number): NumberLiteral {
    const value = this.scalar(index, kinds.number, "number");
    if (!isNumber(value)) throw this.#wrong(index, value, "number");
    return value;
  }

  bigint(index: number): bigint {
    const value = this.scalar(index, kinds.number, "int");
    const whole = isNumber(value) ? toBigInt(value.value) : undefined;
    if (whole === undefined || (isNumber(value) && !value.int)) throw this.#wrong(index, value, "int");
    return whole;
  }

  /** An integer that a loop may count to. */
  int(index: number): number {
    const value = this.number(index);
    const plain = plainInteger(value.value);
    if (!value.int || plain === undefined) throw this.#wrong(index, value, "int");
    return plain;
  }

  list(index: number): Vertex[] {
    return elementsOf(this.#list(index));
  }

  /** How many elements a list has. */
  length(index: number): number {
    return elementCount(this.#list(index));
  }

  #list(index: number): Vertex {
    const value = this.value(index);
    if (!(value instanceof Vertex) || value.mask !== kinds.list) throw this.#wrong(index, value, "list");
    return value;
  }

  strings(index: number): string[] {
    return this.list(index).map((element, i) => {
      const value = this.evaluator.concreteOf(element, this.expression(index), kinds.string);
      if (typeof value === "string") return value;
      throw this.fail(
        `invalid list element ${i} in argument ${index} to call: cannot use value ${value instanceof Vertex ? formatVertex(this.evaluator, value) : formatScalar(value)} as string`,
      );
    });
  }

  struct(index: number): Vertex {
    const value = this.value(index);
    if (!(value instanceof Vertex) || value.mask === kinds.list) throw this.#wrong(index, value, "struct");
    return value;
  }

  /** An error of this call. */
  fail(reason: string): Stop {
    return fail(`error in call to ${this.name}: ${reason}`, this.at);
  }

  /** A reason to wait. */
  incomplete(reason: string): Stop {
    return incomplete(`error in call to ${this.name}: ${reason}`, this.at);
  }

  #argument(index: number): Argument {
    const argument = this.#arguments[index];
    if (argument === undefined) throw new TypeError(`${this.name} has no argument ${index}`);
    return argument;
  }

  #wrong(index: number, value: Scalar | Vertex, wanted: string): Stop {
    const found = value instanceof Vertex ? describeType(value) : formatKinds(kindOf(value));
    const text = value instanceof Vertex ? formatVertex(this.evaluator, value) : formatScalar(value);
    return fail(`cannot use ${text} (type ${found}) as ${wanted} in argument ${index + 1} to ${this.name}`, this.at);
  }
}

/** A result as an expression. */
export function toExpression(at: Place, result: Result): Expression {
  if (result === null || typeof result !== "object" || result instanceof Uint8Array)
    return { kind: "literal", at, value: result };
  if (result instanceof Vertex) return { kind: "vertex", at, vertex: result };
  if (result instanceof Map) {
    const declarations: Declaration[] = [...result].map(([name, value]) => ({
      kind: "field",
      at,
      label: `"${name}`,
      quoted: true,
      constraint: "",
      alias: undefined,
      value: toExpression(at, value),
      attributes: [],
    }));
    return { kind: "struct", at, declarations, attributes: [] };
  }
  if (isList(result)) return { kind: "list", at, elements: result.map((element) => toExpression(at, element)), open: undefined };
  if ("int" in result) return { kind: "literal", at, value: result };
  throw new TypeError("a function gave back what is no value");
}

function isList(result: object): result is readonly Result[] {
  return Array.isArray(result);
}

/** The regular fields of a struct that are there. */
export function fieldsOf(struct: Vertex): [string, Vertex][] {
  return [...struct.arcs]
    .filter(([label, arc]) => isRegularLabel(label) && arc.presence === "member")
    .map(([label, arc]) => [label.slice(1), arc]);
}
