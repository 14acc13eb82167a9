// The codes of the room `tuf-publisher`.
import { defineErrors, type ErrorMaker } from "@sigillum/library/encoding";

/** What can go wrong with the published root of trust, by code. */
export const tufPublisherErrors = {
  TUF_NOT_FOUNDED: { kind: "state", means: "No root of trust has been published yet: keyholders have to sign the first one" },
  TUF_KEYS_OFFLINE: {
    kind: "state",
    means: "A key of the root of trust cannot be replaced here: keyholders have to sign a new root",
  },
} as const;

/** Make an error of this room. */
export const tufPublisherError: ErrorMaker<typeof tufPublisherErrors> = defineErrors(tufPublisherErrors);
