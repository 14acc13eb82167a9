// Objects as JSON.parse makes them, before they are looked into.

/** An object as JSON.parse makes them: names and, for numbers, what `parseNumber` would make of the text of the double. */
export type RawObject = Readonly<Record<string, unknown>>;

/** How many values a document has, itself counted, and how many levels of arrays and objects. */
export interface Extent {
  readonly values: number;
  readonly depth: number;
}

/** Counts the values of what JSON.parse made, and its levels; false when it has more levels than may be. */
export function measureRaw(raw: unknown, depth: number, maxDepth: number, extent: { values: number; depth: number }): boolean {
  extent.values++;
  if (typeof raw !== "object" || raw === null) return true;
  if (depth === maxDepth) return false;
  if (extent.depth <= depth) extent.depth = depth + 1;
  if (Array.isArray(raw)) {
    for (let i = 0; i < raw.length; i++) if (!measureRaw(raw[i], depth + 1, maxDepth, extent)) return false;
  } else if (isRawObject(raw)) {
    for (const name in raw) if (!measureRaw(raw[name], depth + 1, maxDepth, extent)) return false;
  }
  return true;
}

/** Whether a value is an object as JSON.parse makes them. */
export function isRawObject(value: unknown): value is RawObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
