// A request as handlers see it, and a reply as they give it.
import { type IncomingHttpHeaders, type IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type JsonValue, parseJson } from "@sigillum/library/encoding";
import { hostError } from "./errors.ts";

/** A request, its body still unread. */
export interface HttpRequest {
  readonly method: string;
  /** The path as sent, still percent-encoded. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  /** What the route's `:name` and `*name` parts matched, percent-decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly id: string;
  /** Aborted when the client goes away before it is answered. */
  readonly signal: AbortSignal;
  /** The whole body; rejects REQUEST_TOO_LARGE as soon as it is known to be longer than `maxBytes`. */
  body(maxBytes: number): Promise<Uint8Array>;
  bodyStream(): Readable;
  readonly raw: IncomingMessage;
}

/** What a handler answers. A stream is sent as it comes and destroyed when the client goes away. */
export interface HttpReply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string | Octets | Readable;
}

/** A body as a string of octets, one a character: what is put together from texts goes out without a copy, also where some are UTF-8. */
export interface Octets {
  readonly octets: string;
}

/** Wrap node's request; `params` come from the router. */
export class NodeHttpRequest implements HttpRequest {
  readonly method: string;
  readonly path: string;
  readonly params: Readonly<Record<string, string>>;
  readonly id: string;
  readonly raw: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #search: string;
  #query: URLSearchParams | undefined;
  #abort: AbortController | undefined;

  constructor(
    raw: IncomingMessage,
    response: ServerResponse,
    target: { path: string; search: string },
    params: Readonly<Record<string, string>>,
    id: string,
  ) {
    this.method = raw.method ?? "GET";
    this.path = target.path;
    this.#search = target.search;
    this.params = params;
    this.id = id;
    this.raw = raw;
    this.#response = response;
  }

  get headers(): IncomingHttpHeaders {
    return this.raw.headers;
  }

  get query(): URLSearchParams {
    this.#query ??= new URLSearchParams(this.#search);
    return this.#query;
  }

  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      const abort = new AbortController();
      this.#response.once("close", () => {
        if (!this.#response.writableFinished) abort.abort();
      });
      this.#abort = abort;
    }
    return this.#abort.signal;
  }

  body(maxBytes: number): Promise<Uint8Array> {
    return readBody(this.raw, maxBytes);
  }

  bodyStream(): Readable {
    return this.raw;
  }
}

function readBody(raw: IncomingMessage, maxBytes: number): Promise<Uint8Array> {
  const announced = Number(raw.headers["content-length"] ?? 0);
  if (announced > maxBytes) return Promise.reject(tooLarge(announced, maxBytes));
  return new Promise((resolve, reject) => {
    const parts: Uint8Array[] = [];
    let length = 0;
    raw.on("data", (part: Uint8Array) => {
      length += part.length;
      if (length > maxBytes) {
        raw.pause();
        reject(tooLarge(length, maxBytes));
        return;
      }
      parts.push(part);
    });
    raw.on("end", () => {
      const [first] = parts;
      resolve(parts.length === 1 && first !== undefined ? first : Buffer.concat(parts, length));
    });
    const gone = (): void =>
      reject(hostError("REQUEST_ABORTED", "Cannot read request: the client went away before its body ended"));
    raw.on("error", gone);
    raw.on("aborted", gone);
    if (raw.destroyed && !raw.complete) gone();
  });
}

function tooLarge(found: number, maxBytes: number): Error {
  return hostError(
    "REQUEST_TOO_LARGE",
    `Cannot read request: its body has at least ${found} bytes, at most ${maxBytes} are accepted`,
    {
      found: String(found),
      expected: `at most ${maxBytes}`,
    },
  );
}

