// Which issuers are trusted, and for what. certificate-authority §2.
import { issuerTypes } from "../settings/index.ts";
import type { CiProvider } from "./ci-provider.ts";

export { issuerTypes };

/** One of `issuerTypes`. */
export type IssuerType = (typeof issuerTypes)[number];

/** One trusted issuer, or a pattern of such. */
export interface IssuerConfiguration {
  /** Exactly the `iss` of its tokens; in `metaIssuers` a pattern, whose `*` stand for letters, digits, `-` and `_`. */
  readonly url: string;
  /** The audience that tokens must name. */
  readonly clientId: string;
  readonly type: IssuerType;
  /** Take `email` where `email_verified` is missing or false: for providers that verify every address and never say so. */
  readonly skipEmailVerification: boolean;
  /** PEM certificates trusted for TLS to this issuer, besides the system's. */
  readonly caCertificates?: string;
  /** For `ci-provider`: the name of its templates. */
  readonly ciProvider?: string;
  /** For `email`: JSONPath of the claim that names the issuer the certificate names, of a federating provider. */
  readonly issuerClaim?: string;
  /** For `uri` a scheme and host, for `username` a host. */
  readonly subjectDomain?: string;
  readonly spiffeTrustDomain?: string;
  /** What GET /api/v2/configuration tells clients to sign instead of the type's claim; nothing that is verified depends on it. */
  readonly challengeClaim?: string;
}

/** Everything that decides which tokens obtain which certificates. */
export interface IssuersConfiguration {
  readonly issuers: readonly IssuerConfiguration[];
  readonly metaIssuers: readonly IssuerConfiguration[];
  /** Templates by the names that `ciProvider` uses; a name here hides the built-in one. */
  readonly ciProviders: ReadonlyMap<string, CiProvider>;
}

/** The claim whose value clients sign to prove possession of their key, as GET /api/v2/configuration names it. */
export function challengeClaimOf(type: IssuerType): "email" | "sub" {
  return type === "email" ? "email" : "sub";
}
