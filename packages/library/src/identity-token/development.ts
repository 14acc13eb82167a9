import { request } from "../http/index.ts";
import { defaultClientId } from "./browser-login.ts";
import { identityTokenError } from "./errors.ts";
import { discoverProvider, type ProviderOptions, settings, verifyIdentityToken } from "./provider.ts";
import type { IdentityToken } from "./token.ts";

const maxTokenBytes = 256 * 1024;

/**
 * The token of the development user that a Sigillum identity provider on loopback may have, without a login. Checked as
 * `loginInBrowser` checks it, but for the nonce.
 */
export async function developmentToken(issuer: string, nowMs: number, options: ProviderOptions = {}): Promise<IdentityToken> {
  const provider = await discoverProvider(issuer, options);
  const endpoint = provider.developmentTokenEndpoint;
  if (endpoint === undefined) {
    throw identityTokenError(
      "OIDC_NO_DEVELOPMENT_USER",
      `Cannot sign as development user: the identity provider ${issuer} has none; leave --development out to log in in a browser`,
      {
        found: "no sigillum_development_token_endpoint in its discovery document",
      },
    );
  }
  const url = new URL(endpoint);
  url.searchParams.set("aud", defaultClientId);
  const answer = await request({ url, maxBytes: maxTokenBytes, ...settings(options) });
  if (answer.status !== 200) {
    throw identityTokenError(
      "OIDC_TOKEN_REFUSED",
      `Cannot get the development user's token from ${issuer}: HTTP ${answer.status}`,
      { found: `HTTP ${answer.status}`, expected: "HTTP 200" },
    );
  }
  return await verifyIdentityToken(
    new TextDecoder().decode(answer.body).trim(),
    provider,
    { audience: defaultClientId, nowMs },
    options,
  );
}
