// The codes of the room `values`.
import { defineErrors, type ErrorMaker } from "./policy-error.ts";

/** Every error code of this room. */
export const valuesErrors = {
  POLICY_STEPS_EXCEEDED: { kind: "verification", means: "An evaluation took more steps than its budget allows." },
  POLICY_DEPTH_EXCEEDED: { kind: "verification", means: "An evaluation nested calls, or values, deeper than its budget allows." },
  POLICY_BYTES_EXCEEDED: { kind: "verification", means: "An evaluation built more text and values than its budget allows." },
  POLICY_NUMBER_MALFORMED: { kind: "malformed", means: "A text is not a number as JSON writes it." },
  POLICY_NUMBER_TOO_LARGE: {
    kind: "malformed",
    means: "A number has more digits, or a larger exponent, than is calculated with.",
  },
  POLICY_DIVIDE_BY_ZERO: { kind: "malformed", means: "A number is divided by zero." },
  POLICY_NOT_AN_INTEGER: { kind: "malformed", means: "A remainder is asked of a number that is not an integer." },
  POLICY_JSON_SYNTAX: { kind: "malformed", means: "A document is not JSON as RFC 8259 writes it." },
  POLICY_JSON_DUPLICATE_NAME: { kind: "malformed", means: "A JSON object of a document has the same name twice." },
  POLICY_JSON_LONE_SURROGATE: { kind: "malformed", means: "A JSON string of a document holds half of a surrogate pair." },
  POLICY_JSON_TOO_DEEP: { kind: "malformed", means: "A document is nested deeper than the reader allows." },
  POLICY_JSON_TOO_LARGE: { kind: "malformed", means: "A document is longer than the reader allows." },
  POLICY_REGEX_MALFORMED: { kind: "malformed", means: "A regular expression is not one of RE2's, or is too large." },
} as const;

/** Make an error of this room. */
export const valuesError: ErrorMaker<typeof valuesErrors> = defineErrors(valuesErrors);
