// The public surface of the room `identity-provider`.
export { identityProviderError, identityProviderErrors } from "./errors.ts";
export { createIdentityProvider, type IdentityProvider, type IdentityProviderOptions, identityKeySet } from "./service.ts";
