// The values of both languages: JSON's, and with them sets, objects with keys of any kind, and exact numbers. All are immutable; a
// total order stands over them (OPA's): null, booleans, numbers, strings, arrays, objects, sets.
import { canonicalNumber, compareNumbers, Decimal, type Numeric, parseNumber, plainInteger } from "./decimal.ts";
import { type Extent, isRawObject, measureRaw, type RawObject } from "./raw-object.ts";

/** An array: a plain, never-changed JavaScript array. */
export type ArrayValue = readonly Value[];

/** Any value. A number that is a safe integer is a plain number; every other number is a `Decimal`. */
export type Value = null | boolean | number | Decimal | string | ArrayValue | ObjectValue | SetValue;

/**
 * What stands for a value in a JavaScript Map: the value itself where that is possible, else a text that begins with NUL. Equal
 * values have equal keys and different values different ones.
 */
export type MapKey = null | boolean | number | string;

/** The kinds of values, in their order. */
export type ValueKind = "null" | "boolean" | "number" | "string" | "array" | "object" | "set";

/** The kind of a value, named as Rego's `type_name` names it. */
export function kindOf(value: Value): ValueKind {
  switch (typeof value) {
    case "string":
      return "string";
    case "number":
      return "number";
    case "boolean":
      return "boolean";
    default:
      if (value === null) return "null";
      if (isArray(value)) return "array";
      return value instanceof ObjectValue ? "object" : value instanceof SetValue ? "set" : "number";
  }
}

/** Whether a value is an array. */
export function isArray(value: Value | undefined): value is ArrayValue {
  return Array.isArray(value);
}

/** Whether a value is a number. */
export function isNumeric(value: Value | undefined): value is Numeric {
  return typeof value === "number" || value instanceof Decimal;
}

/** The key under which a value stands in a Map. */
export function mapKey(value: Value): MapKey {
  switch (typeof value) {
    case "string":
      return value.charCodeAt(0) === 0 ? `\0s${value}` : value;
    case "number":
    case "boolean":
      return value;
    default:
      if (value === null) return null;
      if (value instanceof Decimal) return plainInteger(value) ?? `\0n${canonicalNumber(value)}`;
      return value instanceof ObjectValue || value instanceof SetValue ? value.key : `\0${encoded(value)}`;
  }
}

/** A text that no other value shares and no other text begins with, to stand inside the key of a collection. */
function encoded(value: Value): string {
  switch (typeof value) {
    case "string":
      return `s${value.length}:${value}`;
    case "number":
      return `n${value};`;
    case "boolean":
      return value ? "t" : "f";
    default:
      if (value === null) return "z";
      if (value instanceof Decimal) return `n${canonicalNumber(value)};`;
      return value instanceof ObjectValue || value instanceof SetValue ? value.key.slice(1) : `[${encodedList(value)}]`;
  }
}

function encodedList(values: ArrayValue): string {
  let text = "";
  for (const value of values) text += encoded(value);
  return text;
}

/** An object: values under keys of any kind, each once, in the order of the keys. */
export class ObjectValue {
  /** What JSON.parse made, until something other than a plain value is asked of it: most objects of a document no policy asks. */
  #raw: RawObject | undefined;
  #values: ReadonlyMap<MapKey, Value> | undefined;
  #keys: ReadonlyMap<MapKey, Value> | undefined;
  #sorted: readonly Value[] | undefined;
  #key: string | undefined;
  readonly #extent: Extent | undefined;

  /** For `ObjectBuilder` and `parseJson`: take the maps, or the object, over, which nobody may change afterwards. */
  constructor(
    values: ReadonlyMap<MapKey, Value> | undefined,
    keys: ReadonlyMap<MapKey, Value> | undefined,
    raw?: RawObject,
    extent?: Extent,
  ) {
    this.#values = values;
    this.#keys = keys;
    this.#raw = raw;
    this.#extent = extent;
  }

  /** An object of these pairs; of two with an equal key the later one stands. */
  static of(pairs: Iterable<readonly [Value, Value]>): ObjectValue {
    const builder = new ObjectBuilder();
    for (const [key, value] of pairs) builder.set(key, value);
    return builder.finish();
  }

