import type { Agent as HttpAgent } from "node:http";
import type { Agent as HttpsAgent } from "node:https";

/** TLS settings of one request: CA certificates in PEM that are trusted in place of the system's. */
export interface TlsTrust {
  readonly ca?: string | readonly string[];
}

const maxSockets = 64;
const maxPrivateAgents = 16;
let plainAgent: HttpAgent | undefined;
let publicAgent: HttpsAgent | undefined;
const privateAgents = new Map<string, HttpsAgent>();

/** The keep-alive agent for a URL: one for http, one for https, one more for each set of private CAs. */
export function agentFor(url: URL, tls: TlsTrust | undefined): HttpAgent | HttpsAgent {
  if (url.protocol === "http:") return plainAgent;
  if (tls?.ca === undefined) return publicAgent;
  const ca = typeof tls.ca === "string" ? [tls.ca] : [...tls.ca];
  const key = ca.join("\0");
  let agent = privateAgents.get(key);
  if (agent === undefined) {
    if (privateAgents.size >= maxPrivateAgents) dropOldest();
    agent = new HttpsAgent({ keepAlive: true, maxSockets, ca });
    privateAgents.set(key, agent);
  }
  return agent;
}

/** Close every idle kept connection; requests under way are not touched. */
export function closeIdleConnections(): void {
  for (const agent of [plainAgent, publicAgent, ...privateAgents.values()]) {
    for (const sockets of Object.values(agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
  }
}

function dropOldest(): void {
  const oldest = privateAgents.keys().next();
  // No destroy(): requests under way keep the agent alive, and its idle sockets close themselves.
  if (!oldest.done) privateAgents.delete(oldest.value);
}
