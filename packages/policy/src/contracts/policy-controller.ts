// The contract of policy-controller: each policy is one text. CUE: unified, validated without an option, so that `field!:` is not asked.
// Rego: v0, `data.sigstore.isCompliant` is true, or a set of {result, error, warning}: the first whose result is true passes.
// Divergence: a warning that comes with result true admits with that warning; the original takes it for a failure. A result that is no
// object, which stops the original, refuses.
import type { PreparedQuery } from "../rego/index.ts";
import { isArray, ObjectValue, SetValue, type Value } from "../values/index.ts";
import {
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
import { all, answered, cueMessage, message, type Verdict, verdictOf } from "./verdict.ts";

const rule = "isCompliant";
const query = `data.sigstore.${rule}`;
const told = `${rule} = ${query}`;

/** Compile policies for the contract of policy-controller. */
export function compilePolicyController(sources: readonly PolicySource[]): Omit<CompiledPolicies, "contract"> {
  const policies = sources.map(compileOne);
  return {
    problems: policies.flatMap(({ problems }) => problems),
    evaluate: (document, options = {}) => all(policies.map((policy) => policy.evaluate(document, options))),
  };
}

function compileOne(source: PolicySource): Omit<CompiledPolicies, "contract"> {
  if (source.language === "cue") {
    const compiled = attempt(
      () => compileCueFiles([source]),
      (error) => `failed to compile the cue policy with error: ${error.message}`,
    );
    return {
      problems: problemsOf([compiled]),
      evaluate: (document, options = {}) => {
        if ("problem" in compiled) return verdictOf([compiled.problem]);
        return answered(() => {
          const problems = cueProblems(compiled.ready, document, options, { final: false });
          return verdictOf(problems.map((problem) => cueMessage(problem)));
        });
      },
    };
  }
  const prepared = attempt(() => compileRegoFiles([source]).prepare(query), opaWords);
  return {
    problems: problemsOf([prepared]),
    evaluate: (document, options = {}) =>
      "problem" in prepared ? verdictOf([prepared.problem]) : judgeRego(prepared.ready, source, document, options),
  };
}

function judgeRego(prepared: PreparedQuery, source: PolicySource, document: Value, options: EvaluateOptions): Verdict {
  return answered(() => {
    const positions = rulePositions([source], rule);
    for (const { expressions } of askRego(prepared, document, options)) {
      const [response] = expressions;
      if (response === true) return verdictOf([]);
      if (response instanceof SetValue) return judgeResults(response.values(), positions);
      if (isArray(response)) return judgeResults(response, positions);
    }
    const text = `policy is not compliant for query '${told}'${packageHint([source], "sigstore")}`;
    return verdictOf([message("CONTRACT_REGO_UNDEFINED", text, { positions })]);
  }, opaWords);
}

function judgeResults(results: readonly Value[], positions: Verdict["messages"][number]["positions"]): Verdict {
  let refusal = message("CONTRACT_REGO_NOT_COMPLIANT", `policy is not compliant for query "${told}"`, { positions });
  for (const one of results) {
    const read = readResult(one);
    if (read === undefined) {
      const text = `policy is not compliant for query '${told}' due to parsing errors: a result is not {result, error, warning}`;
      return verdictOf([message("CONTRACT_REGO_RESULT_MALFORMED", text, { positions })]);
    }
    if (read.result) {
      const text = `warning: ${read.warning}`;
      return verdictOf([], read.warning === "" ? [] : [message("CONTRACT_REGO_NOT_COMPLIANT", text, { positions })]);
    }
    const text = `policy is not compliant for query '${told}' with errors: ${read.error}`;
    refusal = message("CONTRACT_REGO_NOT_COMPLIANT", text, { positions });
  }
  return verdictOf([refusal]);
}

// Go's JSON reading: a member that is absent or null has the zero value; one of another type is an error.
function readResult(value: Value): { result: boolean; error: string; warning: string } | undefined {
  if (!(value instanceof ObjectValue)) return undefined;
  const [result = false, error = "", warning = ""] = ["result", "error", "warning"].map((name) => value.get(name) ?? undefined);
  if (typeof result !== "boolean" || typeof error !== "string" || typeof warning !== "string") return undefined;
  return { result, error, warning };
}
