// rekor-tiles' POSIX server as a peer: the same requests from the same generator, in the same run. It does what our v2 log does (signature
// checked, durable, de-duplicated by its persistent antispam), but answers a write when the next checkpoint covers it, which it looks for once
// a second: so it gets thousands of connections, or its latency alone would limit it.
import { type ChildProcess, spawn } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findPeer } from "../../../tools/peers-list.mjs";
import type { RunOrder, RunResult } from "./log-load.ts";
import type { RequestKind } from "./log-requests.ts";

/** What the peer did. */
export interface PeerLog {
  readonly name: string;
  readonly addsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly connections: number;
}

/** How requests are made and sent. */
export interface PeerLoad {
  make(kind: RequestKind, count: number): Promise<void>;
  load(order: Omit<RunOrder, "order">): Promise<RunResult>;
}

const connections = 2048;
const seconds = 8;
let measured: Promise<PeerLog | string> | undefined;

/** The peer's adds a second, measured once in a process; or why there is none. */
export function peerLog(load: PeerLoad): Promise<PeerLog | string> {
  measured ??= measure(load).catch((error: unknown) => `not measured: ${String(error).slice(0, 200)}`);
  return measured;
}

async function measure(load: PeerLoad): Promise<PeerLog | string> {
  const { path, version } = findPeer("rekor-tiles");
  if (path === undefined) return "not here (npm run peers -- --all)";
  const directory = await mkdtemp(join(tmpdir(), "sigillum-peer-log-"));
  const { privateKey } = generateKeyPairSync("ed25519");
  const key = join(directory, "key.pem");
  await writeFile(key, privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o600 });
  const [port, grpcPort, metricsPort] = [await freePort(), await freePort(), await freePort()];
  const flags = { "storage-dir": join(directory, "log"), "signer-filepath": key, hostname: "localhost", "http-port": port };
  const more = { "grpc-port": grpcPort, "http-metrics-port": metricsPort, "checkpoint-interval": "1s", "log-level": "error" };
  const args = Object.entries({ ...flags, ...more }).map(([name, value]) => `--${name}=${value}`);
  const server = spawn(path, ["serve", "--persistent-antispam=true", ...args], { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  server.stderr.setEncoding("utf8").on("data", (text: string) => {
    said = (said + text).slice(-500);
  });
  try {
    await listening(server, port, () => said);
    // The first round warms up.
    for (const last of [false, true]) {
      await load.make("v2-hashedrekord", last ? 20_000 : 2000);
      const result = await load.load({ port, connections: last ? connections : 256, seconds: last ? seconds : 2 });
      if (result.answered === 0) return `refused all ${result.failed} adds: ${said}`;
      if (!last) continue;
      const quantile = (part: number): number => Math.round(result.latencies[Math.floor(result.latencies.length * part)] ?? 0);
      return {
        name: `rekor-tiles POSIX ${version ?? ""}`.trim(),
        addsPerSecond: Math.round(result.answered / result.seconds),
        p50Ms: quantile(0.5),
        p99Ms: quantile(0.99),
        connections,
      };
    }
    return "not measured";
  } finally {
    const exited = once(server, "exit");
    server.kill("SIGKILL");
    await exited;
    await rm(directory, { recursive: true, force: true });
  }
}

async function listening(server: ChildProcess, port: number, said: () => string): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt += 1) {
    if (server.exitCode !== null) throw new Error(`it ended with ${server.exitCode}: ${said()}`);
    try {
      const reply = await fetch(`http://127.0.0.1:${port}/healthz`);
      if (reply.ok) return;
    } catch {
      // Not yet listening.
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`it did not listen: ${said()}`);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}
