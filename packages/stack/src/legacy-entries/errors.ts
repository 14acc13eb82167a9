// The codes of the room `legacy-entries`.
import { defineErrors, type ErrorTable, type SigillumError } from "@sigillum/library/encoding";

const table = {
  LEGACY_ENTRY_MALFORMED: {
    kind: "malformed",
    means: "A proposed entry of an older kind is not what its kind describes, or above a limit.",
  },
  LEGACY_ENTRY_UNSUPPORTED: {
    kind: "malformed",
    means: "A proposed entry has a key format or algorithm that this log does not carry out.",
  },
  LEGACY_SIGNATURE_INVALID: {
    kind: "verification",
    means: "The signature of a proposed entry of an older kind does not verify.",
  },
} as const;

/** The codes of this room, with their kind and meaning. */
export const legacyEntryErrors: ErrorTable = table;

/** Make an error of this room. */
export const legacyEntryError: (
  code: keyof typeof table,
  message: string,
  fields?: { cause?: unknown; found?: string; expected?: string },
) => SigillumError = defineErrors(table);
