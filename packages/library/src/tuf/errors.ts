// The codes of the room `tuf`.
import { defineErrors, type ErrorMaker } from "../encoding/index.ts";

/** What can go wrong when TUF metadata is read and verified, by code. */
export const tufErrors = {
  TUF_MALFORMED: { kind: "malformed", means: "A metadata file is not what the TUF specification describes" },
  TUF_KEY_UNSUPPORTED: { kind: "malformed", means: "A key has a type, scheme or encoding that is not accepted" },
  TUF_KEY_REPEATED: { kind: "verification", means: "A role lists one key id twice, so that one key could count twice" },
  TUF_WRONG_ROLE: { kind: "verification", means: "A file holds the metadata of another role than the one that was asked for" },
  TUF_SIGNATURE_REPEATED: { kind: "verification", means: "One key id stands more than once among the signatures of a file" },
  TUF_THRESHOLD: { kind: "verification", means: "Fewer keys of the role signed a file than its threshold demands" },
  TUF_VERSION: { kind: "verification", means: "A file has another version than the one that was asked for" },
  TUF_ROLLBACK: { kind: "verification", means: "A file is older than one that was trusted before" },
  TUF_EXPIRED: { kind: "verification", means: "A file is past its expiry" },
  TUF_LENGTH: { kind: "verification", means: "A file is longer or shorter than the metadata says" },
  TUF_HASH: { kind: "verification", means: "A file has another hash than the metadata says" },
  TUF_TARGET_UNKNOWN: { kind: "verification", means: "No target of that name is signed by the repository" },
  TUF_FILE_MISSING: { kind: "unavailable", means: "The repository does not serve a file that its metadata demands" },
  TUF_ENDLESS_DATA: { kind: "verification", means: "A server sends more bytes for a file than the client asked for at most" },
  TUF_ROLE_UNLISTED: {
    kind: "verification",
    means: "A delegated role stands in no trusted snapshot, so none of its files is trusted",
  },
  TUF_TOO_MANY_ROLES: { kind: "verification", means: "A search went through as many delegated roles as a client follows" },
  TUF_TOO_MANY_ROOTS: { kind: "verification", means: "The chain of root files is longer than a client follows in one refresh" },
} as const;

/** A code of the room `tuf`. */
export type TufErrorCode = keyof typeof tufErrors;

/** Make an error of this room. */
export const tufError: ErrorMaker<typeof tufErrors> = defineErrors(tufErrors);
