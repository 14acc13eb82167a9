// Listeners: one port on several addresses, with TLS from files that may change while it runs.
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer, type Server as TlsServer } from "node:https";
import { isIP } from "node:net";
import { createSecureContext } from "node:tls";
import { hostError } from "./errors.ts";
import { addHttp2, type Http2Side } from "./http2.ts";
import type { Logger } from "./logger.ts";
import { durationBuckets, type MetricsRegistry } from "./metrics.ts";
import { defaultListenerLimits, type ListenerSpec, type TlsFiles } from "./service.ts";

/** Where a listener is reached. */
export interface OpenAddress {
  readonly service: string;
  readonly listener: string;
  readonly address: string;
  readonly port: number;
}

/** What opening a listener needs beside its spec. */
export interface ListenerContext {
  readonly service: string;
  readonly logger: Logger;
  readonly metrics: MetricsRegistry;
  /** How often certificate files are looked at. */
  readonly tlsReloadMs: number;
}

const portAttempts = 20;

/** A server, and its HTTP/2 side where it has one. */
interface OpenServer {
  readonly http: Server;
  readonly http2: Http2Side | undefined;
}

/** An open listener. */
export class OpenListener {
  readonly addresses: readonly OpenAddress[];
  readonly #servers: readonly OpenServer[];
  readonly #draining: { now: boolean };
  readonly #reload: NodeJS.Timeout | undefined;

  private constructor(
    addresses: readonly OpenAddress[],
    servers: readonly OpenServer[],
    draining: { now: boolean },
    reload: NodeJS.Timeout | undefined,
  ) {
    this.addresses = addresses;
    this.#servers = servers;
    this.#draining = draining;
    this.#reload = reload;
  }

  /** Open every address of `spec` on one port. A machine without ::1 gets a warning; every other address must open. */
  static async open(spec: ListenerSpec, context: ListenerContext): Promise<OpenListener> {
    requireTls(spec, context.service);
    const draining = { now: false };
    const handler = instrument(spec, context, draining);
    const tls = spec.tls === undefined ? undefined : await readTlsFiles(spec.tls, context.service);
    for (let attempt = 1; ; attempt += 1) {
      const opened = await openAll(spec, context, () => makeServer(spec, context, handler, tls));
      if (opened !== undefined) {
        const reload =
          spec.tls === undefined || tls === undefined ? undefined : watchTlsFiles(spec.tls, tls, opened.servers, context);
        return new OpenListener(opened.addresses, opened.servers, draining, reload);
      }
      // With port 0 the port that one address chose may be taken on the next: choose again.
      if (attempt === portAttempts)
        throw hostError("PORT_TAKEN", `Cannot open ${context.service}: no port is free on all of ${spec.addresses.join(", ")}`);
    }
  }

