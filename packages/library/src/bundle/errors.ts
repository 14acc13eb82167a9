import { defineErrors, type SigillumError } from "../encoding/index.ts";

/** The codes of the room `bundle`, with what each means. */
export const bundleErrors = {
  BUNDLE_JSON: { kind: "malformed", means: "The bundle is not JSON, or names a field twice, or nests too deeply." },
  BUNDLE_FIELD_MISSING: { kind: "malformed", means: "The bundle lacks a field that it must have." },
  BUNDLE_FIELD_UNKNOWN: { kind: "malformed", means: "The bundle has a field that the format does not know." },
  BUNDLE_FIELD_TYPE: { kind: "malformed", means: "A field of the bundle holds another type than it must." },
  BUNDLE_FIELD_VALUE: {
    kind: "malformed",
    means: "A field of the bundle has the right type and cannot be read: bad base64, a negative or too large number.",
  },
  BUNDLE_TOO_LARGE: { kind: "malformed", means: "The bundle is larger than we read." },
  BUNDLE_MEDIA_TYPE: { kind: "malformed", means: "The bundle's media type is none of versions 0.1, 0.2 and 0.3." },
  BUNDLE_MATERIAL: { kind: "malformed", means: "The bundle names no signing key or certificate, or names several." },
  BUNDLE_CHAIN_IN_V03: {
    kind: "malformed",
    means: "A bundle of version 0.3 holds a certificate chain; it may hold a single certificate only.",
  },
  BUNDLE_CERTIFICATE_BEFORE_V03: {
    kind: "malformed",
    means: "A bundle of version 0.1 or 0.2 holds its certificate in the form of 0.3.",
  },
  BUNDLE_CHAIN_EMPTY: { kind: "malformed", means: "The bundle's certificate chain has no certificate." },
  BUNDLE_CHAIN_TOO_LONG: { kind: "malformed", means: "The bundle's certificate chain has more certificates than we read." },
  BUNDLE_CERTIFICATE: { kind: "malformed", means: "A certificate of the bundle does not parse." },
  BUNDLE_LEAF_IS_CA: { kind: "malformed", means: "The first certificate of the bundle is that of an authority." },
  BUNDLE_ROOT_CERTIFICATE: {
    kind: "malformed",
    means: "The bundle's certificate chain holds a self-issued certificate; roots come from the trusted root alone.",
  },
  BUNDLE_CONTENT: { kind: "malformed", means: "The bundle holds neither a message signature nor a DSSE envelope, or both." },
  BUNDLE_SIGNATURE_EMPTY: { kind: "malformed", means: "The bundle's signature has no bytes." },
  BUNDLE_DSSE_SIGNATURES: { kind: "malformed", means: "The bundle's DSSE envelope does not have exactly one signature." },
  BUNDLE_HASH_ALGORITHM: { kind: "malformed", means: "The message digest names a hash algorithm that we do not know." },
  BUNDLE_DIGEST_LENGTH: { kind: "malformed", means: "The message digest is not as long as its algorithm's." },
  BUNDLE_TOO_MANY_ENTRIES: { kind: "malformed", means: "The bundle has more than 32 log entries." },
  BUNDLE_TOO_MANY_TIMESTAMPS: { kind: "malformed", means: "The bundle has more than 32 timestamps." },
  BUNDLE_PROMISE_MISSING: { kind: "malformed", means: "A log entry of a bundle of version 0.1 has no inclusion promise." },
  BUNDLE_PROOF_MISSING: { kind: "malformed", means: "A log entry of a bundle of version 0.2 or later has no inclusion proof." },
  BUNDLE_CHECKPOINT_MISSING: { kind: "malformed", means: "An inclusion proof has no checkpoint." },
  BUNDLE_LOG_ID: { kind: "malformed", means: "A log entry's log id is not 32 bytes long." },
  BUNDLE_PROOF_HASH: { kind: "malformed", means: "A hash of an inclusion proof is not 32 bytes long." },
  BUNDLE_DETACHED: {
    kind: "malformed",
    means: "A detached signature, certificate, chain or timestamp is empty, or is none of the forms in which cosign writes it.",
  },
  BUNDLE_PEP740: { kind: "malformed", means: "A PyPI attestation or provenance object is not what PEP 740 describes." },
  BUNDLE_LIST: {
    kind: "malformed",
    means: "A text is neither a bundle nor a list of bundles, one a line or in a field that a registry answers with.",
  },
  BUNDLE_LIST_TOO_LONG: { kind: "malformed", means: "A text holds more bundles than we read." },
  BUNDLE_PROOF_TOO_LONG: { kind: "malformed", means: "An inclusion proof has more hashes than a tree can have levels." },
} as const;

/** The codes of the room `bundle`. */
export type BundleErrorCode = keyof typeof bundleErrors;

/** Make an error of this room. */
export const bundleError: (
  code: BundleErrorCode,
  message: string,
  fields?: { cause?: unknown; found?: string; expected?: string },
) => SigillumError = defineErrors(bundleErrors);
