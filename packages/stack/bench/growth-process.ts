// The process of one shard that `log-growth.ts` measures: it is told to open, fill, measure and close, and is killed. Memory is that of
// a process that did nothing else. When the one that gives orders is gone, the shard is removed.
import { randomBytes } from "node:crypto";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { encodeBase64, encodeUtf8 } from "@sigillum/library/encoding";
import { silentLogger, systemClock } from "../src/host/index.ts";
import { type BodyEntry, bodyEntry, bodyEntryFormat, LogShard } from "../src/log-engine/index.ts";

/** A v1 entry with a certificate. */
export const bodyBytes = 1700;
/** What waits at a time, in every window and while filling. */
export const concurrency = 1024;

/** What the process is told. */
export type Order =
  | { readonly do: "open"; readonly directory: string }
  | { readonly do: "add"; readonly count: number }
  | { readonly do: "settle"; readonly seconds: number }
  | { readonly do: "read"; readonly entries: number; readonly searches: number }
  | { readonly do: "close" };

/** What it answers to each order; what does not belong to one is 0. */
export interface Answer {
  readonly failure?: string;
  readonly seconds: number;
  /** CPU time of all threads of the process, user and system. */
  readonly cpuSeconds: number;
  readonly size: number;
  /** Of /proc/self/status: pages of the process's own, and of files that are mapped; 0 where the system does not say. */
  readonly anonymousBytes: number;
  readonly peakAnonymousBytes: number;
  readonly fileBytes: number;
  readonly heapBytes: number;
  readonly searchMs: number;
}

const noise = new Uint8Array(randomBytes(2 ** 20));
const run = encodeBase64(noise.subarray(0, 9));
let made = 0;
let shard: LogShard<BodyEntry> | undefined;
let place = "";

/** Distinct bodies and keys at little cost: what they are made of does not matter to a log, only that no two are the same. */
function nextEntry(): BodyEntry {
  made += 1;
  const from = (made * 7919) % (noise.length - bodyBytes);
  const body = noise.slice(from, from + bodyBytes);
  const name = `${run} ${made}`;
  body.set(encodeUtf8(name));
  return bodyEntry(body, [name, `${name} 2`, `${name} 3`, `user${made % 1000}@example.org`, "all"]);
}

function openShard(directory: string): Promise<LogShard<BodyEntry>> {
  place = directory;
  return LogShard.open({
    directory: join(directory, "shard"),
    format: bodyEntryFormat,
    origin: "growth.example",
    clock: systemClock,
    logger: silentLogger,
    signCheckpoint: async ({ origin, size, root }) =>
      `${origin}\n${size}\n${encodeBase64(root)}\n\n— ${origin} ${encodeBase64(new Uint8Array(68))}\n`,
  });
}

async function add(log: LogShard<BodyEntry>, count: number): Promise<void> {
  let left = count;
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      while (left > 0) {
        left -= 1;
        await log.add(nextEntry());
      }
    }),
  );
}

/** Until a second goes by in which the process does next to nothing. */
async function settle(seconds: number): Promise<void> {
  for (const end = performance.now() + seconds * 1000; performance.now() < end; ) {
    const before = process.cpuUsage();
    await sleep(1000);
    const { user, system } = process.cpuUsage(before);
    if (user + system < 50_000) return;
  }
}

/** Entries all over the log with their proofs, so that caches fill; then the newest ten of addresses that have a thousandth of all. */
async function read(log: LogShard<BodyEntry>, entries: number, searches: number): Promise<number> {
  const { size } = log.head();
  for (let at = 0; at < entries; at += 1) {
    const index = (at * 2_654_435_761) % size;
    await log.entry(index);
    await log.proof(index);
  }
  const begun = performance.now();
  for (let at = 0; at < searches; at += 1) {
    const found = await log.search(encodeUtf8(`user${at}@example.org`), 10);
    if (found.length === 0) throw new Error(`nothing was found of user${at}`);
  }
  return (performance.now() - begun) / searches;
}

async function carryOut(order: Order): Promise<number> {
  if (order.do === "open") {
    shard = await openShard(order.directory);
    return 0;
  }
  if (shard === undefined) throw new Error("no shard is open");
  if (order.do === "add") await add(shard, order.count);
  if (order.do === "settle") await settle(order.seconds);
  if (order.do === "close") await shard.close();
  return order.do === "read" ? await read(shard, order.entries, order.searches) : 0;
}

function statusBytes(name: string): number {
  try {
    const kibibytes = new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(readFileSync("/proc/self/status", "utf8"))?.[1];
    return Number(kibibytes ?? 0) * 1024;
  } catch {
    return 0;
  }
}

async function answer(order: Order): Promise<Answer> {
  let peak = 0;
  const sample = (): void => {
    peak = Math.max(peak, statusBytes("RssAnon"));
  };
  const sampling = setInterval(sample, 50);
  const begun = performance.now();
  const cpu = process.cpuUsage();
  let searchMs = 0;
  let failure: string | undefined;
  try {
    searchMs = await carryOut(order);
  } catch (error) {
    failure = error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
  const seconds = (performance.now() - begun) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  clearInterval(sampling);
  sample();
  return {
    ...(failure === undefined ? {} : { failure }),
    seconds,
    cpuSeconds: (user + system) / 1e6,
    size: shard?.head().size ?? 0,
    anonymousBytes: statusBytes("RssAnon"),
    peakAnonymousBytes: peak,
    fileBytes: statusBytes("RssFile"),
    heapBytes: process.memoryUsage().heapUsed,
    searchMs,
  };
}

if (process.send !== undefined) {
  process.on("message", (order: Order) => void answer(order).then((result) => process.send?.(result)));
  process.on("disconnect", () => {
    if (place !== "") rmSync(place, { recursive: true, force: true, maxRetries: 5 });
    process.kill(process.pid, "SIGKILL");
  });
  // The one that gives orders removes the directory, and ends this process, when it is interrupted.
  process.on("SIGINT", () => undefined);
}
