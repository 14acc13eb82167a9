// Signing in elsewhere: another OpenID Connect provider says who somebody is, and this one issues the token. Authorization code with PKCE, state
// and nonce (OpenID Connect Core §3.1); what comes back is bound to the browser by oidc-provider's own cookie of the sign-in.
import { randomBytes } from "node:crypto";
import { sha256 } from "@sigillum/library/crypto";
import {
  encodeBase64,
  encodeBase64Url,
  encodeUtf8,
  isSigillumError,
  JsonObject,
  parseBase64Url,
  parseJson,
  quote,
} from "@sigillum/library/encoding";
import { request } from "@sigillum/library/http";
import { discoverProvider, type Provider, type ProviderOptions, verifyIdentityToken } from "@sigillum/library/identity-token";
import type { Clock } from "../host/index.ts";
import { identityProviderError } from "./errors.ts";
import type { TokenSubject } from "./id-token.ts";

/** A provider that people sign in at. */
export interface UpstreamEntry {
  /** What the button says. */
  readonly name: string;
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret?: string;
  /** What tokens say in federated_claims.connector_id, and certificates may as issuer; the issuer where nothing is said. */
  readonly connectorId?: string;
  /** Take an address that the provider does not say is verified: for one that verifies every address and never says so. */
  readonly skipEmailVerification: boolean;
  /** PEM certificates trusted for TLS to it besides the system's. */
  readonly caCertificates?: string;
}

/** Where the other provider sends the browser back to, below our own address. */
export const upstreamCallbackPath = "/upstream/callback";

const pendingMs = 600_000;
const maxPending = 10_000;
const maxTokenBytes = 256 * 1024;
const timeoutMs = 10_000;

interface Pending {
  readonly entry: UpstreamEntry;
  readonly interaction: string;
  readonly verifier: string;
  readonly nonce: string;
  readonly untilMs: number;
}

/** The other providers, and the sign-ins at them that have begun. */
export class Upstreams {
  readonly entries: readonly UpstreamEntry[];
  readonly #redirectUri: string;
  readonly #clock: Clock;
  readonly #pending: Map<string, Pending> = new Map();

  constructor(entries: readonly UpstreamEntry[], issuer: string, clock: Clock) {
    this.entries = entries;
    this.#redirectUri = `${issuer}${upstreamCallbackPath}`;
    this.#clock = clock;
  }

