// The codes of the room `issuers`: one for each reason for which a token obtains nothing.
import { defineErrors, type ErrorTable, type SigillumError } from "@sigillum/library/encoding";

const table = {
  TOKEN_MISSING: { kind: "malformed", means: "A request for a certificate carries no identity token." },
  TOKEN_TOO_LARGE: { kind: "malformed", means: "An identity token is longer than any provider makes one." },
  TOKEN_MALFORMED: {
    kind: "malformed",
    means: "An identity token is no signed JWT in compact form with a JSON header and JSON claims.",
  },
  TOKEN_ISSUER_UNKNOWN: {
    kind: "verification",
    means: "An identity token comes from an issuer that this certificate authority does not trust.",
  },
  TOKEN_UNSIGNED: { kind: "verification", means: "An identity token has the algorithm none: nobody signed it." },
  TOKEN_ALGORITHM_SYMMETRIC: {
    kind: "verification",
    means: "An identity token is signed with a shared secret (HS256 and its like), which a certificate authority never has.",
  },
  TOKEN_ALGORITHM: {
    kind: "verification",
    means: "An identity token is signed with an algorithm that its issuer does not announce, or that is never accepted.",
  },
  TOKEN_KEY_UNKNOWN: { kind: "verification", means: "An identity token names a key that its issuer does not publish." },
  TOKEN_SIGNATURE: { kind: "verification", means: "The signature of an identity token is not by the key of its issuer." },
  TOKEN_AUDIENCE: { kind: "verification", means: "An identity token was made for another audience, or for none." },
  TOKEN_AUDIENCE_SEVERAL: {
    kind: "verification",
    means: "An identity token was made for more than one audience: another party could present it as its own.",
  },
  TOKEN_EXPIRED: { kind: "verification", means: "An identity token has expired, or names no time at which it does." },
  TOKEN_NOT_YET_VALID: { kind: "verification", means: "An identity token is not valid yet, by more than five minutes." },
  TOKEN_CLAIM_MISSING: { kind: "verification", means: "An identity token lacks a claim that its issuer type needs." },
  TOKEN_CLAIM_INVALID: {
    kind: "verification",
    means: "A claim of an identity token cannot stand in a certificate: no email address, say.",
  },
  TOKEN_EMAIL_UNVERIFIED: {
    kind: "verification",
    means: "The issuer does not say that it verified the email address of an identity token.",
  },
  TOKEN_SUBJECT_OUTSIDE_DOMAIN: {
    kind: "verification",
    means: "The subject of an identity token lies outside the domain that its issuer may speak for.",
  },
  ISSUERS_CONFIGURATION: { kind: "malformed", means: "A configuration of issuers cannot be read, or contradicts itself." },
  ISSUERS_TEMPLATE: { kind: "malformed", means: "A template of a CI provider has a construct that is not understood." },
  ISSUER_REDIRECT: { kind: "unavailable", means: "An issuer answers with a redirect to another host, which is never followed." },
  ISSUER_KEY_SET_TOO_LARGE: {
    kind: "unavailable",
    means: "An issuer publishes more keys, or a larger document, than any provider needs.",
  },
  ISSUER_UNREACHABLE: {
    kind: "unavailable",
    means: "The discovery document or the keys of an issuer could not be fetched, so a token could not be checked.",
  },
  ISSUER_INVALID: {
    kind: "unavailable",
    means: "What an issuer publishes about itself is not what it must be: another issuer's name, no keys, no JSON.",
  },
} as const;

/** The codes of this room, with their kind and meaning. */
export const issuersErrors: ErrorTable = table;

/** Make an error of this room. */
export const issuersError: (
  code: keyof typeof table,
  message: string,
  fields?: { cause?: unknown; found?: string; expected?: string },
) => SigillumError = defineErrors(table);
