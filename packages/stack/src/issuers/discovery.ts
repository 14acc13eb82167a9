// What an issuer publishes: its discovery document (OpenID Connect Discovery 1.0 §4) and its keys, fetched when first needed,
// kept for a while, and fetched again when a token names a key that is not among them.
import { isSigillumError, JsonObject, parseJson, quote } from "@sigillum/library/encoding";
import { type HttpResponse, request } from "@sigillum/library/http";
import type { Clock } from "../host/index.ts";
import { issuersError } from "./errors.ts";
import { KeySet, knownAlgorithms } from "./key-set.ts";

/** Limits of what is fetched from an issuer. */
export const discoveryLimits: {
  readonly timeoutMs: number;
  readonly maxBytes: number;
  readonly redirects: number;
  readonly freshMs: number;
  readonly staleMs: number;
  readonly retryAfterMs: number;
} = {
  timeoutMs: 10_000,
  maxBytes: 256 * 1024,
  redirects: 3,
  // How long keys are used without asking again, how long when the issuer is down, and how often it is asked at most.
  freshMs: 10 * 60_000,
  staleMs: 24 * 60 * 60_000,
  retryAfterMs: 10_000,
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

/** Fetches the keys of a remote issuer; `ca` are PEM certificates trusted for TLS to it besides the system's. */
export class RemoteKeySource implements KeySource {
  readonly #issuer: string;
  readonly #clock: Clock;
  readonly #ca: string | undefined;
  #known: { readonly keys: IssuerKeys; readonly atMs: number } | undefined;
  #failure: { readonly error: unknown; readonly atMs: number } | undefined;
  #running: Promise<IssuerKeys> | undefined;

  constructor(issuer: string, clock: Clock, ca?: string) {
    this.#issuer = issuer;
    this.#clock = clock;
    this.#ca = ca;
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
    if (this.#failure !== undefined && nowMs - this.#failure.atMs < discoveryLimits.retryAfterMs)
      return this.#stale(this.#failure.error, nowMs);
    this.#running ??= fetchKeys(this.#issuer, this.#ca).finally(() => {
      this.#running = undefined;
    });
    try {
      const keys = await this.#running;
      this.#known = { keys, atMs: this.#clock.nowMs() };
      this.#failure = undefined;
      return keys;
    } catch (error) {
      this.#failure = { error, atMs: this.#clock.nowMs() };
      return this.#stale(error, this.#clock.nowMs());
    }
  }

  #stale(error: unknown, nowMs: number): IssuerKeys {
    if (this.#known !== undefined && nowMs - this.#known.atMs < discoveryLimits.staleMs) return this.#known.keys;
    throw error;
  }
}

async function fetchKeys(issuer: string, ca: string | undefined): Promise<IssuerKeys> {
  const document = await fetchJson(`${issuer.replace(/\/$/u, "")}/.well-known/openid-configuration`, issuer, ca);
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
  const announcedAlgorithms = document
    .optionalStrings("id_token_signing_alg_values_supported")
    .filter((name) => knownAlgorithms.has(name));
  const set = await fetchJson(jwksUri, issuer, ca);
  return {
    keys: KeySet.parse({ keys: set.array("keys").map((item) => item.value) }, issuer),
    algorithms: announcedAlgorithms.length === 0 ? ["RS256"] : announcedAlgorithms,
  };
}

async function fetchJson(url: string, issuer: string, ca: string | undefined): Promise<JsonObject> {
  try {
    const response = await fetchWithinHost(url, issuer, ca);
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
    const code = isSigillumError(cause) && cause.kind === "unavailable" ? "ISSUER_UNREACHABLE" : "ISSUER_INVALID";
    throw issuersError(code, `Cannot check identity token: issuer ${quote(issuer)}: ${reason}`, { cause });
  }
}

/** Follows redirects on the same host alone: another could be an address inside our own network. */
async function fetchWithinHost(url: string, issuer: string, ca: string | undefined): Promise<HttpResponse> {
  let current = new URL(url);
  for (let hops = 0; ; hops++) {
    const response = await request({
      url: current.href,
      headers: { accept: "application/json" },
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
      throw issuersError("ISSUER_INVALID", `Cannot use issuer ${quote(issuer)}: ${quote(current.href)} redirects elsewhere`, {
        found: next?.origin ?? "no URL",
        expected: `at most ${discoveryLimits.redirects} redirects within ${current.origin}`,
      });
    }
    current = next;
  }
}
