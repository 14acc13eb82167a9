// From what the authorities found to a decision: all policies must be satisfied, within one any authority; every fault refuses.
import { isSigillumError, type JsonValue, type SigillumError } from "@sigillum/library/encoding";
import { parseJson } from "@sigillum/policy/values";
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

/** Decide one policy. `extras` holds what it asked to be included. */
export function decidePolicy(
  compiled: CompiledPolicy,
  outcomes: readonly AuthorityOutcome[],
  extras: ResultExtras = {},
): PolicyDecision {
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
  const text = resultText(outcomes, extras);
  const verdict = result.evaluate(parseJson(text), { limits: limitsFor(text.length) });
  const warnings = verdict.warnings.map(({ text }) => text);
  if (verdict.pass) return decision(true, [], warnings);
  const reason = verdict.messages.map((one) => one.text).join("; ");
  return decision(false, [
    reasonOf(imagePolicyError("IMAGE_POLICY_RESULT_REFUSED", `the policy over the result refuses: ${reason}`)),
  ]);
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

/** What a policy may spend on a document of so many characters: evaluation holds up every other decision. */
export function limitsFor(length: number): { readonly steps: number; readonly bytes: number } {
  return { steps: 60_000 + length, bytes: (16 << 20) + 64 * length };
}

// The document for the policy over the result (PolicyResult of the original).
function resultText(outcomes: readonly AuthorityOutcome[], extras: ResultExtras): string {
  const authorityMatches = Object.fromEntries(
    outcomes.flatMap(({ name, found }) => (isSigillumError(found) ? [] : [[name, found]])),
  );
  return JSON.stringify({ authorityMatches, ...extras });
}
