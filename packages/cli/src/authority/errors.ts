import { defineErrors, type ErrorMaker } from "@sigillum/library/encoding";

/** Codes of the room `authority`. */
export const authorityErrors = {
  AUTHORITY_FILE_UNREADABLE: { kind: "state", means: "A certificate or configuration file that a command needs cannot be read." },
  AUTHORITY_FILE_EXISTS: { kind: "state", means: "A certificate was to be written where a file stands; it was left as it was." },
  AUTHORITY_OUT_MISSING: {
    kind: "state",
    means: "A root for AWS CloudHSM has nowhere to go: the module stores no certificates, so a file must be named.",
  },
  AUTHORITY_PASSWORD_MISSING: { kind: "state", means: "No password was given and there is no terminal to ask on." },
} as const;

/** Make an error of the room `authority`. */
export const authorityError: ErrorMaker<typeof authorityErrors> = defineErrors(authorityErrors);
