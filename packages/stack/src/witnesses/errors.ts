// The codes of the room `witnesses`.
import { defineErrors, type ErrorTable, type SigillumError } from "@sigillum/library/encoding";

const table = {
  WITNESS_KEY_UNUSABLE: {
    kind: "malformed",
    means:
      "The verifier key of a witness is that of a log, or of a witness that is named already: it proves nothing beside the others.",
  },
  WITNESS_ANSWER_FALSE: {
    kind: "verification",
    means: "A witness answered something that is not its cosignature of the checkpoint it was shown.",
  },
  WITNESS_TIME_WRONG: {
    kind: "verification",
    means: "A witness cosigned with no time, or with one that is far from this machine's: one of the two clocks is wrong.",
  },
  WITNESS_AHEAD: {
    kind: "verification",
    means:
      "A witness says that it saw a larger tree of this log than there is: this is an old copy of the log, or somebody else signs with its key.",
  },
  WITNESS_UNSTEADY: { kind: "unavailable", means: "A witness was sent what it asked for, and asked for something else." },
} as const;

/** The codes of this room, with their kind and meaning. */
export const witnessErrors: ErrorTable = table;

/** Make an error of this room. */
export const witnessError: (
  code: keyof typeof table,
  message: string,
  fields?: { cause?: unknown; found?: string; expected?: string },
) => SigillumError = defineErrors(table);
