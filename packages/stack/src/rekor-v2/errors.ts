// The codes of the room `rekor-v2`.
import { defineErrors, type ErrorTable, type SigillumError } from "@sigillum/library/encoding";

const table = {
  REKOR_V2_NOT_FOUND: { kind: "malformed", means: "The log has no tile or entry bundle of that path and width." },
  REKOR_V2_HOST_UNKNOWN: {
    kind: "malformed",
    means: "Several shards stand behind this address, and the request names none of their hosts (status 421).",
  },
  REKOR_V2_ADDRESS_MISSING: {
    kind: "malformed",
    means: "The next shard of log v2 needs an address of its own: neither the rotation nor the settings give one that is free.",
  },
  REKOR_V2_DUPLICATE: {
    kind: "verification",
    means: "The log has the same entry already, and is set to refuse repeated entries.",
  },
  REKOR_V2_ENTRY_TOO_LARGE: {
    kind: "malformed",
    means: "The entry's stored form is longer than an entry bundle can hold (65,535 bytes).",
  },
} as const;

/** The codes of this room, with their kind and meaning. */
export const rekorV2Errors: ErrorTable = table;

/** Make an error of this room. */
export const rekorV2Error: (
  code: keyof typeof table,
  message: string,
  fields?: { cause?: unknown; found?: string; expected?: string },
) => SigillumError = defineErrors(table);
