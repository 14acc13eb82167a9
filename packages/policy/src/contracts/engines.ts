// What the contracts share in asking the two engines.
import { type CompiledCue, type CueProblem, compileCue, type ValidateOptions, validateCue } from "../cue/index.ts";
import { compile, type Policy, type PreparedQuery, type QueryResult } from "../rego/index.ts";
import { regoBuiltins } from "../rego-builtins/index.ts";
import { isPolicyError, ObjectValue, type PolicyError, type Position, type Value } from "../values/index.ts";
import type { EvaluateOptions, PolicySource } from "./question.ts";
import { engineMessage, type VerdictMessage } from "./verdict.ts";

/** Something compiled, or the message of why it is not. */
export type Attempt<T> = { readonly ready: T } | { readonly problem: VerdictMessage };

/** Try to compile; only our own errors become a message. */
export function attempt<T>(run: () => T, words: (error: PolicyError) => string): Attempt<T> {
  try {
    return { ready: run() };
  } catch (error) {
    if (!isPolicyError(error)) throw error;
    return { problem: engineMessage(error, words(error)) };
  }
}

/** The messages of the attempts that failed. */
export function problemsOf(attempts: readonly Attempt<unknown>[]): VerdictMessage[] {
  return attempts.flatMap((one) => ("problem" in one ? [one.problem] : []));
}

/** Compile the CUE files of one policy. */
export function compileCueFiles(sources: readonly PolicySource[]): CompiledCue {
  return compileCue(sources.map(({ file, source }) => ({ file, source })));
}

/** Unify a document with a CUE policy. */
export function cueProblems(
  compiled: CompiledCue,
  document: Value,
  options: EvaluateOptions,
  ask: Omit<ValidateOptions, "limits">,
): CueProblem[] {
  return validateCue(compiled, document, { ...ask, ...(options.limits === undefined ? {} : { limits: options.limits }) });
}

/** Compile Rego files in dialect v0, as both originals do; `import rego.v1` and `import future.keywords` work on top. */
export function compileRegoFiles(sources: readonly PolicySource[]): Policy {
  return compile(
    sources.map(({ file, source }) => ({ file, source })),
    { dialect: "v0", builtins: regoBuiltins },
  );
}

/** Ask a Rego query about a document. */
export function askRego(
  query: PreparedQuery,
  document: Value,
  options: EvaluateOptions,
  data: ObjectValue = ObjectValue.of([]),
): QueryResult[] {
  return query.evaluate({
    input: document,
    data,
    ...(options.limits === undefined ? {} : { budget: options.limits }),
    ...(options.nowNs === undefined ? {} : { nowNs: options.nowNs }),
  });
}

/** The words of OPA's API for an error: `FILE:LINE: CODE: message`, with the count that compilation puts before it. */
export function opaWords(error: PolicyError): string {
  const { code, message, position } = error;
  const place = position === undefined ? "" : `${position.file}:${position.line}: `;
  if (code === "rego_parse_error") return `1 error occurred during loading: ${place}${code}: ${message}`;
  if (code.startsWith("rego_")) return `1 error occurred: ${place}${code}: ${message}`;
  return code.startsWith("eval_") ? `${place}${code}: ${message}` : message;
}

/** Where a rule stands: the first line of the sources that begins with its name, or with `default` and its name. */
export function rulePositions(sources: readonly PolicySource[], rule: string): Position[] {
  const head = new RegExp(`^(?:default\\s+)?${rule}\\b`);
  for (const { file, source } of sources) {
    const index = source.split("\n").findIndex((line) => head.test(line));
    if (index >= 0) return [{ file, line: index + 1, column: 1 }];
  }
  return [];
}

const contractOfPackage: ReadonlyMap<string, string> = new Map([
  ["signature", "cosign asks data.signature.allow"],
  ["sigstore", "policy-controller asks data.sigstore.isCompliant"],
  ["sigillum", "the strict contract asks data.sigillum.allow and data.sigillum.violation"],
]);

/** A hint where the sources were written for another contract than that which asks `wanted`; empty otherwise. */
export function packageHint(sources: readonly PolicySource[], wanted: string): string {
  for (const { source } of sources) {
    const found = /^[ \t]*package[ \t]+([A-Za-z_][\w.]*)/m.exec(source)?.[1];
    if (found === undefined || found === wanted) continue;
    const asks = contractOfPackage.get(found);
    return asks === undefined
      ? ` (the policy is of package ${found}, asked is package ${wanted})`
      : ` (the policy is of package ${found}: ${asks})`;
  }
  return "";
}
