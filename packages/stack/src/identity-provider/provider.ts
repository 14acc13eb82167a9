// oidc-provider, configured and wrapped for what signing clients need (certificate-authority §6): see README.md for each wrap.
import { randomBytes } from "node:crypto";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { isSigillumError } from "@sigillum/library/encoding";
import type { OidcContext, Provider } from "oidc-provider";
import type { Clock, Logger } from "../host/index.ts";
import { DeviceGuard, deviceCodeSeconds, deviceIntervalSeconds } from "./device-guard.ts";
import { identityProviderError } from "./errors.ts";
import type { IdTokenKey } from "./id-token.ts";
import {
  codePage,
  deviceCodePage,
  deviceConfirmPage,
  deviceDonePage,
  pageHeaders,
  problemPage,
  type SignInPage,
  signInPage,
} from "./pages.ts";
import { sessionStore } from "./session-store.ts";
import { emptySecretClient, readForm, withForm } from "./token-request.ts";
import { type Upstreams, upstreamCallbackPath } from "./upstream.ts";
import type { Users } from "./users.ts";

/** What the wrapped provider is made of. */
export interface OpenIdOptions {
  readonly issuer: string;
  readonly clientId: string;
  readonly tokenLifetimeSeconds: number;
  readonly key: IdTokenKey;
  readonly users: Users;
  readonly upstreams: Upstreams;
  /** Whether a proxy in front says where requests come from. */
  readonly behindProxy: boolean;
  readonly clock: Clock;
  readonly logger: Logger;
}

const scope = "openid email";
const deviceGrant = "urn:ietf:params:oauth:grant-type:device_code";
const outOfBand = "urn:ietf:wg:oauth:2.0:oob";
const loopbackHosts: ReadonlySet<string> = new Set(["localhost", "127.0.0.1", "[::1]"]);

/** Makes the listener for everything that OpenID Connect defines, and the sign-in pages. Loads oidc-provider. */
export async function openIdListener(options: OpenIdOptions): Promise<RequestListener> {
  const { ExternalSigningKey, interactionPolicy, Provider } = await import("oidc-provider");
  class SigningKey extends ExternalSigningKey {
    override keyObject = () => options.key.publicKey;
    override sign = (data: Uint8Array) => options.key.signer.sign(data);
  }
  const signingKey = new SigningKey();
  signingKey.kid = options.key.keyId;
  signingKey.alg = "RS256";
  const policy = interactionPolicy.base();
  // The second page, which asks for consent at each sign-in of a native program: the sign-in page has said it already.
  policy.get("consent")?.checks.remove("native_client_prompt");
  const provider = new Provider(options.issuer, configuration(options, signingKey, policy));
  // Any loopback port and path is a valid redirect of a native program (RFC 8252 §7.3), and so is showing the code.
  provider.Client.prototype.redirectUriAllowed = isRedirectAllowed;
  provider.proxy = true;
  const guard = new DeviceGuard(() => options.clock.nowMs());
  provider.use(async (context, next) => {
    await next();
    finishToken(context);
    finishDeviceAnswer(context, guard);
    showCode(context);
  });
  provider.use((context, next) => {
    if (context.path === upstreamCallbackPath) return Promise.resolve(toInteraction(options, context));
    return context.path.startsWith("/interaction/") ? signIn(provider, options, context) : next();
  });
  provider.on("server_error", (_context, error) => options.logger.error("identity.failed", { error }));
  provider.on("error", (error) => options.logger.error("identity.request-failed", { error }));
  for (const event of ["authorization.error", "grant.error"]) {
    provider.on(event, (_context, error) =>
      options.logger.info("identity.refused", { at: event, reason: error instanceof Error ? error.message : String(error) }),
    );
  }
  return underOwnName(options.issuer, guard, provider.callback());
}

