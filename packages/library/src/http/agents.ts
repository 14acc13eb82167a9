import type { Agent as HttpAgent } from "node:http";
import { nodeHttp, nodeHttps } from "./node-modules.ts";

/** TLS settings of one request: CA certificates in PEM that are trusted in place of the system's. */
export interface TlsTrust {
  readonly ca?: string | readonly string[];
}

const maxSockets = 64;
const maxPrivateAgents = 16;
const agents = new Map<string, HttpAgent>();

/** The keep-alive agent for a URL: one for http, one for https, one more for each set of private CAs. */
export function agentFor(url: URL, tls: TlsTrust | undefined): HttpAgent {
  const ca = url.protocol === "http:" || tls?.ca === undefined ? undefined : typeof tls.ca === "string" ? [tls.ca] : [...tls.ca];
  const key = `${url.protocol}${ca === undefined ? "" : ca.join("\0")}`;
  let agent = agents.get(key);
  if (agent === undefined) {
    if (ca !== undefined && agents.size >= maxPrivateAgents) dropOldestPrivate();
    agent = makeAgent(url.protocol, ca);
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

function makeAgent(protocol: string, ca: string[] | undefined): HttpAgent {
  if (protocol === "http:") return new (nodeHttp().Agent)({ keepAlive: true, maxSockets });
  return new (nodeHttps().Agent)({ keepAlive: true, maxSockets, ...(ca === undefined ? {} : { ca }) });
}

function dropOldestPrivate(): void {
  const oldest = [...agents.keys()].find((key) => key !== "http:" && key !== "https:");
  // No destroy(): requests under way keep the agent alive, and its idle sockets close themselves.
  if (oldest !== undefined) agents.delete(oldest);
}
