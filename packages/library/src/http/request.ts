// Outgoing requests: limits first, then redirects and retries as far as the caller allows them.
import { quote } from "../encoding/index.ts";
import type { TlsTrust } from "./agents.ts";
import { Deadline } from "./deadline.ts";
import { httpError } from "./errors.ts";
import { describe, exchange, type Incoming, type Outgoing, type OutgoingBody, readBody, StaleConnection } from "./exchange.ts";
import { retryDelayMs } from "./retry.ts";

/** What `request` and `requestStream` have in common. */
export interface RequestSettings {
  /** GET where nothing is said. */
  readonly method?: string;
  readonly url: string | URL;
  readonly headers?: Readonly<Record<string, string>>;
  /** `request`: the whole exchange, retries included (30 s). `requestStream`: until the head, then between chunks (60 s). */
  readonly timeoutMs?: number;
  /** The longest answer taken: 16 MiB for `request`; no limit for `requestStream`. */
  readonly maxBytes?: number;
  readonly tls?: TlsTrust;
  /** How many redirects to follow; 0 where nothing is said: a 3xx answer is returned as it is. */
  readonly redirects?: number;
  /** How often to send again after 429, 503 or no connection: only for requests that may be repeated. 0 where nothing is said. */
  readonly retries?: number;
  /** False: `retries` is for answers alone, and a server that is not there is told at once. */
  readonly retryUnreachable?: boolean;
  readonly signal?: AbortSignal;
}

/** A request with everything it sends in memory. */
export interface HttpRequestOptions extends RequestSettings {
  readonly body?: Uint8Array | string;
}

/** A request whose body may come in chunks; `contentLength` says their total, else they are sent with chunked framing. */
export interface HttpStreamOptions extends RequestSettings {
  readonly body?: OutgoingBody;
  readonly contentLength?: number;
}

/** Status and headers of an answer; names in lower case, repeated ones joined with ", ", cookies apart. */
export interface HttpResponseHead {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly setCookies: readonly string[];
  /** Where the answer came from, after redirects. */
  readonly url: string;
}

/** A whole answer. */
export interface HttpResponse extends HttpResponseHead {
  readonly body: Uint8Array;
}

/** An answer whose body is still to be read: read it to the end, or `cancel`. */
export interface HttpStreamResponse extends HttpResponseHead {
  readonly body: AsyncIterable<Uint8Array>;
  cancel(): void;
}

/** Longest answer `request` takes where the caller says nothing. */
export const defaultMaxBytes: number = 16 * 1024 * 1024;
const defaultTimeoutMs = 30_000;
const defaultStreamTimeoutMs = 60_000;

/**
 * Make one request and read the whole answer. Any status is an answer, 4xx and 5xx too: what they mean is the caller's to
 * say. Throws HTTP_… errors (kind unavailable) that name method and address, without the query.
 */
export async function request(options: HttpRequestOptions): Promise<HttpResponse> {
  const maxBytes = options.maxBytes ?? defaultMaxBytes;
  const deadline = new Deadline(options.timeoutMs ?? defaultTimeoutMs, options.signal);
  try {
    const { outgoing, incoming } = await converse(options, options.body, deadline);
    const chunks: Uint8Array[] = [];
    for await (const chunk of readBody(outgoing, deadline, incoming.message, maxBytes)) chunks.push(chunk);
    return { ...head(outgoing, incoming), body: join(chunks) };
  } finally {
    deadline.end();
  }
}

/** Make one request whose bodies stream in both directions, so that memory does not grow with their size. */
export async function requestStream(options: HttpStreamOptions): Promise<HttpStreamResponse> {
  const deadline = new Deadline(options.timeoutMs ?? defaultStreamTimeoutMs, options.signal);
  const headers = options.contentLength === undefined ? {} : { "content-length": String(options.contentLength) };
  const body = isChunks(options.body) ? extending(options.body, deadline) : options.body;
  try {
    const { outgoing, incoming } = await converse({ ...options, headers: { ...options.headers, ...headers } }, body, deadline);
    deadline.extend();
    return {
      ...head(outgoing, incoming),
      body: extending(readBody(outgoing, deadline, incoming.message, options.maxBytes ?? Number.MAX_SAFE_INTEGER), deadline),
      cancel(): void {
        deadline.end();
        incoming.message.destroy();
      },
    };
  } catch (error) {
    deadline.end();
    throw error;
  }
}

/** The start of an answer for a message: `HTTP 503 "log is overloaded"`. */
export function describeResponse(response: { readonly status: number; readonly body: Uint8Array }): string {
  const text = new TextDecoder().decode(response.body.subarray(0, 400)).replaceAll(/\s+/g, " ").trim();
  return text === "" ? `HTTP ${response.status}` : `HTTP ${response.status} ${quote(text, 200)}`;
}

interface Conversation {
  readonly outgoing: Outgoing;
  readonly incoming: Incoming;
}

