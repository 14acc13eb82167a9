// Login on another device (RFC 8628): a code to type at an address, for machines without a browser.
import { randomBytes } from "node:crypto";
import { setTimeout as sleepMs } from "node:timers/promises";
import { sha256 } from "../crypto/index.ts";
import { encodeBase64Url, encodeUtf8, isSigillumError, JsonObject, parseJson } from "../encoding/index.ts";
import { describeResponse, request } from "../http/index.ts";
import { defaultClientId } from "./browser-login.ts";
import { identityTokenError } from "./errors.ts";
import { discoverProvider, type Provider, type ProviderOptions, settings, verifyIdentityToken } from "./provider.ts";
import type { IdentityToken } from "./token.ts";

/** What the person is told. */
export interface DeviceCode {
  readonly userCode: string;
  /** Where the code is typed. */
  readonly url: string;
  /** The same with the code in it. */
  readonly completeUrl: string;
  readonly expiresInSeconds: number;
}

/** How a person logs in on another device. */
export interface DeviceLogin extends ProviderOptions {
  readonly issuer: string;
  /** "sigstore" where nothing is said. */
  readonly clientId?: string;
  readonly onCode: (code: DeviceCode) => void;
  /** Waits; the machine's timer where nothing is said. */
  readonly sleep?: (ms: number) => Promise<unknown>;
  readonly nowMs?: () => number;
}

const deviceGrant = "urn:ietf:params:oauth:grant-type:device_code";
const maxAnswerBytes = 256 * 1024;
/** RFC 8628 §3.2 and §3.5. */
const defaultIntervalSeconds = 5;
const slowDownSeconds = 5;
const maxIntervalSeconds = 60;
const maxExpirySeconds = 1800;

/** Tell a person a code and wait until it was typed; the token was checked as `loginInBrowser` checks it, but for the nonce. */
export async function loginOnDevice(login: DeviceLogin): Promise<IdentityToken> {
  const provider = await discoverProvider(login.issuer, login);
  const clientId = login.clientId ?? defaultClientId;
  const verifier = encodeBase64Url(randomBytes(48));
  const device = await authorizeDevice(provider, clientId, verifier, login);
  const nowMs = login.nowMs ?? Date.now;
  const endMs = nowMs() + device.expiresInSeconds * 1000;
  login.onCode(device);
  let { intervalSeconds } = device;
  for (;;) {
    await (login.sleep ?? sleepMs)(intervalSeconds * 1000);
    if (nowMs() >= endMs)
      throw identityTokenError(
        "OIDC_LOGIN_TIMEOUT",
        `Cannot log in at ${provider.issuer}: nobody entered the code within ${device.expiresInSeconds} s`,
      );
    const outcome = await poll(provider, { clientId, deviceCode: device.deviceCode, verifier }, login);
    if (outcome === "slow_down") intervalSeconds = Math.min(intervalSeconds + slowDownSeconds, maxIntervalSeconds);
    else if (outcome !== "pending")
      return verifyIdentityToken(outcome.idToken, provider, { audience: clientId, nowMs: nowMs() }, login);
  }
}

type Device = DeviceCode & { readonly deviceCode: string; readonly intervalSeconds: number };

async function authorizeDevice(
  provider: Provider,
  clientId: string,
  verifier: string,
  options: ProviderOptions,
): Promise<Device> {
  const { deviceAuthorizationEndpoint, issuer } = provider;
  if (deviceAuthorizationEndpoint === undefined || !provider.supportsPkce)
    throw identityTokenError(
      "OIDC_PROVIDER_UNUSABLE",
      `Cannot log in at ${issuer}: it does not offer the device flow with PKCE`,
      {
        expected: "device_authorization_endpoint, and code_challenge_methods_supported with S256",
      },
    );
  const answer = await post(
    deviceAuthorizationEndpoint,
    {
      client_id: clientId,
      scope: "openid email",
      code_challenge: encodeBase64Url(sha256(encodeUtf8(verifier))),
      code_challenge_method: "S256",
    },
    options,
  );
  if (answer.status !== 200)
    throw identityTokenError("OIDC_TOKEN_REFUSED", `Cannot log in at ${issuer}: ${describeResponse(answer.response)}`, {
      found: `HTTP ${answer.status}`,
      expected: "HTTP 200",
    });
  try {
    const value = answer.read();
    const url = value.string("verification_uri");
    const seconds = (name: string, usual: number, most: number): number =>
      Math.min(most, Math.max(0, value.has(name) ? value.safeInteger(name) : usual));
    return {
      deviceCode: value.string("device_code"),
      userCode: value.string("user_code"),
      url,
      completeUrl: value.optionalString("verification_uri_complete") ?? url,
      expiresInSeconds: seconds("expires_in", 300, maxExpirySeconds),
      intervalSeconds: seconds("interval", defaultIntervalSeconds, maxIntervalSeconds),
    };
  } catch (cause) {
    if (!isSigillumError(cause)) throw cause;
    throw identityTokenError(
      "OIDC_PROVIDER_UNUSABLE",
      `Cannot log in at ${issuer}: its device answer cannot be read: ${cause.message}`,
      {
        cause,
      },
    );
  }
}

async function poll(
  provider: Provider,
  grant: { readonly clientId: string; readonly deviceCode: string; readonly verifier: string },
  options: ProviderOptions,
): Promise<"pending" | "slow_down" | { readonly idToken: string }> {
  const answer = await post(
    provider.tokenEndpoint,
    {
      grant_type: deviceGrant,
      // Without it Keycloak refuses, though the specification has it in the device code already.
      client_id: grant.clientId,
      device_code: grant.deviceCode,
      code_verifier: grant.verifier,
    },
    options,
  );
  try {
    const value = answer.read();
    if (answer.status === 200) return { idToken: value.string("id_token") };
    const error = value.string("error");
    if (error === "authorization_pending") return "pending";
    if (error === "slow_down") return "slow_down";
    if (error === "access_denied" || error === "expired_token")
      throw identityTokenError(
        error === "access_denied" ? "OIDC_LOGIN_REFUSED" : "OIDC_LOGIN_TIMEOUT",
        `Cannot log in at ${provider.issuer}: ${error === "access_denied" ? "the person refused" : "the code was not entered in time"}`,
        { found: error },
      );
    throw identityTokenError(
      "OIDC_TOKEN_REFUSED",
      `Cannot log in at ${provider.issuer}: it says ${JSON.stringify(error.slice(0, 100))}`,
      {
        found: error.slice(0, 100),
      },
    );
  } catch (error) {
    if (isSigillumError(error) && error.code.startsWith("OIDC_")) throw error;
    // The answer may hold tokens: only that it cannot be used may be said.
    throw identityTokenError(
      "OIDC_TOKEN_REFUSED",
      `Cannot log in at ${provider.issuer}: HTTP ${answer.status} without a usable answer`,
      {
        found: `HTTP ${answer.status}`,
      },
    );
  }
}

async function post(
  url: string,
  fields: Readonly<Record<string, string>>,
  options: ProviderOptions,
): Promise<{ status: number; response: Awaited<ReturnType<typeof request>>; read: () => JsonObject }> {
  const response = await request({
    method: "POST",
    url,
    headers: { "content-type": "application/x-www-form-urlencoded", accept: "application/json" },
    body: new URLSearchParams(fields).toString(),
    maxBytes: maxAnswerBytes,
    ...settings(options),
  });
  return {
    status: response.status,
    response,
    read: () => JsonObject.exact(parseJson(response.body, { maxBytes: maxAnswerBytes }), "answer"),
  };
}
