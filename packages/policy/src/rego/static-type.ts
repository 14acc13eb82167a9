// The types that the checker reasons with: what a built-in function takes and gives, and what an expression may be.
import type { Value } from "../values/index.ts";

/** A type. `any` with an empty `of` is every value; with members it is one of them. */
export type Type =
  | { readonly kind: "null" | "boolean" | "number" | "string" }
  | { readonly kind: "any"; readonly of: readonly Type[] }
  /** The first items one by one, and the type of all further ones; without `rest` there are none. */
  | { readonly kind: "array"; readonly items: readonly Type[]; readonly rest?: Type }
  /** Fields that are there for sure, and the types of all further keys and values; without `rest` there are none. */
  | {
      readonly kind: "object";
      readonly fields: readonly { readonly key: Value; readonly value: Type }[];
      readonly rest?: { readonly key: Type; readonly value: Type };
    }
  | { readonly kind: "set"; readonly of: Type }
  | { readonly kind: "function"; readonly args: readonly Type[]; readonly result: Type };

/** Every value. */
export const anyType: Type = { kind: "any", of: [] };
/** The null. */
export const nullType: Type = { kind: "null" };
/** true and false. */
export const booleanType: Type = { kind: "boolean" };
/** Numbers. */
export const numberType: Type = { kind: "number" };
/** Strings. */
export const stringType: Type = { kind: "string" };

/** Arrays of any length with items of one type. */
export function arrayOf(rest: Type): Type {
  return { kind: "array", items: [], rest };
}

/** Arrays with just these items. */
export function tupleOf(...items: Type[]): Type {
  return { kind: "array", items };
}

/** Objects with keys and values of these types. */
export function objectOf(key: Type, value: Type): Type {
  return { kind: "object", fields: [], rest: { key, value } };
}

/** Objects with these fields, and further ones when `rest` is given. */
export function structOf(fields: Readonly<Record<string, Type>>, rest?: { readonly key: Type; readonly value: Type }): Type {
  const list = Object.entries(fields).map(([key, value]) => ({ key, value }));
  return rest === undefined ? { kind: "object", fields: list } : { kind: "object", fields: list, rest };
}

/** Sets with members of one type. */
export function setOf(of: Type): Type {
  return { kind: "set", of };
}

/** One of several types. */
export function oneOf(...of: Type[]): Type {
  return { kind: "any", of };
}
