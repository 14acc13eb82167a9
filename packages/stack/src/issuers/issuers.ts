// Token -> principal: every check of a token in one place, in the order in which a failure tells most.
import { formatRfc3339, type JsonObject, type JsonValue, quote } from "@sigillum/library/encoding";
import type { Clock, Logger, Readiness } from "../host/index.ts";
import type { CiProvider } from "./ci-provider.ts";
import type { IssuerConfiguration } from "./configuration.ts";
import {
  type ClusterFiles,
  clusterFiles,
  fixedKeySource,
  type IssuerState,
  type KeySource,
  type RemoteKeyOptions,
  RemoteKeySource,
} from "./discovery.ts";
import { issuersError } from "./errors.ts";
import { KeySet } from "./key-set.ts";
import { isMetaIssuer, metaIssuerPattern } from "./meta-issuer.ts";
import { type Principal, type PrincipalRules, principalOf } from "./principal.ts";
import { issuerRules } from "./rules.ts";
import { parseToken, type UnverifiedToken } from "./token.ts";
import { knownAlgorithms, type TokenSignatureCheck } from "./token-signature.ts";

/** An issuer whose keys are in this process: the embedded identity provider. */
export interface EmbeddedIssuer {
  readonly configuration: IssuerConfiguration;
  /** Its JWK set. */
  readonly keys: JsonValue;
}

/** What a certificate authority asks of its issuers. */
export type TrustedIssuers = Pick<Issuers, "configurations" | "metaConfigurations" | "verifyToken">;

/** What `Issuers` is made of. */
export interface IssuersOptions {
  readonly issuers: readonly IssuerConfiguration[];
  /** Patterns of issuers; an issuer that is named exactly goes before them. */
  readonly metaIssuers?: readonly IssuerConfiguration[];
  /** Templates that `ci-provider` may name besides the built-in ones. */
  readonly ciProviders?: ReadonlyMap<string, CiProvider>;
  readonly embedded?: readonly EmbeddedIssuer[];
  /** What a pod finds of its cluster; Kubernetes' paths where nothing is said. */
  readonly cluster?: ClusterFiles;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The API server, as every pod of its cluster knows it. */
const clusterIssuer = "https://kubernetes.default.svc";
/** certificate-authority §12.15: `exp` has no leeway, `nbf` five minutes. */
const notBeforeLeewayMs = 5 * 60_000;
/** Issuers of patterns whose keys are kept; the longest unused makes room. */
const maxMetaIssuers = 100;

interface Trusted {
  readonly rules: PrincipalRules;
  readonly source: KeySource;
}

interface Meta {
  readonly expression: RegExp;
  readonly rules: PrincipalRules;
}

/** The trusted issuers. Nothing is fetched before the first token of an issuer, and nothing ever from one that is not configured. */
export class Issuers {
  readonly #trusted: ReadonlyMap<string, Trusted>;
  readonly #meta: readonly Meta[];
  readonly #matched: Map<string, Trusted> = new Map();
  readonly #clock: Clock;
  readonly #logger: Logger;