function configuration(options: OpenIdOptions, signingKey: unknown, policy: unknown): Readonly<Record<string, unknown>> {
  const seconds = options.tokenLifetimeSeconds;
  return {
    adapter: sessionStore(() => options.clock.nowMs()),
    clients: [
      {
        client_id: options.clientId,
        application_type: "native",
        token_endpoint_auth_method: "none",
        grant_types: ["authorization_code", deviceGrant],
        response_types: ["code"],
        redirect_uris: ["http://localhost/auth/callback"],
        id_token_signed_response_alg: "RS256",
      },
    ],
    jwks: { keys: [signingKey] },
    // Sign-ins end with the process, so the key of their cookies may as well.
    cookies: { keys: [randomBytes(32).toString("base64url")] },
    claims: { openid: ["sub", "federated_claims"], email: ["email", "email_verified"] },
    // Our own programs find the token without a login here.
    discovery:
      options.users.developmentUser === undefined
        ? {}
        : { sigillum_development_token_endpoint: `${options.issuer}/development-token` },
    // Clients look for the email address in the ID token and never ask the userinfo endpoint.
    conformIdTokenClaims: false,
    clientAuthMethods: ["none"],
    responseTypes: ["code"],
    scopes: ["openid", "email"],
    pkce: { required: () => true },
    features: {
      devInteractions: { enabled: false },
      externalSigningSupport: { enabled: true, ack: "experimental-01" },
      deviceFlow: deviceFlow(),
    },
    ttl: {
      AccessToken: seconds,
      IdToken: seconds,
      AuthorizationCode: 60,
      DeviceCode: deviceCodeSeconds,
      Interaction: 600,
      Session: 3600,
      Grant: 3600,
    },
    interactions: {
      policy,
      url: (_context: OidcContext, interaction: { readonly uid: string }) => `/interaction/${interaction.uid}`,
    },
    findAccount: (_context: OidcContext, id: string) => findAccount(options, id),
    loadExistingGrant: (context: OidcContext) => grantScopes(context),
    renderError: (context: OidcContext, out: Readonly<Record<string, unknown>>) => {
      for (const [name, value] of Object.entries(pageHeaders)) context.set(name, value);
      context.body = problemPage(
        "This sign-in cannot go on",
        String(out["error_description"] ?? out["error"] ?? "The request is not valid"),
      );
    },
  };
}

/** RFC 8628. The person compares the code before signing in, so that nobody can be lured to sign a stranger's device in. */
function deviceFlow(): Readonly<Record<string, unknown>> {
  const show = (context: OidcContext, body: string): void => {
    for (const [name, value] of Object.entries(pageHeaders)) context.set(name, value);
    context.body = body;
  };
  return {
    enabled: true,
    charset: "base-20",
    mask: "****-****",
    userCodeInputSource: (context: OidcContext, form: string, _out: unknown, error: unknown) =>
      show(context, deviceCodePage(form, error === undefined || error === null ? undefined : deviceProblem(error))),
    userCodeConfirmSource: (
      context: OidcContext,
      form: string,
      client: { readonly clientId: string },
      _info: unknown,
      code: string,
    ) => show(context, deviceConfirmPage(form, code, client.clientId)),
    successSource: (context: OidcContext) => show(context, deviceDonePage()),
  };
}

function deviceProblem(error: unknown): string {
  if (error instanceof Error && error.name === "AbortedError") return "The sign-in was cancelled: nobody was signed in.";
  return "That code is not right, was used before, or has expired. Look at the program again.";
}

/** The one client is our own, so nobody is asked whether it may know the address: the sign-in page says that it will. */
async function grantScopes(context: OidcContext): Promise<unknown> {
  const { oidc } = context;
  const accountId = oidc?.session.accountId;
  if (oidc === undefined || accountId === undefined) return undefined;
  const grant = new oidc.provider.Grant({ accountId, clientId: oidc.client.clientId });
  grant.addOIDCScope(scope);
  await grant.save();
  return grant;
}

function findAccount(options: OpenIdOptions, id: string): unknown {
  const user = options.users.bySubject(id);
  if (user === undefined) return undefined;
  const { federated } = user;
  // As Dex has them; always, because signers never ask for the scope that Dex wants for it (certificate-authority §6).
  const more =
    federated === undefined ? {} : { federated_claims: { connector_id: federated.connectorId, user_id: federated.userId } };
  return { accountId: id, claims: () => ({ sub: user.subject, email: user.email, email_verified: true, ...more }) };
}

function isRedirectAllowed(uri: string): boolean {
  if (uri === outOfBand) return true;
  if (!URL.canParse(uri)) return false;
  const { protocol, hostname, hash, username, password } = new URL(uri);
  return protocol === "http:" && loopbackHosts.has(hostname) && hash === "" && username === "" && password === "";
}

/** sigstore-python takes the access token for the ID token; nothing here accepts the opaque one. */
function finishToken(context: OidcContext): void {
  const { body } = context;
  if (context.oidc?.route !== "token" || typeof body !== "object" || body === null || !("id_token" in body)) return;
  context.body = { ...body, access_token: body.id_token };
}

/** RFC 8628 §3.2: the pause between two polls is told; what binds them to this device is kept. */
function finishDeviceAnswer(context: OidcContext, guard: DeviceGuard): void {
  const { body } = context;
  if (context.oidc?.route !== "device_authorization" || typeof body !== "object" || body === null || !("device_code" in body))
    return;
  guard.issued(String(body.device_code), deviceForms.get(context.req) ?? new URLSearchParams());
  context.body = { ...body, interval: deviceIntervalSeconds };
}

