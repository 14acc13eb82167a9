// gRPC over HTTP/2, server side, unary calls alone: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { encodeBase64, isSigillumError } from "@sigillum/library/encoding";
import { hostError } from "./errors.ts";
import type { Logger } from "./logger.ts";

/** What a method is told beside its message. */
export interface GrpcCall {
  readonly id: string;
  /** The host that was asked, as a client of HTTP/1.1 names it in `host`. */
  readonly authority: string;
  /** Every value of a metadata name, which is in lower case. */
  metadata(name: string): readonly string[];
}

/** Answers one call: the encoded request to the encoded reply. */
export type GrpcMethod = (message: Uint8Array, call: GrpcCall) => Uint8Array | Promise<Uint8Array>;

/** How a call failed. */
export interface GrpcStatus {
  /** A code of google.rpc.Code, never 0. */
  readonly code: number;
  readonly message: string;
  /** An encoded google.rpc.Status. */
  readonly details?: Uint8Array;
  /** Metadata beside it, by names in lower case. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** What a listener serves by gRPC. */
export interface GrpcService {
  /** By path: `/package.Service/Method`. */
  readonly methods: ReadonlyMap<string, GrpcMethod>;
  readonly maxMessageBytes: number;
  readonly logger: Logger;
  readonly onError: (error: unknown, call: GrpcCall, path: string) => GrpcStatus;
}

const unimplemented = 12;
const requestIdPattern = /^[A-Za-z0-9._:-]{1,128}$/;
let idCounter = 0;

/** Whether a request of HTTP/2 is a call. */
export function isGrpcCall(headers: IncomingHttpHeaders): boolean {
  return /^application\/grpc(?:[+;]|$)/u.test(headers["content-type"] ?? "");
}

/** Serves one call to its end; whatever happens ends in a status. */
export async function serveGrpcCall(
  service: GrpcService,
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
): Promise<number> {
  const path = String(headers[":path"] ?? "");
  const call = callOf(headers);
  try {
    const method = service.methods.get(path);
    if (method === undefined) return sendStatus(stream, { code: unimplemented, message: `unknown method ${path.slice(0, 200)}` });
    if (headers[":method"] !== "POST") return sendStatus(stream, { code: unimplemented, message: "a call is a POST" });
    return sendMessage(stream, await method(await readMessage(stream, service.maxMessageBytes), call));
  } catch (error) {
    if (!isSigillumError(error)) service.logger.error("grpc.method-failed", { error, requestId: call.id, path });
    return sendStatus(stream, service.onError(error, call, path));
  }
}

function callOf(headers: IncomingHttpHeaders): GrpcCall {
  const given = headers["x-request-id"];
  idCounter += 1;
  const id = typeof given === "string" && requestIdPattern.test(given) ? given : `grpc-${idCounter.toString(36)}`;
  return {
    id,
    authority: String(headers[":authority"] ?? headers.host ?? ""),
    metadata: (name) => {
      const value = headers[name];
      // node:http2 joins repeated headers; no value of ours has a comma, so a joined one is several.
      return value === undefined ? [] : [value].flat().flatMap((one) => one.split(",").map((part) => part.trim()));
    },
  };
}

/** Length-Prefixed-Message, once: a flag, four octets of length, the message. */
async function readMessage(stream: ServerHttp2Stream, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stream) {
    if (!(chunk instanceof Uint8Array)) throw new TypeError("grpc: the stream has texts");
    chunks.push(chunk);
    length += chunk.length;
    if (length > maxBytes + 5)
      throw hostError("REQUEST_TOO_LARGE", `Cannot read message: it is longer than ${maxBytes} bytes`, {
        expected: `at most ${maxBytes} bytes`,
      });
  }
  const body = Buffer.concat(chunks, length);
  if (length < 5 || body.readUInt32BE(1) !== length - 5)
    throw hostError("REQUEST_MALFORMED", "Cannot read message: the call has not exactly one", { found: `${length} bytes` });
  if (body[0] !== 0)
    throw hostError("REQUEST_MALFORMED", "Cannot read message: it is compressed", { expected: "grpc-encoding: identity" });
  return body.subarray(5);
}

function sendMessage(stream: ServerHttp2Stream, message: Uint8Array): number {
  if (stream.destroyed || stream.closed) return 1;
  stream.respond(replyHeaders, { waitForTrailers: true });
  stream.once("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  stream.end(Buffer.concat([prefix, message]));
  return 0;
}

const replyHeaders = {
  ":status": 200,
  "content-type": "application/grpc+proto",
  "grpc-encoding": "identity",
  "grpc-accept-encoding": "identity",
};

/** Trailers-Only: a reply without a message. */
function sendStatus(stream: ServerHttp2Stream, { code, message, details, metadata }: GrpcStatus): number {
  if (stream.destroyed || stream.closed) return code;
  stream.respond(
    {
      ...replyHeaders,
      ...metadata,
      "grpc-status": String(code),
      "grpc-message": percentEncode(message),
      ...(details === undefined ? {} : { "grpc-status-details-bin": encodeBase64(details).replace(/=+$/u, "") }),
    },
    { endStream: true },
  );
  // What the client still sends is not wanted.
  stream.resume();
  return code;
}

/** Status-Message: printable ASCII but for the percent sign stands for itself. */
function percentEncode(text: string): string {
  return Array.from(Buffer.from(text, "utf8"), (octet) =>
    octet >= 0x20 && octet <= 0x7e && octet !== 0x25
      ? String.fromCharCode(octet)
      : `%${octet.toString(16).toUpperCase().padStart(2, "0")}`,
  ).join("");
}
