// HTTP/2 on a port that speaks HTTP/1.1: over TLS by ALPN, without TLS by the connection preface (RFC 9113 §3.3 and §3.4). For gRPC, and for
// the same routes, which clients over TLS then ask for by HTTP/2.
import { IncomingMessage, type RequestListener, type Server, ServerResponse } from "node:http";
import {
  createServer,
  type Http2Server,
  Http2ServerRequest,
  Http2ServerResponse,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { type GrpcService, isGrpcCall, serveGrpcCall } from "./grpc.ts";
import type { ListenerLimits } from "./service.ts";

const preface = "PRI";
/** Calls that one connection may have open. */
const maxStreams = 200;

/** HTTP/2 beside a server; what closes it. */
export interface Http2Side {
  /** New streams are refused; what is open goes on. */
  drain(): void;
  /** Connections are cut. */
  cut(): void;
}

/** Takes the HTTP/2 connections of `server` over; the others stay as they were. */
export function addHttp2(
  server: Server,
  grpc: GrpcService,
  handler: RequestListener,
  limits: ListenerLimits,
  observe: CallObserver,
): Http2Side {
  const sessions = new Set<ServerHttp2Session>();
  const inner = createHttp2Server(grpc, handler, limits, observe);
  inner.on("session", (session) => {
    sessions.add(session);
    session.setTimeout(limits.keepAliveTimeoutMs, () => session.close());
    session.once("close", () => sessions.delete(session));
    // A broken connection ends with its session; there is nobody to tell.
    session.on("error", () => session.destroy());
  });
  const event = server.listeners("secureConnection").length > 0 ? "secureConnection" : "connection";
  const own = server.listeners(event);
  server.removeAllListeners(event);
  const toHttp1 = (socket: Socket): void => {
    for (const listener of own) Reflect.apply(listener, server, [socket]);
  };
  const toHttp2 = (socket: Socket): void => void inner.emit("connection", socket);
  server.on(event, (socket: Socket) => {
    if (socket instanceof TLSSocket) (socket.alpnProtocol === "h2" ? toHttp2 : toHttp1)(socket);
    else sniff(socket, limits.headersTimeoutMs, toHttp1, toHttp2);
  });
  return {
    drain: () => {
      for (const session of sessions) session.close();
    },
    cut: () => {
      for (const session of sessions) session.destroy();
    },
  };
}

/** Told of each call's method and outcome. */
export type CallObserver = (path: string, code: number) => void;

function createHttp2Server(
  grpc: GrpcService,
  handler: RequestListener,
  limits: ListenerLimits,
  observe: CallObserver,
): Http2Server {
  const settings = { maxConcurrentStreams: maxStreams, maxHeaderListSize: limits.maxHeaderBytes };
  const server = createServer({ settings, maxSessionMemory: 32, maxSendHeaderBlockLength: 64 * 1024 });
  // Not the event "request", whose compatibility layer sends trailers of its own.
  server.on("stream", (stream, headers, _flags, rawHeaders: readonly string[] = []) => {
    // A stream that the client resets; what waits for it is told by its own listeners.
    stream.on("error", () => stream.destroy());
    stream.setTimeout(limits.requestTimeoutMs, () => stream.close());
    if (isGrpcCall(headers)) serveCall(grpc, stream, headers, observe);
    else {
      const request = new Http2ServerRequest(stream, headers, {}, rawHeaders);
      handler(asHttp1(request, IncomingMessage), asHttp1(new Http2ServerResponse(stream), ServerResponse));
    }
  });
  return server;
}

function serveCall(grpc: GrpcService, stream: ServerHttp2Stream, headers: IncomingHttpHeaders, observe: CallObserver): void {
  const path = String(headers[":path"] ?? "");
  serveGrpcCall(grpc, stream, headers).then(
    (code) => observe(grpc.methods.has(path) ? path : "other", code),
    (error: unknown) => {
      // The status itself could not be sent: the client went away.
      grpc.logger.warn("grpc.reply-failed", { error, path });
      stream.destroy();
    },
  );
}

/**
 * node:http2's compatibility objects have every member that the router uses, but not the classes; what HTTP/2 forbids (the header
 * "connection") is dropped here.
 */
function asHttp1<T extends IncomingMessage | ServerResponse>(
  value: Http2ServerRequest | Http2ServerResponse,
  _like: abstract new (...args: never[]) => T,
): T {
  if ("setHeader" in value) {
    const setHeader = value.setHeader.bind(value);
    value.setHeader = (name, content) => (name.toLowerCase() === "connection" ? undefined : setHeader(name, content));
  }
  return value as unknown as T;
}

/** Waits for the first three octets, then hands the socket on with all that was read put back. */
function sniff(socket: Socket, timeoutMs: number, toHttp1: (socket: Socket) => void, toHttp2: (socket: Socket) => void): void {
  const giveUp = (): void => void socket.destroy();
  const timer = setTimeout(giveUp, timeoutMs);
  timer.unref();
  let seen = Buffer.alloc(0);
  const look = (): void => {
    const chunk: unknown = socket.read();
    if (!(chunk instanceof Uint8Array)) return;
    seen = Buffer.concat([seen, chunk]);
    const start = seen.toString("latin1", 0, preface.length);
    // A client that sends its first octets one by one.
    if (start.length < preface.length && preface.startsWith(start)) return;
    clearTimeout(timer);
    socket.off("readable", look);
    socket.off("error", giveUp);
    socket.unshift(seen);
    (start === preface ? toHttp2 : toHttp1)(socket);
  };
  socket.on("error", giveUp);
  socket.on("readable", look);
  socket.once("close", () => clearTimeout(timer));
}
