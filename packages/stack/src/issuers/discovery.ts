// What an issuer publishes: its discovery document (OpenID Connect Discovery 1.0 §4) and its keys, fetched when first needed,
// kept for a while, and fetched again when a token names a key that is not among them.
import { readFile } from "node:fs/promises";
import { isSigillumError, JsonObject, parseJson, quote } from "@sigillum/library/encoding";
import { type HttpResponse, request } from "@sigillum/library/http";
import type { Clock } from "../host/index.ts";
import { issuersError } from "./errors.ts";
import { KeySet } from "./key-set.ts";
import { knownAlgorithms } from "./token-signature.ts";

/** Limits of what is fetched from an issuer. */
export const discoveryLimits: {
  readonly timeoutMs: number;
  readonly maxBytes: number;
  readonly redirects: number;
  readonly freshMs: number;
  readonly staleMs: number;
  readonly retryAfterMs: number;
  readonly maxRetryAfterMs: number;
} = {
  timeoutMs: 10_000,
  maxBytes: 256 * 1024,
  redirects: 3,
  // How long keys are used without asking again, how long when the issuer is down, and how often it is asked at most.
  freshMs: 10 * 60_000,
  staleMs: 24 * 60 * 60_000,
  retryAfterMs: 10_000,
  // An issuer that goes on failing is asked half as often each time, down to this.
  maxRetryAfterMs: 5 * 60_000,
};

/** The keys of an issuer and the algorithms that it announces. */
export interface IssuerKeys {
  readonly keys: KeySet;
  readonly algorithms: readonly string[];
}

/** Where a verifier gets an issuer's keys from. */
export interface KeySource {
  /** The keys as they are known. */
  current(): Promise<IssuerKeys>;
  /** The keys after the issuer was asked again, unless it was asked a moment ago. */
  refreshed(): Promise<IssuerKeys>;
}

/** The keys of an issuer in this process, handed in: no network. */
export function fixedKeySource(keys: IssuerKeys): KeySource {
  return { current: () => Promise.resolve(keys), refreshed: () => Promise.resolve(keys) };
}

/** How a remote issuer's keys are fetched. */
export interface RemoteKeyOptions {
  readonly clock: Clock;
  /** PEM certificates trusted for TLS to it besides the system's. */
  readonly ca?: string;
  /** Keys must stand on the issuer's own host: so for an issuer that a pattern admits, whose document a stranger may have written. */
  readonly sameHost?: boolean;
  /** For an API server of the cluster that this process runs in. */
  readonly cluster?: ClusterFiles;
}

/** Where a pod finds what its cluster's API server wants. Read at each fetch: the token is replaced every hour. */
export interface ClusterFiles {
  /** The first that is there replaces `ca`. */
  readonly caFiles: readonly string[];
  /** The token that is shown, where it is there, to the issuer's own host over TLS and to nobody else. */
  readonly tokenFile: string;
}

/** Fulcio's path, then the one that Kubernetes gives every pod. */
export const clusterFiles: ClusterFiles = {
  caFiles: ["/var/run/fulcio/ca.crt", "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt"],
  tokenFile: "/var/run/secrets/kubernetes.io/serviceaccount/token",
};

/** What was last heard of an issuer. */
export interface IssuerState {
  readonly issuer: string;
  /** Whether tokens can be checked now; undefined before the first was. */
  readonly reachable?: boolean;
  /** Why not. */
  readonly reason?: string;
  /** When its keys were fetched. */
  readonly keysAtMs?: number;
}

/** Fetches the keys of a remote issuer. */
export class RemoteKeySource implements KeySource {
  readonly #issuer: string;
  readonly #clock: Clock;
  readonly #options: RemoteKeyOptions;
  #known: { readonly keys: IssuerKeys; readonly atMs: number } | undefined;
  #failure: { readonly error: unknown; readonly atMs: number; readonly count: number } | undefined;
  #running: Promise<IssuerKeys> | undefined;

