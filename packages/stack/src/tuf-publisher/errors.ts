// The codes of the room `tuf-publisher`.
import { defineErrors, type ErrorMaker } from "@sigillum/library/encoding";

/** What can go wrong with the published root of trust, by code. */
export const tufPublisherErrors = {
  TUF_PUBLISHED_CORRUPT: {
    kind: "state",
    means: "The published repository on disk lacks a file that its own metadata names, or holds another",
  },
  TUF_PUBLISHED_CONFLICT: { kind: "state", means: "A file that never changes would have been published with other bytes" },
} as const;

/** Make an error of this room. */
export const tufPublisherError: ErrorMaker<typeof tufPublisherErrors> = defineErrors(tufPublisherErrors);
