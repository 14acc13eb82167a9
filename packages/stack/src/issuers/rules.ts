// What is checked of an issuer's configuration when it is loaded, so that a token never meets a rule that cannot hold. §2.2.
import { X509Certificate } from "node:crypto";
import { isSigillumError, parsePem, quote } from "@sigillum/library/encoding";
import type { CiProvider } from "./ci-provider.ts";
import type { IssuerConfiguration } from "./configuration.ts";
import { issuersError } from "./errors.ts";
import { parseJsonPath } from "./json-path.ts";
import { metaIssuerPattern } from "./meta-issuer.ts";
import type { PrincipalRules } from "./principal.ts";
import { fixedProviders, standardProviders } from "./standard-providers.ts";
import { originOf } from "./uri.ts";

/** Reads one issuer's rules; throws ISSUERS_CONFIGURATION or ISSUERS_TEMPLATE. Nothing is fetched. */
export function issuerRules(
  configuration: IssuerConfiguration,
  ciProviders: ReadonlyMap<string, CiProvider>,
  isPattern = false,
): PrincipalRules {
  checkUrl(configuration, isPattern);
  checkDomains(configuration, isPattern);
  checkCertificates(configuration);
  const provider = providerOf(configuration, ciProviders);
  const { issuerClaim } = configuration;
  if (issuerClaim !== undefined && configuration.type !== "email")
    throw refused(configuration, `it has an issuer claim, and its type is ${configuration.type}`, "type email");
  return {
    configuration,
    ...(issuerClaim === undefined ? {} : { issuerClaim: parseJsonPath(issuerClaim) }),
    ...(provider === undefined ? {} : { provider }),
  };
}

function checkUrl(configuration: IssuerConfiguration, isPattern: boolean): void {
  if (configuration.clientId === "") throw refused(configuration, "it names no client id", "the audience of its tokens");
  if (isPattern) {
    metaIssuerPattern(configuration.url);
    return;
  }
  if (!/^https?:\/\/[^/\s?#@*]+[^\s?#@]*$/u.test(configuration.url) || !URL.canParse(configuration.url))
    throw refused(configuration, "it is no http or https URL", "a URL without query and fragment");
}

function checkDomains(configuration: IssuerConfiguration, isPattern: boolean): void {
  const { type, spiffeTrustDomain, subjectDomain } = configuration;
  if (type === "spiffe") {
    if (isPattern) throw refused(configuration, "a pattern cannot be of type spiffe", "one issuer for each trust domain");
    if (spiffeTrustDomain === undefined || !/^[a-z0-9._-]{1,255}$/u.test(spiffeTrustDomain))
      throw refused(
        configuration,
        `its trust domain is ${quote(spiffeTrustDomain ?? "")}`,
        "a SPIFFE trust domain in lower case",
      );
  } else if (spiffeTrustDomain !== undefined)
    throw refused(configuration, `it has a trust domain, and its type is ${type}`, "type spiffe");
  if (type !== "uri" && type !== "username") {
    if (subjectDomain !== undefined)
      throw refused(configuration, `it has a subject domain, and its type is ${type}`, "type uri or username");
    return;
  }
  const issuer = originOf(configuration.url);
  const subject = type === "uri" ? originOf(subjectDomain ?? "") : originOf(`https://${subjectDomain ?? ""}`);
  const written = type === "uri" ? `${subject?.scheme}://${subject?.host}` : subject?.host;
  if (issuer === undefined || subject === undefined || written !== subjectDomain)
    throw refused(
      configuration,
      `its subject domain is ${quote(subjectDomain ?? "")}`,
      type === "uri" ? "scheme and host" : "a host without scheme",
    );
  if ((type === "uri" && subject.scheme !== issuer.scheme) || !isRelatedHost(hostName(issuer.host), hostName(subject.host)))
    throw refused(
      configuration,
      `its subject domain ${quote(subjectDomain ?? "")} is another's`,
      "a domain of the same owner as the issuer's host",
    );
}

function hostName(host: string): string {
  return host.replace(/:\d+$/u, "").toLowerCase();
}

/**
 * Whether two hosts seem to belong to one owner: equal, one below the other, or the same last labels.
 * Divergence: upstream compares two labels everywhere, so that all of co.uk counts as one; here it is three below such suffixes.
 */
export function isRelatedHost(one: string, other: string): boolean {
  if (one === other) return true;
  if (one.includes("*") || other.includes("*") || /^[\d.]+$|:/u.test(one + other)) return false;
  const below = (host: string, domain: string): boolean => domain.includes(".") && host.endsWith(`.${domain}`);
  if (below(one, other) || below(other, one)) return true;
  const labels = one.split(".");
  const [second = "", top = ""] = labels.slice(-2);
  const count = top.length === 2 && second.length <= 3 ? 3 : 2;
  const last = (host: string): string => host.split(".").slice(-count).join(".");
  return labels.length >= count && last(one) === last(other);
}

function checkCertificates(configuration: IssuerConfiguration): void {
  if (configuration.caCertificates === undefined) return;
  try {
    const blocks = parsePem(configuration.caCertificates);
    if (blocks.length === 0) throw new TypeError("no PEM block");
    for (const block of blocks) new X509Certificate(block.bytes);
  } catch (cause) {
    const reason = isSigillumError(cause) ? cause.message : "a block is no certificate";
    throw issuersError(
      "ISSUERS_CONFIGURATION",
      `Cannot trust issuer ${quote(configuration.url)}: its CA certificates: ${reason}`,
      {
        cause,
        expected: "certificates in PEM",
      },
    );
  }
}

function providerOf(configuration: IssuerConfiguration, own: ReadonlyMap<string, CiProvider>): CiProvider | undefined {
  const { type, ciProvider } = configuration;
  if (type !== "ci-provider") {
    if (ciProvider !== undefined)
      throw refused(configuration, `it names a CI provider, and its type is ${type}`, "type ci-provider");
    return fixedProviders.get(type);
  }
  const provider = own.get(ciProvider ?? "") ?? standardProviders.get(ciProvider ?? "");
  if (provider !== undefined) return provider;
  throw refused(
    configuration,
    `there is no CI provider ${quote(ciProvider ?? "")}`,
    [...new Set([...own.keys(), ...standardProviders.keys()])].join(", "),
  );
}

function refused(configuration: IssuerConfiguration, problem: string, expected: string): Error {
  const { url } = configuration;
  return issuersError("ISSUERS_CONFIGURATION", `Cannot trust issuer ${quote(url, 200)}: ${problem}, expected ${expected}`, {
    found: problem,
    expected,
  });
}
