// The connection to registries: which scheme they speak, how they authenticate, what their errors mean.
import { encodeBase64, encodeUtf8, JsonObject, parseJson, quote } from "../encoding/index.ts";
import {
  type HttpResponse,
  type HttpStreamResponse,
  type OutgoingBody,
  type RequestSettings,
  request,
  requestStream,
  type TlsTrust,
} from "../http/index.ts";
import { type Challenge, parseChallenges } from "./challenge.ts";
import { type CredentialSource, type Credentials, dockerCredentials } from "./credentials.ts";
import { ociError } from "./errors.ts";
import { isLoopback, isPrivateAddress } from "./hosts.ts";
import { encodeRepository, type Repository } from "./reference.ts";
import { TokenCache } from "./token.ts";

/** How registries are spoken to. */
export interface RegistryOptions {
  /** Where credentials come from: Docker's and Podman's files unless said otherwise. */
  readonly credentials?: CredentialSource;
  /** Take any TLS certificate, and plain http where https does not answer, for any host; for loopback hosts http is taken always. */
  readonly allowInsecureRegistry?: boolean;
  /** Take plain http where https does not answer. */
  readonly allowHttpRegistry?: boolean;
  readonly tls?: TlsTrust;
  /** How long a request may take; 30 s where nothing is said, a minute between the chunks of what streams. */
  readonly timeoutMs?: number;
  /** Told each `Warning` header's text once. */
  readonly onWarning?: (text: string) => void;
  /** Gives up every request. */
  readonly signal?: AbortSignal;
  /** How many bytes of answers are read by this client in all; what passes it is OCI_TOO_LARGE. No limit where nothing is said. */
  readonly maxTotalBytes?: number;
  /** Told of each request that goes out. */
  readonly onRequest?: () => void;
}

/** What may be done in a repository, as token services call it. */
export type Access = "pull" | "pull,push" | "pull,push,delete";

/** A request to a registry; `path` follows "/v2/NAME/", or is an absolute URL the registry gave. */
export interface RegistryRequest {
  readonly method: string;
  readonly path: string;
  readonly access: Access;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
  readonly maxBytes?: number;
}

interface Endpoint {
  readonly origin: string;
  readonly challenges: readonly Challenge[];
  readonly tls: TlsTrust | undefined;
}

const retries = 2;
const redirects = 5;
const maxErrorBytes = 64 * 1024;
const pingTimeoutMs = 10_000;

/**
 * Speaks to any number of registries, and keeps what it learned of each: scheme, tokens, connections. A class because of
 * that memory; use one for everything a command does.
 */
export class RegistryClient {
  readonly #options: RegistryOptions;
  readonly #credentials: CredentialSource;
  readonly #endpoints: Map<string, Promise<Endpoint>> = new Map();
  readonly #known: Map<string, Promise<Credentials | undefined>> = new Map();
  readonly #tokens: TokenCache;
  readonly #warned: Set<string> = new Set();
  #bytesLeft: number;

  constructor(options: RegistryOptions = {}) {
    this.#options = options;
    this.#credentials = options.credentials ?? dockerCredentials();
    this.#tokens = new TokenCache(options.tls);
    this.#bytesLeft = options.maxTotalBytes ?? Number.MAX_SAFE_INTEGER;
  }

