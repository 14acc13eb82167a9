// The codes of the room `identity-provider`.
import { defineErrors, type ErrorTable, type SigillumError } from "@sigillum/library/encoding";

const table = {
  IDENTITY_SIGN_IN_UNAVAILABLE: {
    kind: "state",
    means: "Nobody can sign in at the embedded identity provider: the development user is disabled and there are no others.",
  },
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
