// The codes of the room checkpoint.
import { defineErrors, type ErrorMaker } from "../encoding/index.ts";

/** What can go wrong when signed notes and checkpoints are read and verified, by code. */
export const checkpointErrors = {
  CHECKPOINT_MALFORMED: { kind: "malformed", means: "The text of a checkpoint is not origin, size and root, one line each" },
  CHECKPOINT_NOT_SIGNED_BY_KEY: {
    kind: "verification",
    means: "A checkpoint has no signature line with the name and key id of the expected key",
  },
  CHECKPOINT_ORIGIN_MISMATCH: { kind: "verification", means: "A checkpoint is of another log than the one that was expected" },
  CHECKPOINT_SIGNATURE_INVALID: {
    kind: "verification",
    means: "The line of the expected key does not verify over the checkpoint",
  },
  COSIGNATURE_INVALID: { kind: "verification", means: "The line of a known cosigner does not verify over the checkpoint" },
  COSIGNATURE_MISSING: { kind: "verification", means: "A checkpoint has no line of the expected cosigner" },
  NOTE_KEY_MALFORMED: { kind: "malformed", means: "A verifier key text, or a key name, is not as C2SP signed-note describes it" },
  NOTE_KEY_UNSUPPORTED: { kind: "malformed", means: "A key has a type that note signatures of this kind do not have" },
  NOTE_MALFORMED: { kind: "malformed", means: "A signed note has no blank line, a bad signature line or a forbidden character" },
  NOTE_TOO_LARGE: { kind: "malformed", means: "A signed note is above the limits on size or on the number of signatures" },
} as const;

/** A code of the room `checkpoint`. */
export type CheckpointErrorCode = keyof typeof checkpointErrors;

/** Make an error of this room. */
export const checkpointError: ErrorMaker<typeof checkpointErrors> = defineErrors(checkpointErrors);