  constructor(issuer: string, options: RemoteKeyOptions) {
    this.#issuer = issuer;
    this.#clock = options.clock;
    this.#options = options;
  }

  state(): IssuerState {
    const failure = this.#failure?.error;
    const keysAtMs = this.#known?.atMs;
    return {
      issuer: this.#issuer,
      ...(keysAtMs === undefined && failure === undefined ? {} : { reachable: failure === undefined }),
      ...(failure instanceof Error ? { reason: failure.message } : {}),
      ...(keysAtMs === undefined ? {} : { keysAtMs }),
    };
  }

  async current(): Promise<IssuerKeys> {
    const known = this.#known;
    if (known !== undefined && this.#clock.nowMs() - known.atMs < discoveryLimits.freshMs) return known.keys;
    return this.#fetch();
  }

  async refreshed(): Promise<IssuerKeys> {
    const known = this.#known;
    if (known !== undefined && this.#clock.nowMs() - known.atMs < discoveryLimits.retryAfterMs) return known.keys;
    return this.#fetch();
  }

  /** Concurrent callers share one fetch; a failure is remembered for a moment, so that bad tokens cannot make us hammer an issuer. */
  async #fetch(): Promise<IssuerKeys> {
    const nowMs = this.#clock.nowMs();
    if (this.#failure !== undefined && nowMs - this.#failure.atMs < backoffMs(this.#failure.count))
      return this.#stale(this.#failure.error, nowMs);
    this.#running ??= fetchKeys(this.#issuer, this.#options).finally(() => {
      this.#running = undefined;
    });
    try {
      const keys = await this.#running;
      this.#known = { keys, atMs: this.#clock.nowMs() };
      this.#failure = undefined;
      return keys;
    } catch (error) {
      // Callers that waited for one fetch count it once.
      if (this.#failure?.error !== error)
        this.#failure = { error, atMs: this.#clock.nowMs(), count: (this.#failure?.count ?? 0) + 1 };
      return this.#stale(error, this.#clock.nowMs());
    }
  }

  #stale(error: unknown, nowMs: number): IssuerKeys {
    if (this.#known !== undefined && nowMs - this.#known.atMs < discoveryLimits.staleMs) return this.#known.keys;
    throw error;
  }
}

function backoffMs(failures: number): number {
  return Math.min(discoveryLimits.maxRetryAfterMs, discoveryLimits.retryAfterMs * 2 ** Math.min(failures - 1, 10));
}

/** How an issuer is asked. */
interface Access {
  readonly ca?: string;
  readonly bearer?: string;
}

async function accessOf({ ca, cluster }: RemoteKeyOptions): Promise<Access> {
  if (cluster === undefined) return ca === undefined ? {} : { ca };
  // A file that is not there is none: outside a cluster, or in one whose API server needs neither.
  const [bearer, ...cas] = await Promise.all(
    [cluster.tokenFile, ...cluster.caFiles].map((path) => readFile(path, "utf8").catch(() => undefined)),
  );
  const own = cas.find((text) => text !== undefined) ?? ca;
  return { ...(own === undefined ? {} : { ca: own }), ...(bearer === undefined ? {} : { bearer: bearer.trim() }) };
}

async function fetchKeys(issuer: string, options: RemoteKeyOptions): Promise<IssuerKeys> {
  const { sameHost = false } = options;
  const access = await accessOf(options);
  const document = await fetchJson(`${issuer.replace(/\/$/u, "")}/.well-known/openid-configuration`, issuer, access);
  const announced = document.optionalString("issuer") ?? "";
  // Discovery §4.3: exactly the URL it was found under.
  if (announced !== issuer) {
    throw issuersError("ISSUER_INVALID", `Cannot use issuer ${quote(issuer)}: its discovery document is for another`, {
      found: announced,
      expected: issuer,
    });
  }
  const jwksUri = document.optionalString("jwks_uri") ?? "";
  if (!URL.canParse(jwksUri) || new URL(jwksUri).protocol !== new URL(issuer).protocol) {
    throw issuersError(
      "ISSUER_INVALID",
      `Cannot use issuer ${quote(issuer)}: its jwks_uri is no ${new URL(issuer).protocol}// URL`,
      { found: jwksUri, expected: `a URL with ${new URL(issuer).protocol}` },
    );
  }
  // GHSA-59jp-pj84-45mr's kin: whoever may write below a pattern must not choose what we fetch.
  if (sameHost && new URL(jwksUri).host !== new URL(issuer).host) {
    throw issuersError("ISSUER_INVALID", `Cannot use issuer ${quote(issuer)}: its jwks_uri is on another host`, {
      found: new URL(jwksUri).host,
      expected: new URL(issuer).host,
    });
  }
  const announcedAlgorithms = document
    .optionalStrings("id_token_signing_alg_values_supported")
    .filter((name) => knownAlgorithms.has(name));
  const set = await fetchJson(jwksUri, issuer, access);
  return {
    keys: KeySet.parse({ keys: set.array("keys").map((item) => item.value) }, issuer),
    algorithms: announcedAlgorithms.length === 0 ? ["RS256"] : announcedAlgorithms,
  };
}

async function fetchJson(url: string, issuer: string, access: Access): Promise<JsonObject> {
  try {
    const response = await fetchWithinHost(url, issuer, access);
    if (response.status !== 200) {
      throw issuersError("ISSUER_UNREACHABLE", `Cannot check identity token: ${quote(url)} answers ${response.status}`, {
        found: `HTTP ${response.status}`,
        expected: "HTTP 200",
      });
    }
    return JsonObject.exact(parseJson(response.body, { maxBytes: discoveryLimits.maxBytes, maxDepth: 32 }), url);
  } catch (cause) {
    if (isSigillumError(cause) && cause.code.startsWith("ISSUER_")) throw cause;
    const reason = isSigillumError(cause) ? cause.message : "an unexpected answer";
    throw issuersError(codeOf(cause), `Cannot check identity token: issuer ${quote(issuer)}: ${reason}`, { cause });
  }
}

function codeOf(cause: unknown): "ISSUER_UNREACHABLE" | "ISSUER_INVALID" | "ISSUER_KEY_SET_TOO_LARGE" {
  if (!isSigillumError(cause)) return "ISSUER_INVALID";
  if (cause.code === "HTTP_TOO_LARGE") return "ISSUER_KEY_SET_TOO_LARGE";
  return cause.kind === "unavailable" ? "ISSUER_UNREACHABLE" : "ISSUER_INVALID";
}

/** Follows redirects on the same host alone: another could be an address inside our own network. */
async function fetchWithinHost(url: string, issuer: string, { ca, bearer }: Access): Promise<HttpResponse> {
  let current = new URL(url);
  const isOwn = current.protocol === "https:" && current.host === new URL(issuer).host;
  const authorization = bearer === undefined || !isOwn ? {} : { authorization: `Bearer ${bearer}` };
  for (let hops = 0; ; hops++) {
    const response = await request({
      url: current.href,
      headers: { accept: "application/json", ...authorization },
      timeoutMs: discoveryLimits.timeoutMs,
      maxBytes: discoveryLimits.maxBytes,
      ...(ca === undefined ? {} : { tls: { ca } }),
    });
    const location = response.headers["location"];
    if (response.status < 300 || response.status > 399 || location === undefined) return response;
    const next = URL.canParse(location, current.href) ? new URL(location, current.href) : undefined;
    if (
      next === undefined ||
      next.host !== current.host ||
      next.protocol !== current.protocol ||
      hops >= discoveryLimits.redirects
    ) {
      throw issuersError("ISSUER_REDIRECT", `Cannot use issuer ${quote(issuer)}: ${quote(current.href)} redirects elsewhere`, {
        found: next?.origin ?? "no URL",
        expected: `at most ${discoveryLimits.redirects} redirects within ${current.origin}`,
      });
    }
    current = next;
  }
}
