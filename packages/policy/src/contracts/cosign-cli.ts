// The contract of `cosign verify-attestation --policy`, since cosign 1.7: every CUE file together, then every Rego file together; the
// first engine that refuses speaks. CUE: unified, then validated as final. Rego: v0, `data.signature.allow` must be true and alone.
import type { CompiledCue } from "../cue/index.ts";
import type { PreparedQuery, QueryResult } from "../rego/index.ts";
import type { Value } from "../values/index.ts";
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
import { goPrint } from "./go-print.ts";
import type { CompiledPolicies, EvaluateOptions, PolicySource } from "./question.ts";
import { answered, cueMessage, message, type Verdict, verdictOf } from "./verdict.ts";

const query = "data.signature.allow";

/** Compile policies for cosign's contract. */
export function compileCosignCli(sources: readonly PolicySource[]): Omit<CompiledPolicies, "contract"> {
  const cue = sources.filter(({ language }) => language === "cue");
  const rego = sources.filter(({ language }) => language === "rego");
  const compiledCue =
    cue.length === 0
      ? undefined
      : attempt(
          () => compileCueFiles(cue),
          (error) => error.message,
        );
  const prepared = rego.length === 0 ? undefined : attempt(() => compileRegoFiles(rego).prepare(query), opaWords);
  return {
    problems: problemsOf([compiledCue, prepared].filter((one) => one !== undefined)),
    evaluate: (document, options = {}) => {
      const first = compiledCue === undefined ? verdictOf([]) : judgeCue(compiledCue, document, options);
      if (!first.pass || prepared === undefined) return first;
      return judgeRego(prepared, rego, document, options);
    },
  };
}

function judgeCue(compiled: Attempt<CompiledCue>, document: Value, options: EvaluateOptions): Verdict {
  if ("problem" in compiled) return verdictOf([compiled.problem]);
  return answered(() => {
    const problems = cueProblems(compiled.ready, document, options, { final: true });
    return verdictOf(problems.map((problem) => cueMessage(problem)));
  });
}

function judgeRego(
  prepared: Attempt<PreparedQuery>,
  sources: readonly PolicySource[],
  document: Value,
  options: EvaluateOptions,
): Verdict {
  if ("problem" in prepared) return verdictOf([prepared.problem]);
  return answered(() => {
    const results = askRego(prepared.ready, document, options);
    if (isAllowed(results)) return verdictOf([]);
    const positions = rulePositions(sources, "allow");
    const values = results.flatMap(({ expressions }) => expressions);
    if (values.length === 0) {
      const text = `result is undefined for query '${query}'${packageHint(sources, "signature")}`;
      return verdictOf([message("CONTRACT_REGO_UNDEFINED", text, { positions })]);
    }
    return verdictOf(
      values.map((value) => {
        const text = `expression value, ${goPrint(value)}, is not true`;
        return message("CONTRACT_REGO_NOT_TRUE", text, { positions, values: [goPrint(value)] });
      }),
    );
  }, opaWords);
}

// OPA's ResultSet.Allowed: one result, one expression, no binding, and that expression true.
function isAllowed(results: readonly QueryResult[]): boolean {
  const [only, second] = results;
  if (only === undefined || second !== undefined || only.bindings.size > 0) return false;
  return only.expressions.length === 1 && only.expressions[0] === true;
}