/** The forms of requests for device codes, as they were sent: oidc-provider keeps no challenge of theirs. */
const deviceForms = new WeakMap<IncomingMessage, URLSearchParams>();

/** RFC 8252 appendix: a redirect to the out-of-band address becomes a page that shows the code. */
function showCode(context: OidcContext): void {
  const location = context.response.get("location");
  if (location?.startsWith(outOfBand) !== true) return;
  const parameters = new URLSearchParams(location.slice(location.indexOf("?") + 1));
  context.response.remove("location");
  context.status = 200;
  for (const [name, value] of Object.entries(pageHeaders)) context.set(name, value);
  const code = parameters.get("code");
  context.body =
    code === null
      ? problemPage("This sign-in cannot go on", parameters.get("error_description") ?? "The request was refused")
      : codePage(code);
}

async function signIn(provider: Provider, options: OpenIdOptions, context: OidcContext): Promise<void> {
  for (const [name, value] of Object.entries(pageHeaders)) context.set(name, value);
  try {
    if (options.users.isEmpty)
      throw identityProviderError(
        "IDENTITY_SIGN_IN_UNAVAILABLE",
        "Cannot sign in: the development user is disabled, and this identity provider has no other users",
      );
    const interaction = await interactionOf(provider, context);
    const { developmentUser, hasPasswords } = options.users;
    const shown: SignInPage = {
      clientId: String(interaction.params["client_id"] ?? ""),
      action: `/interaction/${interaction.uid}`,
      passwords: hasPasswords,
      upstreams: options.upstreams.entries.map(({ name }) => name),
      ...(developmentUser === undefined ? {} : { developmentUser: developmentUser.email }),
    };
    if (context.path.endsWith("/upstream")) await finishUpstream(provider, options, context, interaction.uid, shown);
    else if (context.method !== "POST") context.body = signInPage(shown);
    else await signInWithForm(provider, options, context, shown);
  } catch (error) {
    if (!isSigillumError(error)) throw error;
    context.status = error.kind === "state" ? 403 : error.kind === "unavailable" ? 503 : 400;
    context.body = problemPage("This sign-in cannot go on", error.message, error.code);
  }
}

async function signInWithForm(
  provider: Provider,
  options: OpenIdOptions,
  context: OidcContext,
  shown: SignInPage,
): Promise<void> {
  const form = new URLSearchParams(await readForm(context.req));
  const email = form.get("email");
  const upstream = form.get("upstream");
  try {
    if (upstream !== null) {
      const next = await options.upstreams.begin(upstream, shown.action.slice("/interaction/".length));
      context.status = 303;
      context.redirect(next);
      return;
    }
    const user =
      email === null
        ? options.users.developmentUser
        : await options.users.signIn(email, form.get("password") ?? "", clientOf(options, context));
    if (user === undefined) throw identityProviderError("IDENTITY_PASSWORD_WRONG", "Cannot sign in: the form names no address");
    const next = await provider.interactionResult(context.req, context.res, {
      login: { accountId: user.subject, remember: true },
    });
    options.logger.info("identity.signed-in", { email: user.email });
    context.status = 303;
    context.redirect(next);
  } catch (error) {
    if (!isSigillumError(error) || error.kind === "state") throw error;
    options.logger.info("identity.sign-in-refused", { code: error.code });
    context.status = refusals.get(error.code) ?? 400;
    if (context.status === 429) context.set("retry-after", "60");
    // The page again, with the address that was typed; the password is typed anew.
    context.body = signInPage({ ...shown, ...(email === null ? {} : { email: email.slice(0, 320) }), problem: error.message });
  }
}

/** The other provider sends the browser to one address; the sign-in's cookie is sent below its own. */
function toInteraction(options: OpenIdOptions, context: OidcContext): void {
  const query = (context.req.url ?? "").split("?", 2)[1] ?? "";
  const uid = options.upstreams.interactionOf(new URLSearchParams(query).get("state") ?? "");
  if (uid !== undefined) {
    context.status = 303;
    context.redirect(`/interaction/${uid}/upstream?${query}`);
    return;
  }
  for (const [name, value] of Object.entries(pageHeaders)) context.set(name, value);
  context.status = 400;
  context.body = problemPage(
    "This sign-in cannot go on",
    "It belongs to another sign-in, or has ended: start again.",
    "IDENTITY_SIGN_IN_EXPIRED",
  );
}

