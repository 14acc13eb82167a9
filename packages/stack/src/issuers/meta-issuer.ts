// Patterns of issuers. certificate-authority §2.3: quote, expand, anchor. A star never matches a dot, a slash, a colon or a question
// mark, so a pattern cannot be made to match another host (GHSA-59jp-pj84-45mr was the missing anchors).
import { quote } from "@sigillum/library/encoding";
import { issuersError } from "./errors.ts";

/** The longest issuer that is held against a pattern. */
export const maxIssuerLength = 2048;

/**
 * Makes the expression of a pattern. Between two stars must stand a character that no star matches, or one long issuer could be
 * matched in a great many ways.
 */
export function metaIssuerPattern(pattern: string): RegExp {
  const parts = pattern.split("*");
  if (!/^https?:\/\/[^/?#*@]|^https?:\/\/\*[^/?#@]/u.test(pattern) || parts.length > 17 || /[?#@\s]/u.test(pattern))
    throw refused(pattern, "it is no http or https URL with stars");
  if (parts.slice(1, -1).some((part) => /^[-_a-zA-Z0-9]*$/u.test(part)))
    throw refused(pattern, "two stars have nothing between them that ends the first");
  return new RegExp(`^${parts.map(quoteMeta).join("[-_a-zA-Z0-9]+")}$`, "u");
}

/** Whether an issuer is one of a pattern's. */
export function isMetaIssuer(expression: RegExp, issuer: string): boolean {
  return issuer.length <= maxIssuerLength && expression.test(issuer);
}

function quoteMeta(literal: string): string {
  return literal.replace(/[\\^$.+?()[\]{}|/]/gu, "\\$&");
}

function refused(pattern: string, problem: string): Error {
  return issuersError("ISSUERS_CONFIGURATION", `Cannot trust issuers ${quote(pattern, 200)}: ${problem}`, {
    found: quote(pattern, 200),
    expected: "a pattern such as https://oidc.eks.*.amazonaws.com/id/*",
  });
}
