// The predicate types that cosign writes and their short names on its command line (cosign's `--type`).

/** Predicate types by the short name that cosign's command line gives them. */
export const predicateTypes: Readonly<Record<PredicateTypeName, string>> = {
  custom: "https://cosign.sigstore.dev/attestation/v1",
  cyclonedx: "https://cyclonedx.org/bom",
  link: "https://in-toto.io/Link/v1",
  openvex: "https://openvex.dev/ns",
  slsaprovenance: "https://slsa.dev/provenance/v0.2",
  slsaprovenance02: "https://slsa.dev/provenance/v0.2",
  slsaprovenance1: "https://slsa.dev/provenance/v1",
  spdx: "https://spdx.dev/Document",
  spdxjson: "https://spdx.dev/Document",
  vuln: "https://cosign.sigstore.dev/attestation/vuln/v1",
};

/** A short name of a predicate type. */
export type PredicateTypeName =
  | "custom"
  | "cyclonedx"
  | "link"
  | "openvex"
  | "slsaprovenance"
  | "slsaprovenance02"
  | "slsaprovenance1"
  | "spdx"
  | "spdxjson"
  | "vuln";

/** The predicate type of an image signature since cosign 3: the predicate is an empty object, annotations stand on the subject. */
export const cosignSignPredicateType: string = "https://sigstore.dev/cosign/sign/v1";
