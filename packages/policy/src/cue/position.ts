// Places in source texts. A place is an offset; its line and column are counted only when a message needs them.

/** One file of a policy. */
export interface CueSource {
  /** The name that messages give it. */
  readonly file: string;
  /** Its text. */
  readonly source: string;
}

/** A place in a source: the offset of its first character. */
export interface Position {
  readonly source: CueSource;
  readonly offset: number;
}

/** File, line and column of a place, both from 1. */
export interface CuePosition {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** The line and column of a place; columns count bytes of UTF-8, as CUE's own do. */
export function locate(position: Position): CuePosition {
  const before = position.source.source.slice(0, position.offset);
  const start = before.lastIndexOf("\n") + 1;
  let line = 1;
  for (let at = before.indexOf("\n"); at !== -1; at = before.indexOf("\n", at + 1)) line++;
  let column = 1;
  for (const character of before.slice(start)) {
    const code = character.codePointAt(0) ?? 0;
    column += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return { file: position.source.file, line, column };
}

/** `file:line:column`. */
export function formatPosition(position: Position): string {
  const { file, line, column } = locate(position);
  return `${file}:${line}:${column}`;
}
