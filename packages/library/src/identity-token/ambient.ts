// Tokens that the surroundings offer (signing-client §3.3): a variable, a file, or a CI job's or machine's own identity.
import { readFile, stat } from "node:fs/promises";
import { isSigillumError, JsonObject, parseJson, parseUtf8 } from "../encoding/index.ts";
import { type HttpRequestOptions, type HttpResponse, request } from "../http/index.ts";
import { identityTokenError } from "./errors.ts";
import { type GoogleEndpoints, googleEndpoints, impersonateServiceAccount } from "./google-impersonation.ts";
import { type ProviderOptions, settings } from "./provider.ts";
import { fetchJwtSvid, parseSpiffeEndpoint, spiffeSocketPath } from "./spiffe.ts";
import { type IdentityToken, parseIdentityToken, requireUnexpired } from "./token.ts";

/** Where a token came from, for a message. */
export type AmbientSource =
  | "SIGSTORE_ID_TOKEN"
  | "GitHub Actions"
  | "Buildkite"
  | "a projected file"
  | "Google Cloud"
  | "a Google service account"
  | "SPIFFE";

/** The names that cosign's --oidc-provider has for them. */
export const ambientProviders = [
  "envvar",
  "github-actions",
  "buildkite-agent",
  "filesystem",
  "google-workload-identity",
  "google-impersonate",
  "spiffe",
] as const;

/** One of those names. */
export type AmbientProvider = (typeof ambientProviders)[number];

/** A token, and what it came from, for a message. */
export interface AmbientToken {
  readonly source: AmbientSource;
  readonly token: IdentityToken;
}

/** What looking may be told. */
export interface AmbientOptions extends ProviderOptions {
  /** Look there alone; everywhere, in this order, where nothing is said. */
  readonly provider?: AmbientProvider;
  /** The file that Kubernetes projects; cosign's path where nothing is said. */
  readonly tokenFile?: string;
  /** The file by which a machine of Google Cloud is known; Linux's where nothing is said. */
  readonly productFile?: string;
  /** The socket of a SPIFFE Workload API where SPIFFE_ENDPOINT_SOCKET says nothing; SPIRE's where nothing is said. */
  readonly spiffeSocket?: string;
  /** Google's services; its own where nothing is said. */
  readonly google?: GoogleEndpoints;
}

type Surroundings = Readonly<Record<string, string | undefined>>;
type Offer = { readonly source: AmbientSource; readonly get: () => Promise<IdentityToken> } | undefined;

const audience = "sigstore";
const maxTokenBytes = 256 * 1024;
const retries = 2;
const projectedFile = "/var/run/sigstore/cosign/oidc-token";
const productNameFile = "/sys/class/dmi/id/product_name";
/** A metadata server is on the same machine; elsewhere the address answers nobody. */
const metadataTimeoutMs = 2_000;

/**
 * The token that the surroundings offer, undefined where they offer none. An offer that fails is an error: whoever set a
 * job up to sign as itself would not want another identity to sign.
 */
export async function ambientToken(
  env: Surroundings,
  nowMs: number,
  options: AmbientOptions = {},
): Promise<AmbientToken | undefined> {
  const offers: Readonly<Record<AmbientProvider, () => Offer | Promise<Offer>>> = {
    envvar: () => ofVariable(env),
    "github-actions": () => ofGitHub(env, options),
    "buildkite-agent": () => ofBuildkite(env, options),
    filesystem: () => ofFile(options),
    "google-workload-identity": () => ofGoogle(env, options),
    "google-impersonate": () => ofServiceAccount(env, options),
    spiffe: () => ofSpiffe(env, options),
  };
  for (const name of options.provider === undefined ? ambientProviders : [options.provider]) {
    const offer = await offers[name]();
    if (offer !== undefined) return { source: offer.source, token: requireUnexpired(await offer.get(), nowMs) };
  }
  return undefined;
}

function ofVariable(env: Surroundings): Offer {
  const variable = env["SIGSTORE_ID_TOKEN"]?.trim() ?? "";
  if (variable === "") return undefined;
  return { source: "SIGSTORE_ID_TOKEN", get: () => Promise.resolve(parseIdentityToken(variable)) };
}

