// The codes of the room `tuf-repository`.
import { defineErrors, type ErrorMaker } from "../encoding/index.ts";

/** What can go wrong when a repository is edited, by code. */
export const tufRepositoryErrors = {
  TUF_REPOSITORY_EXPIRY: { kind: "state", means: "A file was to be signed with an expiry that has passed" },
  TUF_REPOSITORY_ROLLBACK: { kind: "state", means: "A publication would lower a version or change bytes under one that is out" },
  TUF_REPOSITORY_SIGNER: { kind: "state", means: "A signer is no key of the role, or a role lacks signers for its threshold" },
} as const;

/** A code of the room `tuf-repository`. */
export type TufRepositoryErrorCode = keyof typeof tufRepositoryErrors;

/** Make an error of this room. */
export const tufRepositoryError: ErrorMaker<typeof tufRepositoryErrors> = defineErrors(tufRepositoryErrors);
