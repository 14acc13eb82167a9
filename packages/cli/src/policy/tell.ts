// Verdicts for people: the sentence, the policy's line, and the value in the statement that it speaks of.
import type { PolicySource, VerdictMessage } from "@sigillum/policy/contracts";
import { encodeJson, isArray, ObjectValue, type Value } from "@sigillum/policy/values";
import type { Terminal } from "../terminal/index.ts";

/** Writes with colour or without. */
export interface Paint {
  readonly bad: (text: string) => string;
  readonly good: (text: string) => string;
  readonly faint: (text: string) => string;
}

const plain: Paint = { bad: (text) => text, good: (text) => text, faint: (text) => text };
const coloured: Paint = {
  bad: (text) => `\u001b[31m${text}\u001b[0m`,
  good: (text) => `\u001b[32m${text}\u001b[0m`,
  faint: (text) => `\u001b[2m${text}\u001b[0m`,
};

/** Colour where a person reads along, unless NO_COLOR says otherwise. */
export function paintFor({ watched }: Terminal): Paint {
  return watched && (process.env["NO_COLOR"] ?? "") === "" ? coloured : plain;
}

const maxShown = 200;

/** What follows a message: the line of the policy with a mark, and the value at the path. */
export function detailLines(message: VerdictMessage, sources: readonly PolicySource[], document: Value, paint: Paint): string[] {
  const lines: string[] = [];
  const [position] = message.positions;
  if (position !== undefined) {
    lines.push(paint.faint(`    ${position.file}:${position.line}:${position.column}`));
    const text = sources.find(({ file }) => file === position.file)?.source.split("\n")[position.line - 1];
    if (text !== undefined && text.trim() !== "") {
      const before = [...text]
        .slice(0, Math.max(0, position.column - 1))
        .join("")
        .replace(/[^\t]/g, " ");
      lines.push(`      ${text.trimEnd().slice(0, maxShown)}`, paint.bad(`      ${before}^`));
    }
  }
  if (message.path === undefined) return lines;
  const found = valueAt(document, message.path);
  const said = found === undefined ? "is not in the statement" : `is ${shown(found)} in the statement`;
  lines.push(`    ${paint.bad(message.path)} ${said}`);
  return lines;
}

function shown(value: Value): string {
  const text = encodeJson(value);
  return text.length > maxShown ? `${text.slice(0, maxShown)}…` : text;
}

/** The value at a path as CUE writes paths: labels with dots between, quoted where they are no names. */
export function valueAt(document: Value, path: string): Value | undefined {
  let at: Value | undefined = document;
  for (const label of labelsOf(path)) {
    if (at instanceof ObjectValue) at = at.get(label);
    else if (isArray(at) && /^[0-9]+$/.test(label)) at = at[Number(label)];
    else return undefined;
  }
  return at;
}

function labelsOf(path: string): readonly string[] {
  return [...path.matchAll(/"((?:[^"\\]|\\.)*)"|[^.]+/g)].map(([whole, quoted]) => {
    if (quoted === undefined) return whole;
    const text: unknown = JSON.parse(whole);
    return typeof text === "string" ? text : quoted;
  });
}
