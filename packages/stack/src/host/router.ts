// Routes: which handler answers which method and path.
import { randomBytes } from "node:crypto";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { isSigillumError } from "@sigillum/library/encoding";
import { hostError } from "./errors.ts";
import { type HttpReply, type HttpRequest, jsonReply, NodeHttpRequest, sendReply } from "./http-request.ts";
import type { Logger } from "./logger.ts";

/** Answers one request. */
export type Handler = (request: HttpRequest) => HttpReply | Promise<HttpReply>;

/** Which browsers' pages may read answers: any origin, without credentials. */
export interface CorsOptions {
  readonly allowHeaders?: readonly string[];
  readonly exposeHeaders?: readonly string[];
}

/** What a router needs to serve. */
export interface RouterOptions {
  readonly logger: Logger;
  /** Turns what a handler threw (or ROUTE_NOT_FOUND, METHOD_NOT_ALLOWED …) into the service's own error reply. */
  readonly onError: (error: unknown, request: HttpRequest) => HttpReply;
  readonly cors?: CorsOptions;
}

interface Route {
  readonly parts: readonly string[];
  readonly methods: Map<string, Handler>;
}

const requestIdPattern = /^[A-Za-z0-9._:-]{1,128}$/;
const idPrefix = randomBytes(6).toString("hex");
let idCounter = 0;

/** Routes in the order they were added; a path without parameters goes before one with. */
export class Router {
  readonly #exact: Map<string, Route> = new Map();
  readonly #patterns: Route[] = [];

  /** Add a handler; `pattern` may have `:name` segments and end in `*name`, which takes the rest of the path (at least one character). */
  add(method: string, pattern: string, handler: Handler): this {
    if (!pattern.startsWith("/")) throw new TypeError(`Router: pattern ${pattern} does not start with a slash`);
    const route = this.#route(pattern);
    if (route.methods.has(method)) throw new TypeError(`Router: ${method} ${pattern} is there already`);
    route.methods.set(method, handler);
    return this;
  }

  /** The function that node:http calls for each request. Every error ends in a reply; none leaves it. */
  listener(options: RouterOptions): RequestListener {
    return (raw, response) => {
      this.#serve(options, raw, response).catch((error: unknown) => {
        // The reply itself could not be sent: the client went away, or a body stream failed half way.
        options.logger.warn("http.reply-failed", { error, path: raw.url });
        response.destroy();
      });
    };
  }

  #route(pattern: string): Route {
    const parts = pattern.slice(1).split("/");
    const plain = !parts.some((part) => part.startsWith(":") || part.startsWith("*"));
    const known = plain ? this.#exact.get(pattern) : this.#patterns.find((route) => route.parts.join("/") === parts.join("/"));
    if (known !== undefined) return known;
    const route: Route = { parts, methods: new Map() };
    if (plain) this.#exact.set(pattern, route);
    else this.#patterns.push(route);
    return route;
  }

  async #serve(options: RouterOptions, raw: IncomingMessage, response: ServerResponse): Promise<void> {
    const id = requestId(raw);
    if (options.cors !== undefined) setCors(options.cors, raw, response);
    const target = splitTarget(raw.url ?? "/");
    let request: HttpRequest = new NodeHttpRequest(raw, response, target, {}, id);
    let reply: HttpReply;
    try {
      const matched = this.#match(target.path);
      if (matched === undefined)
        throw hostError("ROUTE_NOT_FOUND", `Cannot serve ${target.path.slice(0, 200)}: there is no such path`);
      const method = raw.method ?? "GET";
      const handler = matched.route.methods.get(method) ?? (method === "HEAD" ? matched.route.methods.get("GET") : undefined);
      if (handler === undefined) {
        reply = methodReply(options, matched.route, request, response);
      } else {
        if (matched.params !== undefined) request = new NodeHttpRequest(raw, response, target, matched.params, id);
        reply = await handler(request);
      }
    } catch (error) {
      if (!isSigillumError(error))
        options.logger.error("http.handler-failed", { error, requestId: id, method: raw.method, path: target.path });
      reply = options.onError(error, request);
    }
    await sendReply(raw, response, reply, id);
  }

  #match(path: string): { route: Route; params?: Readonly<Record<string, string>> } | undefined {
    const exact = this.#exact.get(path);
    if (exact !== undefined) return { route: exact };
    const segments = path.slice(1).split("/");
    for (const route of this.#patterns) {
      const params = matchParts(route.parts, segments);
      if (params !== undefined) return { route, params };
    }
    return undefined;
  }
}

