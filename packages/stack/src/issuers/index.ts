// The public surface of the room `issuers`.
export { challengeClaimOf, type IssuerConfiguration, type IssuerType } from "./configuration.ts";
export { discoveryLimits } from "./discovery.ts";
export { issuersError, issuersErrors } from "./errors.ts";
export { type EmbeddedIssuer, Issuers, type IssuersOptions } from "./issuers.ts";
export type { Principal } from "./principal.ts";
export { maxTokenLength } from "./token.ts";