  /** Send a request and read the whole answer. Statuses of which the caller makes nothing go to `unexpected`. */
  async send(repository: Repository, what: RegistryRequest): Promise<HttpResponse> {
    return await this.#authorized(repository, what, async (settings) => {
      const idempotent = what.method !== "POST" && what.method !== "PATCH";
      const answer = await request({
        ...settings,
        ...(what.body === undefined ? {} : { body: what.body }),
        ...(what.maxBytes === undefined ? {} : { maxBytes: what.maxBytes }),
        retries: idempotent ? retries : 0,
      });
      this.#spend(answer.body.length);
      return answer;
    });
  }

  /** Send a request whose answer streams. */
  async sendForStream(repository: Repository, what: RegistryRequest): Promise<HttpStreamResponse> {
    return await this.#authorized(
      repository,
      what,
      async (settings) => {
        const answer = await requestStream({ ...settings, retries });
        return { ...answer, body: this.#counted(answer.body) };
      },
      (answer) => answer.cancel(),
    );
  }

  #spend(bytes: number): void {
    this.#bytesLeft -= bytes;
    if (this.#bytesLeft >= 0) return;
    throw ociError("OCI_TOO_LARGE", "Cannot read on: the registry's answers are longer together than is read", {
      expected: `at most ${this.#options.maxTotalBytes} bytes`,
    });
  }

  async *#counted(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of body) {
      this.#spend(chunk.length);
      yield chunk;
    }
  }

  /** Send a body that streams. It can be sent once only, so the caller made another request with the same access before. */
  async upload(repository: Repository, what: RegistryRequest, body: OutgoingBody, contentLength: number): Promise<HttpResponse> {
    const { settings } = await this.#settings(repository, what, undefined);
    const answer = await requestStream({ ...settings, redirects: 0, body, contentLength, maxBytes: maxErrorBytes });
    const chunks: Uint8Array[] = [];
    for await (const chunk of answer.body) chunks.push(chunk);
    return { ...answer, body: chunks[0] ?? new Uint8Array() };
  }

  async #authorized<T extends HttpResponse | HttpStreamResponse>(
    repository: Repository,
    what: RegistryRequest,
    send: (settings: RequestSettings) => Promise<T>,
    discard?: (answer: T) => void,
  ): Promise<T> {
    const first = await this.#settings(repository, what, undefined);
    let answer = await send(first.settings);
    if (answer.status === 401) {
      // A token that does not carry this scope, or has just expired: once more with what the challenge asks for.
      const challenges = parseChallenges(answer.headers["www-authenticate"] ?? "");
      discard?.(answer);
      const second = await this.#settings(repository, what, challenges);
      answer = await send(second.settings);
    }
    this.#warn(answer.headers["warning"]);
    return answer;
  }

  async #settings(
    repository: Repository,
    what: RegistryRequest,
    fresh: readonly Challenge[] | undefined,
  ): Promise<{ settings: RequestSettings }> {
    const endpoint = await this.#endpoint(repository);
    const { signal } = this.#options;
    this.#options.onRequest?.();
    const url = new URL(what.path, `${endpoint.origin}/v2/${repository.name}/`);
    const challenges = fresh ?? endpoint.challenges;
    const authorization =
      url.origin === endpoint.origin
        ? await this.#authorization(endpoint, repository, what.access, challenges, fresh !== undefined)
        : undefined;
    return {
      settings: {
        method: what.method,
        url,
        redirects,
        ...(this.#options.timeoutMs === undefined ? {} : { timeoutMs: this.#options.timeoutMs }),
        headers: { ...what.headers, ...(authorization === undefined ? {} : { authorization }) },
        ...(endpoint.tls === undefined ? {} : { tls: endpoint.tls }),
        ...(signal === undefined ? {} : { signal }),
      },
    };
  }

  async #authorization(
    endpoint: Endpoint,
    repository: Repository,
    access: Access,
    challenges: readonly Challenge[],
    fresh: boolean,
  ): Promise<string | undefined> {
    const bearer = challenges.find((challenge) => challenge.scheme === "bearer");
    const basic = challenges.find((challenge) => challenge.scheme === "basic");
    if (bearer === undefined && basic === undefined) return undefined;
    const credentials = await this.#credentialsFor(repository);
    if (credentials?.type === "registry-token") return `Bearer ${credentials.token}`;
    if (bearer !== undefined) {
      return `Bearer ${await this.#tokens.token({ registry: endpoint.origin, scope: `repository:${repository.name}:${access}`, challenge: bearer, credentials, fresh })}`;
    }
    if (credentials?.type !== "password") return undefined;
    return `Basic ${encodeBase64(encodeUtf8(`${credentials.username}:${credentials.password}`))}`;
  }

  #credentialsFor(repository: Repository): Promise<Credentials | undefined> {
    const key = encodeRepository(repository);
    let found = this.#known.get(key);
    if (found === undefined) {
      found = this.#credentials(repository);
      this.#known.set(key, found);
    }
    return found;
  }

  #endpoint(repository: Repository): Promise<Endpoint> {
    let found = this.#endpoints.get(repository.registry);
    if (found === undefined) {
      found = this.#ping(repository.registry);
      this.#endpoints.set(repository.registry, found);
      found.catch(() => this.#endpoints.delete(repository.registry)); // asked again next time
    }
    return found;
  }

  // Distribution spec end-1. Which scheme: https; for loopback http first; elsewhere http only if the caller said so, or in a
  // private network, where Go's clients take it too.
  async #ping(registry: string): Promise<Endpoint> {
    const { allowInsecureRegistry = false, allowHttpRegistry = false, tls } = this.#options;
    const attempts: { scheme: string; tls: TlsTrust | undefined }[] = [{ scheme: "https", tls }];
    if (allowInsecureRegistry) attempts.push({ scheme: "https", tls: { ...tls, insecureSkipVerify: true } });
    if (isLoopback(registry)) attempts.unshift({ scheme: "http", tls: undefined });
    else if (allowInsecureRegistry || allowHttpRegistry || isPrivateAddress(registry))
      attempts.push({ scheme: "http", tls: undefined });
    let failed: unknown;
    for (const attempt of attempts) {
      try {
        return await this.#pingWith(registry, `${attempt.scheme}://${registry}`, attempt.tls);
      } catch (error) {
        // Of several the one that says most: somebody speaks TLS there, and is not trusted.
        if (failed === undefined || (error instanceof Error && Reflect.get(error, "code") === "HTTP_TLS_UNTRUSTED"))
          failed = error;
      }
    }
    throw failed;
  }

  async #pingWith(registry: string, origin: string, tls: TlsTrust | undefined): Promise<Endpoint> {
    const { signal } = this.#options;
    this.#options.onRequest?.();
    const answer = await request({
      url: `${origin}/v2/`,
      ...(signal === undefined ? {} : { signal }),
      timeoutMs: Math.min(pingTimeoutMs, this.#options.timeoutMs ?? pingTimeoutMs),
      maxBytes: maxErrorBytes,
      retries,
      retryUnreachable: !isLoopback(registry), // nobody on this machine's port is an answer
      redirects,
      ...(tls === undefined ? {} : { tls }),
    });
    if (answer.status === 200) return { origin, challenges: [], tls };
    if (answer.status === 401) return { origin, challenges: parseChallenges(answer.headers["www-authenticate"] ?? ""), tls };
    throw unexpected(answer, `ask ${registry} for its version`);
  }

  #warn(header: string | undefined): void {
    // RFC 7234 §5.5 as the distribution spec narrows it: 299 - "text".
    const text = header === undefined ? undefined : /^299 \S+ "((?:[^"\\]|\\.)*)"/.exec(header)?.[1];
    if (text === undefined || this.#warned.has(text)) return;
    this.#warned.add(text);
    this.#options.onWarning?.(text);
  }
}

