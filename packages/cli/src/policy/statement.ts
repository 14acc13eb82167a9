// The statement of an envelope as policies are asked about it.
import { isPolicyError, parseJson, type Value } from "@sigillum/policy/values";
import { policyError } from "./errors.ts";

/** The statement of an envelope, with every digit of its numbers. */
export function readStatement(payload: Uint8Array): Value {
  try {
    return parseJson(payload);
  } catch (cause) {
    if (!isPolicyError(cause)) throw cause;
    throw policyError(
      "POLICY_INPUT_INVALID",
      `Cannot ask the policy: the statement is no JSON that it can be asked about: ${cause.message}`,
      { cause },
    );
  }
}
