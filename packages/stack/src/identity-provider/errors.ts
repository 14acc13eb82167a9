// The codes of the room `identity-provider`.
import { defineErrors, type ErrorTable, type SigillumError } from "@sigillum/library/encoding";

const table = {
  IDENTITY_SIGN_IN_UNAVAILABLE: {
    kind: "state",
    means: "Nobody can sign in at the embedded identity provider, or what was asked for is not enabled there.",
  },
  IDENTITY_PASSWORD_WRONG: {
    kind: "verification",
    means: "A sign-in named an address that nobody has, or a password that is not its own: which of the two is not said.",
  },
  IDENTITY_TOO_MANY_ATTEMPTS: {
    kind: "verification",
    means: "There were too many failed sign-ins for an account or from an address; they are forgotten one a minute.",
  },
  IDENTITY_BUSY: { kind: "unavailable", means: "Too many sign-ins with passwords wait to be checked." },
  IDENTITY_PASSWORD_HASH: { kind: "malformed", means: "The password hash of a user in the settings cannot be read." },
  IDENTITY_UPSTREAM_REFUSED: {
    kind: "verification",
    means:
      "The provider that somebody signed in at refused, gave a token that does not hold, or does not say that the address is verified.",
  },
  IDENTITY_UPSTREAM_UNAVAILABLE: {
    kind: "unavailable",
    means: "The provider that somebody wants to sign in at does not answer.",
  },
  IDENTITY_USERS_UNREADABLE: {
    kind: "state",
    means: "users.json of the data directory cannot be read as the file that `sigillum user add` wrote.",
  },
  IDENTITY_USER_ADDRESS: { kind: "malformed", means: "Somebody was to be added under something that is no email address." },
  IDENTITY_USER_UNKNOWN: { kind: "state", means: "Somebody was to be removed whom users.json does not have." },
  IDENTITY_REQUEST_MALFORMED: {
    kind: "malformed",
    means: "A request to the identity provider has a parameter that it does not accept.",
  },
  IDENTITY_HOST_REFUSED: {
    kind: "verification",
    means:
      "A development token was asked for under another host name than this machine's, as a web page of somebody else's would.",
  },
  IDENTITY_SIGN_IN_EXPIRED: {
    kind: "verification",
    means: "A sign-in page was used after its time, or by another browser than it was shown to.",
  },
} as const;

/** The codes of this room, with their kind and meaning. */
export const identityProviderErrors: ErrorTable = table;

/** Make an error of this room. */
export const identityProviderError: (
  code: keyof typeof table,
  message: string,
  fields?: { cause?: unknown; found?: string; expected?: string },
) => SigillumError = defineErrors(table);
