// The codes of the room `timestamp-authority`; those of a request itself are the room `timestamp`'s.
import { defineErrors, type ErrorTable, type SigillumError } from "@sigillum/library/encoding";

const table = {
  TSA_JSON_MALFORMED: { kind: "malformed", means: "A timestamp request in JSON lacks a field, or has one that cannot be read." },
  TSA_JSON_TOO_LARGE: { kind: "malformed", means: "A timestamp request in JSON is longer than 1,024 bytes." },
  TSA_CERTIFICATE_OUTSIDE_VALIDITY: {
    kind: "unavailable",
    means: "A certificate of the timestamp authority's chain is not valid now, so nobody would accept its timestamps.",
  },
  TSA_CLOCK_UNSTEADY: {
    kind: "unavailable",
    means: "The system's clock jumped, or is off from the NTP servers: nothing is stamped until it has been steady for a while.",
  },
  TSA_SIGNING_FAILED: { kind: "unavailable", means: "The key of the timestamp authority could not sign." },
} as const;

/** The codes of this room, with their kind and meaning. */
export const timestampAuthorityErrors: ErrorTable = table;

/** Make an error of this room. */
export const timestampAuthorityError: (
  code: keyof typeof table,
  message: string,
  fields?: { cause?: unknown; found?: string; expected?: string },
) => SigillumError = defineErrors(table);
