// TimeRange of sigstore_common.proto: a start, which we require, and an end, which may be open. Both ends belong to the range.
import { formatRfc3339, type JsonObject, type JsonValue, type SigillumError } from "../encoding/index.ts";

/** A period of validity, closed at both ends; without `endMs` it is open. */
export interface TimeRange {
  readonly startMs: number;
  readonly endMs?: number;
}

/** Whether `timeMs` lies in `range`, both ends included. */
export function isWithin(range: TimeRange, timeMs: number): boolean {
  return timeMs >= range.startMs && (range.endMs === undefined || timeMs <= range.endMs);
}

/** Write a period of validity for a message, as in `2022-04-13T20:06:15Z to 2023-01-01T00:00:00Z`. */
export function describeTimeRange(range: TimeRange): string {
  const start = formatRfc3339(range.startMs);
  return range.endMs === undefined ? `${start} on` : `${start} to ${formatRfc3339(range.endMs)}`;
}

/**
 * Read the period of validity in the field `validFor`.
 * A missing start is refused: taken as "always", it would make a key valid that was meant to be bounded.
 */
export function parseValidFor(
  owner: JsonObject,
  path: string,
  fail: (message: string, found: string) => SigillumError,
): TimeRange {
  const range = owner.optionalObject("validFor");
  range?.onlyNames(["start", "end"]);
  const startMs = range?.optionalTimestampMs("start");
  if (startMs === undefined) throw fail(`${path}.validFor has no start`, range === undefined ? "no validFor" : "no start");
  const endMs = range?.optionalTimestampMs("end");
  if (endMs === undefined) return { startMs };
  if (endMs < startMs) throw fail(`${path}.validFor ends before it starts`, describeTimeRange({ startMs, endMs }));
  return { startMs, endMs };
}

/** Write a period of validity in the form of protobuf JSON. */
export function encodeValidFor(range: TimeRange): JsonValue {
  const start = formatRfc3339(range.startMs);
  return range.endMs === undefined ? { start } : { start, end: formatRfc3339(range.endMs) };
}
