// Our own contract, the default for new policies: what a policy names must be there, and what cannot be answered refuses.
// CUE: as cosign, and each regular field that the policy gives must be in the document (a helper is hidden, a definition or a `let`).
// Rego: v0 with `import rego.v1` on top; package `sigillum`: `allow`, where it is defined, must be true, `violation`, where it is
// defined, must be empty, and at least one of the two must be defined. Every statement of the image is in `data.attestations`.
import type { CompiledCue } from "../cue/index.ts";
import type { PreparedQuery } from "../rego/index.ts";
import { formatValue, isArray, ObjectValue, SetValue, type Value } from "../values/index.ts";
import {
  type Attempt,
  askRego,
  attempt,
  compileCueFiles,
  compileRegoFiles,
  cueProblems,
  opaWords,
  packageHint,
  problemsOf,
  rulePositions,
} from "./engines.ts";
import type { CompiledPolicies, EvaluateOptions, PolicySource } from "./question.ts";
import { all, answered, cueMessage, message, type Verdict, type VerdictMessage, verdictOf } from "./verdict.ts";

/** Compile policies for the strict contract. */
export function compileStrict(sources: readonly PolicySource[]): Omit<CompiledPolicies, "contract"> {
  const cue = sources.filter(({ language }) => language === "cue");
  const rego = sources.filter(({ language }) => language === "rego");
  const compiledCue =
    cue.length === 0
      ? undefined
      : attempt(
          () => compileCueFiles(cue),
          (error) => error.message,
        );
  const prepared = rego.length === 0 ? undefined : attempt(() => prepare(rego), opaWords);
  return {
    problems: problemsOf([compiledCue, prepared].filter((one) => one !== undefined)),
    evaluate: (document, options = {}) =>
      all([
        ...(compiledCue === undefined ? [] : [judgeCue(compiledCue, document, options)]),
        ...(prepared === undefined ? [] : [judgeRego(prepared, rego, document, options)]),
      ]),
  };
}

function judgeCue(compiled: Attempt<CompiledCue>, document: Value, options: EvaluateOptions): Verdict {
  if ("problem" in compiled) return verdictOf([compiled.problem]);
  return answered(() => {
    const problems = cueProblems(compiled.ready, document, options, { final: true, documentFields: true });
    return verdictOf(problems.map((one) => cueMessage(one, one.absent === true ? "CONTRACT_FIELD_ABSENT" : undefined)));
  });
}

interface Queries {
  readonly allow: PreparedQuery;
  readonly violation: PreparedQuery;
}

function prepare(sources: readonly PolicySource[]): Queries {
  const policy = compileRegoFiles(sources);
  return { allow: policy.prepare("data.sigillum.allow"), violation: policy.prepare("data.sigillum.violation") };
}

function judgeRego(
  prepared: Attempt<Queries>,
  sources: readonly PolicySource[],
  document: Value,
  options: EvaluateOptions,
): Verdict {
  if ("problem" in prepared) return verdictOf([prepared.problem]);
  const { allow, violation } = prepared.ready;
  const data = ObjectValue.of([["attestations", options.attestations ?? [document]]]);
  return answered(() => {
    const [allowed] = askRego(allow, document, options, data).flatMap(({ expressions }) => expressions);
    const [violations] = askRego(violation, document, options, data).flatMap(({ expressions }) => expressions);
    if (allowed === undefined && violations === undefined) {
      const text = `neither data.sigillum.allow nor data.sigillum.violation is defined${packageHint(sources, "sigillum")}`;
      return verdictOf([message("CONTRACT_REGO_UNDEFINED", text, { positions: rulePositions(sources, "allow") })]);
    }
    return verdictOf([...refusedBy(allowed, sources), ...violationMessages(violations, sources)]);
  }, opaWords);
}

function refusedBy(allowed: Value | undefined, sources: readonly PolicySource[]): VerdictMessage[] {
  if (allowed === undefined || allowed === true) return [];
  const text = `data.sigillum.allow is ${formatValue(allowed).slice(0, 200)}, expected true`;
  return [
    message("CONTRACT_REGO_NOT_TRUE", text, {
      positions: rulePositions(sources, "allow"),
      values: [formatValue(allowed).slice(0, 200)],
    }),
  ];
}

function violationMessages(violations: Value | undefined, sources: readonly PolicySource[]): VerdictMessage[] {
  if (violations === undefined) return [];
  const positions = rulePositions(sources, "violation");
  const list = violations instanceof SetValue ? violations.values() : isArray(violations) ? violations : undefined;
  if (list === undefined) {
    const text = `data.sigillum.violation is ${formatValue(violations).slice(0, 200)}, expected a set of violations`;
    return [message("CONTRACT_REGO_RESULT_MALFORMED", text, { positions })];
  }
  return list.map((one) => message("CONTRACT_REGO_VIOLATION", sentence(one), { positions }));
}

// A violation is a text, or an object with the text in `msg` or `message`; any other value speaks for itself.
function sentence(violation: Value): string {
  const text = violation instanceof ObjectValue ? (violation.get("msg") ?? violation.get("message")) : violation;
  return typeof text === "string" ? text : formatValue(violation).slice(0, 500);
}
