import { defineErrors, type ErrorMaker } from "@sigillum/library/encoding";

/** Codes of the room `root`. */
export const rootErrors = {
  ROOT_EVENT_INVALID: {
    kind: "verification",
    means: "Something in a ceremony event does not hold, so nothing of it is taken or signed.",
  },
  ROOT_KEY_UNKNOWN: { kind: "state", means: "No key, or more than one, goes by the name that a command was given." },
  ROOT_KEYS_MISSING: { kind: "state", means: "Nobody has submitted a key for a role that the proposal needs." },
  ROOT_KEY_ML_DSA: {
    kind: "state",
    means: "A key of ML-DSA was offered for a role without saying that few clients can read it.",
  },
  ROOT_FILE_UNREADABLE: { kind: "state", means: "A file that a command was given cannot be read." },
} as const;

/** Make an error of the room `root`. */
export const rootError: ErrorMaker<typeof rootErrors> = defineErrors(rootErrors);
