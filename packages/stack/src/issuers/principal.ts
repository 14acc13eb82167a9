// From the verified claims of a token to what stands in a certificate: certificate-authority §4.
import type { JsonObject } from "@sigillum/library/encoding";
import { type CiProvider, type ExtensionValues, fillCiProvider } from "./ci-provider.ts";
import {
  claimAt,
  isEmailAddress,
  isEmailVerified,
  maxClaimBytes,
  missingClaim,
  optionalText,
  refusedClaim,
  requiredClaim,
} from "./claims.ts";
import type { IssuerConfiguration, IssuerType } from "./configuration.ts";
import { issuersError } from "./errors.ts";
import { encodeUri, originOf } from "./uri.ts";

/** An authenticated identity. */
export interface Principal {
  /** The issuer that the certificate names. */
  readonly issuer: string;
  /** The token's `sub`. */
  readonly subject: string;
  readonly subjectAltName: { readonly type: "email" | "uri" | "otherName"; readonly value: string };
  /**
   * Strings whose signature proves possession of the key. The first is the one of the issuer type; the other of `email` and `sub` is
   * taken too, since clients choose without knowing the type (certificate-authority §1.5), and both come from the verified token.
   */
  readonly challenges: readonly string[];
  /** What the token says of a build, for the extensions .2 to .6 and .9 to .23. */
  readonly extensions: ExtensionValues;
}

/** An issuer's configuration with what was read from it once: its path and its templates. */
export interface PrincipalRules {
  readonly configuration: IssuerConfiguration;
  readonly issuerClaim?: readonly (string | number)[];
  readonly provider?: CiProvider;
}

type Name = Principal["subjectAltName"];

/**
 * Turns claims into a principal; signature, issuer, audience and times were checked before. `issuer` is the token's own, which for a
 * pattern of issuers the configuration does not hold.
 */
export function principalOf(rules: PrincipalRules, issuer: string, claims: JsonObject): Principal {
  const { configuration, provider } = rules;
  const subject = requiredClaim(claims, "sub");
  const common = { issuer, subject, challenges: challengesOf(configuration.type, subject, claims) };
  if (provider !== undefined) {
    const { subjectAltName, extensions } = fillCiProvider(provider, claims);
    return { ...common, subjectAltName: { type: "uri", value: subjectAltName }, extensions };
  }
  if (configuration.type === "email")
    return {
      ...common,
      issuer: namedIssuer(rules, issuer, claims),
      subjectAltName: emailName(configuration, claims),
      extensions: {},
    };
  return { ...common, subjectAltName: nameOf(configuration, issuer, subject, claims), extensions: {} };
}

function nameOf(configuration: IssuerConfiguration, issuer: string, subject: string, claims: JsonObject): Name {
  switch (configuration.type) {
    case "uri":
      return uriName(configuration.subjectDomain ?? "", subject);
    case "username":
      return userName(configuration.subjectDomain ?? "", subject);
    case "spiffe":
      return spiffeName(configuration.spiffeTrustDomain ?? "", subject);
    case "kubernetes":
      return serviceAccountName(claims);
    case "chainguard-identity":
      return { type: "uri", value: encodeUri(`${issuer}/${subject}`, "sub") };
    default:
      throw new TypeError(`issuers: the type ${configuration.type} has no templates`);
  }
}

/** §1.5: the type's claim first; of the other of the two only a string that is there. */
function challengesOf(type: IssuerType, subject: string, claims: JsonObject): string[] {
  const email = optionalText(claims, "email");
  if (email === undefined || email === subject) return [subject];
  const emailFirst = type === "email" || (type === "chainguard-identity" && isEmailVerified(claims));
  return emailFirst ? [email, subject] : [subject, email];
}

