// The codes of the room `keyring`.
import { defineErrors, type ErrorTable, type SigillumError } from "@sigillum/library/encoding";

const table = {
  KEYRING_NOT_FOUND: {
    kind: "state",
    means: "The data directory has no keyring.json: its making was interrupted, or the file was removed.",
  },
  KEYRING_EXISTS: { kind: "state", means: "The data directory has a keyring already, so none is made over it." },
  KEYRING_MALFORMED: { kind: "state", means: "keyring.json cannot be read as the document that Sigillum wrote." },
  KEYRING_NEWER: { kind: "state", means: "keyring.json was written by a newer Sigillum than this one can read." },
  KEY_UNKNOWN: { kind: "state", means: "The keyring has no key of that name." },
  KEY_MISMATCH: { kind: "state", means: "A private key is not the one whose public key the keyring records." },
} as const;

/** The codes of this room, with their kind and meaning. */
export const keyringErrors: ErrorTable = table;

/** Make an error of this room. */
export const keyringError: (
  code: keyof typeof table,
  message: string,
  fields?: { cause?: unknown; found?: string; expected?: string },
) => SigillumError = defineErrors(table);
