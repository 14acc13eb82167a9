// Where identity tokens come from: a browser, the surroundings, a file, a development provider.
export {
  type AmbientOptions,
  type AmbientProvider,
  type AmbientSource,
  type AmbientToken,
  ambientProviders,
  ambientToken,
} from "./ambient.ts";
export {
  type BrowserLogin,
  type CodeLogin,
  defaultClientId,
  loginInBrowser,
  loginWithCode,
  outOfBandRedirect,
} from "./browser-login.ts";
export { developmentToken } from "./development.ts";
export { type DeviceCode, type DeviceLogin, loginOnDevice } from "./device-login.ts";
export { identityTokenError, identityTokenErrors } from "./errors.ts";
export type { GoogleEndpoints } from "./google-impersonation.ts";
export { browserCommand, openInBrowser } from "./open-browser.ts";
export {
  discoverProvider,
  type Provider,
  type ProviderOptions,
  type TokenExpectations,
  verifyIdentityToken,
} from "./provider.ts";
export { type IdentityToken, parseIdentityToken, readIdentityToken, requireUnexpired } from "./token.ts";