/** Read a body as strict JSON; `contentTypes` names what the header may say (a missing header counts as the first of them). */
export async function readJson(
  request: HttpRequest,
  limits: { maxBytes: number; maxDepth?: number; contentTypes?: readonly string[] },
): Promise<JsonValue> {
  if (limits.contentTypes !== undefined) requireContentType(request, limits.contentTypes);
  const bytes = await request.body(limits.maxBytes);
  return parseJson(
    bytes,
    limits.maxDepth === undefined ? { maxBytes: limits.maxBytes } : { maxBytes: limits.maxBytes, maxDepth: limits.maxDepth },
  );
}

/** Refuse a request whose Content-Type is none of `accepted`. */
export function requireContentType(request: HttpRequest, accepted: readonly string[]): void {
  const header = request.headers["content-type"];
  if (header === undefined) return;
  const found = header.split(";", 1)[0]?.trim().toLowerCase() ?? "";
  if (accepted.includes(found)) return;
  throw hostError(
    "CONTENT_TYPE_UNSUPPORTED",
    `Cannot read request: content type is ${JSON.stringify(found.slice(0, 80))}, expected ${accepted.join(" or ")}`,
    {
      found: found.slice(0, 80),
      expected: accepted.join(" or "),
    },
  );
}

/** A reply with a JSON body. */
export function jsonReply(status: number, value: unknown, headers?: Readonly<Record<string, string>>): HttpReply {
  return { status, headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(value) };
}

const lengthHeader = "content-length";

/** Send `reply` under the request's id; after a body that was not read whole, the connection is closed. */
export async function sendReply(raw: IncomingMessage, response: ServerResponse, reply: HttpReply, id: string): Promise<void> {
  if (response.headersSent || response.destroyed) return;
  const { body, headers } = reply;
  const head = ["x-request-id", id];
  const measured = body !== undefined && !(body instanceof Readable);
  for (const name in headers) {
    // The length of a body that is here is what it is, whatever was said of it.
    if (!measured || name.length !== lengthHeader.length || name.toLowerCase() !== lengthHeader)
      head.push(name, headers[name] ?? "");
  }
  // An unread rest of the body would be read as the next request's start; closing costs the client one connection.
  if (!raw.complete && hasBody(raw)) head.push("connection", "close");
  if (body instanceof Readable) {
    writeHead(response, reply.status, head);
    if (raw.method === "HEAD") {
      body.destroy();
      response.end();
      return;
    }
    await pipeline(body, response);
    return;
  }
  if (body === undefined) {
    const needsLength = reply.status !== 204 && reply.status !== 304 && headers?.[lengthHeader] === undefined;
    if (needsLength) head.push(lengthHeader, "0");
    writeHead(response, reply.status, head);
    response.end();
    return;
  }
  if (body instanceof Uint8Array) {
    writeHead(response, reply.status, head, body.length);
    response.end(body);
    return;
  }
  const text = typeof body === "string" ? body : body.octets;
  const length = typeof body === "string" ? Buffer.byteLength(body) : body.octets.length;
  writeHead(response, reply.status, head, length);
  // Text of one octet a character is ASCII, and goes out in half the time as what it is.
  response.end(text, length === text.length ? "latin1" : "utf8");
}

/** Set status and headers; for HTTP/1.1 at once, as one list of names and values. */
function writeHead(response: ServerResponse, status: number, head: string[], contentLength?: number): void {
  if (contentLength !== undefined) head.push(lengthHeader, String(contentLength));
  if (response instanceof ServerResponse) {
    response.writeHead(status, head);
    return;
  }
  setHead(response, status, head);
}

// HTTP/2 has its own form of a response, which only looks like this one.
function setHead(response: ServerResponse, status: number, head: readonly string[]): void {
  response.statusCode = status;
  for (let at = 0; at < head.length; at += 2) response.setHeader(head[at] ?? "", head[at + 1] ?? "");
}

function hasBody(raw: IncomingMessage): boolean {
  return raw.headers["transfer-encoding"] !== undefined || Number(raw.headers["content-length"] ?? 0) > 0;
}
