// sigillum.yaml -> a tree of plain values in which every setting has a value, or an error that names line, path, what was
// found and what was expected.
import { type JsonValue, quote } from "@sigillum/library/encoding";
import { type Document, isMap, isSeq, LineCounter, type Node, parseDocument } from "yaml";
import { settingsDescription } from "./description.ts";
import { settingsError } from "./errors.ts";
import type { Field, ListField, SectionField, TextField, TextsField } from "./field.ts";

/** The largest settings file that is read. */
export const maxSettingsBytes = 1_048_576;

interface Place {
  readonly document: Document;
  readonly lines: LineCounter;
  readonly fileName: string;
}

/**
 * Reads the text of a settings file against the description: unknown names are refused, missing settings get their default.
 * Dependencies between settings are not checked here.
 */
export function parseSettingsText(text: string, fileName: string): { [name: string]: JsonValue } {
  if (text.length > maxSettingsBytes) {
    throw settingsError("SETTINGS_MALFORMED", `Cannot read ${fileName}: it is larger than the limit`, {
      found: `${text.length} characters`,
      expected: `at most ${maxSettingsBytes}`,
    });
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, strict: true, uniqueKeys: true, version: "1.2", merge: false });
  const problem = document.errors[0] ?? document.warnings[0];
  if (problem !== undefined) {
    const line = lines.linePos(problem.pos[0]).line;
    throw settingsError("SETTINGS_MALFORMED", `Cannot parse ${fileName}: line ${line}: ${firstLine(problem.message)}`);
  }
  return readSection(settingsDescription, plainValue(document, fileName), [], { document, lines, fileName });
}

function plainValue(document: Document, fileName: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 50 }) ?? {};
  } catch (cause) {
    // The library raises a plain ReferenceError for an alias bomb or an alias without anchor.
    throw settingsError(
      "SETTINGS_MALFORMED",
      `Cannot parse ${fileName}: ${cause instanceof Error ? firstLine(cause.message) : "aliases do not resolve"}`,
      { cause },
    );
  }
}

function readField(field: Field, value: unknown, path: readonly string[], place: Place): JsonValue | undefined {
  switch (field.kind) {
    case "section":
      if (value === undefined && field.optional === true) return undefined;
      return readSection(field, value ?? {}, path, place);
    case "list":
      return readList(field, value ?? [], path, place);
    case "texts":
      return readTexts(field, value ?? field.default, path, place);
    case "text":
      return readText(field, value ?? field.default, path, place);
    case "integer": {
      const number = value ?? field.default;
      const expected = `a whole number from ${field.minimum} to ${field.maximum}`;
      if (typeof number !== "number" || !Number.isSafeInteger(number)) throw invalid(path, place, number, expected);
      if (number < field.minimum || number > field.maximum) throw invalid(path, place, number, expected);
      return number;
    }
    case "switch": {
      const flag = value ?? field.default;
      if (typeof flag !== "boolean") throw invalid(path, place, flag, "true or false");
      return flag;
    }
  }
}

function readSection(field: SectionField, value: unknown, path: readonly string[], place: Place): { [name: string]: JsonValue } {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw invalid(path, place, value, "a mapping of settings");
  const given = new Map<string, unknown>(Object.entries(value));
  for (const name of given.keys()) {
    if (!Object.hasOwn(field.fields, name)) throw unknownName(name, Object.keys(field.fields), path, place);
  }
  const result: { [name: string]: JsonValue } = {};
  for (const [name, inner] of Object.entries(field.fields)) {
    const read = readField(inner, given.get(name) ?? undefined, [...path, name], place);
    if (read !== undefined) result[name] = read;
  }
  return result;
}

function readList(field: ListField, value: unknown, path: readonly string[], place: Place): JsonValue[] {
  if (!Array.isArray(value)) throw invalid(path, place, value, "a list");
  if (value.length > field.maximum) throw invalid(path, place, `${value.length} items`, `at most ${field.maximum} items`);
  return value.map((item: unknown, index) => readSection(field.item, item, [...path, String(index)], place));
}

function readTexts(field: TextsField, value: unknown, path: readonly string[], place: Place): JsonValue[] {
  if (!Array.isArray(value)) throw invalid(path, place, value, "a list");
  return value.map((item: unknown, index): JsonValue => {
    const at = [...path, String(index)];
    if (field.integers !== undefined) {
      const { minimum, maximum } = field.integers;
      if (typeof item === "number" && Number.isSafeInteger(item) && item >= minimum && item <= maximum) return item;
      throw invalid(at, place, item, `a whole number from ${minimum} to ${maximum}`);
    }
    if (typeof item !== "string") throw invalid(at, place, item, "a string");
    if (field.pattern !== undefined && !field.pattern.test(item)) throw invalid(at, place, item, field.form ?? "another form");
    return item;
  });
}

function readText(field: TextField, value: unknown, path: readonly string[], place: Place): string | undefined {
  if (value === undefined && field.required !== true) return undefined;
  if (typeof value !== "string") throw invalid(path, place, value, "a string");
  if (field.choices !== undefined && !field.choices.includes(value))
    throw invalid(path, place, value, field.choices.join(" or "));
  if (field.pattern !== undefined && !field.pattern.test(value)) throw invalid(path, place, value, field.form ?? "another form");
  if (value === "") throw invalid(path, place, value, "a non-empty string");
  return value;
}

function invalid(path: readonly string[], place: Place, value: unknown, expected: string): Error {
  const found = describe(value);
  return settingsError(
    "SETTINGS_INVALID",
    `Cannot read ${place.fileName}: ${where(path, place)}: found ${found}, expected ${expected}`,
    { found, expected },
  );
}

function unknownName(name: string, known: readonly string[], path: readonly string[], place: Place): Error {
  const nearest = [...known].sort((a, b) => editDistance(name.slice(0, 64), a) - editDistance(name.slice(0, 64), b))[0] ?? "";
  return settingsError(
    "SETTINGS_UNKNOWN_NAME",
    `Cannot read ${place.fileName}: ${where([...path, name], place)}: no such setting; the nearest is ${quote(nearest)}`,
    { found: name, expected: nearest },
  );
}

/** `line 12: services.ca.port`; the line is left out where the YAML has no node of its own for the path. */
function where(path: readonly string[], place: Place): string {
  let node: unknown = place.document.contents;
  let offset: number | undefined;
  for (const name of path) {
    if (isMap(node)) {
      const pair = node.items.find((item) => String(item.key) === name);
      const key = pair?.key as Node | null | undefined;
      offset = key?.range?.[0] ?? offset;
      node = pair?.value;
    } else if (isSeq(node)) {
      node = node.items[Number(name)];
      offset = (node as Node | null | undefined)?.range?.[0] ?? offset;
    } else break;
  }
  const name = path.length === 0 ? "the document" : path.join(".");
  return offset === undefined ? name : `line ${place.lines.linePos(offset).line}: ${name}`;
}

function describe(value: unknown): string {
  if (typeof value === "string") return quote(value);
  if (Array.isArray(value)) return "a list";
  if (value === null || value === undefined) return "nothing";
  return typeof value === "object" ? "a mapping" : String(value);
}

function firstLine(text: string): string {
  return (text.split("\n")[0] ?? "").replace(/ at line \d+, column \d+:?$/u, "").replace(/[:.]$/u, "");
}

/** Levenshtein distance: names are short, so the square is small. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substitution, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
