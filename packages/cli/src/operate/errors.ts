import { defineErrors, type ErrorMaker } from "@sigillum/library/encoding";

/** Codes of the room `operate`. */
export const operateErrors = {
  PUBLISHED_UNREADABLE: {
    kind: "malformed",
    means: "A file that should hold a published checkpoint cannot be read or has none.",
  },
  DEMO_STEP_FAILED: {
    kind: "state",
    means: "A step of the demonstration did not do what it says; the message names the step and the log.",
  },
  DEMO_NOT_REFUSED: { kind: "verification", means: "The demonstration tampered with something, and verification accepted it." },
  DEMO_LOGIN_STUCK: { kind: "state", means: "The identity provider's pages did not lead the demonstration back with a login." },
} as const;

/** Make an error of the room `operate`. */
export const operateError: ErrorMaker<typeof operateErrors> = defineErrors(operateErrors);
