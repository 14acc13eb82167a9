// Token -> principal: every check of a token in one place, in the order in which a failure tells most.
import { formatRfc3339, type JsonObject, type JsonValue, quote } from "@sigillum/library/encoding";
import type { Clock, Logger, Readiness } from "../host/index.ts";
import type { IssuerConfiguration } from "./configuration.ts";
import { fixedKeySource, type KeySource, RemoteKeySource } from "./discovery.ts";
import { issuersError } from "./errors.ts";
import { KeySet, knownAlgorithms } from "./key-set.ts";
import { type Principal, principalOf } from "./principal.ts";
import { parseToken, type UnverifiedToken } from "./token.ts";

/** An issuer whose keys are in this process: the embedded identity provider. */
export interface EmbeddedIssuer {
  readonly configuration: IssuerConfiguration;
  /** Its JWK set. */
  readonly keys: JsonValue;
}

/** What `Issuers` is made of. */
export interface IssuersOptions {
  readonly issuers: readonly IssuerConfiguration[];
  readonly embedded?: EmbeddedIssuer;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** certificate-authority §12.15: `exp` has no leeway, `nbf` five minutes. */
const notBeforeLeewayMs = 5 * 60_000;

interface Trusted {
  readonly configuration: IssuerConfiguration;
  readonly source: KeySource;
}

/** The trusted issuers. Nothing is fetched before the first token of an issuer, and nothing ever from one that is not configured. */
export class Issuers {
  readonly #trusted: ReadonlyMap<string, Trusted>;
  readonly #clock: Clock;
  readonly #logger: Logger;

  constructor(options: IssuersOptions) {
    const trusted = new Map<string, Trusted>();
    for (const configuration of options.issuers) {
      trusted.set(configuration.url, {
        configuration,
        source: new RemoteKeySource(configuration.url, options.clock, configuration.caCertificates),
      });
      if (configuration.skipEmailVerification) options.logger.warn("issuer.email-unverified", { issuer: configuration.url });
    }
    if (options.embedded !== undefined) {
      const { configuration, keys } = options.embedded;
      trusted.set(configuration.url, {
        configuration,
        source: fixedKeySource({ keys: KeySet.parse(keys, configuration.url), algorithms: ["RS256"] }),
      });
    }
    this.#trusted = trusted;
    this.#clock = options.clock;
    this.#logger = options.logger;
  }

  /** The trusted issuers, for GET /api/v2/configuration. */
  configurations(): readonly IssuerConfiguration[] {
    return [...this.#trusted.values()].map((trusted) => trusted.configuration);
  }

  /** Ready as soon as it exists: an issuer that is down fails its own tokens and no others. */
  readiness(): Readiness {
    return { ready: true };
  }

  /** Verifies a token and returns who it speaks of. That the bearer holds a key is not checked here. */
  async verifyToken(compact: string): Promise<Principal> {
    const token = parseToken(compact);
    const trusted = this.#trusted.get(token.issuer);
    if (trusted === undefined) {
      throw issuersError(
        "TOKEN_ISSUER_UNKNOWN",
        `Cannot accept identity token: issuer ${quote(token.issuer)} is not trusted here`,
        {
          found: token.issuer,
          expected: [...this.#trusted.keys()].join(", "),
        },
      );
    }
    if (!knownAlgorithms.has(token.algorithm)) throw algorithmError(token, [...knownAlgorithms.keys()]);
    await this.#verifySignature(token, trusted);
    checkAudience(token.claims, trusted.configuration.clientId);
    checkTimes(token.claims, this.#clock.nowMs());
    return principalOf(trusted.configuration, token.claims);
  }

  async #verifySignature(token: UnverifiedToken, trusted: Trusted): Promise<void> {
    let { keys, algorithms } = await trusted.source.current();
    if (!keys.has(token)) {
      this.#logger.debug("issuer.key-unknown", { issuer: token.issuer, kid: token.keyId });
      ({ keys, algorithms } = await trusted.source.refreshed());
    }
    if (!algorithms.includes(token.algorithm)) throw algorithmError(token, algorithms);
    await keys.verifySignature(token);
  }
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
  const found = audiences.length === 0 ? "no audience" : audiences.map((item) => quote(String(item))).join(", ");
  throw issuersError(
    "TOKEN_AUDIENCE",
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
