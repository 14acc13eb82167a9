// What is asked, and of whom: the types that the contracts share.
import type { BudgetLimits, Value } from "../values/index.ts";
import type { Verdict, VerdictMessage } from "./verdict.ts";

/** How a policy is asked: as the command line of cosign asks it, as policy-controller does, or stricter than both (our default). */
export type Contract = "cosign-cli" | "policy-controller" | "strict";

/** A language of policies. */
export type PolicyLanguage = "cue" | "rego";

/** One policy text. */
export interface PolicySource {
  readonly language: PolicyLanguage;
  /** The name that messages give it. */
  readonly file: string;
  readonly source: string;
}

/** What an evaluation may use and spend. */
export interface EvaluateOptions {
  /** Counted limits of each engine; its own defaults where nothing is said. Wall time is the caller's to limit. */
  readonly limits?: BudgetLimits;
  /** Nanoseconds since 1970, for a Rego policy that asks for the time; one that does is undefined without. */
  readonly nowNs?: bigint;
  /** Every verified statement of the image, whatever its type: `data.attestations` in Rego under the strict contract. */
  readonly attestations?: readonly Value[];
}

/** Policies that are ready to be asked many times. */
export interface CompiledPolicies {
  readonly contract: Contract;
  /** What is wrong with the policies themselves; each of them refuses every document. Empty when all compiled. */
  readonly problems: readonly VerdictMessage[];
  /** What the policies say of a document. Never throws for a policy or a document: what cannot be answered refuses. */
  evaluate(document: Value, options?: EvaluateOptions): Verdict;
}
