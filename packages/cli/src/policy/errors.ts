import { defineErrors, type ErrorMaker } from "@sigillum/library/encoding";
import { type Arguments, argumentError } from "../arguments/index.ts";

/** Codes of the room `policy`: what stands between a command and its verdict. */
export const policyErrors = {
  POLICY_UNREADABLE: { kind: "state", means: "A policy that a command names cannot be read, or a directory has none." },
  POLICY_LANGUAGE_UNKNOWN: { kind: "malformed", means: "A policy that a command names is named neither .cue nor .rego." },
  POLICY_REFUSED: { kind: "verification", means: "A policy does not allow what an attestation says." },
  POLICY_INPUT_INVALID: {
    kind: "malformed",
    means: "A file holds no statement, envelope or bundle that a policy could be asked about.",
  },
  POLICY_NOT_FORMATTED: { kind: "state", means: "A policy is not written as policy fmt writes it." },
} as const;

/** Make an error of the room `policy`. */
export const policyError: ErrorMaker<typeof policyErrors> = defineErrors(policyErrors);

/** An error to throw: a command that asks a policy was given none. */
export function policyMissing({ command }: Arguments): Error {
  return argumentError("FLAG_REQUIRED", `Cannot run ${command}: --policy is missing; it names a policy or a directory of them`, {
    expected: "--policy",
  });
}
