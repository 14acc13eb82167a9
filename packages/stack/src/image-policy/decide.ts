// From what the authorities found to a decision: all policies must be satisfied, within one any authority; every fault refuses.
import { isSigillumError, type JsonValue, type SigillumError } from "@sigillum/library/encoding";
import type { TextAnswer, TextJudge } from "./ask-text.ts";
import type { CompiledPolicy } from "./compile.ts";
import { imagePolicyError } from "./errors.ts";

/** What one authority found; the error is the reason why it does not pass. */
export interface AuthorityOutcome {
  readonly name: string;
  readonly found: AuthorityFound | SigillumError;
}

/** A verified signature, as policies see it. */
export interface FoundSignature {
  readonly id: string;
  readonly subject?: string;
  readonly issuer?: string;
  readonly githubWorkflowTrigger?: string;
  readonly githubWorkflowSha?: string;
  readonly githubWorkflowName?: string;
  readonly githubWorkflowRepo?: string;
  readonly githubWorkflowRef?: string;
}

/** A verified attestation that its own policy accepted. */
export interface FoundAttestation extends FoundSignature {
  readonly predicateType: string;
  readonly digest: string;
}

/** What made an authority pass. */
export type AuthorityFound =
  | { readonly static: true }
  | { readonly signatures: readonly FoundSignature[] }
  | { readonly attestations: Readonly<Record<string, readonly FoundAttestation[]>> };

/** What is added to the result where the policy asks for it. */
export interface ResultExtras {
  readonly config?: JsonValue;
  readonly spec?: JsonValue;
  readonly metadata?: JsonValue;
  readonly typemeta?: JsonValue;
}

/** What a policy says of an image. */
export interface PolicyDecision {
  readonly policy: string;
  readonly pass: boolean;
  /** Where it does not pass, and the policy only warns. */
  readonly warnOnly: boolean;
  readonly reasons: readonly DecisionReason[];
  readonly warnings: readonly string[];
  readonly passed: readonly string[];
}

/** One reason, with the authority that gave it. */
export interface DecisionReason {
  readonly authority?: string;
  readonly code: string;
  /** The code of what is behind it: why the one signature that there is did not do. */
  readonly cause?: string;
  readonly kind: SigillumError["kind"];
  readonly message: string;
}

/** Decide one policy. `extras` holds what it asked to be included; `judge` asks its text over the result, where it has one. */
export async function decidePolicy(
  compiled: CompiledPolicy,
  outcomes: readonly AuthorityOutcome[],
  extras: ResultExtras,
  judge: TextJudge,
): Promise<PolicyDecision> {
  const { policy, result } = compiled;
  const passed = outcomes.filter(({ found }) => !isSigillumError(found));
  const reasons = outcomes.flatMap(({ name, found }) => (isSigillumError(found) ? [reasonOf(found, name)] : []));
  const decision = (pass: boolean, own: readonly DecisionReason[], warnings: readonly string[] = []): PolicyDecision => ({
    policy: policy.name,
    pass,
    warnOnly: !pass && policy.mode === "warn",
    reasons: own,
    warnings,
    passed: passed.map(({ name }) => name),
  });
  if (passed.length === 0) {
    const none = imagePolicyError("IMAGE_POLICY_UNUSABLE", "Cannot decide: the policy has no authority");
    return decision(false, reasons.length === 0 ? [reasonOf(none)] : reasons);
  }
  if (result === undefined) return decision(true, []);
  if (isSigillumError(result)) return decision(false, [reasonOf(result)]);
  try {
    const text = resultText(outcomes, extras);
    // A policy says what it says of this image whenever it is asked: it is told no time.
    const answer = await judge({ policy: result, about: { type: "result", text }, nowMs: undefined });
    const refusal = refusalOf(answer, "the policy over the result", "IMAGE_POLICY_RESULT_REFUSED");
    return refusal === undefined ? decision(true, [], answer.warnings) : decision(false, [reasonOf(refusal)]);
  } catch (error) {
    if (!isSigillumError(error)) throw error;
    return decision(false, [reasonOf(error)]);
  }
}

/** The error that an answer is, `what` naming the text; undefined where it passes. */
export function refusalOf(
  { problem, messages }: TextAnswer,
  what: string,
  code: "IMAGE_POLICY_RESULT_REFUSED" | "IMAGE_POLICY_ATTESTATION_REFUSED",
): SigillumError | undefined {
  if (problem !== undefined) {
    return imagePolicyError("IMAGE_POLICY_TEXT_MALFORMED", `Cannot use ${what}: ${problem.text} (${problem.code})`, {
      found: problem.code,
    });
  }
  if (messages.length === 0) return undefined;
  const reason = messages.join("; ");
  return imagePolicyError(code, `${what} refuses: ${reason}`, { found: reason });
}

/** The reason that an error is. */
export function reasonOf(error: SigillumError, authority?: string): DecisionReason {
  const { cause, code, kind, message } = error;
  return {
    ...(authority === undefined ? {} : { authority }),
    code,
    ...(isSigillumError(cause) ? { cause: cause.code } : {}),
    kind,
    message,
  };
}

// The document for the policy over the result (PolicyResult of the original).
function resultText(outcomes: readonly AuthorityOutcome[], extras: ResultExtras): string {
  const authorityMatches = Object.fromEntries(
    outcomes.flatMap(({ name, found }) => (isSigillumError(found) ? [] : [[name, found]])),
  );
  return JSON.stringify({ authorityMatches, ...extras });
}
