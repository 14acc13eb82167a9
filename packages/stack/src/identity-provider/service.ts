// The identity provider as a service: OpenID Connect, and the token without a login for programs of this machine.
import type { IncomingMessage, RequestListener } from "node:http";
import { sha256 } from "@sigillum/library/crypto";
import { encodeBase64Url, encodeUtf8, type JsonValue, quote } from "@sigillum/library/encoding";
import {
  type Clock,
  errorReply,
  type HttpReply,
  type HttpRequest,
  isLoopback,
  jsonReply,
  type ListenerSpec,
  type Logger,
  Router,
  type Service,
} from "../host/index.ts";
import type { Keyring } from "../keyring/index.ts";
import { identityProviderError } from "./errors.ts";
import { type IdTokenKey, idTokenKey, signIdToken, type TokenSubject } from "./id-token.ts";
import { pageHeaders, welcomePage } from "./pages.ts";
import { openIdListener } from "./provider.ts";

/** What an identity provider needs. */
export interface IdentityProviderOptions {
  readonly keyring: Keyring;
  /** The issuer, which is also where clients reach it. */
  readonly publicUrl: string;
  readonly clientId: string;
  readonly tokenLifetimeSeconds: number;
  /** The one user, who signs in without a password; only on loopback listeners. */
  readonly developmentUser?: { readonly email: string };
  readonly clock: Clock;
  readonly logger: Logger;
  readonly listener: Omit<ListenerSpec, "handler">;
}

/** The service, and what its process may ask of it. */
export interface IdentityProvider extends Service {
  /** A token of the development user without a login. Throws IDENTITY_SIGN_IN_UNAVAILABLE when there is none. */
  developmentToken(audience?: string): Promise<string>;
}

/** The public keys of the provider of a keyring, for the certificate authority of the same stack. */
export function identityKeySet(keyring: Keyring): JsonValue {
  return { keys: idTokenKey(keyring.signer("oidc")).keySet.keys };
}

/** Makes the service. With a development user and a listener beyond loopback it refuses. */
export async function createIdentityProvider(options: IdentityProviderOptions): Promise<IdentityProvider> {
  const beyond =
    options.listener.behindProxy === true ? "a proxy" : options.listener.addresses.find((address) => !isLoopback(address));
  if (options.developmentUser !== undefined && beyond !== undefined) {
    throw identityProviderError(
      "IDENTITY_SIGN_IN_UNAVAILABLE",
      `Cannot start identity provider: the development user signs in without a password, and the listener is reachable through ${beyond}`,
      {
        found: beyond,
        expected: "loopback addresses alone",
      },
    );
  }
  const key = idTokenKey(options.keyring.signer("oidc"));
  const user = options.developmentUser === undefined ? undefined : subjectOf(options.developmentUser.email);
  const developmentToken = (audience = options.clientId): Promise<string> => tokenOf(options, key, user, audience);
  const openId = await openIdListener({ ...options, issuer: options.publicUrl, key, developmentUser: user });
  const own = ownRoutes(options, developmentToken).listener({
    logger: options.logger,
    onError: (error, request) => errorReply(error, request, statuses),
  });
  return {
    name: "identity",
    listeners: [{ ...options.listener, handler: dispatch(own, openId) }],
    jobs: [],
    actions: new Map(),
    ready: () => Promise.resolve({ ready: true }),
    close: () => Promise.resolve(),
    developmentToken,
  };
}

const ownPaths: ReadonlySet<string> = new Set(["/", "/development-token", "/healthz"]);
const statuses: ReadonlyMap<string, number> = new Map([
  ["IDENTITY_SIGN_IN_UNAVAILABLE", 403],
  ["IDENTITY_HOST_REFUSED", 403],
]);

function dispatch(own: RequestListener, openId: RequestListener): RequestListener {
  return (request, response) => (ownPaths.has((request.url ?? "/").split("?", 1)[0] ?? "/") ? own : openId)(request, response);
}

function ownRoutes(options: IdentityProviderOptions, developmentToken: (audience?: string) => Promise<string>): Router {
  return new Router()
    .add("GET", "/", () => ({
      status: 200,
      headers: pageHeaders,
      body: welcomePage(options.publicUrl, options.developmentUser?.email),
    }))
    .add("GET", "/healthz", () => jsonReply(200, { status: "ok" }))
    .add("GET", "/development-token", async (request) => tokenReply(options, request, developmentToken));
}

/** `GET /development-token?aud=sigstore`: the token as text, so that a shell can pass it on. */
async function tokenReply(
  options: IdentityProviderOptions,
  request: HttpRequest,
  developmentToken: (audience?: string) => Promise<string>,
): Promise<HttpReply> {
  checkOrigin(options.publicUrl, request.raw);
  const audience = request.query.get("aud") ?? options.clientId;
  if (!/^[A-Za-z0-9._:/-]{1,200}$/u.test(audience)) {
    throw identityProviderError("IDENTITY_REQUEST_MALFORMED", `Cannot make token: audience ${quote(audience)} is not accepted`, {
      found: quote(audience),
      expected: "letters, digits and ._:/-",
    });
  }
  return {
    status: 200,
    headers: {
      "content-type": "text/plain; charset=utf-8",
      "cache-control": "no-store",
      "cross-origin-resource-policy": "same-origin",
    },
    body: await developmentToken(audience),
  };
}

/**
 * A browser on this machine must not fetch a token for somebody's page: no CORS header is given, and a name that was made to
 * point here (DNS rebinding) is none of the machine's own. The connection itself comes from loopback, or there is no such user.
 */
function checkOrigin(publicUrl: string, raw: IncomingMessage): void {
  const found = raw.headers.host ?? "";
  const name = URL.canParse(`http://${found}`) ? new URL(`http://${found}`).hostname.replace(/^\[|\]$/gu, "") : "";
  const ownName = new URL(publicUrl).hostname.replace(/^\[|\]$/gu, "");
  const site = raw.headers["sec-fetch-site"];
  if (
    (isLoopback(name) || name === ownName) &&
    (site === undefined || site === "none" || site === "same-origin") &&
    raw.headers.origin === undefined
  )
    return;
  throw identityProviderError(
    "IDENTITY_HOST_REFUSED",
    `Cannot make token: the request is for host ${quote(found)} or from another page`,
    { found, expected: "localhost, a loopback address, or the issuer's own name" },
  );
}

async function tokenOf(
  options: IdentityProviderOptions,
  key: IdTokenKey,
  user: TokenSubject | undefined,
  audience: string,
): Promise<string> {
  if (user === undefined)
    throw identityProviderError("IDENTITY_SIGN_IN_UNAVAILABLE", "Cannot make token: the development user is disabled", {
      expected: "identityProvider.developmentUser.enabled: true",
    });
  options.logger.info("identity.development-token", { email: user.email, audience });
  return signIdToken(key, {
    ...user,
    issuer: options.publicUrl,
    audience,
    nowMs: options.clock.nowMs(),
    lifetimeSeconds: options.tokenLifetimeSeconds,
  });
}

/** A subject that stays the same for an address and says nothing else. */
function subjectOf(email: string): TokenSubject {
  return { email, subject: `development-${encodeBase64Url(sha256(encodeUtf8(email))).slice(0, 22)}` };
}
