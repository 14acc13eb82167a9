// The codes of the room `trust-store`.
import { defineErrors, type ErrorMaker } from "../encoding/index.ts";

/** What can go wrong with the named roots on disk, by code. */
export const trustStoreErrors = {
  TRUST_NAME_INVALID: {
    kind: "malformed",
    means: "A root was given a name that is not letters, digits, dots, dashes and underscores",
  },
  TRUST_NAME_TAKEN: { kind: "state", means: "Another root is stored under that name" },
  TRUST_NOT_FOUND: { kind: "state", means: "No root is stored under that name, or none at all" },
  TRUST_ROOT_MISSING: { kind: "unavailable", means: "The address serves no root.json, so it is no TUF repository" },
  TRUST_ROOT_CHECKSUM: { kind: "verification", means: "The first root has another SHA-256 than the one that was given" },
  TRUST_SERVER: { kind: "unavailable", means: "The repository answered with an error, so nothing can be said of its files" },
  TRUST_STORE_CORRUPT: { kind: "malformed", means: "A file of the trust store does not hold what was written there" },
  TRUST_OFFLINE_MISSING: { kind: "state", means: "Offline was asked for and the store lacks a file that was never fetched" },
  TRUST_ARCHIVE_MALFORMED: { kind: "malformed", means: "A file is no archive of a verified repository" },
  TRUST_ARCHIVE_OLD: {
    kind: "verification",
    means: "An archive was verified longer ago than allowed, in the future, or before what is stored already",
  },
  TRUST_STORE_READ_ONLY: {
    kind: "state",
    means: "The folder of the roots cannot be written to, so no root can be added or removed",
  },
} as const;

/** A code of the room `trust-store`. */
export type TrustStoreErrorCode = keyof typeof trustStoreErrors;

/** Make an error of this room. */
export const trustStoreError: ErrorMaker<typeof trustStoreErrors> = defineErrors(trustStoreErrors);
