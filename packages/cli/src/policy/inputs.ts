// What `policy test` is asked about: saved statements, envelopes and bundles, one in a file, a list, or one a line.
import { readFileSync } from "node:fs";
import { parseBase64 } from "@sigillum/library/encoding";
import { isArray, isPolicyError, ObjectValue, parseJson, type Value } from "@sigillum/policy/values";
import type { Terminal } from "../terminal/index.ts";
import { policyError } from "./errors.ts";
import { readStatement } from "./statement.ts";

/** A statement, where it comes from, and its number there. */
export interface Input {
  readonly name: string;
  readonly statement: Value;
}

/** The statements of a file, or of stdin for "-". Nothing is verified. */
export async function readInputs(path: string, terminal: Terminal): Promise<readonly Input[]> {
  return inputsIn(path, path === "-" ? await readAll(terminal.stdin) : readBytes(path));
}

/** A JSON document of a file, or of stdin for "-", as it is. */
export async function readDocument(path: string, terminal: Terminal): Promise<Value> {
  const [document, second] = documentsIn(path, path === "-" ? await readAll(terminal.stdin) : readBytes(path));
  if (document !== undefined && second === undefined) return document;
  throw policyError("POLICY_INPUT_INVALID", `Cannot read ${path}: it holds more than one document`, {
    expected: "one JSON document",
  });
}

async function readAll(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function readBytes(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw policyError("POLICY_INPUT_INVALID", `Cannot read ${path}: ${why}`, { cause, found: path });
  }
}

/** The statements of a text: JSON, or a JSON document a line. */
export function inputsIn(name: string, bytes: Uint8Array): readonly Input[] {
  const statements = documentsIn(name, bytes)
    .flatMap((document) => (isArray(document) ? document : [document]))
    .map((each) => statementOf(name, each));
  return statements.map((statement, i) => ({ name: statements.length === 1 ? name : `${name} #${i + 1}`, statement }));
}

function documentsIn(name: string, bytes: Uint8Array): readonly Value[] {
  try {
    return [parseJson(bytes)];
  } catch (whole) {
    if (!isPolicyError(whole)) throw whole;
    const lines = new TextDecoder()
      .decode(bytes)
      .split("\n")
      .filter((line) => line.trim() !== "");
    try {
      if (lines.length > 1) return lines.map((line) => parseJson(line));
    } catch (error) {
      if (!isPolicyError(error)) throw error;
      // what is wrong with the whole is told
    }
    throw policyError("POLICY_INPUT_INVALID", `Cannot read ${name}: ${whole.message}`, {
      cause: whole,
      found: name,
      expected: "JSON",
    });
  }
}

function statementOf(name: string, document: Value): Value {
  const envelope = document instanceof ObjectValue ? (document.get("dsseEnvelope") ?? document) : document;
  const payload = envelope instanceof ObjectValue ? envelope.get("payload") : undefined;
  if (typeof payload === "string") return readStatement(parseBase64(payload));
  if (document instanceof ObjectValue && document.has("predicateType")) return document;
  throw policyError("POLICY_INPUT_INVALID", `Cannot read ${name}: it holds no statement`, {
    found: "JSON of another kind",
    expected: "an in-toto statement, a DSSE envelope or a bundle with one",
  });
}
