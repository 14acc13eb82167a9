// From the verified claims of a token to what stands in a certificate: certificate-authority §4.
import { type JsonObject, quote } from "@sigillum/library/encoding";
import type { IssuerConfiguration } from "./configuration.ts";
import { issuersError } from "./errors.ts";

/** An authenticated identity. */
export interface Principal {
  /** The issuer that the certificate names. */
  readonly issuer: string;
  /** The token's `sub`. */
  readonly subject: string;
  readonly subjectAltName: { readonly type: "email" | "uri"; readonly value: string };
  /**
   * Strings whose signature proves possession of the key. The first is the one of the issuer type; the other of `email` and `sub` is
   * taken too, since clients choose without knowing the type (certificate-authority §1.5), and both come from the verified token.
   */
  readonly challenges: readonly string[];
}

const maxClaimBytes = 2048;
// RFC 5321 §4.1.2 without quoted local parts and address literals; ASCII alone, because rfc822Name is an IA5String.
const emailPattern =
  /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*$/u;

/** Turns claims into a principal; signature, issuer, audience and times were checked before. */
export function principalOf(configuration: IssuerConfiguration, claims: JsonObject): Principal {
  const subject = requiredClaim(claims, "sub");
  const email = requiredClaim(claims, "email");
  if (email.length > 254 || !emailPattern.test(email)) {
    throw issuersError(
      "TOKEN_CLAIM_INVALID",
      `Cannot accept identity token: its email ${quote(email)} is no email address of ASCII characters`,
      { found: quote(email), expected: "an email address" },
    );
  }
  if (!configuration.skipEmailVerification) requireVerified(claims);
  return {
    issuer: configuration.url,
    subject,
    subjectAltName: { type: "email", value: email },
    challenges: subject === email ? [email] : [email, subject],
  };
}

function requiredClaim(claims: JsonObject, name: string): string {
  const value = claims.value(name);
  if (value === undefined || value === "")
    throw issuersError("TOKEN_CLAIM_MISSING", `Cannot accept identity token: it has no claim ${name}`, {
      found: claims.names().join(", "),
      expected: name,
    });
  if (typeof value !== "string" || value.length > maxClaimBytes) {
    throw issuersError(
      "TOKEN_CLAIM_INVALID",
      `Cannot accept identity token: its claim ${name} is no string of at most ${maxClaimBytes} characters`,
      { found: typeof value, expected: "a string" },
    );
  }
  return value;
}

function requireVerified(claims: JsonObject): void {
  const verified = claims.value("email_verified");
  // Some providers write the boolean as a string.
  if (verified === true || verified === "true" || verified === "True") return;
  throw issuersError(
    "TOKEN_EMAIL_UNVERIFIED",
    "Cannot accept identity token: its issuer does not say that the email address is verified",
    {
      found: verified === undefined ? "no email_verified" : `email_verified ${JSON.stringify(verified)}`,
      expected: "email_verified true, or skipEmailVerification in the issuer's settings",
    },
  );
}
