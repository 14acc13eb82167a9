// One exchange with a service: bounded, with every way it can fail told apart by code and named with the service and its URL.
import { isSigillumError, JsonObject, parseJson, quote } from "../encoding/index.ts";
import { type HttpResponse, request, type TlsTrust } from "../http/index.ts";
import { serviceError } from "./errors.ts";

/** How a service is called. */
export interface ServiceOptions {
  /** The longest to wait for one answer, retries included. */
  readonly timeoutMs?: number;
  /** How often to ask again after 429, 503 or no connection; 2 where nothing is said. */
  readonly retries?: number;
  readonly tls?: TlsTrust;
  readonly signal?: AbortSignal;
}

/** A call of a service. */
export interface ServiceCall {
  /** What the service is, as it stands in a message: "certificate authority". */
  readonly service: string;
  readonly method: "GET" | "POST";
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
  readonly maxBytes: number;
  /** The statuses that are answers; every other one is an error. */
  readonly statuses: readonly number[];
}

const defaultTimeoutMs = 30_000;
const defaultRetries = 2;

/** Call a service. The answer has one of the statuses asked for, and at most `maxBytes` bytes; what it says was not read. */
export async function callService(call: ServiceCall, options: ServiceOptions): Promise<HttpResponse> {
  const response = await send(call, options);
  if (call.statuses.includes(response.status)) return response;
  const said = serverMessage(response.body);
  const found = `HTTP ${response.status}${said === "" ? "" : ` ${said}`}`;
  const expected = `HTTP ${call.statuses.join(" or ")}`;
  if (response.status === 429 || response.status >= 500) {
    throw serviceError("SERVICE_UNAVAILABLE", `Cannot use ${where(call)} now: it answers ${found}`, { found, expected });
  }
  throw serviceError("SERVICE_REFUSED", `Cannot use ${where(call)}: it answers ${found}`, { found, expected });
}

async function send(call: ServiceCall, options: ServiceOptions): Promise<HttpResponse> {
  try {
    return await request({
      method: call.method,
      url: call.url,
      headers: call.headers,
      ...(call.body === undefined ? {} : { body: call.body }),
      maxBytes: call.maxBytes,
      timeoutMs: options.timeoutMs ?? defaultTimeoutMs,
      retries: options.retries ?? defaultRetries,
      ...(options.tls === undefined ? {} : { tls: options.tls }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
  } catch (cause) {
    if (!isSigillumError(cause) || cause.kind !== "unavailable") throw cause;
    throw serviceError("SERVICE_UNAVAILABLE", `Cannot reach ${where(call)}: ${cause.message}`, { cause });
  }
}

/** Read the JSON object of an answer with `read`; whatever is wrong with it becomes SERVICE_ANSWER. */
export function readAnswer<T>(call: ServiceCall, response: HttpResponse, read: (document: JsonObject) => T): T {
  return readingAnswer(call, () => read(JsonObject.from(parseJson(response.body, { maxBytes: call.maxBytes }), "answer")));
}

/** Run a reader of an answer; a malformed answer becomes SERVICE_ANSWER. */
export function readingAnswer<T>(call: ServiceCall, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (!isSigillumError(cause) || cause.kind !== "malformed") throw cause;
    const { found, expected } = cause;
    throw serviceError("SERVICE_ANSWER", `Cannot read the answer of ${where(call)}: ${cause.message}`, {
      cause,
      ...(found === undefined ? {} : { found }),
      ...(expected === undefined ? {} : { expected }),
    });
  }
}

/** The error for an answer that is well-formed and about something else than what was sent. */
export function answerMismatch(call: ServiceCall, what: string, found: string, expected: string): Error {
  return serviceError(
    "SERVICE_ANSWER_MISMATCH",
    `Cannot use the answer of ${where(call)}: ${what} is ${found}, expected ${expected}`,
    { found, expected },
  );
}

/** A path below a service's base URL. */
export function below(base: string, path: string): string {
  return `${base.replace(/\/+$/, "")}${path}`;
}

function where(call: ServiceCall): string {
  return `${call.service} ${call.url}`;
}

// google.rpc.Status and Rekor's error model both carry `message`; anything else is quoted from its start.
function serverMessage(body: Uint8Array): string {
  const text = new TextDecoder().decode(body.subarray(0, 4096)).trim();
  if (text === "") return "";
  try {
    const message = JsonObject.from(parseJson(text), "answer").optionalString("message");
    if (message !== undefined && message !== "") return quote(message, 300);
  } catch {
    // Not JSON, or not an object: the text itself is the message.
  }
  return quote(text.replaceAll(/\s+/g, " "), 200);
}
