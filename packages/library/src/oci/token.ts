import { encodeBase64, encodeUtf8, JsonObject, parseJson } from "../encoding/index.ts";
import { describeResponse, type HttpResponse, request, type TlsTrust } from "../http/index.ts";
import type { Challenge } from "./challenge.ts";
import type { Credentials } from "./credentials.ts";
import { ociError } from "./errors.ts";
import { isLoopback, isPrivateAddress } from "./hosts.ts";

/** What a token is wanted for. */
export interface TokenWish {
  /** The registry's origin. */
  readonly registry: string;
  /** "repository:NAME:pull,push". */
  readonly scope: string;
  readonly challenge: Challenge;
  readonly credentials: Credentials | undefined;
  /** Not from the cache: the registry has just refused what was there. */
  readonly fresh: boolean;
}

interface Token {
  readonly value: string;
  readonly expiresMs: number;
}

const maxTokenBytes = 256 * 1024;
const defaultLifeS = 60;
const retries = 2;

/** Bearer tokens of the Docker token protocol, kept until shortly before they expire. */
export class TokenCache {
  readonly #tokens: Map<string, Token> = new Map();
  readonly #tls: TlsTrust | undefined;

  constructor(tls: TlsTrust | undefined) {
    this.#tls = tls;
  }

  /** The token for a wish, from memory or from the token service that the challenge names. */
  async token(wish: TokenWish): Promise<string> {
    const key = `${wish.registry} ${wish.scope}`;
    const known = this.#tokens.get(key);
    if (known !== undefined && !wish.fresh && known.expiresMs > Date.now()) return known.value;
    const token = await this.#fetch(wish);
    this.#tokens.set(key, token);
    return token.value;
  }

  async #fetch(wish: TokenWish): Promise<Token> {
    const realm = realmOf(wish);
    const answer =
      wish.credentials?.type === "identity-token"
        ? await this.#exchange(wish, realm, wish.credentials.token)
        : await this.#get(wish, realm);
    if (answer.status === 401 || answer.status === 403) {
      throw ociError(
        "OCI_UNAUTHORIZED",
        `Cannot get a token for ${wish.scope} from ${realm.origin}: ${describeResponse(answer)}`,
        { found: `HTTP ${answer.status}` },
      );
    }
    if (answer.status === 429)
      throw ociError(
        "OCI_RATE_LIMITED",
        `Cannot get a token for ${wish.scope} from ${realm.origin}: it refuses requests for a while (HTTP 429)`,
      );
    if (answer.status !== 200)
      throw ociError(
        "OCI_UNAVAILABLE",
        `Cannot get a token for ${wish.scope} from ${realm.origin}: it answered HTTP ${answer.status}`,
      );
    return readToken(answer, realm);
  }

  async #get(wish: TokenWish, realm: URL): Promise<HttpResponse> {
    const url = new URL(realm);
    const service = wish.challenge.parameters.get("service");
    if (service !== undefined) url.searchParams.set("service", service);
    url.searchParams.append("scope", wish.scope);
    const { credentials } = wish;
    const headers =
      credentials?.type === "password"
        ? { authorization: `Basic ${encodeBase64(encodeUtf8(`${credentials.username}:${credentials.password}`))}` }
        : {};
    return await request({ url, headers, maxBytes: maxTokenBytes, retries, ...this.#trust() });
  }

  // An identity token is a refresh token: OAuth 2.0 form to the realm, as the Docker token specification has it.
  async #exchange(wish: TokenWish, realm: URL, refreshToken: string): Promise<HttpResponse> {
    const form = new URLSearchParams({
      grant_type: "refresh_token",
      refresh_token: refreshToken,
      client_id: "sigillum",
      scope: wish.scope,
    });
    const service = wish.challenge.parameters.get("service");
    if (service !== undefined) form.set("service", service);
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    return await request({
      method: "POST",
      url: realm,
      headers,
      body: form.toString(),
      maxBytes: maxTokenBytes,
      retries,
      ...this.#trust(),
    });
  }

  #trust(): { tls?: TlsTrust } {
    return this.#tls === undefined ? {} : { tls: this.#tls };
  }
}

function realmOf(wish: TokenWish): URL {
  const realm = wish.challenge.parameters.get("realm") ?? "";
  if (!URL.canParse(realm))
    throw ociError("OCI_UNAVAILABLE", `Cannot authenticate to ${wish.registry}: its challenge names no token service`);
  const url = new URL(realm);
  const encrypted = wish.registry.startsWith("https:");
  if (url.protocol !== "https:" && (encrypted || url.protocol !== "http:")) {
    throw ociError(
      "OCI_REALM_REFUSED",
      `Cannot authenticate to ${wish.registry}: its token service ${url.origin} is not on https`,
      { found: url.origin, expected: "https://…" },
    );
  }
  // A public registry that sends credentials into a private network is used by somebody to reach what stands there.
  if (isPrivateHost(url.host) && !isPrivateHost(new URL(wish.registry).host)) {
    throw ociError(
      "OCI_REALM_REFUSED",
      `Cannot authenticate to ${wish.registry}: its token service ${url.origin} is in a private network, the registry is not`,
      { found: url.origin, expected: "a public address" },
    );
  }
  return url;
}

function isPrivateHost(host: string): boolean {
  return isLoopback(host) || isPrivateAddress(host) || /^(?:169\.254\.|\[f[cde]|0\.0\.0\.0)/i.test(host);
}

function readToken(answer: HttpResponse, realm: URL): Token {
  try {
    const value = JsonObject.exact(parseJson(answer.body), "token");
    const token = value.optionalString("token") ?? value.string("access_token");
    if (!/^[\x21-\x7e]+$/.test(token)) throw new Error("not printable");
    const lifeS = value.optionalSafeInteger("expires_in") ?? defaultLifeS;
    return { value: token, expiresMs: Date.now() + Math.max(0, lifeS - 5) * 1000 };
  } catch {
    // The answer holds a secret: nothing of it may reach the message.
    throw ociError("OCI_UNAVAILABLE", `Cannot authenticate: the token service ${realm.origin} answered without a token`);
  }
}
