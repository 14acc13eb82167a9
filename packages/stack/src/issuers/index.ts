// The public surface of the room `issuers`.
export {
  type CiProvider,
  type CiProviderSource,
  type ExtensionValues,
  parseCiProvider,
  type TemplateExtension,
  withProviderUrl,
} from "./ci-provider.ts";
export {
  challengeClaimOf,
  type IssuerConfiguration,
  type IssuersConfiguration,
  type IssuerType,
  issuerTypes,
} from "./configuration.ts";
export { discoveryLimits, type IssuerState } from "./discovery.ts";
export { issuersError, issuersErrors } from "./errors.ts";
export { fulcioFileLimits, parseFulcioConfiguration } from "./fulcio-file.ts";
export { type EmbeddedIssuer, Issuers, type IssuersOptions, type TrustedIssuers } from "./issuers.ts";
export type { Principal } from "./principal.ts";
export { standardProviders } from "./standard-providers.ts";
export type { Template } from "./template.ts";
export { maxTokenLength } from "./token.ts";
export { isTokenSigned, type TokenSignature, type TokenSignatureCheck } from "./token-signature.ts";
