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
  SHARD_ADDRESS_TAKEN: {
    kind: "state",
    means: "A new shard of log v2 needs a host name of its own, and another shard has that one.",
  },
  CHAIN_NOT_PLANNED: { kind: "state", means: "A chain is to be put to use that is not there, in use already, or sealed." },
  CHAIN_REFUSED: {
    kind: "malformed",
    means: "A chain from elsewhere is not what an authority needs: another key, another purpose, no path, or not valid now.",
  },
  KEY_OFFLINE: { kind: "state", means: "A key of a root is kept elsewhere, and what was asked for needs it here." },
  KEY_UNSUITABLE: {
    kind: "state",
    means: "A key that the settings name is of a kind that no client could verify in that place.",
  },
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