async function converse(options: RequestSettings, body: OutgoingBody | undefined, deadline: Deadline): Promise<Conversation> {
  let outgoing: Outgoing = {
    method: options.method ?? "GET",
    url: parseUrl(options.url),
    headers: options.headers ?? {},
    body,
    tls: options.tls,
  };
  const repeatable = !isChunks(body);
  let redirectsLeft = options.redirects ?? 0;
  let retriesLeft = repeatable ? (options.retries ?? 0) : 0;
  let attempt = 0;
  for (;;) {
    const result = await exchangeOnce(outgoing, deadline, repeatable, retriesLeft > 0);
    const delay = retriesLeft > 0 ? retryDelayMs(result, attempt, options.retryUnreachable !== false) : undefined;
    if (delay !== undefined) {
      retriesLeft -= 1;
      attempt += 1;
      if (!(result instanceof Error)) result.message.destroy();
      await deadline.wait(delay, describe(outgoing));
      continue;
    }
    if (result instanceof Error) throw result;
    const next = redirectsLeft > 0 ? redirected(outgoing, result) : undefined;
    if (next === undefined) {
      refuseExhausted(options, outgoing, result);
      return { outgoing, incoming: result };
    }
    redirectsLeft -= 1;
    result.message.destroy();
    outgoing = next;
  }
}

// A kept connection may have been closed by the server just as it was used again. RFC 9110 §9.2.2: only what may be repeated is.
async function exchangeOnce(
  outgoing: Outgoing,
  deadline: Deadline,
  repeatable: boolean,
  allowed: boolean,
): Promise<Incoming | Error> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await exchange(outgoing, deadline);
    } catch (error) {
      if (error instanceof StaleConnection) {
        const safe = repeatable && (allowed || ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"].includes(outgoing.method));
        if (safe && tries < 3) continue;
        return httpError(
          "HTTP_UNREACHABLE",
          `Cannot reach ${describe(outgoing)}: the server closed the connection without an answer`,
          { cause: error },
        );
      }
      if (error instanceof Error) return error;
      throw error;
    }
  }
}

const redirectStatuses = [301, 302, 303, 307, 308];

function redirected(outgoing: Outgoing, incoming: Incoming): Outgoing | undefined {
  const location = incoming.headers["location"];
  if (!redirectStatuses.includes(incoming.status) || location === undefined) return undefined;
  if (!URL.canParse(location, outgoing.url.href)) return undefined;
  const url = new URL(location, outgoing.url);
  const upgrades = outgoing.url.protocol === "http:" && url.protocol === "https:";
  if (url.protocol !== outgoing.url.protocol && !upgrades) {
    throw httpError(
      "HTTP_REDIRECT_REFUSED",
      `Cannot follow ${describe(outgoing)}: it redirects from ${outgoing.url.protocol}// to ${url.protocol}//`,
      { found: url.protocol, expected: outgoing.url.protocol },
    );
  }
  const keepsMethod =
    incoming.status === 307 || incoming.status === 308 || outgoing.method === "GET" || outgoing.method === "HEAD";
  if (keepsMethod && isChunks(outgoing.body)) {
    throw httpError("HTTP_REDIRECT_REFUSED", `Cannot follow ${describe(outgoing)}: a streamed body cannot be sent twice`);
  }
  const headers = url.origin === outgoing.url.origin ? outgoing.headers : withoutCredentials(outgoing.headers);
  return keepsMethod ? { ...outgoing, url, headers } : { ...outgoing, method: "GET", url, headers, body: undefined };
}

function refuseExhausted(options: RequestSettings, outgoing: Outgoing, incoming: Incoming): void {
  const allowed = options.redirects ?? 0;
  if (allowed > 0 && redirectStatuses.includes(incoming.status) && incoming.headers["location"] !== undefined) {
    incoming.message.destroy();
    throw httpError("HTTP_REDIRECT_REFUSED", `Cannot follow ${describe(outgoing)}: more than ${allowed} redirects`, {
      expected: `at most ${allowed}`,
    });
  }
}

function withoutCredentials(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !["authorization", "cookie"].includes(name.toLowerCase())),
  );
}

function parseUrl(url: string | URL): URL {
  const parsed = typeof url === "string" ? (URL.canParse(url) ? new URL(url) : undefined) : url;
  if (parsed === undefined || (parsed.protocol !== "http:" && parsed.protocol !== "https:")) {
    throw httpError("HTTP_URL_UNSUPPORTED", `Cannot make request: ${quote(String(url))} is no http or https URL`, {
      found: String(url),
      expected: "http://… or https://…",
    });
  }
  return parsed;
}

function head(outgoing: Outgoing, incoming: Incoming): HttpResponseHead {
  return { status: incoming.status, headers: incoming.headers, setCookies: incoming.setCookies, url: outgoing.url.href };
}

function isChunks(body: OutgoingBody | undefined): body is AsyncIterable<Uint8Array> {
  return body !== undefined && typeof body !== "string" && !(body instanceof Uint8Array);
}

async function* extending(source: AsyncIterable<Uint8Array>, deadline: Deadline): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    deadline.extend();
    yield chunk;
  }
}

function join(chunks: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(chunks.reduce((length, chunk) => length + chunk.length, 0));
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.length;
  }
  return bytes;
}
