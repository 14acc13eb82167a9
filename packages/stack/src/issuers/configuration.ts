// Which issuers are trusted, and for what.

/** How a token of an issuer becomes a certificate's subject. */
export type IssuerType = "email";

/** One trusted issuer. */
export interface IssuerConfiguration {
  /** Exactly the `iss` of its tokens. */
  readonly url: string;
  /** The audience that tokens must name. */
  readonly clientId: string;
  readonly type: IssuerType;
  readonly skipEmailVerification: boolean;
  /** PEM certificates trusted for TLS to this issuer. */
  readonly caCertificates?: string;
}

/** The claim whose value clients sign to prove possession of their key, as GET /api/v2/configuration names it. */
export function challengeClaimOf(type: IssuerType): "email" | "sub" {
  return type === "email" ? "email" : "sub";
}
