// The codes of the room attestation.
import { defineErrors, type ErrorMaker } from "../encoding/index.ts";

/** What can go wrong when envelopes and statements are read, by code. */
export const attestationErrors = {
  ENVELOPE_MALFORMED: { kind: "malformed", means: "A text is not a DSSE envelope as its JSON form is specified." },
  ENVELOPE_TOO_LARGE: { kind: "malformed", means: "A DSSE envelope is above the limits on size or on the number of signatures." },
  ENVELOPE_UNSIGNED: { kind: "malformed", means: "A DSSE envelope has no signature." },
  STATEMENT_MALFORMED: {
    kind: "malformed",
    means: "A payload is not an in-toto statement: it is not JSON, or a field is missing or of the wrong type.",
  },
  STATEMENT_TOO_LARGE: {
    kind: "malformed",
    means: "An in-toto statement is above the limits on size, subjects, or digests of one subject.",
  },
  STATEMENT_TYPE_UNKNOWN: { kind: "malformed", means: "The _type of a statement is neither in-toto Statement v0.1 nor v1." },
} as const;

/** Make an error of this room. */
export const attestationError: ErrorMaker<typeof attestationErrors> = defineErrors(attestationErrors);
