// The codes of the room `compose`.
import { defineErrors, type ErrorTable, type SigillumError } from "@sigillum/library/encoding";

const table = {
  STACK_ADDRESS_CHANGED: {
    kind: "state",
    means: "A public URL in the settings differs from the one that the stack's keys, certificates or trust root name.",
  },
  STACK_SERVICE_UNKNOWN: { kind: "malformed", means: "A service was named that does not exist." },
  STACK_IS_BACKUP: {
    kind: "state",
    means:
      "A backup was to be served: its logs may have gone on since it was made, so `sigillum restore` must make a data directory of it.",
  },
  STACK_BACKUP_UNUSABLE: { kind: "state", means: "A backup is unfinished, cannot be read, or could not be made." },
  STACK_SHARD_NOT_SEALED: { kind: "state", means: "A shard was to be moved to other storage that is not sealed, or not there." },
  STACK_SHARD_DAMAGED: {
    kind: "state",
    means: "A shard that was to be moved to other storage differs from what was recorded of it.",
  },
  STACK_NOT_IN_FILES: {
    kind: "state",
    means: "An archive was asked for of logs that are kept in PostgreSQL, or a backup of tiles that are kept in a bucket.",
  },
  STACK_TARGET_NOT_EMPTY: { kind: "state", means: "A backup or a restored data directory is written to an empty place alone." },
  STACK_CHECKPOINT_UNREADABLE: {
    kind: "malformed",
    means: "A copy of a checkpoint that was published, or one that was given to a restore, cannot be read.",
  },
  STACK_ML_DSA_MISSING: {
    kind: "state",
    means: "Log v2 is to sign with ML-DSA-44 too, which this Node lacks: Node 24.7 or newer with OpenSSL 3.5 has it.",
  },
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
