// The codes of the room `ct-log`; those of a chain that is refused are the rooms `ct`'s and `x509`'s.
import { defineErrors, type ErrorTable, type SigillumError } from "@sigillum/library/encoding";

const table = {
  CT_LOG_PARAMETER: {
    kind: "malformed",
    means: "A parameter of a request to the CT log is missing or no number within the log's tree.",
  },
  CT_LOG_LEAF_UNKNOWN: { kind: "malformed", means: "The CT log has no entry with the leaf hash that was asked for." },
  CT_LOG_REMOTE_UNAVAILABLE: {
    kind: "unavailable",
    means: "The CT log elsewhere did not answer in time, or refused a precertificate.",
  },
  CT_LOG_REMOTE_ANSWER: { kind: "unavailable", means: "The CT log elsewhere answers something that is no SCT." },
  CT_LOG_ISSUER_UNAVAILABLE: {
    kind: "unavailable",
    means: "An issuer's certificate could not be stored or read, so no entry that names it was made.",
  },
  CT_LOG_SEALED: { kind: "state", means: "A shard of the CT log takes no more entries: another has followed it." },
} as const;

/** The codes of this room, with their kind and meaning. */
export const ctLogErrors: ErrorTable = table;

/** Make an error of this room. */
export const ctLogError: (
  code: keyof typeof table,
  message: string,
  fields?: { cause?: unknown; found?: string; expected?: string },
) => SigillumError = defineErrors(table);
