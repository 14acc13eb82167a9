// What a signer must know of an OIDC identity token. Its signature is the certificate authority's to verify.
import { formatRfc3339, isSigillumError, JsonObject, parseBase64Url, parseJson } from "../encoding/index.ts";
import { signingError } from "./errors.ts";

/** The claims of an identity token that a signature needs. */
export interface TokenClaims {
  readonly issuer: string;
  readonly email?: string;
  /** What the proof of possession signs: the e-mail address, or the subject where there is none (certificate-authority.md §1.5). */
  readonly challenge: string;
}

const maxTokenBytes = 64 * 1024;

/** Read the claims of a token and refuse one that cannot lead to a certificate. Neither signature nor audience was checked. */
export function readToken(token: string, nowMs: number): TokenClaims {
  const claims = readClaims(token);
  const expiresS = claims.optionalNumber("exp");
  if (expiresS === undefined || expiresS * 1000 <= nowMs) {
    const found = expiresS === undefined ? "no time of expiry" : `expired at ${formatRfc3339(Math.floor(expiresS) * 1000)}`;
    throw signingError("SIGNING_TOKEN_EXPIRED", `Cannot use identity token: found ${found}, it is ${formatRfc3339(nowMs)} now`, {
      found,
      expected: `a token that is valid at ${formatRfc3339(nowMs)}`,
    });
  }
  const issuer = claims.string("iss");
  const email = claims.optionalString("email");
  if (email === undefined || email === "") return { issuer, challenge: claims.string("sub") };
  // Some providers write the claim as text.
  const verified = claims.value("email_verified");
  if (verified === true || verified === "true") return { issuer, email, challenge: email };
  throw signingError("SIGNING_TOKEN_EMAIL_UNVERIFIED", "Cannot use identity token: its e-mail address is not verified", {
    found: verified === undefined ? "no email_verified" : `email_verified ${JSON.stringify(verified)}`,
    expected: "email_verified true",
  });
}

function readClaims(token: string): JsonObject {
  const parts = token.length > maxTokenBytes ? [] : token.split(".", 4);
  const payload = parts[1];
  if (payload === undefined || parts.length !== 3) {
    throw signingError("SIGNING_TOKEN_MALFORMED", "Cannot read identity token: it is no JSON web token", {
      found: token.length > maxTokenBytes ? `${token.length} bytes` : `${parts.length} parts`,
      expected: `3 parts of at most ${maxTokenBytes} bytes`,
    });
  }
  const fail = (message: string): Error => signingError("SIGNING_TOKEN_MALFORMED", message);
  try {
    return JsonObject.exact(parseJson(parseBase64Url(payload)), "identity token", fail);
  } catch (cause) {
    // The text of the error below would quote the token, which is a secret.
    if (!isSigillumError(cause)) throw cause;
    throw signingError("SIGNING_TOKEN_MALFORMED", "Cannot read identity token: its second part is no base64url of a JSON object");
  }
}
