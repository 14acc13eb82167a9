// The codes of the room `compose`.
import { defineErrors, type ErrorTable, type SigillumError } from "@sigillum/library/encoding";

const table = {
  STACK_ADDRESS_CHANGED: {
    kind: "state",
    means: "A public URL in the settings differs from the one that the stack's keys, certificates or trust root name.",
  },
  STACK_SERVICE_UNKNOWN: { kind: "malformed", means: "A service was named that does not exist." },
  STACK_NOT_RUNNING: { kind: "state", means: "A command needs the process that serves a data directory, and none does." },
  STACK_TRUST_UNPUBLISHED: {
    kind: "state",
    means: "A rotation waits: clients cannot have the next key yet, since the trusted root with it has not been published.",
  },
  STACK_FILE_UNREADABLE: { kind: "state", means: "A file that the settings name cannot be read." },
  STACK_SERVICE_DISABLED: { kind: "state", means: "A service was asked for that the settings disable." },
} as const;

/** The codes of this room, with their kind and meaning. */
export const composeErrors: ErrorTable = table;

/** Make an error of this room. */
export const composeError: (
  code: keyof typeof table,
  message: string,
  fields?: { cause?: unknown; found?: string; expected?: string },
) => SigillumError = defineErrors(table);