function matchParts(parts: readonly string[], segments: readonly string[]): Readonly<Record<string, string>> | undefined {
  const rest = parts.at(-1)?.startsWith("*") === true;
  if (rest ? segments.length < parts.length : segments.length !== parts.length) return undefined;
  const params: Record<string, string> = {};
  for (const [position, part] of parts.entries()) {
    const segment = segments[position] ?? "";
    if (part.startsWith("*")) {
      const value = segments.slice(position).join("/");
      if (value === "") return undefined;
      params[part.slice(1)] = decodePath(value);
      return params;
    }
    if (part.startsWith(":")) {
      if (segment === "") return undefined;
      params[part.slice(1)] = decodePath(segment);
    } else if (part !== segment) {
      return undefined;
    }
  }
  return params;
}

function decodePath(text: string): string {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw hostError(
      "REQUEST_MALFORMED",
      `Cannot read request: path part ${JSON.stringify(text.slice(0, 80))} is not percent-encoded UTF-8`,
      { cause },
    );
  }
}

function methodReply(options: RouterOptions, route: Route, request: HttpRequest, response: ServerResponse): HttpReply {
  const methods = [...route.methods.keys()];
  if (methods.includes("GET")) methods.push("HEAD");
  const allow = [...methods, "OPTIONS"].join(", ");
  if (request.method === "OPTIONS") {
    if (options.cors !== undefined) response.setHeader("access-control-allow-methods", allow);
    return { status: 204, headers: { allow } };
  }
  const error = hostError(
    "METHOD_NOT_ALLOWED",
    `Cannot serve ${request.method} ${request.path.slice(0, 200)}: the path answers ${allow}`,
    {
      found: request.method,
      expected: allow,
    },
  );
  const reply = options.onError(error, request);
  return { ...reply, headers: { ...reply.headers, allow } };
}

function setCors(cors: CorsOptions, raw: IncomingMessage, response: ServerResponse): void {
  if (raw.headers.origin === undefined) return;
  response.setHeader("access-control-allow-origin", "*");
  if (cors.exposeHeaders !== undefined) response.setHeader("access-control-expose-headers", cors.exposeHeaders.join(", "));
  if (raw.method === "OPTIONS") {
    response.setHeader("access-control-allow-headers", (cors.allowHeaders ?? ["content-type"]).join(", "));
    response.setHeader("access-control-max-age", "86400");
  }
}

function splitTarget(url: string): { path: string; search: string } {
  // RFC 9112 §3.2.2: a server must accept the absolute form too.
  const origin = url.startsWith("/") ? url : url.replace(/^https?:\/\/[^/?]*/i, "") || "/";
  const query = origin.indexOf("?");
  return query < 0 ? { path: origin, search: "" } : { path: origin.slice(0, query), search: origin.slice(query + 1) };
}

function requestId(raw: IncomingMessage): string {
  const given = raw.headers["x-request-id"];
  if (typeof given === "string" && requestIdPattern.test(given)) return given;
  idCounter += 1;
  return `${idPrefix}-${idCounter.toString(36)}`;
}

const statusOfKind = { malformed: 400, verification: 400, unavailable: 503, state: 500 } as const;
const statusOfCode: ReadonlyMap<string, number> = new Map([
  ["ROUTE_NOT_FOUND", 404],
  ["METHOD_NOT_ALLOWED", 405],
  ["REQUEST_TOO_LARGE", 413],
  ["CONTENT_TYPE_UNSUPPORTED", 415],
  ["REQUEST_ABORTED", 499],
]);

/** The HTTP status for an error: the service's own table first, then this room's codes, then by kind; 500 for anything not ours. */
export function statusOfError(error: unknown, table?: ReadonlyMap<string, number>): number {
  if (!isSigillumError(error)) return 500;
  return table?.get(error.code) ?? statusOfCode.get(error.code) ?? statusOfKind[error.kind];
}

/** The error reply of services whose protocol prescribes none: `{"code","message"}`; the text of an unexpected error stays in the log. */
export function errorReply(error: unknown, request: HttpRequest, table?: ReadonlyMap<string, number>): HttpReply {
  const status = statusOfError(error, table);
  const headers: Record<string, string> = status === 503 ? { "retry-after": "1" } : {};
  if (isSigillumError(error) && status !== 500)
    return jsonReply(status, { code: error.code, message: error.message, requestId: request.id }, headers);
  return jsonReply(
    status,
    {
      code: "INTERNAL_ERROR",
      message: "Cannot answer: an unexpected error, which the log names by this request id",
      requestId: request.id,
    },
    headers,
  );
}
