// What a policy says of a document, in one shape for both languages and all contracts.
import type { CueProblem } from "../cue/index.ts";
import { isPolicyError, type PolicyError, type Position } from "../values/index.ts";
import { contractError, type contractErrors } from "./errors.ts";

/** One sentence of a verdict. */
export interface VerdictMessage {
  /** Our code, or the engine's own (`rego_parse_error`, `CUE_SYNTAX`, `POLICY_STEPS_EXCEEDED`, …) where it could not answer. */
  readonly code: string;
  /** In the words of the contract's original, where it has words of its own. */
  readonly text: string;
  /** The path of the offending value in the document, where the engine tells it. */
  readonly path?: string;
  /** Where the policy stands that refused; the first is the place to look at. */
  readonly positions: readonly Position[];
  /** The values that do not fit each other, as the policy's language writes them. */
  readonly values: readonly string[];
}

/** What the policies say of one document. Without messages it passes, and with one it does not: a failure to look is a message too. */
export interface Verdict {
  readonly pass: boolean;
  readonly messages: readonly VerdictMessage[];
  /** What a policy wants said although it passes. */
  readonly warnings: readonly VerdictMessage[];
}

/** A verdict of these messages and warnings. */
export function verdictOf(messages: readonly VerdictMessage[], warnings: readonly VerdictMessage[] = []): Verdict {
  return { pass: messages.length === 0, messages, warnings };
}

/** A message of one of our codes. */
export function message(
  code: keyof typeof contractErrors,
  text: string,
  fields: { readonly path?: string; readonly positions?: readonly Position[]; readonly values?: readonly string[] } = {},
): VerdictMessage {
  const { path, positions = [], values = [] } = fields;
  return { code: contractError(code, text).code, text, ...(path === undefined ? {} : { path }), positions, values };
}

/** The message of a CUE problem: `path: sentence`, as CUE prints it. */
export function cueMessage(problem: CueProblem, code: keyof typeof contractErrors = "CONTRACT_CUE_UNSATISFIED"): VerdictMessage {
  const { path, positions, values } = problem;
  const text = path === "" ? problem.message : `${path}: ${problem.message}`;
  return message(code, text, { ...(path === "" ? {} : { path }), positions, values });
}

/** The message of an engine that could not answer; `text` may put it in the words of a contract. */
export function engineMessage(error: PolicyError, text: string = error.message): VerdictMessage {
  return { code: error.code, text, positions: error.position === undefined ? [] : [error.position], values: [] };
}

/** Run an engine: what it cannot answer becomes a message, and so refuses. Anything but our own errors is a defect and is thrown. */
export function answered(run: () => Verdict, words: (error: PolicyError) => string = (error) => error.message): Verdict {
  try {
    return run();
  } catch (error) {
    if (!isPolicyError(error)) throw error;
    return verdictOf([engineMessage(error, words(error))]);
  }
}

/** The verdict of several engines or policies that must all pass. */
export function all(verdicts: readonly Verdict[]): Verdict {
  return verdictOf(
    verdicts.flatMap(({ messages }) => messages),
    verdicts.flatMap(({ warnings }) => warnings),
  );
}
