// Places in source texts. A place is an offset; its line and column are counted only when a message needs them.
import type { Position } from "../values/index.ts";

/** One file of a policy. */
export interface CueSource {
  /** The name that messages give it. */
  readonly file: string;
  /** Its text. */
  readonly source: string;
}

/** A place in a source: the offset of its first character. */
export interface Place {
  readonly source: CueSource;
  readonly offset: number;
}

/** The source that places in a document have: it is a value and has no lines. */
export const documentSource: CueSource = { file: "", source: "" };

/** The line and column of a place, both from 1; the column counts code points. */
export function locate(place: Place): Position {
  const before = place.source.source.slice(0, place.offset);
  const start = before.lastIndexOf("\n") + 1;
  let line = 1;
  for (let at = before.indexOf("\n"); at !== -1; at = before.indexOf("\n", at + 1)) line++;
  return { file: place.source.file, line, column: [...before.slice(start)].length + 1 };
}

/** `file:line:column`. */
export function formatPlace(place: Place): string {
  const { file, line, column } = locate(place);
  return `${file}:${line}:${column}`;
}