  /** Begins a sign-in for an interaction; the address to send the browser to. */
  async begin(name: string, interaction: string): Promise<string> {
    const entry = this.entries.find((one) => one.name === name);
    if (entry === undefined)
      throw identityProviderError("IDENTITY_REQUEST_MALFORMED", `Cannot sign in: there is no provider ${quote(name, 60)}`, {
        found: quote(name, 60),
        expected: this.entries.map((one) => one.name).join(", "),
      });
    const provider = await discovered(entry);
    const [state, verifier, nonce] = [randomText(), randomText(), randomText()];
    this.#pending.set(state, { entry, interaction, verifier, nonce, untilMs: this.#clock.nowMs() + pendingMs });
    for (const oldest of this.#pending.keys()) {
      if (this.#pending.size <= maxPending) break;
      this.#pending.delete(oldest);
    }
    const url = new URL(provider.authorizationEndpoint);
    const parameters = {
      response_type: "code",
      client_id: entry.clientId,
      redirect_uri: this.#redirectUri,
      scope: "openid email",
      state,
      nonce,
      code_challenge: encodeBase64Url(sha256(encodeUtf8(verifier))),
      code_challenge_method: "S256",
    };
    for (const [parameter, value] of Object.entries(parameters)) url.searchParams.set(parameter, value);
    return url.href;
  }

  /** The interaction that a state belongs to; undefined for one that never was, or has ended. */
  interactionOf(state: string): string | undefined {
    const pending = this.#pending.get(state);
    return pending === undefined || pending.untilMs < this.#clock.nowMs() ? undefined : pending.interaction;
  }

  /** Ends a sign-in: who it was. The caller has seen the interaction's cookie; the token is verified as the provider's own here. */
  async finish(interaction: string, answer: URLSearchParams): Promise<TokenSubject> {
    const state = answer.get("state") ?? "";
    const pending = this.interactionOf(state) === interaction ? this.#pending.get(state) : undefined;
    // Once alone, whatever comes of it.
    this.#pending.delete(state);
    if (pending === undefined)
      throw identityProviderError(
        "IDENTITY_SIGN_IN_EXPIRED",
        "Cannot sign in: this answer belongs to another sign-in, or to one that has ended; start again from the program that opened it",
      );
    const { entry } = pending;
    const code = answer.get("code");
    if (code === null) {
      const found = quote(answer.get("error_description") ?? answer.get("error") ?? "nothing", 200);
      throw identityProviderError("IDENTITY_UPSTREAM_REFUSED", `Cannot sign in: ${entry.name} says ${found}`, { found });
    }
    return subjectIn(entry, await this.#redeem(pending, code));
  }

  async #redeem({ entry, verifier, nonce }: Pending, code: string): Promise<JsonObject> {
    const provider = await discovered(entry);
    const isPublic = entry.clientSecret === undefined;
    // RFC 6749 §2.3.1: both halves are form-encoded.
    const basic = `${encodeURIComponent(entry.clientId)}:${encodeURIComponent(entry.clientSecret ?? "")}`;
    const fields = {
      grant_type: "authorization_code",
      code,
      redirect_uri: this.#redirectUri,
      code_verifier: verifier,
      ...(isPublic ? { client_id: entry.clientId } : {}),
    };
    try {
      const response = await request({
        method: "POST",
        url: provider.tokenEndpoint,
        headers: {
          "content-type": "application/x-www-form-urlencoded",
          accept: "application/json",
          ...(isPublic ? {} : { authorization: `Basic ${encodeBase64(encodeUtf8(basic))}` }),
        },
        body: new URLSearchParams(fields).toString(),
        maxBytes: maxTokenBytes,
        ...optionsOf(entry),
      });
      if (response.status !== 200) throw refused(entry, `its token endpoint answers ${response.status}`);
      const raw = JsonObject.from(parseJson(response.body, { maxBytes: maxTokenBytes }), "answer").string("id_token");
      const nowMs = this.#clock.nowMs();
      await verifyIdentityToken(raw, provider, { audience: entry.clientId, nonce, nowMs }, optionsOf(entry));
      return JsonObject.from(parseJson(parseBase64Url(raw.split(".")[1] ?? "")), "token");
    } catch (cause) {
      if (!isSigillumError(cause) || cause.code.startsWith("IDENTITY_")) throw cause;
      // The library's messages hold nothing of a token.
      throw refused(entry, cause.message, cause);
    }
  }
}

function subjectIn(entry: UpstreamEntry, claims: JsonObject): TokenSubject {
  const email = claims.optionalString("email") ?? "";
  const verified = claims.value("email_verified");
  if (!/^[!-?A-~]{1,64}@[A-Za-z0-9.-]{1,253}$/u.test(email)) throw refused(entry, "it names no email address");
  if (verified !== true && verified !== "true" && !entry.skipEmailVerification)
    throw refused(entry, `it does not say that ${quote(email, 80)} is verified`);
  const userId = claims.string("sub");
  const hash = encodeBase64Url(sha256(encodeUtf8(`${entry.issuer}\n${userId}`))).slice(0, 22);
  return { email, subject: `upstream-${hash}`, federated: { connectorId: entry.connectorId ?? entry.issuer, userId } };
}

async function discovered(entry: UpstreamEntry): Promise<Provider> {
  try {
    return await discoverProvider(entry.issuer, optionsOf(entry));
  } catch (cause) {
    const reason = isSigillumError(cause) ? cause.message : "an unexpected failure";
    throw identityProviderError("IDENTITY_UPSTREAM_UNAVAILABLE", `Cannot sign in: ${entry.name} does not answer: ${reason}`, {
      cause,
    });
  }
}

function optionsOf({ caCertificates }: UpstreamEntry): ProviderOptions {
  return { timeoutMs, ...(caCertificates === undefined ? {} : { tls: { ca: caCertificates } }) };
}

function refused(entry: UpstreamEntry, reason: string, cause?: unknown): Error {
  return identityProviderError("IDENTITY_UPSTREAM_REFUSED", `Cannot sign in with ${entry.name}: ${reason}`, {
    cause,
    found: reason,
  });
}

function randomText(): string {
  return encodeBase64Url(new Uint8Array(randomBytes(32)));
}