  /** Accept nothing more and wait for what was accepted, at most `drainMs`; then connections are cut. */
  async close(drainMs: number): Promise<void> {
    this.#draining.now = true;
    clearInterval(this.#reload);
    await Promise.all(this.#servers.map((server) => closeServer(server, drainMs)));
  }
}

function requireTls(spec: ListenerSpec, service: string): void {
  const beyond = spec.addresses.find((address) => !isLoopback(address));
  if (beyond === undefined || spec.tls !== undefined || spec.behindProxy === true) return;
  throw hostError(
    "LISTENER_NEEDS_TLS",
    `Cannot open ${service}: address ${beyond} is beyond loopback and has no TLS; set certificateFile and keyFile, or behindProxy when a proxy ends TLS in front of it`,
    { found: beyond, expected: "127.0.0.0/8, ::1, or TLS" },
  );
}

/** Whether only this machine can reach `address`. */
export function isLoopback(address: string): boolean {
  if (address === "localhost" || address === "::1") return true;
  return isIP(address) === 4 && address.startsWith("127.");
}

interface TlsMaterial {
  readonly cert: string;
  readonly key: string;
}

async function readTlsFiles(files: TlsFiles, service: string): Promise<TlsMaterial> {
  try {
    const material = { cert: await readFile(files.certificateFile, "utf8"), key: await readFile(files.keyFile, "utf8") };
    // an empty file, as one is while it is written anew, would pass as "no certificate" and end in failed handshakes
    const empty = material.cert.trim() === "" ? files.certificateFile : material.key.trim() === "" ? files.keyFile : undefined;
    if (empty !== undefined) throw new Error(`${empty} is empty`);
    createSecureContext(material);
    return material;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw hostError(
      "TLS_FILES_UNUSABLE",
      `Cannot open ${service}: certificate ${files.certificateFile} and key ${files.keyFile} do not serve: ${reason}`,
      { cause },
    );
  }
}

function watchTlsFiles(
  files: TlsFiles,
  first: TlsMaterial,
  servers: readonly OpenServer[],
  context: ListenerContext,
): NodeJS.Timeout {
  let current = first;
  const look = async (): Promise<void> => {
    try {
      const next = await readTlsFiles(files, context.service);
      if (next.cert === current.cert && next.key === current.key) return;
      for (const { http } of servers) if (isTlsServer(http)) http.setSecureContext(next);
      current = next;
      context.logger.info("tls.reloaded", { service: context.service, certificateFile: files.certificateFile });
    } catch (error) {
      // One of the two files may have been replaced and the other not yet: the old pair serves until they agree.
      context.logger.error("tls.reload-failed", { service: context.service, error });
    }
  };
  const timer = setInterval(look, context.tlsReloadMs);
  timer.unref();
  return timer;
}

function isTlsServer(server: Server): server is TlsServer {
  return "setSecureContext" in server;
}

function makeServer(
  spec: ListenerSpec,
  context: ListenerContext,
  handler: RequestListener,
  tls: TlsMaterial | undefined,
): OpenServer {
  const limits = { ...defaultListenerLimits, ...spec.limits };
  const options = {
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    maxHeaderSize: limits.maxHeaderBytes,
    noDelay: true,
  };
  const protocols = spec.grpc === undefined ? {} : { ALPNProtocols: ["h2", "http/1.1"] };
  const http =
    tls === undefined ? createServer(options, handler) : createTlsServer({ ...options, ...protocols, ...tls }, handler);
  http.maxConnections = limits.maxConnections;
  const http2 = spec.grpc === undefined ? undefined : addHttp2(http, spec.grpc, handler, limits, callObserver(context));
  return { http, http2 };
}

function callObserver({ metrics, service }: ListenerContext): (path: string, code: number) => void {
  const calls = metrics.counter("sigillum_grpc_calls_total", "gRPC calls answered, by service, method and status code", [
    "service",
    "method",
    "code",
  ]);
  return (path, code) => calls.add(1, service, path, String(code));
}

async function openAll(
  spec: ListenerSpec,
  context: ListenerContext,
  make: () => OpenServer,
): Promise<{ addresses: OpenAddress[]; servers: OpenServer[] } | undefined> {
  const servers: OpenServer[] = [];
  const addresses: OpenAddress[] = [];
  let port = spec.port;
  try {
    for (const address of spec.addresses) {
      const server = make();
      const failure = await listen(server.http, address, port);
      if (failure === undefined) {
        servers.push(server);
        port = boundPort(server.http);
        addresses.push({ service: context.service, listener: spec.name, address, port });
      } else if (address === "::1" && spec.addresses.length > 1 && (failure === "EADDRNOTAVAIL" || failure === "EAFNOSUPPORT")) {
        context.logger.warn("listener.no-ipv6", {
          service: context.service,
          address,
          reason: "the machine has no IPv6 loopback",
        });
      } else if (failure === "EADDRINUSE" && spec.port === 0) {
        await Promise.all(servers.map((open) => closeServer(open, 0)));
        return undefined;
      } else {
        throw listenError(spec, context.service, address, failure);
      }
    }
  } catch (error) {
    await Promise.all(servers.map((open) => closeServer(open, 0)));
    throw error;
  }
  return { addresses, servers };
}

function listen(server: Server, host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const failed = (error: NodeJS.ErrnoException): void => resolve(error.code ?? error.message);
    server.once("error", failed);
    server.listen({ host, port, ipv6Only: true }, () => {
      server.off("error", failed);
      resolve(undefined);
    });
  });
}

function boundPort(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === "string") throw new TypeError("Listener is not open on a port");
  return address.port;
}

/** Why an address could not be opened; `failure` is the system's code. */
export function listenError(
  spec: Pick<ListenerSpec, "port" | "setting">,
  service: string,
  address: string,
  failure: string,
): Error {
  const setting = spec.setting ?? `services.${service}.port`;
  if (failure === "EADDRINUSE") {
    return hostError(
      "PORT_TAKEN",
      `Cannot open ${service}: port ${spec.port} on ${address} is taken by another process; the setting is ${setting}`,
      {
        found: `${address}:${spec.port}`,
      },
    );
  }
  if (failure === "EACCES") {
    return hostError(
      "PORT_FORBIDDEN",
      `Cannot open ${service}: this user may not open port ${spec.port} on ${address}; the setting is ${setting}`,
      {
        found: `${address}:${spec.port}`,
      },
    );
  }
  return hostError(
    "ADDRESS_UNAVAILABLE",
    `Cannot open ${service}: address ${address} port ${spec.port} is not to be had (${failure}); the setting is ${setting}`,
    {
      found: `${address}:${spec.port}`,
    },
  );
}

function instrument(spec: ListenerSpec, context: ListenerContext, draining: { readonly now: boolean }): RequestListener {
  const requests = context.metrics.counter("sigillum_http_requests_total", "Requests answered, by service, method and status", [
    "service",
    "method",
    "status",
  ]);
  const durations = context.metrics.histogram(
    "sigillum_http_request_seconds",
    "Time from a request's headers to the end of its reply",
    durationBuckets,
    ["service"],
  );
  return (raw: IncomingMessage, response: ServerResponse) => {
    const begun = performance.now();
    response.on("close", () => {
      const method = knownMethods.has(raw.method ?? "") ? (raw.method ?? "") : "other";
      requests.add(1, context.service, method, response.writableFinished ? String(response.statusCode) : "aborted");
      durations.observe((performance.now() - begun) / 1000, context.service);
    });
    if (draining.now) response.setHeader("connection", "close");
    spec.handler(raw, response);
  };
}

const knownMethods: ReadonlySet<string> = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

function closeServer({ http: server, http2 }: OpenServer, drainMs: number): Promise<void> {
  return new Promise((resolve) => {
    http2?.drain();
    const idle = setInterval(() => server.closeIdleConnections(), 20);
    const cut = setTimeout(() => {
      server.closeAllConnections();
      http2?.cut();
    }, drainMs);
    server.close(() => {
      clearInterval(idle);
      clearTimeout(cut);
      resolve();
    });
    server.closeIdleConnections();
  });
}
