// The codes of the room log-entry.
import { defineErrors, type ErrorMaker } from "../encoding/index.ts";

/** What can go wrong when log entries are read, compared and verified, by code. */
export const logEntryErrors = {
  ENTRY_BODY_MALFORMED: { kind: "malformed", means: "The body of a log entry is not what its kind and version describe." },
  ENTRY_BODY_NOT_CANONICAL: {
    kind: "verification",
    means: "The body of a log entry is not the one encoding that its fields have.",
  },
  ENTRY_CONTENT_MISMATCH: {
    kind: "verification",
    means: "A log entry is of a kind that does not fit what was signed: an envelope or a message.",
  },
  ENTRY_DIGEST_MISMATCH: {
    kind: "verification",
    means: "A log entry is about another artifact: its digest or hash algorithm differs.",
  },
  ENTRY_ENVELOPE_HASH_MISMATCH: {
    kind: "verification",
    means: "A log entry is about another envelope, or about the same one in another JSON text.",
  },
  ENTRY_ID_MALFORMED: {
    kind: "malformed",
    means: "An entry id is not 64 or 80 hexadecimal characters, or its tree id is not positive.",
  },
  ENTRY_KEY_DETAILS_MISMATCH: {
    kind: "verification",
    means: "The key details of a log entry do not fit its key or its hash algorithm.",
  },
  ENTRY_KEY_UNSUPPORTED: {
    kind: "malformed",
    means: "A log entry is signed with a key or algorithm that this kind of entry cannot have.",
  },
  ENTRY_KIND_MISMATCH: {
    kind: "verification",
    means: "The kind and version in the body of a log entry are not those that were announced.",
  },
  ENTRY_KIND_UNKNOWN: { kind: "malformed", means: "A log entry has a kind or version that is not known." },
  ENTRY_PAYLOAD_HASH_MISMATCH: { kind: "verification", means: "A log entry is about another payload than the envelope holds." },
  ENTRY_PAYLOAD_TYPE_MISMATCH: { kind: "verification", means: "A log entry names another payload type than the envelope has." },
  ENTRY_REQUEST_MALFORMED: { kind: "malformed", means: "A request to log an entry is not what its kind and version describe." },
  ENTRY_SIGNATURE_COUNT: {
    kind: "verification",
    means: "A log entry or request has a number of signatures that it cannot have.",
  },
  ENTRY_SIGNATURE_INVALID: { kind: "verification", means: "A signature to be logged does not verify with the key it came with." },
  ENTRY_SIGNATURE_MISMATCH: { kind: "verification", means: "A log entry holds another signature." },
  ENTRY_TOO_LARGE: { kind: "malformed", means: "A log entry or a request to log one is above the limit on its size." },
  ENTRY_VERIFIER_MALFORMED: { kind: "malformed", means: "The key or certificate of a log entry cannot be read." },
  ENTRY_VERIFIER_MISMATCH: { kind: "verification", means: "A log entry names another key or certificate." },
  SET_INVALID: {
    kind: "verification",
    means: "A signed entry timestamp (Rekor v1's promise) does not verify with the log's key.",
  },
} as const;

/** Make an error of this room. */
export const logEntryError: ErrorMaker<typeof logEntryErrors> = defineErrors(logEntryErrors);
