import { defineErrors, type ErrorMaker } from "@sigillum/library/encoding";

/** Codes of the room `terminal`: what a person answered, or did not. */
export const terminalErrors = {
  PROMPT_DECLINED: { kind: "state", means: "The question whether to go on was answered with no, or by nobody." },
  PASSWORD_MISMATCH: { kind: "state", means: "The two times a new password was typed differ." },
} as const;

/** Make an error of the room `terminal`. */
export const terminalError: ErrorMaker<typeof terminalErrors> = defineErrors(terminalErrors);