function emailName(configuration: IssuerConfiguration, claims: JsonObject): Name {
  const email = requiredClaim(claims, "email");
  if (!isEmailAddress(email)) throw refusedClaim("email", email, "an email address of ASCII characters");
  if (!configuration.skipEmailVerification && !isEmailVerified(claims)) {
    const verified = claims.value("email_verified");
    const found = verified === undefined ? "no email_verified" : `email_verified ${JSON.stringify(verified).slice(0, 40)}`;
    throw issuersError(
      "TOKEN_EMAIL_UNVERIFIED",
      `Cannot accept identity token: it has ${found}, so its issuer does not say that the email address is verified`,
      {
        found,
        expected: "email_verified true, or skipEmailVerification in the issuer's settings",
      },
    );
  }
  return { type: "email", value: email };
}

/** §4: a federating provider says in a claim which issuer it asked; a token without that claim is refused. */
function namedIssuer(rules: PrincipalRules, issuer: string, claims: JsonObject): string {
  const path = rules.issuerClaim;
  if (path === undefined) return issuer;
  const name = rules.configuration.issuerClaim ?? path.join(".");
  const value = claimAt(claims, path);
  if (value === undefined || value === "") throw missingClaim(claims, name, ", which names the issuer of the certificate");
  if (typeof value === "string" && value.length <= maxClaimBytes) return value;
  throw refusedClaim(name, JSON.stringify(value), `a string of at most ${maxClaimBytes} characters`);
}

function uriName(subjectDomain: string, subject: string): Name {
  const expected = originOf(subjectDomain);
  const found = originOf(subject);
  if (isEmailAddress(subject) || found === undefined || expected === undefined)
    throw refusedClaim("sub", subject, `a URI below ${subjectDomain}`);
  if (found.scheme !== expected.scheme || found.host !== expected.host)
    throw outside("sub", `${found.scheme}://${found.host}`, subjectDomain);
  return { type: "uri", value: encodeUri(subject, "sub") };
}

function userName(subjectDomain: string, subject: string): Name {
  if (subject.includes("!") || isEmailAddress(subject))
    throw refusedClaim("sub", subject, "a user name without ! that is no email address");
  return { type: "otherName", value: `${subject}!${subjectDomain}` };
}

// SPIFFE-ID §2.1 and §2.2: the trust domain in lower case, segments that are neither empty nor dots.
const spiffeForm = /^spiffe:\/\/([a-z0-9._-]{1,255})((?:\/[A-Za-z0-9._-]+)*)$/u;

function spiffeName(trustDomain: string, subject: string): Name {
  const [, domain, path = ""] = spiffeForm.exec(subject) ?? [];
  if (domain === undefined || /\/\.{1,2}(?:\/|$)/u.test(path))
    throw refusedClaim("sub", subject, `a SPIFFE ID in ${trustDomain}`);
  if (domain !== trustDomain) throw outside("sub", domain, trustDomain);
  return { type: "uri", value: subject };
}

// Names of Kubernetes are DNS labels and DNS subdomains (RFC 1123).
const namespaceForm = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/u;
const accountForm = /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/u;

function serviceAccountName(claims: JsonObject): Name {
  const namespace = requiredClaim(claims, "kubernetes.io.namespace", ["kubernetes.io", "namespace"]);
  const account = requiredClaim(claims, "kubernetes.io.serviceaccount.name", ["kubernetes.io", "serviceaccount", "name"]);
  if (!namespaceForm.test(namespace)) throw refusedClaim("kubernetes.io.namespace", namespace, "the name of a namespace");
  if (!accountForm.test(account))
    throw refusedClaim("kubernetes.io.serviceaccount.name", account, "the name of a service account");
  return { type: "uri", value: `https://kubernetes.io/namespaces/${namespace}/serviceaccounts/${account}` };
}

function outside(claim: string, found: string, expected: string): Error {
  return issuersError(
    "TOKEN_SUBJECT_OUTSIDE_DOMAIN",
    `Cannot accept identity token: its claim ${claim} belongs to ${JSON.stringify(found.slice(0, 200))}, and its issuer may speak for ${expected} alone`,
    { found: found.slice(0, 200), expected },
  );
}
