// What OPA itself answers to regorus' cases: asked of its program where that is at hand, and kept in regorus-opa.json where it is not.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { encodeJson, formatValue, isArray, ObjectValue, parseJson, SetValue, type Value } from "@sigillum/policy/values";
import { printAnswer, type RegorusAnswer, type RegorusQuestion } from "./rego-cases.ts";

/** OPA's answer to a question, by its program. */
export function askOpa(program: string, folder: string, question: RegorusQuestion): RegorusAnswer {
  mkdirSync(folder, { recursive: true });
  const { sources, dialect, strict, input, data } = question;
  const args = ["eval", "--format", "json", ...(dialect === "v0" ? ["--v0-compatible"] : [])];
  if (strict) args.push("--strict-builtin-errors");
  for (const { file, source } of sources) {
    writeFileSync(join(folder, file), source);
    args.push("-d", file);
  }
  const withs: string[] = [];
  if (isJson(data)) {
    writeFileSync(join(folder, "data.json"), encodeJson(data));
    args.push("-d", "data.json");
  } else if (data instanceof ObjectValue)
    for (const [name, value] of data.entries()) withs.push(`data[${formatValue(name)}] as ${formatValue(value)}`);
  if (input !== undefined && isJson(input)) {
    writeFileSync(join(folder, "input.json"), encodeJson(input));
    args.push("-i", "input.json");
  } else if (input !== undefined) withs.push(`input as ${formatValue(input)}`);
  const { stdout, stderr } = spawnSync(program, [...args, [question.query, ...withs].join(" with ")], {
    cwd: folder,
    encoding: "utf8",
    timeout: 60_000,
  });
  return readAnswer(stdout, stderr);
}

/** Whether JSON can say a value: it has no sets, and its keys are texts. */
function isJson(value: Value): boolean {
  if (value instanceof SetValue) return false;
  if (isArray(value)) return value.every(isJson);
  return !(value instanceof ObjectValue) || value.entries().every(([key, item]) => typeof key === "string" && isJson(item));
}

function readAnswer(stdout: string, stderr: string): RegorusAnswer {
  const answer = stdout.startsWith("{") ? parseJson(stdout) : null;
  if (!(answer instanceof ObjectValue)) return { error: "no answer", message: stdout + stderr };
  const [problem] = listOf(answer.get("errors"));
  if (problem !== undefined) return { error: textOf(field(problem, "code")), message: textOf(field(problem, "message")) };
  return {
    results: listOf(answer.get("result")).map((result) => {
      const bindings = field(result, "bindings");
      const expressions = listOf(field(result, "expressions")).map((expression) => field(expression, "value") ?? null);
      return [expressions, bindings instanceof ObjectValue ? bindings : ObjectValue.of([])];
    }),
  };
}

function field(value: Value | undefined, name: string): Value | undefined {
  return value instanceof ObjectValue ? value.get(name) : undefined;
}

function listOf(value: Value | undefined): readonly Value[] {
  return value !== undefined && isArray(value) ? value : [];
}

function textOf(value: Value | undefined): string {
  return typeof value === "string" ? value : "";
}

/** An answer as the table keeps it: itself, or the digest of a long one. */
export function keptAnswer(answer: RegorusAnswer): string {
  const text = printAnswer(answer);
  return text.length <= 160 ? text : `sha256:${createHash("sha256").update(text).digest("hex")}`;
}
