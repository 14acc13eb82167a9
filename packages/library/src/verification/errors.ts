import { defineErrors, type ErrorMaker } from "../encoding/index.ts";

/** The codes of the room `verification`, with what each means. A check of a lower room fails with that room's code. */
export const verificationErrors = {
  PUBLIC_KEY_EXPECTED: {
    kind: "verification",
    means: "The bundle was signed with a managed key, and an identity was given to check it against, not that key.",
  },
  IDENTITY_EXPECTED: {
    kind: "verification",
    means: "The bundle was signed with a certificate, and a key was given to check it against, not an identity.",
  },
  ARTIFACT_DIGEST_MISMATCH: { kind: "verification", means: "The artifact's digest is not the one that the bundle states." },
  ARTIFACT_DIGEST_UNAVAILABLE: {
    kind: "verification",
    means: "Only a digest of the artifact was given, and the bundle needs one by another algorithm.",
  },
  SIGNATURE_INVALID: {
    kind: "verification",
    means: "The signature does not verify over the artifact or envelope with the signing key.",
  },
  PAYLOAD_TYPE_UNEXPECTED: {
    kind: "verification",
    means: "The envelope's payload is no in-toto statement, so nothing binds it to the artifact.",
  },
  SUBJECT_MISMATCH: { kind: "verification", means: "No subject of the statement has the artifact's digest." },
  LOG_UNKNOWN: { kind: "verification", means: "The trusted root has no log with the entry's log id." },
  LOG_WINDOW: {
    kind: "verification",
    means: "A time of the entry lies outside the period in which the trusted root lets the log's key sign.",
  },
  LOG_NAME_UNUSABLE: {
    kind: "verification",
    means: "The trusted root's address of the log gives no name that a checkpoint could carry.",
  },
  INTEGRATED_TIME_MISSING: {
    kind: "verification",
    means: "A log entry has a promise and no integrated time, which the promise covers.",
  },
  INCLUSION_PROOF_MISSING: {
    kind: "verification",
    means: "A log entry has no inclusion proof, so nothing shows that the log contains it.",
  },
  CHECKPOINT_MISSING: { kind: "verification", means: "An inclusion proof has no checkpoint, so nothing vouches for its tree." },
  CHECKPOINT_SIZE_MISMATCH: {
    kind: "verification",
    means: "An inclusion proof is for a tree of another size than its checkpoint's.",
  },
  CHECKPOINT_ROOT_MISMATCH: { kind: "verification", means: "An inclusion proof states another root than its checkpoint." },
  LOG_INDEX_MISMATCH: { kind: "verification", means: "An entry of Rekor v2 states another index than its inclusion proof." },
  ENTRY_BODY_MISSING: { kind: "verification", means: "The log entry has no body, and it cannot be rebuilt from the bundle." },
  CA_UNKNOWN: { kind: "verification", means: "The trusted root has no certificate authority at all." },
  CA_WINDOW: {
    kind: "verification",
    means: "A time of the signature lies outside the period in which the trusted root believes the certificate authority.",
  },
  SUBJECT_ALT_NAME_MISMATCH: {
    kind: "verification",
    means: "The certificate was issued to another identity than the expected one.",
  },
  ISSUER_MISMATCH: {
    kind: "verification",
    means: "The certificate's identity was vouched for by another issuer than the expected one.",
  },
  ISSUER_MISSING: { kind: "verification", means: "The certificate does not say which issuer vouched for its identity." },
  THRESHOLD_LOG_ENTRIES: { kind: "verification", means: "The bundle is in fewer logs than demanded." },
  THRESHOLD_TIMESTAMPS: { kind: "verification", means: "Fewer timestamp authorities than demanded vouch for the signature." },
  THRESHOLD_WITNESSES: {
    kind: "verification",
    means: "The checkpoint of a log entry is cosigned by fewer of the expected witnesses than demanded.",
  },
  THRESHOLD_OBSERVED_TIMES: {
    kind: "verification",
    means: "Fewer independent sources than demanded vouch for the time of the signature.",
  },
} as const;

/** The codes of the room `verification`. */
export type VerificationErrorCode = keyof typeof verificationErrors;

/** Make an error of the room `verification`. */
export const verificationError: ErrorMaker<typeof verificationErrors> = defineErrors(verificationErrors);
