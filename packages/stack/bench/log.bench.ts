// Benchmarks of the log: adds, tiles and proofs over HTTP on loopback, the load from a process of its own.
import { type ChildProcess, fork } from "node:child_process";
import { createHash, generateKeyPairSync, sign, verify } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { createSigner, type Signer } from "@sigillum/library/crypto";
import { Host, MetricsRegistry, silentLogger, systemClock } from "../src/host/index.ts";
import { createRekorV1, openRekorV1Shard } from "../src/rekor-v1/index.ts";
import { createRekorV2, openRekorV2Shard, rekorV2KeyId } from "../src/rekor-v2/index.ts";
import { measureAddParts } from "./add-parts.ts";
import { countSyncs, type SyncCounts } from "./fsync-count.ts";
import { growthRow } from "./log-growth.ts";
import type { MakeOrder, RunOrder, RunResult } from "./log-load.ts";
import type { RequestKind } from "./log-requests.ts";
import type { Measured } from "./measured.ts";
import { type PeerLog, peerLog } from "./peer-log.ts";
import { perOperation, threadTimes } from "./thread-times.ts";

/** One row of the table. */
export interface Row {
  readonly name: string;
  run(): Promise<Measured>;
}

const threads = Math.min(2, availableParallelism());
const rounds = 5;
const secondsPerRound = 1;
/** Until V8 has made machine code of what is called: the first rounds take half as much again. */
const warmUpRounds = 4;
/** More than any round sends. */
const requestsPerRound = 8000 * secondsPerRound;

/** The rows of the log. */
export const rows: readonly Row[] = [
  { name: "log.add.digest", run: () => addRow("v1-hashedrekord", "v1") },
  { name: "log.add.digest.v2", run: () => addRow("v2-hashedrekord", "v2") },
  { name: "log.add.message", run: () => addRow("v1-dsse", "v1") },
  { name: "log.add.latency", run: latencyRow },
  { name: "log.tile", run: tileRow },
  { name: "log.proof", run: proofRow },
  { name: "log.proof.entry", run: entryRow },
  { name: "log.growth", run: growthRow },
];

function newSigner(type: "ec" | "ed25519"): Signer {
  const { privateKey } = type === "ec" ? generateKeyPairSync("ec", { namedCurve: "P-256" }) : generateKeyPairSync("ed25519");
  return createSigner(privateKey.export({ type: "pkcs8", format: "der" }));
}

interface Bench {
  readonly ports: { readonly v1: number; readonly v2: number };
  readonly metrics: MetricsRegistry;
  make(kind: RequestKind, count: number): Promise<void>;
  load(order: Omit<RunOrder, "order">): Promise<RunResult>;
}

