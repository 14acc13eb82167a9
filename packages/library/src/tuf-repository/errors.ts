// The codes of the room `tuf-repository`.
import { defineErrors, type ErrorMaker } from "../encoding/index.ts";

/** What can go wrong when a repository is edited, by code. */
export const tufRepositoryErrors = {
  TUF_REPOSITORY_EXPIRY: { kind: "state", means: "A file was to be signed with an expiry that has passed" },
  TUF_REPOSITORY_ROLLBACK: { kind: "state", means: "A publication would lower a version or change bytes under one that is out" },
  TUF_REPOSITORY_SIGNER: { kind: "state", means: "A signer is no key of the role, or a role lacks signers for its threshold" },
  TUF_REPOSITORY_TARGET: { kind: "state", means: "A target that metadata lists is not at hand, or its bytes are others" },
  TUF_REPOSITORY_PATH: { kind: "state", means: "A target has a path that clients, servers or buckets read in different ways" },
  TUF_PUBLISHED_CORRUPT: {
    kind: "state",
    means: "The published repository lacks a file that its own metadata names, or holds another",
  },
  TUF_PUBLISHED_CONFLICT: { kind: "state", means: "A file that never changes would have been published with other bytes" },
  TUF_REPOSITORY_DELEGATION: {
    kind: "state",
    means: "A delegation cannot be published, or is not one that every client understands",
  },
  TUF_EVENT_MALFORMED: { kind: "malformed", means: "The folder of a ceremony event does not hold what belongs there" },
  TUF_EVENT_ROLE: { kind: "state", means: "The event proposes no such role, or the repository has none" },
  TUF_EVENT_STALE: {
    kind: "state",
    means: "The event was made for another version of the repository than the one that is published",
  },
  TUF_EVENT_CONFLICT: { kind: "verification", means: "Two copies of an event propose different content under one name" },
  TUF_EVENT_INCOMPLETE: { kind: "state", means: "Fewer keyholders than needed have signed a file of the event" },
  TUF_EVENT_SIGNATURE: { kind: "verification", means: "A signature is by no key of the role, or not over the proposed file" },
  TUF_KEY_POSSESSION: {
    kind: "verification",
    means: "Who submitted a key has not shown to hold its private half, or for another event",
  },
  TUF_KEY_KNOWN: { kind: "state", means: "A submitted key, or the token that holds it, is in the role already" },
  TUF_KEY_ATTESTATION: { kind: "verification", means: "The attestation of a hardware key does not hold for the submitted key" },
} as const;

/** A code of the room `tuf-repository`. */
export type TufRepositoryErrorCode = keyof typeof tufRepositoryErrors;

/** Make an error of this room. */
export const tufRepositoryError: ErrorMaker<typeof tufRepositoryErrors> = defineErrors(tufRepositoryErrors);
