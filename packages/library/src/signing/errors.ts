import { defineErrors, type ErrorMaker } from "../encoding/index.ts";

/** The codes of the room `signing`, with what each means. */
export const signingErrors = {
  SIGNING_TOKEN_MALFORMED: {
    kind: "malformed",
    means: "The identity token is no JSON web token, or lacks the claims that a signature needs.",
  },
  SIGNING_TOKEN_EXPIRED: { kind: "verification", means: "The identity token has expired; sign in again." },
  SIGNING_TOKEN_EMAIL_UNVERIFIED: {
    kind: "verification",
    means: "The identity token's e-mail address is not verified, and no authority would certify it.",
  },
  SIGNING_HASH_UNSUPPORTED: {
    kind: "malformed",
    means: "The artifact's digest is not SHA-256, which alone can be signed with an ephemeral key.",
  },
  SIGNING_BYTES_NEEDED: {
    kind: "malformed",
    means: "The key signs messages and not digests, and only a digest of the artifact was given.",
  },
  SIGNING_KEY_NOT_LOGGABLE: {
    kind: "malformed",
    means: "A pure Ed25519 signature over an artifact cannot be logged, because the log keeps the artifact's digest alone.",
  },
  SIGNING_STATEMENT_TOO_LARGE: {
    kind: "state",
    means: "The statement is larger than the log takes: a Rekor v1 log is sent the whole of it, a Rekor v2 log its digest alone.",
  },
  SIGNING_STATEMENT_WITHOUT_DIGEST: {
    kind: "malformed",
    means: "The statement names no subject by SHA-256, SHA-384 or SHA-512, so it can be verified against nothing.",
  },
  SIGNING_CERTIFICATE_UNTRUSTED: {
    kind: "verification",
    means: "The certificate, issued or given, does not verify against the trusted root; nothing was signed or logged.",
  },
  SIGNING_CERTIFICATE_KEY_MISMATCH: {
    kind: "state",
    means: "The certificate that was given to sign with is of another key than the one that was given.",
  },
  SIGNING_CERTIFICATE_NAMELESS: {
    kind: "state",
    means: "The certificate that was given to sign with has no subject alternative name, so that no verifier could expect it.",
  },
  SIGNING_IDENTITY_MISMATCH: {
    kind: "verification",
    means: "The authority certified another identity than the token's; nothing was signed or logged.",
  },
  SIGNING_RESULT_UNVERIFIED: {
    kind: "verification",
    means: "The bundle that came out does not verify against the trusted root, and was thrown away.",
  },
} as const;

/** Make an error of the room `signing`. */
export const signingError: ErrorMaker<typeof signingErrors> = defineErrors(signingErrors);