  /** Throws ISSUERS_CONFIGURATION for a configuration that contradicts itself. */
  constructor(options: IssuersOptions) {
    const { clock, logger, embedded = [], ciProviders = new Map<string, CiProvider>(), metaIssuers = [] } = options;
    const trusted = new Map<string, Trusted>();
    // §2.3: who names the API server under the name that pods know runs in its cluster.
    const isInCluster =
      options.issuers.some(({ url }) => url === clusterIssuer) ||
      metaIssuers.some(({ url }) => isMetaIssuer(metaIssuerPattern(url), clusterIssuer));
    for (const configuration of options.issuers) {
      const rules = issuerRules(configuration, ciProviders);
      const cluster = configuration.type === "kubernetes" && isInCluster ? { cluster: options.cluster ?? clusterFiles } : {};
      const source = new RemoteKeySource(configuration.url, { ...keyOptions(rules, clock, false), ...cluster });
      trusted.set(configuration.url, { rules, source });
    }
    for (const { configuration, keys } of embedded) {
      const source = fixedKeySource({ keys: KeySet.parse(keys, configuration.url), algorithms: ["RS256"] });
      trusted.set(configuration.url, { rules: issuerRules(configuration, ciProviders), source });
    }
    this.#meta = metaIssuers.map((configuration) => ({
      expression: metaIssuerPattern(configuration.url),
      rules: issuerRules(configuration, ciProviders, true),
    }));
    for (const { url, skipEmailVerification } of [...options.issuers, ...metaIssuers])
      if (skipEmailVerification) logger.warn("issuer.email-unverified", { issuer: url });
    this.#trusted = trusted;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** The issuers that are trusted by name, for GET /api/v2/configuration. */
  configurations(): readonly IssuerConfiguration[] {
    return [...this.#trusted.values()].map((trusted) => trusted.rules.configuration);
  }

  /** The patterns of trusted issuers, for the same. */
  metaConfigurations(): readonly IssuerConfiguration[] {
    return this.#meta.map((meta) => meta.rules.configuration);
  }

  /** Ready as soon as it exists: an issuer that is down fails its own tokens and no others. */
  readiness(): Readiness {
    return { ready: true };
  }

  /** What was last heard of each remote issuer; nothing is asked for it. */
  states(): readonly IssuerState[] {
    return [...this.#trusted.values(), ...this.#matched.values()].flatMap(({ source }) =>
      source instanceof RemoteKeySource ? [source.state()] : [],
    );
  }

  /** Asks every issuer that is configured by name for its keys; what is wrong with those that cannot be used. */
  async check(): Promise<readonly { readonly issuer: string; readonly type: string; readonly problem?: string }[]> {
    return Promise.all(
      [...this.#trusted.values()].map(async ({ rules: { configuration }, source }) => {
        const state = { issuer: configuration.url, type: configuration.type };
        try {
          await source.current();
          return state;
        } catch (error) {
          return { ...state, problem: error instanceof Error ? error.message : String(error) };
        }
      }),
    );
  }

  /**
   * Verifies a token and returns who it speaks of. That the bearer holds a key is not checked here. `check` may do the arithmetic of the
   * signature elsewhere.
   */
  async verifyToken(compact: string, check?: TokenSignatureCheck): Promise<Principal> {
    const token = parseToken(compact);
    const trusted = this.#trusted.get(token.issuer) ?? this.#matching(token.issuer);
    if (trusted === undefined) throw this.#unknownIssuer(token.issuer);
    checkAlgorithm(token);
    await this.#verifySignature(token, trusted, check);
    const { configuration } = trusted.rules;
    checkAudience(token.claims, configuration.clientId);
    checkTimes(token.claims, this.#clock.nowMs());
    return principalOf(trusted.rules, token.issuer, token.claims);
  }

  /** The effective issuer of a pattern, §2.3. Kept in the order of use, so that the first is the longest unused. */
  #matching(issuer: string): Trusted | undefined {
    const known = this.#matched.get(issuer);
    const meta = known === undefined ? this.#meta.find(({ expression }) => isMetaIssuer(expression, issuer)) : undefined;
    const trusted =
      known ??
      (meta === undefined
        ? undefined
        : { rules: meta.rules, source: new RemoteKeySource(issuer, keyOptions(meta.rules, this.#clock, true)) });
    if (trusted === undefined) return undefined;
    this.#matched.delete(issuer);
    this.#matched.set(issuer, trusted);
    for (const oldest of this.#matched.keys()) {
      if (this.#matched.size <= maxMetaIssuers) break;
      this.#matched.delete(oldest);
    }
    return trusted;
  }

  #unknownIssuer(issuer: string): Error {
    const known = [...this.#trusted.keys(), ...this.#meta.map(({ rules }) => rules.configuration.url)];
    const shown = known.length === 0 ? "none" : known.slice(0, maxNamedIssuers).join(", ");
    return issuersError(
      "TOKEN_ISSUER_UNKNOWN",
      `Cannot accept identity token: its issuer ${quote(issuer, 200)} is not trusted here`,
      {
        found: quote(issuer, 200),
        expected: known.length > maxNamedIssuers ? `${shown} and ${known.length - maxNamedIssuers} others` : shown,
      },
    );
  }

  async #verifySignature(token: UnverifiedToken, trusted: Trusted, check: TokenSignatureCheck | undefined): Promise<void> {
    let { keys, algorithms } = await trusted.source.current();
    if (!keys.has(token)) {
      this.#logger.debug("issuer.key-unknown", { issuer: token.issuer, kid: token.keyId });
      ({ keys, algorithms } = await trusted.source.refreshed());
    }
    if (!algorithms.includes(token.algorithm)) throw algorithmError(token, algorithms);
    await keys.verifySignature(token, check);
  }
}

/** How many issuers a refusal names: the rest stand in GET /api/v2/configuration. */
const maxNamedIssuers = 10;

function keyOptions(rules: PrincipalRules, clock: Clock, sameHost: boolean): RemoteKeyOptions {
  const { caCertificates } = rules.configuration;
  return { clock, sameHost, ...(caCertificates === undefined ? {} : { ca: caCertificates }) };
}

/** Before anything is fetched: an algorithm that no issuer may use. */
function checkAlgorithm(token: UnverifiedToken): void {
  if (knownAlgorithms.has(token.algorithm)) return;
  const fields = { found: quote(token.algorithm), expected: [...knownAlgorithms.keys()].join(", ") };
  if (token.algorithm.toLowerCase() === "none")
    throw issuersError("TOKEN_UNSIGNED", "Cannot accept identity token: its algorithm is none, so nobody signed it", fields);
  if (/^HS\d+$/u.test(token.algorithm))
    throw issuersError(
      "TOKEN_ALGORITHM_SYMMETRIC",
      `Cannot accept identity token: ${token.algorithm} needs a secret that issuer and certificate authority would share`,
      fields,
    );
  throw algorithmError(token, [...knownAlgorithms.keys()]);
}

function algorithmError(token: UnverifiedToken, expected: readonly string[]): Error {
  return issuersError("TOKEN_ALGORITHM", `Cannot accept identity token: it is signed with ${quote(token.algorithm)}`, {
    found: token.algorithm,
    expected: expected.join(", "),
  });
}

/** One audience and no more: a token that also serves another party could be replayed by it. */
function checkAudience(claims: JsonObject, clientId: string): void {
  const value = claims.value("aud");
  const audiences: JsonValue[] = value === undefined ? [] : Array.isArray(value) ? value : [value];
  if (audiences.length === 1 && audiences[0] === clientId) return;
  const found =
    audiences.length === 0
      ? "no audience"
      : audiences
          .slice(0, 5)
          .map((item) => quote(JSON.stringify(item)))
          .join(", ");
  throw issuersError(
    audiences.length > 1 ? "TOKEN_AUDIENCE_SEVERAL" : "TOKEN_AUDIENCE",
    `Cannot accept identity token: its audience is ${found}, expected ${quote(clientId)} alone`,
    { found, expected: clientId },
  );
}

function checkTimes(claims: JsonObject, nowMs: number): void {
  const expiresMs = secondsClaim(claims, "exp");
  const now = formatRfc3339(nowMs);
  if (expiresMs === undefined)
    throw issuersError("TOKEN_EXPIRED", "Cannot accept identity token: it names no time at which it expires", {
      found: "no exp",
      expected: `an exp after ${now}`,
    });
  if (nowMs >= expiresMs) {
    const found = formatRfc3339(expiresMs);
    throw issuersError("TOKEN_EXPIRED", `Cannot accept identity token: it expired at ${found}, and it is ${now}`, {
      found,
      expected: `after ${now}`,
    });
  }
  const notBeforeMs = secondsClaim(claims, "nbf");
  if (notBeforeMs !== undefined && notBeforeMs > nowMs + notBeforeLeewayMs) {
    const found = formatRfc3339(notBeforeMs);
    throw issuersError("TOKEN_NOT_YET_VALID", `Cannot accept identity token: it is valid from ${found}, and it is ${now}`, {
      found,
      expected: `at most five minutes after ${now}`,
    });
  }
}

/** A NumericDate (RFC 7519 §2) in milliseconds; one that no calendar holds is refused. */
function secondsClaim(claims: JsonObject, name: string): number | undefined {
  const value = claims.value(name);
  if (value === undefined) return undefined;
  if (typeof value === "number" && value >= 0 && value < 253_402_300_800) return Math.floor(value * 1000);
  throw issuersError("TOKEN_CLAIM_INVALID", `Cannot accept identity token: its claim ${name} is no time in seconds`, {
    found: typeof value === "number" ? String(value) : typeof value,
    expected: "seconds since 1970",
  });
}
