import { defineErrors, type ErrorMaker } from "../encoding/index.ts";

/** Codes of the room `image`: what an image's signatures are, or are not. */
export const imageErrors = {
  IMAGE_NO_SIGNATURES: { kind: "verification", means: "The registry was asked and the image has no signature." },
  IMAGE_NO_MATCHING_SIGNATURE: { kind: "verification", means: "The image has signatures, and none proves what was asked." },
  IMAGE_NO_ATTESTATIONS: { kind: "verification", means: "The registry was asked and the image has no attestation." },
  IMAGE_NO_MATCHING_ATTESTATION: {
    kind: "verification",
    means: "The image has attestations, and none of the wanted type proves what was asked.",
  },
  IMAGE_NO_CERTIFICATE: {
    kind: "verification",
    means: "An identity is expected, and the image's signatures were made with keys and carry no certificate.",
  },
  IMAGE_DIGEST_UNEXPECTED: { kind: "verification", means: "The signature is for another image than the one that was asked for." },
  IMAGE_TAG_MOVED: {
    kind: "verification",
    means: "While the image was verified its tag came to name another one, of which nothing was proved.",
  },
  IMAGE_ANNOTATION_MISSING: {
    kind: "verification",
    means: "The signature lacks an annotation that is demanded, or has another value.",
  },
  IMAGE_PAYLOAD_MALFORMED: { kind: "malformed", means: "A signature's payload is not the JSON that container signatures sign." },
  IMAGE_LAYER_MALFORMED: {
    kind: "malformed",
    means: "A layer in the tag layout lacks a part of a signature, or has an unreadable one.",
  },
  IMAGE_TAG_CONFLICT: {
    kind: "unavailable",
    means: "Others kept overwriting the image's signature tag while it was being updated.",
  },
  IMAGE_LAYOUT_NEEDS_PROMISE: {
    kind: "state",
    means: "The tag layout has no room for the proof of a Rekor v2 log, so a signature logged there cannot be written in it.",
  },
  IMAGE_DIRECTORY_MALFORMED: { kind: "malformed", means: "A directory is no OCI image layout, or lacks what its index names." },
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