async function finishUpstream(
  provider: Provider,
  options: OpenIdOptions,
  context: OidcContext,
  uid: string,
  shown: SignInPage,
): Promise<void> {
  try {
    const query = (context.req.url ?? "").split("?", 2)[1] ?? "";
    const user = await options.upstreams.finish(uid, new URLSearchParams(query));
    options.users.remember(user);
    const login = { accountId: user.subject, remember: true };
    const next = await provider.interactionResult(context.req, context.res, { login });
    options.logger.info("identity.signed-in", { email: user.email, through: user.federated?.connectorId });
    context.status = 303;
    context.redirect(next);
  } catch (error) {
    if (!isSigillumError(error) || error.code === "IDENTITY_SIGN_IN_EXPIRED") throw error;
    options.logger.info("identity.sign-in-refused", { code: error.code });
    context.status = refusals.get(error.code) ?? 400;
    context.body = signInPage({ ...shown, problem: error.message });
  }
}

const refusals: ReadonlyMap<string, number> = new Map([
  ["IDENTITY_PASSWORD_WRONG", 401],
  ["IDENTITY_TOO_MANY_ATTEMPTS", 429],
  ["IDENTITY_BUSY", 503],
  ["IDENTITY_UPSTREAM_REFUSED", 403],
  ["IDENTITY_UPSTREAM_UNAVAILABLE", 503],
]);

/** Where a request came from: the connection's other end or, behind a proxy, what the proxy itself added last. */
function clientOf(options: OpenIdOptions, context: OidcContext): string {
  const forwarded = context.req.headers["x-forwarded-for"];
  const last = typeof forwarded === "string" ? forwarded.split(",").at(-1)?.trim() : undefined;
  return (options.behindProxy ? last : undefined) ?? context.req.socket.remoteAddress ?? "unknown";
}

/** The interaction that the browser's cookie names; it must be the one of the page. */
async function interactionOf(
  provider: Provider,
  context: OidcContext,
): Promise<Awaited<ReturnType<Provider["interactionDetails"]>>> {
  try {
    const interaction = await provider.interactionDetails(context.req, context.res);
    const own = `/interaction/${interaction.uid}`;
    if (context.path === own || context.path === `${own}/upstream`) return interaction;
  } catch (cause) {
    throw identityProviderError(
      "IDENTITY_SIGN_IN_EXPIRED",
      "Cannot sign in: this page has expired or belongs to another browser; start again from the program that opened it",
      { cause },
    );
  }
  throw identityProviderError(
    "IDENTITY_SIGN_IN_EXPIRED",
    "Cannot sign in: this page belongs to an earlier sign-in; start again from the program that opened it",
  );
}

/** Whatever name a request came under, the addresses in answers are those of the issuer: never a client's Host header. */
function underOwnName(issuer: string, guard: DeviceGuard, listener: RequestListener): RequestListener {
  const { host, protocol } = new URL(issuer);
  return (request, response) => {
    request.headers.host = host;
    request.headers["x-forwarded-proto"] = protocol.slice(0, -1);
    delete request.headers["x-forwarded-host"];
    const path = (request.url ?? "/").split("?", 1)[0];
    if (request.method !== "POST" || (path !== "/token" && path !== "/device/auth")) {
      listener(request, response);
      return;
    }
    clientRequest(request, path, guard, response).then(
      (fresh) => {
        if (fresh !== undefined) listener(fresh, response);
      },
      // The client went away while its form was read.
      () => response.destroy(),
    );
  };
}

/** The request of a client as oidc-provider is to see it, or undefined where it was answered here. */
async function clientRequest(
  request: IncomingMessage,
  path: string,
  guard: DeviceGuard,
  response: ServerResponse,
): Promise<IncomingMessage | undefined> {
  const form = new URLSearchParams(await readForm(request));
  if (path === "/device/auth") {
    const problem = DeviceGuard.problem(form);
    if (problem !== undefined) return refuse(response, "invalid_request", problem);
  } else if (form.get("grant_type") === deviceGrant) {
    const refusal = guard.refusal(form);
    if (refusal !== undefined) return refuse(response, refusal, refusalTexts[refusal]);
  }
  const fresh = withForm(request, form, emptySecretClient(request.headers.authorization));
  if (path === "/device/auth") deviceForms.set(fresh, form);
  return fresh;
}

const refusalTexts = {
  slow_down: "the device polls too often: wait five seconds longer between two polls",
  invalid_grant: "the device code is not known, or code_verifier is not that of its code_challenge",
} as const;

/** RFC 6749 §5.2. */
function refuse(response: ServerResponse, error: string, description: string): undefined {
  response
    .writeHead(400, { "content-type": "application/json; charset=utf-8", "cache-control": "no-store" })
    .end(JSON.stringify({ error, error_description: description }));
}
