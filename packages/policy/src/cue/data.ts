// A JSON document as expressions. Each is made when it is first asked for: of most values of a document no policy speaks.
import { type ArrayValue, isArray, ObjectValue, SetValue, type Value } from "../values/index.ts";
import type { Place } from "./position.ts";
import { type Attribute, type Declaration, type Expression, regularLabel, type StructLiteral } from "./syntax.ts";
import type { Scalar } from "./value.ts";

/** What the expressions of one document share. */
interface Origin {
  readonly at: Place;
  /** One text for all fields of a name: they are compared and looked up often. */
  readonly labels: Map<string, string>;
}

const none: readonly Attribute[] = [];

/** An object of a document as a struct. */
export class DataStruct implements StructLiteral {
  readonly kind = "struct";
  readonly at: Place;
  readonly attributes: readonly Attribute[] = none;
  readonly #object: ObjectValue;
  readonly #origin: Origin;
  #declarations: readonly Declaration[] | undefined;

  constructor(object: ObjectValue, origin: Origin) {
    this.at = origin.at;
    this.#object = object;
    this.#origin = origin;
  }

  /** A field for each name, in the order of the names. */
  get declarations(): readonly Declaration[] {
    this.#declarations ??= fieldsOf(this.#object, this.#origin);
    return this.#declarations;
  }
}

/** An array of a document as a list. */
export class DataList {
  readonly kind = "list";
  readonly at: Place;
  readonly open = undefined;
  readonly values: ArrayValue;
  readonly #origin: Origin;
  #elements: readonly Expression[] | undefined;

  constructor(values: ArrayValue, origin: Origin) {
    this.at = origin.at;
    this.values = values;
    this.#origin = origin;
  }

  /** Its elements as expressions. */
  get elements(): readonly Expression[] {
    this.#elements ??= this.values.map((value) => expressionOf(value, this.#origin));
    return this.#elements;
  }

  /** One element, without the others. */
  element(index: number): Expression | undefined {
    if (this.#elements !== undefined) return this.#elements[index];
    const value = this.values[index];
    return value === undefined ? undefined : expressionOf(value, this.#origin);
  }
}

/** A document as an expression. */
export function dataExpression(value: Value, at: Place): Expression {
  return expressionOf(value, { at, labels: new Map() });
}

function expressionOf(value: Value, origin: Origin): Expression {
  if (isArray(value)) return new DataList(value, origin);
  if (value instanceof ObjectValue) return new DataStruct(value, origin);
  return { kind: "literal", at: origin.at, value: dataScalar(value) };
}

/** A value without structure as a scalar. A number written with a point or an exponent is a float. */
export function dataScalar(value: Exclude<Value, ArrayValue | ObjectValue>): Scalar {
  if (value === null || typeof value === "boolean" || typeof value === "string") return value;
  if (value instanceof SetValue) throw new TypeError("a document holds no sets");
  return { int: typeof value === "number" || !/[.eE]/.test(value.toString()), value };
}

function fieldsOf(object: ObjectValue, origin: Origin): Declaration[] {
  const { at, labels } = origin;
  return object.keys().map((name) => {
    if (typeof name !== "string") throw new TypeError("a document has a name that is no text");
    let label = labels.get(name);
    if (label === undefined) {
      label = regularLabel(name);
      labels.set(name, label);
    }
    const value = expressionOf(object.get(name) ?? null, origin);
    return { kind: "field", at, label, quoted: true, constraint: "", alias: undefined, value, attributes: none };
  });
}
