import { defineErrors, type ErrorMaker } from "@sigillum/library/encoding";

/** Codes of the room `blob`: what stands between a command and its signature or verification. */
export const blobErrors = {
  FILE_UNREADABLE: { kind: "state", means: "A file that a command names cannot be read." },
  FILE_UNWRITABLE: { kind: "state", means: "A file that a command should write cannot be written." },
  SIGN_IN_IMPOSSIBLE: {
    kind: "state",
    means: "No identity token was given or offered, and nobody is there to log in in a browser.",
  },
  SIGNING_CONFIG_MISSING: {
    kind: "state",
    means: "The trust root publishes no signing config, so no service to sign with is known.",
  },
  OIDC_ISSUER_MISSING: { kind: "state", means: "The trust root's signing config names no identity provider to log in at." },
  FLAG_UNSUPPORTED: { kind: "state", means: "A flag of cosign asks for something that is not carried out here." },
  CLAIM_MISMATCH: {
    kind: "verification",
    means: "The certificate lacks a claim that a --certificate-github-… flag demands, or has another value.",
  },
  PREDICATE_INVALID: {
    kind: "malformed",
    means: "The predicate is not what its type demands, or its type is neither a known name nor a URI.",
  },
  PREDICATE_TYPE_MISMATCH: {
    kind: "verification",
    means: "The attestation is of another predicate type than the one asked for.",
  },
  LOG_ENTRY_NOT_FOUND: { kind: "verification", means: "The log was asked for the entry of a detached signature and has none." },
} as const;

/** Make an error of the room `blob`. */
export const blobError: ErrorMaker<typeof blobErrors> = defineErrors(blobErrors);
