import { defineErrors, type ErrorMaker } from "../encoding/index.ts";

/** Codes of the room `image`: what an image's signatures are, or are not. */
export const imageErrors = {
  IMAGE_NO_SIGNATURES: { kind: "verification", means: "The registry was asked and the image has no signature." },
  IMAGE_NO_MATCHING_SIGNATURE: { kind: "verification", means: "The image has signatures, and none proves what was asked." },
  IMAGE_LAYOUT_UNSUPPORTED: {
    kind: "unavailable",
    means: "The image has signatures only in cosign's older tag layout, which is not read yet.",
  },
  IMAGE_BUNDLE_MALFORMED: {
    kind: "malformed",
    means: "What refers to the image calls itself a Sigstore bundle and is none, or one of an old version.",
  },
  IMAGE_PREDICATE_UNEXPECTED: {
    kind: "verification",
    means: "The bundle holds an attestation of another kind, or no statement at all, so it is no image signature.",
  },
  IMAGE_TOO_MANY_BUNDLES: { kind: "unavailable", means: "More bundles refer to the image than are read." },
} as const;

/** Make an error of the room `image`. */
export const imageError: ErrorMaker<typeof imageErrors> = defineErrors(imageErrors);
