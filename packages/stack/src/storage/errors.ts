// The codes of the room `storage`.
import { defineErrors, type ErrorTable, type SigillumError } from "@sigillum/library/encoding";

const table = {
  DATA_DIRECTORY_LOCKED: { kind: "state", means: "Another process works on the data directory." },
  DATA_DIRECTORY_UNWRITABLE: { kind: "state", means: "This user may not write to the data directory, or it cannot be made." },
  STORAGE_WRITE_FAILED: {
    kind: "unavailable",
    means: "A write did not happen and left nothing behind; it may be tried again when the reason is gone.",
  },
  STORAGE_SYNC_FAILED: {
    kind: "state",
    means: "The system could not say that written data is durable; nothing more is written until the process starts anew.",
  },
  STORAGE_FENCED: {
    kind: "state",
    means: "Another process has opened the store since; this one writes nothing more.",
  },
  STORAGE_READ_FAILED: { kind: "unavailable", means: "A file or key of the data directory could not be read." },
  WRITE_AHEAD_CORRUPT: {
    kind: "state",
    means: "A journal is damaged before its end, or a part of it is missing, which no crash of ours can cause.",
  },
  WRITE_AHEAD_RECORD_TOO_LARGE: { kind: "malformed", means: "A record is longer than a write-ahead file takes." },
} as const;

/** The codes of this room, with their kind and meaning. */
export const storageErrors: ErrorTable = table;

/** Make an error of this room. */
export const storageError: (
  code: keyof typeof table,
  message: string,
  fields?: { cause?: unknown; found?: string; expected?: string },
) => SigillumError = defineErrors(table);

/** The reason in an error of the operating system, for a message. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return "code" in error && typeof error.code === "string" ? `${error.code}` : error.message;
}