/** The error for a status that the caller has no use for. That it could not be looked is never said as "nothing there". */
export function unexpected(
  answer: { readonly status: number; readonly body?: unknown; readonly headers: Readonly<Record<string, string>> },
  what: string,
): Error {
  const detail = answer.body instanceof Uint8Array ? errorDetail(answer.body) : "";
  const found = `HTTP ${answer.status}${detail === "" ? "" : ` ${detail}`}`;
  switch (answer.status) {
    case 401:
    case 403:
      return ociError(
        "OCI_UNAUTHORIZED",
        `Cannot ${what}: the registry refuses (${found}); log in with "docker login" or check the account's rights`,
        { found },
      );
    case 404:
      return ociError("OCI_NOT_FOUND", `Cannot ${what}: the registry has no such thing (${found})`, { found });
    case 429: {
      const wait = answer.headers["retry-after"];
      return ociError(
        "OCI_RATE_LIMITED",
        `Cannot ${what}: the registry refuses requests for a while (${found}${wait === undefined ? "" : `, Retry-After ${quote(wait)}`})`,
        { found },
      );
    }
    default:
      return ociError("OCI_UNAVAILABLE", `Cannot ${what}: the registry answered ${found}`, { found });
  }
}

// Distribution spec, "Error Codes": {"errors":[{"code","message"}]}.
function errorDetail(body: Uint8Array): string {
  try {
    const [first] = JsonObject.exact(parseJson(body.subarray(0, maxErrorBytes)), "error").optionalObjects("errors");
    return first === undefined
      ? ""
      : quote(`${first.optionalString("code") ?? ""}: ${first.optionalString("message") ?? ""}`, 200);
  } catch {
    return ""; // the status says enough; a proxy's HTML page would not help
  }
}
