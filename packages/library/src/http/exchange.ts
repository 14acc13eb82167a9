// One exchange on the wire: a request sent, the head of its answer read, the body left to be read as a stream. Redirects
// and retries are decided above, in request.ts.
import type { IncomingMessage, RequestOptions } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { agentFor, type TlsTrust } from "./agents.ts";
import type { Deadline } from "./deadline.ts";
import { httpError } from "./errors.ts";
import { nodeHttp, nodeHttps } from "./node-modules.ts";
import { traceExchange } from "./trace.ts";

/** What goes out in a request: everything at once, or chunks as they come (with their total, if it is known). */
export type OutgoingBody = Uint8Array | string | AsyncIterable<Uint8Array>;

/** One request as it goes out. */
export interface Outgoing {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: OutgoingBody | undefined;
  readonly tls: TlsTrust | undefined;
}

/** The head of an answer, and the stream its body is read from. */
export interface Incoming {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly setCookies: readonly string[];
  readonly message: IncomingMessage;
}

/** Whether a failed exchange ended on a kept connection that the server had closed meanwhile, so that nothing was processed. */
export class StaleConnection extends Error {}

/** Send one request and wait for the head of the answer. Every failure is an error of this room, or `StaleConnection`. */
export async function exchange(outgoing: Outgoing, deadline: Deadline): Promise<Incoming> {
  const message = await send(outgoing, deadline).catch((error: unknown) => {
    traceExchange(outgoing.method, outgoing.url, error instanceof Error ? error.message : "failed");
    throw error;
  });
  traceExchange(outgoing.method, outgoing.url, String(message.statusCode));
  const headers: Record<string, string> = Object.create(null);
  for (const [name, value] of Object.entries(message.headers)) {
    if (value !== undefined) headers[name] = typeof value === "string" ? value : value.join(", ");
  }
  return { status: message.statusCode ?? 0, headers, setCookies: message.headers["set-cookie"] ?? [], message };
}

function send(outgoing: Outgoing, deadline: Deadline): Promise<IncomingMessage> {
  const { url, body } = outgoing;
  const fixed = typeof body === "string" ? new TextEncoder().encode(body) : body instanceof Uint8Array ? body : undefined;
  const options: RequestOptions = {
    method: outgoing.method,
    agent: agentFor(url, outgoing.tls),
    headers: fixed === undefined ? outgoing.headers : { ...outgoing.headers, "content-length": String(fixed.length) },
    signal: deadline.signal,
  };
  return new Promise((resolve, reject) => {
    const request = (url.protocol === "https:" ? nodeHttps() : nodeHttp()).request(url, options);
    let sourceError: unknown;
    request.once("response", resolve);
    request.on("error", (error: NodeJS.ErrnoException) => {
      if (sourceError !== undefined) reject(sourceError);
      else if (request.reusedSocket && isReset(error) && !deadline.signal.aborted) reject(new StaleConnection());
      else reject(failure(outgoing, deadline, error));
    });
    if (body === undefined) request.end();
    else if (fixed !== undefined) request.end(fixed);
    else if (typeof body !== "string" && !(body instanceof Uint8Array)) {
      const source = Readable.from(
        watch(body, (error) => {
          sourceError = error;
        }),
        { objectMode: false },
      );
      // A failure of the source or of the socket reaches the "error" listener above; an answer that came early has been taken.
      pipeline(source, request).catch(() => undefined);
    }
  });
}

async function* watch(source: AsyncIterable<Uint8Array>, failed: (error: unknown) => void): AsyncIterable<Uint8Array> {
  try {
    yield* source;
  } catch (error) {
    failed(error);
    throw error;
  }
}

/** Read an answer's body chunk by chunk, refusing more than `maxBytes`. */
export async function* readBody(
  outgoing: Outgoing,
  deadline: Deadline,
  message: IncomingMessage,
  maxBytes: number,
): AsyncGenerator<Uint8Array> {
  let length = 0;
  try {
    for await (const chunk of message) {
      const bytes: unknown = chunk;
      if (!(bytes instanceof Uint8Array)) continue;
      length += bytes.length;
      if (length > maxBytes) {
        throw httpError(
          "HTTP_TOO_LARGE",
          `Cannot read the answer to ${describe(outgoing)}: it is longer than ${maxBytes} bytes`,
          {
            expected: `at most ${maxBytes} bytes`,
          },
        );
      }
      yield bytes;
    }
  } catch (error) {
    if (isOwn(error)) throw error;
    throw deadline.signal.aborted
      ? failure(outgoing, deadline, error)
      : httpError(
          "HTTP_INTERRUPTED",
          `Cannot read the answer to ${describe(outgoing)}: the connection broke after ${length} bytes`,
          { cause: error },
        );
  } finally {
    deadline.end();
    if (!message.complete) message.destroy();
  }
}

/** "GET https://host/path": no user, password or query, which may carry secrets. */
export function describe(outgoing: { readonly method: string; readonly url: URL }): string {
  return `${outgoing.method} ${outgoing.url.origin}${outgoing.url.pathname}`;
}

function failure(outgoing: Outgoing, deadline: Deadline, error: unknown): Error {
  if (deadline.signal.aborted) return deadline.error(describe(outgoing));
  const { code, message } = asNodeError(error);
  if (isTlsTrust(code)) {
    return httpError(
      "HTTP_TLS_UNTRUSTED",
      `Cannot reach ${describe(outgoing)}: its TLS certificate is not trusted (${message})`,
      { cause: error, found: code },
    );
  }
  return httpError("HTTP_UNREACHABLE", `Cannot reach ${describe(outgoing)}: ${reason(code, message)}`, {
    cause: error,
    found: code || message,
  });
}

function asNodeError(error: unknown): { code: string; message: string } {
  if (!(error instanceof Error)) return { code: "", message: String(error) };
  const code: unknown = Reflect.get(error, "code");
  // Both loopback addresses were tried: Node reports an AggregateError with an empty message.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : undefined;
  const message = error.message !== "" ? error.message : first instanceof Error ? first.message : "no connection";
  return { code: typeof code === "string" ? code : "", message };
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ENOTFOUND: "the host name is not known",
  EAI_AGAIN: "the host name could not be looked up",
  ECONNRESET: "the server closed the connection without an answer",
  EHOSTUNREACH: "the host cannot be reached",
  ENETUNREACH: "the network cannot be reached",
  EPIPE: "the server closed the connection while it was sent to",
};

function reason(code: string, message: string): string {
  return reasons[code] ?? message;
}

function isReset(error: NodeJS.ErrnoException): boolean {
  return error.code === "ECONNRESET" || error.code === "EPIPE";
}

function isTlsTrust(code: string): boolean {
  return (
    code === "ERR_TLS_CERT_ALTNAME_INVALID" ||
    code === "DEPTH_ZERO_SELF_SIGNED_CERT" ||
    code === "SELF_SIGNED_CERT_IN_CHAIN" ||
    code === "CERT_HAS_EXPIRED" ||
    code === "CERT_NOT_YET_VALID" ||
    code === "CERT_UNTRUSTED" ||
    code.startsWith("UNABLE_TO_")
  );
}

function isOwn(error: unknown): boolean {
  return error instanceof Error && String(Reflect.get(error, "code")).startsWith("HTTP_");
}
