// Login in a browser: authorization code with PKCE (RFC 6749 §4.1, RFC 7636) and a redirect to this machine (RFC 8252 §7.3).
import { randomBytes } from "node:crypto";
import { sha256 } from "../crypto/index.ts";
import { encodeBase64Url, encodeUtf8, isSigillumError, JsonObject, parseJson, quote } from "../encoding/index.ts";
import { describeResponse, request } from "../http/index.ts";
import { identityTokenError } from "./errors.ts";
import { openInBrowser } from "./open-browser.ts";
import { discoverProvider, type Provider, type ProviderOptions, settings, verifyIdentityToken } from "./provider.ts";
import { RedirectListener } from "./redirect-listener.ts";
import type { IdentityToken } from "./token.ts";

/** How a person logs in. */
export interface BrowserLogin extends ProviderOptions {
  readonly issuer: string;
  /** "sigstore" where nothing is said. */
  readonly clientId?: string;
  /** Told the address to visit before the browser is opened. */
  readonly onUrl: (url: string) => void;
  /** Opens the address; the system's browser where nothing is said. Its failure is no failure of the login: the address was told. */
  readonly openBrowser?: (url: string) => void | Promise<void>;
  /** How long to wait for the person: two minutes where nothing is said. */
  readonly waitMs?: number;
  readonly nowMs?: () => number;
}

/** The client id that Sigstore's clients share. */
export const defaultClientId = "sigstore";

const defaultWaitMs = 120_000;
const maxTokenBytes = 256 * 1024;

/**
 * Let a person log in and return the identity token. It was checked as OpenID Connect demands: state, nonce, audience,
 * issuer, access token's hash, expiry, and the signature by the provider's keys. The code and tokens are shown nowhere.
 */
export async function loginInBrowser(login: BrowserLogin): Promise<IdentityToken> {
  const begun = await beginLogin(login);
  const listener = await RedirectListener.open(begun.secrets.state);
  try {
    const url = authorizationUrl(begun, listener.redirectUri);
    login.onUrl(url);
    // A browser that cannot be opened is no failure: the address was told, and somebody may visit it.
    Promise.resolve((login.openBrowser ?? openInBrowser)(url)).catch(() => undefined);
    const code = await listener.code(login.waitMs ?? defaultWaitMs, begun.provider.issuer);
    return await finishLogin(begun, code, listener.redirectUri, login);
  } finally {
    await listener.close();
  }
}

/** How a person logs in with a browser that cannot come back here. */
export interface CodeLogin extends ProviderOptions {
  readonly issuer: string;
  /** "sigstore" where nothing is said. */
  readonly clientId?: string;
  /** Told the address to visit. */
  readonly onUrl: (url: string) => void;
  /** The code that the page at the end showed; undefined where nobody typed one. */
  readonly readCode: () => Promise<string | undefined>;
  readonly nowMs?: () => number;
}

/** The redirect that stands for a page with the code on it. */
export const outOfBandRedirect = "urn:ietf:wg:oauth:2.0:oob";

/**
 * Let a person log in with a browser anywhere, and type the code that the provider's page shows at the end. The token was checked as
 * `loginInBrowser` checks it. The state cannot be: what is typed is the code alone, and PKCE binds that to this login.
 */
export async function loginWithCode(login: CodeLogin): Promise<IdentityToken> {
  const begun = await beginLogin(login);
  login.onUrl(authorizationUrl(begun, outOfBandRedirect));
  const code = (await login.readCode())?.trim() ?? "";
  if (code === "" || code.length > maxCodeLength)
    throw identityTokenError("OIDC_LOGIN_REFUSED", `Cannot log in at ${begun.provider.issuer}: no code was typed`, {
      found: code === "" ? "nothing" : `${code.length} characters`,
      expected: "the code that the page at the end shows",
    });
  return finishLogin(begun, code, outOfBandRedirect, login);
}

const maxCodeLength = 4096;

interface BegunLogin {
  readonly provider: Provider;
  readonly clientId: string;
  readonly secrets: { readonly verifier: string; readonly state: string; readonly nonce: string };
}

type LoginOptions = ProviderOptions & { readonly issuer: string; readonly clientId?: string; readonly nowMs?: () => number };

