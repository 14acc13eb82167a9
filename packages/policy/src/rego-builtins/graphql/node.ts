// Syntax trees of GraphQL in the shape that OPA gives them: the field names are those of the Go library that it uses.
import { isArray, isNumeric, ObjectBuilder, ObjectValue, plainInteger, type Value } from "../../values/index.ts";
import type { Place } from "./lexer.ts";

/** Thrown inside of this folder alone, and turned into an error of the function that was called. */
export class GraphqlError extends Error {
  constructor(message: string, place: Place | undefined) {
    super(
      place === undefined
        ? `GraphQL parse error: ${message}`
        : `${message} in GraphQL string at location ${place.line}:${place.column}`,
    );
  }
}

/** What a field of a node holds. */
export type NodeField = string | number | boolean | Node | readonly (Node | string)[];

/** A node: fields by name, and where it stands when it was read from a text. */
export class Node {
  readonly fields: Map<string, NodeField>;
  readonly place: Place | undefined;

  constructor(fields: Readonly<Record<string, NodeField | undefined>>, place: Place | undefined) {
    this.fields = new Map();
    for (const [name, value] of Object.entries(fields)) if (value !== undefined) this.fields.set(name, value);
    this.place = place;
  }

  /** A text; empty when there is none. */
  text(name: string): string {
    const value = this.fields.get(name);
    return typeof value === "string" ? value : "";
  }

  /** A number; 0 when there is none. */
  number(name: string): number {
    const value = this.fields.get(name);
    return typeof value === "number" ? value : 0;
  }

  /** A flag. */
  flag(name: string): boolean {
    return this.fields.get(name) === true;
  }

  /** A node, if there is one. */
  node(name: string): Node | undefined {
    const value = this.fields.get(name);
    return value instanceof Node ? value : undefined;
  }

  /** The nodes of a list. */
  list(name: string): readonly Node[] {
    const value = this.fields.get(name);
    return isList(value) ? value.filter((item) => item instanceof Node) : [];
  }

  /** The texts of a list. */
  texts(name: string): readonly string[] {
    const value = this.fields.get(name);
    return isList(value) ? value.filter((item) => typeof item === "string") : [];
  }

  /** A copy with other fields. */
  with(fields: Readonly<Record<string, NodeField>>): Node {
    return new Node({ ...Object.fromEntries(this.fields), ...fields }, this.place);
  }
}

function isList(value: NodeField | undefined): value is readonly (Node | string)[] {
  return Array.isArray(value);
}

/** A node as a value: empty lists and nodes are left out. */
export function toValue(node: Node): ObjectValue {
  const builder = new ObjectBuilder();
  for (const [name, field] of node.fields) {
    if (field instanceof Node) {
      const value = toValue(field);
      if (value.size > 0) builder.set(name, value);
    } else if (isList(field)) {
      const items = field.map((item) => (item instanceof Node ? toValue(item) : item));
      const kept = items.filter((item) => !(item instanceof ObjectValue) || item.size > 0);
      if (kept.length > 0) builder.set(name, kept);
    } else builder.set(name, field);
  }
  return builder.finish();
}

/** A value as a node; throws `GraphqlError` for what no node can hold. */
export function fromValue(value: ObjectValue, step: () => void): Node {
  step();
  const fields: Record<string, NodeField> = {};
  for (const [name, item] of value.entries()) {
    const field = fieldOf(item, step);
    if (typeof name === "string" && name !== "Position" && field !== undefined) fields[name] = field;
  }
  return new Node(fields, undefined);
}

function fieldOf(value: Value, step: () => void): NodeField | undefined {
  if (value === null) return undefined;
  if (typeof value === "string" || typeof value === "boolean") return value;
  if (value instanceof ObjectValue) return fromValue(value, step);
  if (isNumeric(value)) return plainInteger(value) ?? 0;
  if (!isArray(value)) throw new GraphqlError("the syntax tree holds a set", undefined);
  return value.flatMap((item): readonly (Node | string)[] => {
    if (typeof item === "string") return [item];
    return item instanceof ObjectValue ? [fromValue(item, step)] : [];
  });
}

/** The kinds of values by the numbers that the Go library gives them. */
export const valueKinds = {
  variable: 0,
  int: 1,
  float: 2,
  string: 3,
  block: 4,
  boolean: 5,
  null: 6,
  enum: 7,
  list: 8,
  object: 9,
} as const;

/** A type as it is written. */
export function showType(type: Node | undefined): string {
  if (type === undefined) return "";
  const name = type.text("NamedType");
  const inner = name === "" ? `[${showType(type.node("Elem"))}]` : name;
  return type.flag("NonNull") ? `${inner}!` : inner;
}

/** The named type at the bottom of a type. */
export function typeName(type: Node | undefined): string {
  let at = type;
  while (at !== undefined && at.text("NamedType") === "") at = at.node("Elem");
  return at?.text("NamedType") ?? "";
}

/** A value as it is written. */
export function showValue(value: Node | undefined): string {
  if (value === undefined) return "<nil>";
  const raw = value.text("Raw");
  switch (value.number("Kind")) {
    case valueKinds.variable:
      return `$${raw}`;
    case valueKinds.string:
    case valueKinds.block:
      return JSON.stringify(raw);
    case valueKinds.list:
      return `[${value
        .list("Children")
        .map((child) => showValue(child.node("Value")))
        .join(",")}]`;
    case valueKinds.object:
      return `{${value
        .list("Children")
        .map((child) => `${child.text("Name")}:${showValue(child.node("Value"))}`)
        .join(",")}}`;
    default:
      return raw;
  }
}