async function withLog(work: (bench: Bench) => Promise<Measured>): Promise<Measured> {
  const directory = await mkdtemp(join(tmpdir(), "sigillum-bench-"));
  const metrics = new MetricsRegistry();
  const common = { clock: systemClock, logger: silentLogger, metrics };
  const ed25519 = newSigner("ed25519");
  const v1 = await openRekorV1Shard({
    directory: join(directory, "v1"),
    hostname: "localhost",
    treeId: 1n,
    signer: newSigner("ec"),
    ...common,
  });
  const v2 = await openRekorV2Shard({ directory: join(directory, "v2"), origin: "localhost", signer: ed25519, ...common });
  const listener = { addresses: ["127.0.0.1"], port: 0 };
  const host = new Host({ logger: silentLogger, clock: systemClock, metrics });
  await host.start([
    createRekorV1({ shards: [v1], listener, logger: silentLogger, threads }),
    createRekorV2({ shard: v2, keyId: rekorV2KeyId("localhost", ed25519), listener, logger: silentLogger, threads }),
  ]);
  const child = fork(join(import.meta.dirname, "log-load.ts"), { execArgv: process.execArgv });
  const portOf = (service: string): number => host.addresses().find((open) => open.service === service)?.port ?? 0;
  try {
    return await work({
      ports: { v1: portOf("log-v1"), v2: portOf("log-v2") },
      metrics,
      make: async (kind, count) => void (await order<number>(child, { order: "make", kind, count })),
      load: (run) => order<RunResult>(child, { order: "run", ...run }),
    });
  } finally {
    child.kill();
    await host.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

function order<Result>(child: ChildProcess, message: MakeOrder | RunOrder): Promise<Result> {
  return new Promise((resolve, reject) => {
    child.once("message", (answer: { result: Result; error?: string }) => {
      if (answer.error === undefined) resolve(answer.result);
      else reject(new Error(answer.error));
    });
    child.send(message);
  });
}

async function addRow(kind: RequestKind, api: "v1" | "v2"): Promise<Measured> {
  return withLog(async (bench) => {
    const syncs = await syncCounts();
    const floor = verifyFloor();
    const rates: number[] = [];
    let cpuMicros = 0;
    let adds = 0;
    let latencies: readonly number[] = [];
    let generatorMicros = 0;
    for (let round = 0; round < warmUpRounds; round += 1) await addRound(bench, kind, api);
    const syncsBefore = { ...syncs };
    const batchesBefore = totals(bench.metrics).batches;
    const threadsBefore = threadTimes();
    for (let round = 0; round < rounds; round += 1) {
      const cpu = process.cpuUsage();
      const result = await addRound(bench, kind, api);
      const spent = process.cpuUsage(cpu);
      cpuMicros += spent.user + spent.system;
      generatorMicros += result.cpuMicros;
      adds += result.answered;
      latencies = result.latencies;
      rates.push(result.answered / result.seconds);
    }
    const byThread = perOperation(threadsBefore, threadTimes(), adds);
    const { prepareMicros, signMicros } = await measureAddParts(kind);
    const cpuMicrosPerAdd = Math.round(cpuMicros / adds);
    const notes = {
      cpuMicrosPerAdd,
      ofThemMainThread: byThread.main,
      preparingThreads: byThread.workers,
      v8Threads: byThread.v8,
      pool: byThread.pool,
      generatorBeside: Math.round(generatorMicros / adds),
      prepareAlone: prepareMicros,
      promiseAlone: api === "v1" ? signMicros : 0,
      entriesPerBatch: round1(perBatch(bench.metrics)),
      fsyncsPerBatch: round2((syncs.dataSyncs - syncsBefore.dataSyncs) / (totals(bench.metrics).batches - batchesBefore)),
      otherFsyncs: syncs.syncs - syncsBefore.syncs,
      p50Ms: round1(quantile(latencies, 0.5)),
      p99Ms: round1(quantile(latencies, 0.99)),
    };
    const own = withFloor({ ...summary(rates, "adds/s"), notes }, "crypto.verify of P-256 on one thread", floor);
    return withPeer(own, await peerLog(bench));
  });
}

/** Adds at full load for a round; none may be refused. */
async function addRound(bench: Bench, kind: RequestKind, api: "v1" | "v2"): Promise<RunResult> {
  await bench.make(kind, requestsPerRound);
  const result = await bench.load({ port: bench.ports[api], connections: 128, seconds: secondsPerRound });
  if (result.failed > 0) throw new Error(`${result.failed} of ${result.answered + result.failed} adds were refused`);
  return result;
}

async function latencyRow(): Promise<Measured> {
  return withLog(async (bench) => {
    for (let round = 0; round < warmUpRounds; round += 1) await addRound(bench, "v1-hashedrekord", "v1");
    await bench.make("v1-hashedrekord", 1500);
    await bench.load({ port: bench.ports.v1, connections: 1, seconds: 0.5 });
    const one = await bench.load({ port: bench.ports.v1, connections: 1, seconds: 2 });
    await bench.make("v1-hashedrekord", 4000);
    const full = await bench.load({ port: bench.ports.v1, connections: 64, seconds: 1 });
    await bench.make("v1-hashedrekord", 9000);
    const half = await bench.load({ port: bench.ports.v1, connections: 64, seconds: 3, rate: full.answered / full.seconds / 2 });
    const notes = {
      oneClientP50: round2(quantile(one.latencies, 0.5)),
      oneClientP99: round2(quantile(one.latencies, 0.99)),
      saturatedAddsPerSecond: Math.round(full.answered / full.seconds),
      saturatedP50: round2(quantile(full.latencies, 0.5)),
      saturatedP99: round2(quantile(full.latencies, 0.99)),
      halfLoadAddsPerSecond: Math.round(half.answered / half.seconds),
      halfLoadP50: round2(quantile(half.latencies, 0.5)),
      halfLoadP99: round2(quantile(half.latencies, 0.99)),
    };
    return {
      median: round2(quantile(one.latencies, 0.5)),
      unit: "ms",
      spread: [round2(quantile(one.latencies, 0.1)), round2(quantile(one.latencies, 0.99))],
      notes,
    };
  });
}

async function tileRow(): Promise<Measured> {
  return withLog(async (bench) => {
    await fill(bench, "v2", 600);
    const paths = ["/tile/0/000", "/api/v2/tile/0/001"];
    const floor = await bareHttp(bench, 8192);
    return withFloor(await readRow(bench, bench.ports.v2, paths, "tiles/s"), "node:http with the same bytes", floor);
  });
}

async function proofRow(): Promise<Measured> {
  return withLog(async (bench) => {
    await fill(bench, "v1", 2000);
    const paths = Array.from({ length: 500 }, (_, at) => `/api/v1/log/proof?firstSize=${1 + ((at * 37) % 1900)}&lastSize=2000`);
    const floor = await bareHttp(bench, 900);
    return withFloor(await readRow(bench, bench.ports.v1, paths, "proofs/s"), "node:http with as many bytes", floor);
  });
}

// An entry by index, with its inclusion proof and a signed entry timestamp made for the reader.
async function entryRow(): Promise<Measured> {
  return withLog(async (bench) => {
    await fill(bench, "v1", 2000);
    const paths = Array.from({ length: 500 }, (_, at) => `/api/v1/log/entries?logIndex=${(at * 37) % 2000}`);
    const floor = await bareHttp(bench, 4500);
    return withFloor(await readRow(bench, bench.ports.v1, paths, "entries/s"), "node:http with about as many bytes", floor);
  });
}

async function fill(bench: Bench, api: "v1" | "v2", count: number): Promise<void> {
  await bench.make(api === "v1" ? "v1-hashedrekord" : "v2-hashedrekord", count);
  const { failed, answered } = await bench.load({ port: bench.ports[api], connections: 64, seconds: 60 });
  if (failed > 0 || answered !== count) throw new Error(`${answered} of ${count} entries were added`);
}

async function readRow(bench: Bench, port: number, paths: readonly string[], unit: string): Promise<Measured> {
  const rates: number[] = [];
  for (let round = 0; round <= rounds; round += 1) {
    const result = await bench.load({ port, connections: 32, seconds: secondsPerRound, paths });
    if (result.failed > 0) throw new Error(`${result.failed} reads were refused`);
    if (round > 0) rates.push(result.answered / result.seconds);
  }
  return summary(rates, unit);
}

// What node:http itself does with a body of this size.
async function bareHttp(bench: Bench, bytes: number): Promise<number> {
  const body = new Uint8Array(bytes);
  const server = createServer((_, response) => response.setHeader("content-length", bytes).end(body));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  await bench.load({ port, connections: 32, seconds: 0.3, paths: ["/"] });
  const result = await bench.load({ port, connections: 32, seconds: secondsPerRound, paths: ["/"] });
  server.close();
  return Math.round(result.answered / result.seconds);
}

// One thread, P-256 over 1 KiB, key loaded before.
function verifyFloor(): number {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const message = createHash("sha512").update("floor").digest().toString("hex").repeat(8);
  const bytes = Buffer.from(message);
  const signature = sign("sha256", bytes, privateKey);
  const begun = performance.now();
  let count = 0;
  for (; performance.now() - begun < 400; count += 1) verify("sha256", bytes, publicKey, signature);
  return count / ((performance.now() - begun) / 1000);
}

function perBatch(metrics: MetricsRegistry): number {
  const { entries, batches } = totals(metrics);
  return entries / Math.max(1, batches);
}

function totals(metrics: MetricsRegistry): { entries: number; batches: number } {
  const sum = (name: string): number =>
    [...metrics.text().matchAll(new RegExp(`^${name}\\{[^}]*\\} (\\d+)$`, "gm"))].reduce(
      (total, [, value]) => total + Number(value),
      0,
    );
  return { entries: sum("sigillum_log_entries_added_total"), batches: sum("sigillum_log_batches_total") };
}

function summary(values: readonly number[], unit: string): Measured {
  const sorted = [...values].sort((a, b) => a - b);
  return {
    median: Math.round(quantile(sorted, 0.5)),
    unit,
    spread: [Math.round(sorted[0] ?? 0), Math.round(sorted.at(-1) ?? 0)],
  };
}

function withFloor(measured: Measured, name: string, floor: number): Measured {
  return { ...measured, floor: { name, ratio: round2(measured.median / floor) } };
}

function withPeer(measured: Measured, peer: PeerLog | string): Measured {
  if (typeof peer === "string") return { ...measured, notes: { ...measured.notes, peer } };
  const notes = {
    ...measured.notes,
    peerAddsPerSecond: peer.addsPerSecond,
    peerConnections: peer.connections,
    peerP50Ms: peer.p50Ms,
    peerP99Ms: peer.p99Ms,
  };
  return { ...measured, peer: { name: peer.name, ratio: round2(measured.median / peer.addsPerSecond) }, notes };
}

let counting: Promise<SyncCounts> | undefined;
function syncCounts(): Promise<SyncCounts> {
  counting ??= countSyncs();
  return counting;
}

function quantile(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}

function round1(value: number): number {
  return Math.round(value * 10) / 10;
}

function round2(value: number): number {
  return Math.round(value * 100) / 100;
}