async function beginLogin(login: LoginOptions): Promise<BegunLogin> {
  const provider = await discoverProvider(login.issuer, login);
  if (!provider.supportsPkce) {
    throw identityTokenError("OIDC_PROVIDER_UNUSABLE", `Cannot log in at ${provider.issuer}: it does not offer PKCE with S256`, {
      expected: "code_challenge_methods_supported with S256",
    });
  }
  const clientId = login.clientId ?? defaultClientId;
  return { provider, clientId, secrets: { verifier: randomText(), state: randomText(), nonce: randomText() } };
}

async function finishLogin(begun: BegunLogin, code: string, redirectUri: string, login: LoginOptions): Promise<IdentityToken> {
  const { provider, clientId, secrets } = begun;
  const tokens = await redeem(provider, clientId, { code, redirectUri, verifier: secrets.verifier }, login);
  const nowMs = (login.nowMs ?? Date.now)();
  const token = await verifyIdentityToken(tokens.idToken, provider, { audience: clientId, nonce: secrets.nonce, nowMs }, login);
  requireAccessTokenHash(token, tokens.accessToken, provider);
  return token;
}

function authorizationUrl({ provider, clientId, secrets }: BegunLogin, redirectUri: string): string {
  const url = new URL(provider.authorizationEndpoint);
  const parameters = {
    response_type: "code",
    client_id: clientId,
    redirect_uri: redirectUri,
    scope: "openid email",
    state: secrets.state,
    nonce: secrets.nonce,
    code_challenge: encodeBase64Url(sha256(encodeUtf8(secrets.verifier))),
    code_challenge_method: "S256",
  };
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return url.href;
}

interface Tokens {
  readonly idToken: string;
  readonly accessToken: string | undefined;
}

async function redeem(
  provider: Provider,
  clientId: string,
  grant: { code: string; redirectUri: string; verifier: string },
  options: ProviderOptions,
): Promise<Tokens> {
  const body = new URLSearchParams({
    grant_type: "authorization_code",
    client_id: clientId,
    code: grant.code,
    redirect_uri: grant.redirectUri,
    code_verifier: grant.verifier,
  }).toString();
  const headers = { "content-type": "application/x-www-form-urlencoded", accept: "application/json" };
  const answer = await request({
    method: "POST",
    url: provider.tokenEndpoint,
    headers,
    body,
    maxBytes: maxTokenBytes,
    ...settings(options),
  });
  if (answer.status !== 200) {
    throw identityTokenError(
      "OIDC_TOKEN_REFUSED",
      `Cannot get an identity token from ${provider.issuer}: ${describeResponse(answer)}`,
      { found: `HTTP ${answer.status}`, expected: "HTTP 200" },
    );
  }
  try {
    const value = JsonObject.exact(parseJson(answer.body, { maxBytes: maxTokenBytes }), "answer");
    return { idToken: value.string("id_token"), accessToken: value.optionalString("access_token") };
  } catch (error) {
    // The answer holds tokens: only what is missing may be said.
    const missing = isSigillumError(error) && error.code === "JSON_FIELD_MISSING";
    throw identityTokenError(
      "OIDC_TOKEN_REFUSED",
      `Cannot get an identity token from ${provider.issuer}: its answer ${missing ? "has no id_token" : "is no JSON object"}`,
    );
  }
}

// OpenID Connect Core §3.1.3.6: the left half of the hash, base64url; SHA-256 for the algorithms that end so.
function requireAccessTokenHash(token: IdentityToken, accessToken: string | undefined, provider: Provider): void {
  if (token.accessTokenHash === undefined || accessToken === undefined) return;
  const expected = encodeBase64Url(sha256(encodeUtf8(accessToken)).subarray(0, 16));
  if (token.accessTokenHash.length === expected.length && token.accessTokenHash !== expected) {
    throw identityTokenError(
      "ID_TOKEN_CLAIM_MISMATCH",
      `Cannot use identity token of ${quote(provider.issuer)}: it belongs to another access token (at_hash)`,
    );
  }
}

// 48 bytes are 64 characters, the verifier's usual length (RFC 7636 §4.1 wants 43 to 128).
function randomText(): string {
  return encodeBase64Url(randomBytes(48));
}
