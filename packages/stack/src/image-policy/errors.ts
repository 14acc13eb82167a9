import { defineErrors, type ErrorMaker } from "@sigillum/library/encoding";

/** Codes of the room `image-policy`: what is wrong with a policy object, and why an image is refused. */
export const imagePolicyErrors = {
  IMAGE_POLICY_KIND_UNKNOWN: {
    kind: "malformed",
    means: "An object is no ClusterImagePolicy or TrustRoot, or of an unknown version.",
  },
  IMAGE_POLICY_FIELD_MISSING: { kind: "malformed", means: "A policy object lacks a field that it must have." },
  IMAGE_POLICY_FIELD_INVALID: { kind: "malformed", means: "A field of a policy object has a value that it cannot have." },
  IMAGE_POLICY_FIELD_UNKNOWN: { kind: "malformed", means: "A policy object has a field that nobody reads." },
  IMAGE_POLICY_FIELDS_EXCLUSIVE: { kind: "malformed", means: "A policy object has two fields of which only one may be there." },
  IMAGE_POLICY_TEXT_MALFORMED: { kind: "malformed", means: "The CUE or Rego text of a policy does not compile." },
  IMAGE_POLICY_TRUST_ROOT_MALFORMED: { kind: "malformed", means: "A TrustRoot holds keys or certificates that cannot be read." },
  IMAGE_POLICY_UNUSABLE: {
    kind: "unavailable",
    means:
      "A policy needs something that cannot be had now: a Secret, a ConfigMap, a text, a TrustRoot. It refuses until it can.",
  },
  IMAGE_POLICY_KMS_UNSUPPORTED: {
    kind: "state",
    means: "A policy names a KMS for ca-cert, where a chain of certificates has to be.",
  },
  IMAGE_POLICY_NO_MATCH: { kind: "verification", means: "No policy is for this image, and the cluster refuses such images." },
  IMAGE_POLICY_STATIC_FAIL: { kind: "verification", means: "A policy refuses the image whatever its signatures are." },
  IMAGE_POLICY_IDENTITY_MISMATCH: {
    kind: "verification",
    means: "A signature is by an identity that the authority does not name.",
  },
  IMAGE_POLICY_ATTESTATION_REFUSED: {
    kind: "verification",
    means: "Attestations of the wanted type verify, and the authority's policy accepts none of them.",
  },
  IMAGE_POLICY_RESULT_REFUSED: {
    kind: "verification",
    means: "An authority passes, and the policy over the combined result does not.",
  },
} as const;

/** Make an error of the room `image-policy`. */
export const imagePolicyError: ErrorMaker<typeof imagePolicyErrors> = defineErrors(imagePolicyErrors);
