// The identity provider as a service: OpenID Connect, and the token without a login for programs of this machine.
import type { IncomingMessage, RequestListener } from "node:http";
import { type JsonValue, quote } from "@sigillum/library/encoding";
import {
  type Clock,
  errorReply,
  type HttpReply,
  type HttpRequest,
  isLoopback,
  type Job,
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
import { type UpstreamEntry, Upstreams } from "./upstream.ts";
import type { UserFile } from "./user-file.ts";
import { subjectOf, type UserEntry, Users } from "./users.ts";
import { signWorkflowToken, workflowClaims, workflowPaths } from "./workflow-token.ts";

/** What an identity provider needs. */
export interface IdentityProviderOptions {
  readonly keyring: Keyring;
  /** The issuer, which is also where clients reach it. */
  readonly publicUrl: string;
  readonly clientId: string;
  readonly tokenLifetimeSeconds: number;
  /** The one user, who signs in without a password; only on loopback listeners. */
  readonly developmentUser?: { readonly email: string };
  /** People who sign in with passwords. */
  readonly users?: readonly UserEntry[];
  /** Other providers that people sign in at. */
  readonly upstreams?: readonly UpstreamEntry[];
  /** More of them, whom the command line adds and removes; read again when it changes. */
  readonly userFile?: UserFile;
  /** Whether programs of this machine get tokens as GitHub Actions has them; only on loopback listeners. */
  readonly workflowTokens?: boolean;
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

/** The issuer of workflows' tokens, below the provider's own. */
export function workflowIssuer(publicUrl: string): string {
  return `${publicUrl}${workflowPaths.issuer}`;
}

/** Makes the service. With a development user and a listener beyond loopback it refuses. */
export async function createIdentityProvider(options: IdentityProviderOptions): Promise<IdentityProvider> {
  const beyond =
    options.listener.behindProxy === true ? "a proxy" : options.listener.addresses.find((address) => !isLoopback(address));
  const isOpen = options.developmentUser !== undefined || options.workflowTokens === true;
  if (isOpen && beyond !== undefined) {
    const what = options.developmentUser === undefined ? "workflow tokens are given" : "the development user signs in";
    throw identityProviderError(
      "IDENTITY_SIGN_IN_UNAVAILABLE",
      `Cannot start identity provider: ${what} without a password, and the listener is reachable through ${beyond}`,
      {
        found: beyond,
        expected: "loopback addresses alone",
      },
    );
  }
  const key = idTokenKey(options.keyring.signer("oidc"));
  const user = options.developmentUser === undefined ? undefined : subjectOf("development", options.developmentUser.email);
  const { userFile } = options;
  const upstreams = new Upstreams(options.upstreams ?? [], options.publicUrl, options.clock);
  const entries = [...(options.users ?? []), ...((await userFile?.read()) ?? [])];
  const users = new Users(entries, user, options.clock, upstreams.entries.length > 0);
  const developmentToken = (audience = options.clientId): Promise<string> => tokenOf(options, key, user, audience);
  const behindProxy = options.listener.behindProxy === true;
  const openId = await openIdListener({ ...options, issuer: options.publicUrl, key, users, upstreams, behindProxy });
  const router = ownRoutes(options, developmentToken);
  const paths = new Set(["/", "/development-token", "/healthz"]);
  if (options.workflowTokens === true) for (const path of addWorkflowRoutes(router, options, key)) paths.add(path);
  const own = router.listener({
    logger: options.logger,
    onError: (error, request) => errorReply(error, request, statuses),
  });
  return {
    name: "identity",
    listeners: [{ ...options.listener, handler: dispatch(own, paths, openId) }],
    jobs: userFile === undefined ? [] : [await watchUsers(options, userFile, users)],
    actions: new Map(),
    ready: () => Promise.resolve({ ready: true }),
    close: () => Promise.resolve(),
    developmentToken,
  };
}

const userFileMs = 2_000;

/** Reads users.json again when its content changes; one that cannot be read leaves everybody as they were. */
async function watchUsers(options: IdentityProviderOptions, file: UserFile, users: Users): Promise<Job> {
  let seen = await file.content();
  const run = async (): Promise<void> => {
    const now = await file.content();
    if (now === seen) return;
    seen = now;
    users.replace([...(options.users ?? []), ...(await file.read())]);
    options.logger.info("identity.users-reloaded");
  };
  return { name: "identity.users", everyMs: userFileMs, run };
}

const statuses: ReadonlyMap<string, number> = new Map([
  ["IDENTITY_SIGN_IN_UNAVAILABLE", 403],
  ["IDENTITY_HOST_REFUSED", 403],
]);

function dispatch(own: RequestListener, ownPaths: ReadonlySet<string>, openId: RequestListener): RequestListener {
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

/** An issuer of its own with the provider's key, and the endpoint that ACTIONS_ID_TOKEN_REQUEST_URL names in a real workflow. */
function addWorkflowRoutes(router: Router, options: IdentityProviderOptions, key: IdTokenKey): readonly string[] {
  const issuer = workflowIssuer(options.publicUrl);
  const discovery = `${workflowPaths.issuer}/.well-known/openid-configuration`;
  const jwks = `${workflowPaths.issuer}/jwks`;
  router
    .add("GET", discovery, () =>
      jsonReply(200, {
        issuer,
        jwks_uri: `${options.publicUrl}${jwks}`,
        subject_types_supported: ["public"],
        response_types_supported: ["id_token"],
        id_token_signing_alg_values_supported: ["RS256"],
      }),
    )
    .add("GET", jwks, () => jsonReply(200, key.keySet))
    .add("GET", workflowPaths.token, async (request) => {
      checkOrigin(options.publicUrl, request.raw);
      const asked = new Map(request.query);
      const audience = asked.get("audience") ?? options.clientId;
      for (const name of ["audience", "api-version"]) asked.delete(name);
      checkAudience(audience);
      const claims = workflowClaims(asked);
      options.logger.info("identity.workflow-token", { repository: claims["repository"], audience });
      const { tokenLifetimeSeconds: lifetimeSeconds } = options;
      const value = await signWorkflowToken(key, { issuer, audience, nowMs: options.clock.nowMs(), lifetimeSeconds, claims });
      return jsonReply(200, { count: value.length, value }, { "cache-control": "no-store" });
    });
  return [discovery, jwks, workflowPaths.token];
}

/** `GET /development-token?aud=sigstore`: the token as text, so that a shell can pass it on. */
async function tokenReply(
  options: IdentityProviderOptions,
  request: HttpRequest,
  developmentToken: (audience?: string) => Promise<string>,
): Promise<HttpReply> {
  checkOrigin(options.publicUrl, request.raw);
  const audience = request.query.get("aud") ?? options.clientId;
  checkAudience(audience);
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

function checkAudience(audience: string): void {
  if (/^[A-Za-z0-9._:/-]{1,200}$/u.test(audience)) return;
  throw identityProviderError("IDENTITY_REQUEST_MALFORMED", `Cannot make token: audience ${quote(audience)} is not accepted`, {
    found: quote(audience),
    expected: "letters, digits and ._:/-",
  });
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
