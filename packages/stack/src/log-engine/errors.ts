// The codes of the room `log-engine`.
import { defineErrors, type ErrorTable, type SigillumError } from "@sigillum/library/encoding";

const table = {
  LOG_OVERLOADED: { kind: "unavailable", means: "More entries wait to be added than the log accepts; try again shortly." },
  LOG_STOPPED: { kind: "unavailable", means: "The shard is closed, or stopped after its disk could not say what is durable." },
  LOG_SEALED: { kind: "state", means: "The shard is sealed: it has its final size, and a newer shard takes entries." },
  LOG_NOT_PUBLISHED: {
    kind: "unavailable",
    means: "The entry is durable but no checkpoint over it could be signed; the same request later finds it.",
  },
  LOG_ENTRY_TOO_LARGE: { kind: "malformed", means: "The entry is longer than an entry bundle can hold (65,535 bytes)." },
  LOG_INDEX_OUT_OF_RANGE: { kind: "malformed", means: "An index or size is beyond the published tree." },
  LOG_STATE_BEHIND_CHECKPOINT: {
    kind: "state",
    means:
      "The stored log is shorter than a checkpoint it published or than its own index: part of it was lost or an old copy was put back.",
  },
  LOG_ROOT_MISMATCH: { kind: "state", means: "The stored entries and tiles do not lead to the root that the log recorded." },
  LOG_ORIGIN_MISMATCH: { kind: "state", means: "The stored checkpoint belongs to a log of another origin." },
  LOG_INDEX_UNREADABLE: {
    kind: "state",
    means:
      "The index of a log cannot be opened: another process has it, or it is damaged and can be removed, since it is rebuilt.",
  },
  LOG_STATE_CORRUPT: { kind: "state", means: "A file of the log's state is missing or cannot be read." },
} as const;

/** The codes of this room, with their kind and meaning. */
export const logErrors: ErrorTable = table;

/** Make an error of this room. */
export const logError: (
  code: keyof typeof table,
  message: string,
  fields?: { cause?: unknown; found?: string; expected?: string },
) => SigillumError = defineErrors(table);
