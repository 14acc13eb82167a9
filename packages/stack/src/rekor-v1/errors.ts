// The codes of the room `rekor-v1`.
import { defineErrors, type ErrorTable, type SigillumError } from "@sigillum/library/encoding";

const table = {
  REKOR_V1_NOT_FOUND: { kind: "malformed", means: "The log has no entry of that index or identifier; the reply has no body." },
  REKOR_V1_DUPLICATE: {
    kind: "verification",
    means: "The log has the same entry already, and is set to refuse repeated entries.",
  },
  REKOR_V1_INVALID: {
    kind: "malformed",
    means: "A field of a request breaks the schema of Rekor's OpenAPI document (status 422).",
  },
  REKOR_V1_TREE_UNKNOWN: { kind: "malformed", means: "A request names a tree that the log does not have." },
  REKOR_V1_SIZE_INVALID: {
    kind: "malformed",
    means: "The sizes of a consistency proof are in the wrong order or beyond the tree.",
  },
  REKOR_V1_SEARCH_INVALID: { kind: "malformed", means: "A search names a key or format that cannot be read." },
  REKOR_V1_KIND_UNSUPPORTED: { kind: "malformed", means: "The log does not accept entries of that kind and version." },
  REKOR_V1_ENTRY_INVALID: {
    kind: "malformed",
    means: "A proposed entry is malformed or its signature does not verify; the cause says which.",
  },
  REKOR_V1_ENTRY_TOO_LARGE: {
    kind: "malformed",
    means: "The entry's stored form is longer than an entry bundle can hold (65,535 bytes).",
  },
  REKOR_V1_SWITCHED_OFF: { kind: "state", means: "The operation is switched off in the settings (status 501)." },
  REKOR_V1_NOT_ACCEPTABLE: {
    kind: "malformed",
    means: "A request accepts none of the content types that the operation answers.",
  },
} as const;

/** The codes of this room, with their kind and meaning. */
export const rekorV1Errors: ErrorTable = table;

/** Make an error of this room. */
export const rekorV1Error: (
  code: keyof typeof table,
  message: string,
  fields?: { cause?: unknown; found?: string; expected?: string },
) => SigillumError = defineErrors(table);
