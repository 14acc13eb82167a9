import { readFileSync } from "node:fs";
import type { Agent as HttpAgent } from "node:http";
import { nodeHttp, nodeHttps } from "./node-modules.ts";

/** TLS settings of one request. */
export interface TlsTrust {
  /** CA certificates in PEM that are trusted in place of the system's. */
  readonly ca?: string | readonly string[];
  /** The client's own certificate and its key, in PEM. */
  readonly clientCertificate?: string;
  readonly clientKey?: string;
  /** The name that the server's certificate must have, instead of the URL's host. */
  readonly serverName?: string;
  /** Take any certificate: whoever answers is believed to be the server. */
  readonly insecureSkipVerify?: boolean;
}

const maxSockets = 64;
const maxPrivateAgents = 16;
const agents = new Map<string, HttpAgent>();

/** The keep-alive agent for a URL: one for http, one for https, each with and without proxy, one more for each set of TLS settings. */
export function agentFor(url: URL, tls: TlsTrust | undefined): HttpAgent {
  const own = url.protocol === "http:" || tls === undefined || Object.keys(tls).length === 0 ? undefined : tls;
  const proxied = !isLoopbackHost(url.hostname);
  const key = `${url.protocol}${proxied ? "" : "local"}${own === undefined ? "" : ` ${JSON.stringify(own)}`}`;
  let agent = agents.get(key);
  if (agent === undefined) {
    if (own !== undefined && agents.size >= maxPrivateAgents) dropOldestPrivate();
    agent = makeAgent(url.protocol, own, proxied);
    agents.set(key, agent);
  }
  return agent;
}

/** Close every idle kept connection; requests under way are not touched. */
export function closeIdleConnections(): void {
  for (const agent of agents.values()) {
    for (const sockets of Object.values(agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
  }
}

// HTTP_PROXY, HTTPS_PROXY and NO_PROXY as Node reads them (24.5 and later); this machine is never asked for through a proxy, as in Go.
function makeAgent(protocol: string, tls: TlsTrust | undefined, proxied: boolean): HttpAgent {
  const common = { keepAlive: true, maxSockets, ...(proxied ? { proxyEnv: process.env } : {}) };
  if (protocol === "http:") return new (nodeHttp().Agent)(common);
  const ca = tls?.ca === undefined ? systemCertificates() : typeof tls.ca === "string" ? tls.ca : [...tls.ca];
  return new (nodeHttps().Agent)({
    ...common,
    ...(ca === undefined ? {} : { ca }),
    ...(tls?.clientCertificate === undefined ? {} : { cert: tls.clientCertificate }),
    ...(tls?.clientKey === undefined ? {} : { key: tls.clientKey }),
    ...(tls?.serverName === undefined ? {} : { servername: tls.serverName }),
    ...(tls?.insecureSkipVerify === true ? { rejectUnauthorized: false } : {}),
  });
}

// Go programs trust what $SSL_CERT_FILE holds in place of the system's certificates; Node has certificates of its own.
function systemCertificates(): string | undefined {
  const file = process.env["SSL_CERT_FILE"];
  if (file === undefined || file === "") return undefined;
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined; // the servers' certificates will not verify, and that is what is told
  }
}

function isLoopbackHost(host: string): boolean {
  return host === "localhost" || host.endsWith(".localhost") || host === "[::1]" || /^127\./.test(host);
}

function dropOldestPrivate(): void {
  const oldest = [...agents.keys()].find((key) => key.includes(" "));
  // No destroy(): requests under way keep the agent alive, and its idle sockets close themselves.
  if (oldest !== undefined) agents.delete(oldest);
}
