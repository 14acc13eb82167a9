import { defineErrors, type ErrorMaker } from "@sigillum/library/encoding";

/** Codes of the room `arguments`: what is wrong with a command line. */
export const argumentErrors = {
  COMMAND_UNKNOWN: { kind: "malformed", means: "There is no command of that name." },
  FLAG_UNKNOWN: { kind: "malformed", means: "The command has no flag of that name." },
  FLAG_VALUE_MISSING: { kind: "malformed", means: "A flag that takes a value is the last word of the command line." },
  FLAG_VALUE_INVALID: { kind: "malformed", means: "A flag's value is none of those it takes." },
  FLAG_REQUIRED: { kind: "malformed", means: "A flag that the command cannot do without is missing." },
  FLAGS_CONFLICT: { kind: "malformed", means: "Two flags that exclude each other stand together." },
  COMMAND_TIMEOUT: { kind: "unavailable", means: "The command took longer than --timeout allows." },
  ARGUMENT_COUNT: { kind: "malformed", means: "The command has too few or too many arguments." },
} as const;

/** Make an error of the room `arguments`. */
export const argumentError: ErrorMaker<typeof argumentErrors> = defineErrors(argumentErrors);
