// What types have to do with each other: whether two can hold one value, what their union is, what stands under a key.
import { equalValues, formatValue, isArray, isNumeric, ObjectValue, SetValue, type Value } from "../values/index.ts";
import { anyType, arrayOf, booleanType, nullType, numberType, objectOf, setOf, stringType, type Type } from "./static-type.ts";

/** Members of a union beyond which it is taken for every value. */
const maxMembers = 32;
/** Items of a value that are looked at one by one. */
const maxItems = 256;

/** The type of a value, as exact as types are. */
export function typeOfValue(value: Value): Type {
  if (value === null) return nullType;
  if (typeof value === "boolean") return booleanType;
  if (typeof value === "string") return stringType;
  if (isNumeric(value)) return numberType;
  if (isArray(value)) return value.length > maxItems ? arrayOf(anyType) : { kind: "array", items: value.map(typeOfValue) };
  if (value instanceof SetValue) return setOf(union(...value.values().slice(0, maxItems).map(typeOfValue)));
  if (!(value instanceof ObjectValue) || value.size > maxItems) return objectOf(anyType, anyType);
  return { kind: "object", fields: value.entries().map(([key, item]) => ({ key, value: typeOfValue(item) })) };
}

/** One of these types; of none of them, every value. */
export function union(...types: readonly Type[]): Type {
  const members = new Map<string, Type>();
  for (const type of types) {
    if (type.kind === "any" && type.of.length === 0) return anyType;
    for (const member of type.kind === "any" ? type.of : [type]) members.set(typeKey(member), member);
  }
  if (members.size === 0 || members.size > maxMembers) return anyType;
  const [first, ...rest] = members.values();
  return first !== undefined && rest.length === 0 ? first : { kind: "any", of: [...members.values()] };
}

/** A text that equal types share. */
function typeKey(type: Type): string {
  switch (type.kind) {
    case "any":
      return `any<${type.of.map(typeKey).sort().join()}>`;
    case "array":
      return `array<${type.items.map(typeKey).join()}>[${type.rest === undefined ? "" : typeKey(type.rest)}]`;
    case "object": {
      const fields = type.fields.map(({ key, value }) => `${formatValue(key)}: ${typeKey(value)}`);
      return `object<${fields.join()}>[${type.rest === undefined ? "" : `${typeKey(type.rest.key)}: ${typeKey(type.rest.value)}`}]`;
    }
    case "set":
      return `set[${typeKey(type.of)}]`;
    case "function":
      return `(${type.args.map(typeKey).join()}) => ${typeKey(type.result)}`;
    default:
      return type.kind;
  }
}

/** A type as a message shows it. */
export function formatType(type: Type): string {
  if (type.kind === "any" && type.of.length === 0) return "any";
  const text = typeKey(type).replaceAll("[]", "");
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

/** Whether some value could be of both types. */
export function overlaps(a: Type, b: Type): boolean {
  if (a.kind === "any") return a.of.length === 0 || a.of.some((member) => overlaps(member, b));
  if (b.kind === "any") return b.of.length === 0 || b.of.some((member) => overlaps(a, member));
  if (a.kind === "array" && b.kind === "array") return arraysOverlap(a, b) && arraysOverlap(b, a);
  if (a.kind === "object" && b.kind === "object") return objectsOverlap(a, b) && objectsOverlap(b, a);
  if (a.kind === "set" && b.kind === "set") return overlaps(a.of, b.of);
  return a.kind === b.kind;
}

function arraysOverlap(a: Type & { kind: "array" }, b: Type & { kind: "array" }): boolean {
  for (const [i, item] of a.items.entries()) {
    const other = b.items[i] ?? b.rest;
    if (other === undefined || !overlaps(item, other)) return false;
  }
  return a.rest === undefined || b.rest === undefined || a.items.length > 0 || b.items.length > 0 || overlaps(a.rest, b.rest);
}

function objectsOverlap(a: Type & { kind: "object" }, b: Type & { kind: "object" }): boolean {
  for (const { key, value } of a.fields) {
    const other = select(b, key);
    if (other === undefined || !overlaps(value, other)) return false;
  }
  return true;
}

/** Whether a value of a type may be an argument: of an object whose further keys are open, only the fields that are there are looked at. */
export function fits(found: Type, wanted: Type): boolean {
  if (found.kind === "any" && found.of.length > 0) return found.of.some((member) => fits(member, wanted));
  if (wanted.kind === "any" && wanted.of.length > 0) return wanted.of.some((member) => fits(found, member));
  if (found.kind === "array" && wanted.kind === "array" && found.rest === undefined) {
    const longEnough = found.items.length >= wanted.items.length;
    return longEnough && found.items.every((item, i) => fitsAt(item, wanted.items[i] ?? wanted.rest));
  }
  if (found.kind !== "object" || wanted.kind !== "object" || wanted.rest === undefined) return overlaps(found, wanted);
  return found.fields.every(({ key, value }) => fitsAt(value, select(wanted, key)));
}

function fitsAt(found: Type, wanted: Type | undefined): boolean {
  return wanted !== undefined && fits(found, wanted);
}

/** The type of the keys of a type's values; nothing when they have none. */
export function keysOf(type: Type): Type | undefined {
  switch (type.kind) {
    case "any": {
      if (type.of.length === 0) return anyType;
      const keys = type.of.map(keysOf).filter((key) => key !== undefined);
      return keys.length === 0 ? undefined : union(...keys);
    }
    case "array":
      return numberType;
    case "object":
      return union(...type.fields.map(({ key }) => typeOfValue(key)), ...(type.rest === undefined ? [] : [type.rest.key]));
    case "set":
      return type.of;
    default:
      return undefined;
  }
}

/** The type of the items of a type's values; nothing when they have none. */
export function itemsOf(type: Type): Type | undefined {
  switch (type.kind) {
    case "any": {
      if (type.of.length === 0) return anyType;
      const items = type.of.map(itemsOf).filter((item) => item !== undefined);
      return items.length === 0 ? undefined : union(...items);
    }
    case "array":
      return union(...type.items, ...(type.rest === undefined ? [] : [type.rest]));
    case "object":
      return union(...type.fields.map(({ value }) => value), ...(type.rest === undefined ? [] : [type.rest.value]));
    case "set":
      return type.of;
    default:
      return undefined;
  }
}

/** The type of what stands under a key; nothing when nothing can. */
export function select(type: Type, key: Value): Type | undefined {
  switch (type.kind) {
    case "any": {
      if (type.of.length === 0) return anyType;
      const found = type.of.map((member) => select(member, key)).filter((member) => member !== undefined);
      return found.length === 0 ? undefined : union(...found);
    }
    case "array":
      return typeof key === "number" ? (type.items[key] ?? type.rest) : undefined;
    case "object": {
      const field = type.fields.find((candidate) => equalValues(candidate.key, key));
      if (field !== undefined) return field.value;
      return type.rest !== undefined && overlaps(type.rest.key, typeOfValue(key)) ? type.rest.value : undefined;
    }
    case "set":
      return overlaps(type.of, typeOfValue(key)) ? typeOfValue(key) : undefined;
    default:
      return undefined;
  }
}