  /** How many pairs there are. */
  get size(): number {
    return this.#raw === undefined ? this.#map.size : Object.keys(this.#raw).length;
  }

  /** How large it is: known from its reading, or found out without looking into what is still as it was read. */
  get extent(): Extent {
    if (this.#extent !== undefined) return this.#extent;
    const extent = { values: 0, depth: 0 };
    this.#measure(0, extent);
    return extent;
  }

  #measure(depth: number, extent: { values: number; depth: number }): void {
    if (this.#raw !== undefined) {
      measureRaw(this.#raw, depth, Number.POSITIVE_INFINITY, extent);
      return;
    }
    extent.values++;
    extent.depth = Math.max(extent.depth, depth + 1);
    for (const value of this.#map.values()) ObjectValue.#measureAny(value, depth + 1, extent);
  }

  static #measureAny(value: Value, depth: number, extent: { values: number; depth: number }): void {
    if (value instanceof ObjectValue) value.#measure(depth, extent);
    else {
      extent.values++;
      if (!isArray(value)) return;
      extent.depth = Math.max(extent.depth, depth + 1);
      for (const item of value) ObjectValue.#measureAny(item, depth + 1, extent);
    }
  }

  /** How large any value is; of a set, the set alone. */
  static extentOf(value: Value): Extent {
    const extent = { values: 0, depth: 0 };
    if (value instanceof ObjectValue) return value.extent;
    ObjectValue.#measureAny(value, 0, extent);
    return extent;
  }

  /** The value under a key, or nothing. */
  get(key: Value): Value | undefined {
    const raw = this.#raw;
    if (raw !== undefined) {
      if (typeof key !== "string" || !Object.hasOwn(raw, key)) return undefined;
      const value = raw[key];
      if (typeof value === "string" || typeof value === "boolean" || value === null) return value;
      if (typeof value === "number" && Number.isSafeInteger(value)) return value;
    }
    return this.#map.get(mapKey(key));
  }

  /** Whether there is a value under a key. */
  has(key: Value): boolean {
    const raw = this.#raw;
    return raw === undefined ? this.#map.has(mapKey(key)) : typeof key === "string" && Object.hasOwn(raw, key);
  }

  get #map(): ReadonlyMap<MapKey, Value> {
    const raw = this.#raw;
    if (raw === undefined) return this.#values ?? noValues;
    const builder = new ObjectBuilder();
    for (const name of Object.keys(raw)) builder.set(name, fromRaw(raw[name]));
    [this.#values, this.#keys] = builder.maps();
    this.#raw = undefined;
    return this.#values;
  }

  /** The keys in order. */
  keys(): readonly Value[] {
    this.#sorted ??= this.#raw === undefined ? sortedKeys(this.#map, this.#keys) : sortValues(Object.keys(this.#raw));
    return this.#sorted;
  }

  /** The values in the order of their keys. */
  values(): readonly Value[] {
    return this.keys().map((key) => this.#at(key));
  }

  /** The pairs in the order of their keys. */
  entries(): readonly (readonly [Value, Value])[] {
    return this.keys().map((key) => [key, this.#at(key)] as const);
  }

  #at(key: Value): Value {
    const value = this.get(key);
    return value === undefined ? null : value;
  }

  /** This object with a key set to another value. Copies: for many changes use an `ObjectBuilder`. */
  with(key: Value, value: Value): ObjectValue {
    return new ObjectBuilder(this).set(key, value).finish();
  }

  /** This object without a key. */
  without(key: Value): ObjectValue {
    return this.has(key) ? new ObjectBuilder(this).delete(key).finish() : this;
  }

  /** Its key in a Map. */
  get key(): string {
    this.#key ??= `\0{${this.entries()
      .map(([key, value]) => encoded(key) + encoded(value))
      .join("")}}`;
    return this.#key;
  }

  /** For `ObjectBuilder`: copies of the maps. */
  copied(): readonly [Map<MapKey, Value>, Map<MapKey, Value> | undefined] {
    return [new Map(this.#map), this.#keys === undefined ? undefined : new Map(this.#keys)];
  }
}

const noValues: ReadonlyMap<MapKey, Value> = new Map();

/** A value that JSON.parse made of a text in which each number stands as JavaScript writes it. */
export function fromRaw(raw: unknown, extent?: Extent): Value {
  switch (typeof raw) {
    case "string":
    case "boolean":
      return raw;
    case "number":
      return Number.isSafeInteger(raw) ? raw : parseNumber(String(raw));
    default:
      if (Array.isArray(raw)) return raw.map((item) => fromRaw(item));
      return isRawObject(raw) ? new ObjectValue(undefined, undefined, raw, extent) : null;
  }
}

/** Builds an object pair by pair. */
export class ObjectBuilder {
  #values: Map<MapKey, Value>;
  #keys: Map<MapKey, Value> | undefined;

  constructor(from?: ObjectValue) {
    if (from === undefined) this.#values = new Map();
    else [this.#values, this.#keys] = from.copied();
  }

  /** How many pairs there are so far. */
  get size(): number {
    return this.#values.size;
  }

  /** The value under a key so far. */
  get(key: Value): Value | undefined {
    return this.#values.get(mapKey(key));
  }

  /** Put a value under a key, in place of what stood there. */
  set(key: Value, value: Value): this {
    const place = mapKey(key);
    if (typeof place === "string" && place.charCodeAt(0) === 0) {
      this.#keys ??= new Map();
      if (!this.#keys.has(place)) this.#keys.set(place, key);
    }
    this.#values.set(place, value);
    return this;
  }

  /** Put a value under a name; false, and nothing changes but the value, when the name was there. */
  addName(name: string, value: Value): boolean {
    const before = this.#values.size;
    this.set(name, value);
    return this.#values.size > before;
  }

  /** Remove a key. */
  delete(key: Value): this {
    const place = mapKey(key);
    this.#values.delete(place);
    this.#keys?.delete(place);
    return this;
  }

  /** For `ObjectValue`: the maps; the builder must not be used afterwards. */
  maps(): readonly [Map<MapKey, Value>, Map<MapKey, Value> | undefined] {
    return [this.#values, this.#keys];
  }

  /** The object; the builder must not be used afterwards. */
  finish(): ObjectValue {
    return new ObjectValue(this.#values, this.#keys);
  }
}

function sortedKeys(values: ReadonlyMap<MapKey, Value>, keys: ReadonlyMap<MapKey, Value> | undefined): readonly Value[] {
  if (keys === undefined) return sortValues([...values.keys()]);
  return sortValues(Array.from(values.keys(), (place) => keys.get(place) ?? place));
}

/** A set: each value once, in order. */
export class SetValue {
  readonly #members: ReadonlyMap<MapKey, Value>;
  #sorted: readonly Value[] | undefined;
  #key: string | undefined;

  /** For `SetBuilder`: take the map over, which nobody may change afterwards. */
  constructor(members: ReadonlyMap<MapKey, Value>) {
    this.#members = members;
  }

  /** A set of these values. */
  static of(values: Iterable<Value>): SetValue {
    const members = new Map<MapKey, Value>();
    for (const value of values) {
      const place = mapKey(value);
      if (!members.has(place)) members.set(place, value);
    }
    return new SetValue(members);
  }

  /** How many members there are. */
  get size(): number {
    return this.#members.size;
  }

  /** Whether a value is a member. */
  has(value: Value): boolean {
    return this.#members.has(mapKey(value));
  }

  /** The members in order. */
  values(): readonly Value[] {
    this.#sorted ??= sortValues([...this.#members.values()]);
    return this.#sorted;
  }

  /** The members of both sets. */
  intersection(other: SetValue): SetValue {
    const [less, more] = this.size <= other.size ? [this, other] : [other, this];
    return SetValue.of([...less.#members.values()].filter((value) => more.has(value)));
  }

  /** The members of either set. */
  union(other: SetValue): SetValue {
    const members = new Map(this.#members);
    for (const [place, value] of other.#members) if (!members.has(place)) members.set(place, value);
    return new SetValue(members);
  }

  /** The members of this set that the other has not. */
  difference(other: SetValue): SetValue {
    return SetValue.of([...this.#members.values()].filter((value) => !other.has(value)));
  }

  /** Its key in a Map. */
  get key(): string {
    this.#key ??= `\0<${encodedList(this.values())}>`;
    return this.#key;
  }
}

/** Builds a set member by member. */
export class SetBuilder {
  readonly #members = new Map<MapKey, Value>();

  /** How many members there are so far. */
  get size(): number {
    return this.#members.size;
  }

  /** Add a member; false when it was there. */
  add(value: Value): boolean {
    const place = mapKey(value);
    if (this.#members.has(place)) return false;
    this.#members.set(place, value);
    return true;
  }

  /** The set; the builder must not be used afterwards. */
  finish(): SetValue {
    return new SetValue(this.#members);
  }
}

const ranks = { null: 0, boolean: 1, number: 2, string: 3, array: 4, object: 5, set: 6 } as const;

/** The total order: negative, zero or positive. Strings by code points; arrays item by item; objects by keys, then values; sets by members. */
export function compareValues(a: Value, b: Value): number {
  if (a === b) return 0;
  if (typeof a === "string" && typeof b === "string") return compareStrings(a, b);
  if (typeof a === "number" && typeof b === "number") return a - b;
  const [left, right] = [kindOf(a), kindOf(b)];
  if (left !== right) return ranks[left] - ranks[right];
  if (isNumeric(a) && isNumeric(b)) return compareNumbers(a, b);
  if (isArray(a) && isArray(b)) return compareLists(a, b);
  if (a instanceof ObjectValue && b instanceof ObjectValue) return compareObjects(a, b);
  if (a instanceof SetValue && b instanceof SetValue) return compareLists(a.values(), b.values());
  return a === false ? -1 : 1;
}

function compareLists(a: ArrayValue, b: ArrayValue): number {
  const least = Math.min(a.length, b.length);
  for (let i = 0; i < least; i++) {
    const order = compareValues(a[i] ?? null, b[i] ?? null);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

function compareObjects(a: ObjectValue, b: ObjectValue): number {
  const [left, right] = [a.keys(), b.keys()];
  const least = Math.min(left.length, right.length);
  for (let i = 0; i < least; i++) {
    const [key, other] = [left[i] ?? null, right[i] ?? null];
    const order = compareValues(key, other) || compareValues(a.get(key) ?? null, b.get(other) ?? null);
    if (order !== 0) return order;
  }
  return left.length - right.length;
}

/** Order of two strings by code points, which is the order of their UTF-8 bytes. */
export function compareStrings(a: string, b: string): number {
  if (a === b) return 0;
  const least = Math.min(a.length, b.length);
  for (let i = 0; i < least; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    // UTF-16 puts the surrogates of the higher planes below U+E000 to U+FFFF
    if (x >= 0xd800 && y >= 0xd800) return planeOrder(x) - planeOrder(y);
    return x - y;
  }
  return a.length - b.length;
}

function planeOrder(unit: number): number {
  return unit < 0xe000 ? unit + 0x10000 : unit;
}

/** Whether two values are equal; numbers by value, however they were written. */
export function equalValues(a: Value, b: Value): boolean {
  if (a === b) return true;
  if (typeof a === "string" || typeof b === "string" || a === null || b === null) return false;
  if (isArray(a)) return isArray(b) && a.length === b.length && a.every((item, i) => equalValues(item, b[i] ?? null));
  if (a instanceof ObjectValue) return b instanceof ObjectValue && equalObjects(a, b);
  if (a instanceof SetValue) return b instanceof SetValue && a.size === b.size && a.values().every((value) => b.has(value));
  return isNumeric(a) && isNumeric(b) && compareNumbers(a, b) === 0;
}

function equalObjects(a: ObjectValue, b: ObjectValue): boolean {
  if (a.size !== b.size) return false;
  return a.entries().every(([key, value]) => {
    const other = b.get(key);
    return other !== undefined && equalValues(value, other);
  });
}

function sortValues(list: Value[]): readonly Value[] {
  if (list.length > 10) return list.sort(compareValues);
  // most objects are small, and sort() takes longer to begin than they to be sorted
  for (let i = 1; i < list.length; i++) {
    const value = list[i] ?? null;
    let at = i;
    for (; at > 0; at--) {
      const before = list[at - 1] ?? null;
      if (compareValues(before, value) <= 0) break;
      list[at] = before;
    }
    list[at] = value;
  }
  return list;
}
