// The public surface of the room `identity-provider`.
export { identityProviderError, identityProviderErrors } from "./errors.ts";
export { hashPassword } from "./password.ts";
export {
  createIdentityProvider,
  type IdentityProvider,
  type IdentityProviderOptions,
  identityKeySet,
  workflowIssuer,
} from "./service.ts";
export type { UpstreamEntry } from "./upstream.ts";
export { UserFile } from "./user-file.ts";
export type { UserEntry } from "./users.ts";