function ofGitHub(env: Surroundings, options: ProviderOptions): Offer {
  const base = env["ACTIONS_ID_TOKEN_REQUEST_URL"] ?? "";
  const credential = env["ACTIONS_ID_TOKEN_REQUEST_TOKEN"] ?? "";
  if (base !== "" && credential !== "") {
    const get = async (): Promise<IdentityToken> => {
      const url = urlOf("GitHub Actions", base, "ACTIONS_ID_TOKEN_REQUEST_URL");
      url.searchParams.set("audience", audience);
      const headers = { authorization: `bearer ${credential}` };
      const answer = await ask("GitHub Actions", { url, headers, retries, ...settings(options) }, permissionHint);
      return tokenIn("GitHub Actions", answer, "value");
    };
    return { source: "GitHub Actions", get };
  }
  if (env["GITHUB_ACTIONS"] !== "true") return undefined;
  throw identityTokenError(
    "AMBIENT_TOKEN_REFUSED",
    'Cannot get an identity token from GitHub Actions: the job has no permission for it; add "permissions: id-token: write" to the job',
    {
      expected: "ACTIONS_ID_TOKEN_REQUEST_URL and ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    },
  );
}

const permissionHint = '; does the job have "permissions: id-token: write"?';

function ofBuildkite(env: Surroundings, options: ProviderOptions): Offer {
  const credential = env["BUILDKITE_AGENT_ACCESS_TOKEN"] ?? "";
  if (credential === "") return undefined;
  const get = async (): Promise<IdentityToken> => {
    const base = (env["BUILDKITE_AGENT_ENDPOINT"] ?? "https://agent.buildkite.com/v3").replace(/\/+$/u, "");
    const job = env["BUILDKITE_JOB_ID"] ?? "";
    if (job === "") throw refused("Buildkite", "BUILDKITE_JOB_ID is not set");
    const url = urlOf("Buildkite", `${base}/jobs/${encodeURIComponent(job)}/oidc/tokens`, "BUILDKITE_AGENT_ENDPOINT");
    const headers = { authorization: `Token ${credential}`, "content-type": "application/json" };
    const body = JSON.stringify({ audience });
    return tokenIn(
      "Buildkite",
      await ask("Buildkite", { method: "POST", url, headers, body, retries, ...settings(options) }),
      "token",
    );
  };
  return { source: "Buildkite", get };
}

async function ofFile({ tokenFile = projectedFile }: AmbientOptions): Promise<Offer> {
  const text = await readFile(tokenFile, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
    throw refused("a projected file", `${tokenFile} cannot be read: ${error.code ?? "an unknown failure"}`);
  });
  if (text === undefined) return undefined;
  return { source: "a projected file", get: () => Promise.resolve(parseIdentityToken(text.trim())) };
}

async function ofGoogle(env: Surroundings, { productFile = productNameFile }: AmbientOptions): Promise<Offer> {
  const host = env["GCE_METADATA_HOST"] ?? "";
  const product = host === "" ? await readFile(productFile, "utf8").catch(() => "") : "Google";
  if (!product.startsWith("Google")) return undefined;
  const get = async (): Promise<IdentityToken> => {
    const path = "/computeMetadata/v1/instance/service-accounts/default/identity";
    const url = urlOf("Google Cloud", `http://${host === "" ? "metadata.google.internal" : host}${path}`, "GCE_METADATA_HOST");
    url.searchParams.set("audience", audience);
    url.searchParams.set("format", "full");
    const headers = { "metadata-flavor": "Google" };
    return parseIdentityToken(parseUtf8((await ask("Google Cloud", { url, headers, timeoutMs: metadataTimeoutMs })).body).trim());
  };
  return { source: "Google Cloud", get };
}

function ofServiceAccount(env: Surroundings, { google = googleEndpoints }: AmbientOptions): Offer {
  const source = "a Google service account";
  const account = env["GOOGLE_SERVICE_ACCOUNT_NAME"] ?? "";
  if (account === "") return undefined;
  return { source, get: () => tokenFrom(source, impersonateServiceAccount(account, audience, env, google)) };
}

async function ofSpiffe(env: Surroundings, { spiffeSocket = spiffeSocketPath }: AmbientOptions): Promise<Offer> {
  const named = env["SPIFFE_ENDPOINT_SOCKET"] ?? "";
  if (named === "" && (await stat(spiffeSocket).catch(() => undefined)) === undefined) return undefined;
  const endpoint = parseSpiffeEndpoint(named === "" ? spiffeSocket : named);
  if (endpoint === undefined) throw refused("SPIFFE", "SPIFFE_ENDPOINT_SOCKET is neither unix:PATH nor tcp:IP:PORT");
  return { source: "SPIFFE", get: () => tokenFrom("SPIFFE", fetchJwtSvid(endpoint, audience)) };
}

/** The token that comes from somewhere else, whose reasons are sentences without secrets. */
async function tokenFrom(source: AmbientSource, text: Promise<string>): Promise<IdentityToken> {
  let found: string;
  try {
    found = await text;
  } catch (cause) {
    if (isSigillumError(cause)) throw cause;
    throw refused(source, cause instanceof Error ? cause.message : "an unknown failure");
  }
  return parseIdentityToken(found);
}

async function ask(source: AmbientSource, call: HttpRequestOptions, hint = ""): Promise<HttpResponse> {
  const answer = await request({ ...call, maxBytes: maxTokenBytes });
  if (answer.status >= 200 && answer.status < 300) return answer;
  throw refused(source, `HTTP ${answer.status}${hint}`, `HTTP ${answer.status}`);
}

function tokenIn(source: AmbientSource, answer: HttpResponse, field: string): IdentityToken {
  try {
    return parseIdentityToken(JsonObject.exact(parseJson(answer.body, { maxBytes: maxTokenBytes }), "answer").string(field));
  } catch (error) {
    if (isSigillumError(error) && error.code.startsWith("ID_TOKEN_")) throw error;
    // The answer holds a token: nothing of it may reach the message.
    throw refused(source, "its answer has no token");
  }
}

function urlOf(source: AmbientSource, text: string, variable: string): URL {
  if (URL.canParse(text)) return new URL(text);
  throw refused(source, `${variable} is no URL`);
}

function refused(source: AmbientSource, reason: string, found?: string): Error {
  return identityTokenError("AMBIENT_TOKEN_REFUSED", `Cannot get an identity token from ${source}: ${reason}`, {
    ...(found === undefined ? {} : { found }),
  });
}
