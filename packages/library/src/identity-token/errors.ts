import { defineErrors, type ErrorMaker } from "../encoding/index.ts";

/** Codes of the room `identity-token`: why there is no usable token. */
export const identityTokenErrors = {
  ID_TOKEN_MALFORMED: { kind: "malformed", means: "What was given is no JSON Web Token with the claims of OpenID Connect." },
  ID_TOKEN_UNREADABLE: { kind: "state", means: "The file that should hold the identity token cannot be read." },
  ID_TOKEN_EXPIRED: { kind: "verification", means: "The identity token's time is over, so no certificate is given for it." },
  ID_TOKEN_SIGNATURE_INVALID: {
    kind: "verification",
    means: "The identity token is not signed by a key that its provider publishes.",
  },
  ID_TOKEN_CLAIM_MISMATCH: {
    kind: "verification",
    means: "The identity token is for another client, from another issuer, or answers another login.",
  },
  OIDC_PROVIDER_UNUSABLE: {
    kind: "unavailable",
    means: "The identity provider's discovery document is missing or lacks what a login needs.",
  },
  OIDC_LOGIN_REFUSED: { kind: "verification", means: "The identity provider refused the login, or the person did." },
  OIDC_STATE_MISMATCH: { kind: "verification", means: "The browser came back with an answer to another login than this one." },
  OIDC_LOGIN_TIMEOUT: { kind: "unavailable", means: "Nobody logged in within the time there was." },
  OIDC_TOKEN_REFUSED: { kind: "unavailable", means: "The identity provider gave no token for a login that had succeeded." },
  OIDC_NO_DEVELOPMENT_USER: {
    kind: "state",
    means: "The identity provider has no development user to log in without a browser.",
  },
  AMBIENT_TOKEN_REFUSED: {
    kind: "unavailable",
    means:
      "The surroundings (GitHub Actions, Buildkite, Google Cloud, SPIFFE, a projected file) offer an identity token and gave none.",
  },
} as const;

/** Make an error of the room `identity-token`. */
export const identityTokenError: ErrorMaker<typeof identityTokenErrors> = defineErrors(identityTokenErrors);
