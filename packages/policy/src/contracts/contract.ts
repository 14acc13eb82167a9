// The one door to both languages: which contract, which policies, which document.
import type { Value } from "../values/index.ts";
import { compileCosignCli } from "./cosign-cli.ts";
import { contractError } from "./errors.ts";
import { compilePolicyController } from "./policy-controller.ts";
import type { CompiledPolicies, Contract, EvaluateOptions, PolicySource } from "./question.ts";
import { compileStrict } from "./strict.ts";
import { message, type Verdict, type VerdictMessage, verdictOf } from "./verdict.ts";

/** Every contract. */
export const contracts: readonly Contract[] = ["strict", "cosign-cli", "policy-controller"];

const compilers = {
  "cosign-cli": compileCosignCli,
  "policy-controller": compilePolicyController,
  strict: compileStrict,
} as const;

/** Compile policies for a contract. Throws CONTRACT_NO_POLICY where there is none; what does not compile is in `problems`. */
export function compilePolicies(contract: Contract, sources: readonly PolicySource[]): CompiledPolicies {
  if (sources.length === 0)
    throw contractError("CONTRACT_NO_POLICY", "Cannot evaluate: no policy is given", { found: "0", expected: "at least 1" });
  return { contract, ...compilers[contract](sources) };
}

/** Ask policies once: compile and evaluate. A document passes only if every policy says so. */
export function evaluate(
  contract: Contract,
  sources: readonly PolicySource[],
  document: Value,
  options: EvaluateOptions = {},
): Verdict {
  return compilePolicies(contract, sources).evaluate(document, options);
}

/** A document with what the policies said of it. */
export interface JudgedDocument {
  readonly document: Value;
  readonly verdict: Verdict;
}

/** What policies say of several documents of one type. */
export interface Judgement {
  readonly pass: boolean;
  readonly documents: readonly JudgedDocument[];
  /** What decided, where it does not pass: of the first refusing document in policy-controller, of all of them elsewhere. */
  readonly messages: readonly VerdictMessage[];
  readonly warnings: readonly VerdictMessage[];
}

/**
 * Judge all documents of one type: cosign and the strict contract demand that every one passes, policy-controller that at least one
 * does. None at all never passes.
 */
export function judge(policies: CompiledPolicies, documents: readonly Value[], options: EvaluateOptions = {}): Judgement {
  const judged = documents.map((document) => ({ document, verdict: policies.evaluate(document, options) }));
  const passed = judged.filter(({ verdict }) => verdict.pass);
  const refused = judged.filter(({ verdict }) => !verdict.pass);
  const any = policies.contract === "policy-controller";
  const pass = passed.length > 0 && (any || refused.length === 0);
  const none = message("CONTRACT_NO_DOCUMENT", "there is no document to judge");
  const told = any
    ? refused.slice(0, 1).map(({ verdict }) => ({ ...verdict, messages: verdict.messages.slice(0, 1) }))
    : refused.map(({ verdict }) => verdict);
  return {
    pass,
    documents: judged,
    messages: pass ? [] : judged.length === 0 ? verdictOf([none]).messages : told.flatMap(({ messages }) => messages),
    warnings: passed.flatMap(({ verdict }) => verdict.warnings),
  };
}
