// How a log's speed, memory and disk grow with its size. A fast loader fills the tree: finished bodies of a usual length with five search
// keys each go straight into the engine, durable and de-duplicated, without HTTP and without signatures.
import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeBase64, encodeUtf8 } from "@sigillum/library/encoding";
import { silentLogger, systemClock } from "../src/host/index.ts";
import { type BodyEntry, bodyEntry, bodyEntryFormat, LogShard } from "../src/log-engine/index.ts";
import type { Measured } from "./measured.ts";

const window = 10_000;
const concurrency = 1024;
/** A v1 entry with a certificate. */
const bodyBytes = 1700;
const defaultEntries = 1_000_000;
/** Sizes at which speed and memory are noted. */
const points = [10_000, 100_000, 1_000_000, 10_000_000];

/**
 * Adds per second in the last ten thousand entries; notes have speed and memory at 10 thousand, 100 thousand, 1 million and 10 million, as far
 * as SIGILLUM_BENCH_GROWTH goes (1 million where nothing is said; 10 million need 25 GB of disk and about half an hour).
 */
export async function growthRow(): Promise<Measured> {
  const entries = Math.max(4 * window, Number(process.env["SIGILLUM_BENCH_GROWTH"] ?? defaultEntries));
  const directory = await mkdtemp(join(tmpdir(), "sigillum-growth-"));
  try {
    const begunRss = process.memoryUsage.rss();
    let shard = await open(directory);
    const rates: number[] = [];
    const notes: Record<string, number | string> = { loader: "bodies straight into the engine: no HTTP, no signatures" };
    let peakRss = 0;
    for (let from = 0; from < entries; from += window) {
      rates.push(await load(shard, window));
      const rss = process.memoryUsage.rss();
      peakRss = Math.max(peakRss, rss);
      if (!points.includes(from + window)) continue;
      const name = (from + window).toLocaleString("en-US");
      notes[`addsAt ${name}`] = Math.round(median(rates.slice(-5)));
      notes[`rssMiBAt ${name}`] = Math.round(rss / 2 ** 20);
    }
    await shard.close();
    const bytes = await sizeOf(directory);
    const begun = performance.now();
    shard = await open(directory);
    const openMs = Math.round(performance.now() - begun);
    const searchMs = await timeSearches(shard);
    await shard.close();
    // The very first windows run before the compiler has done its work.
    const [first, last] = [median(rates.slice(1, 6)), median(rates.slice(-5))];
    return {
      median: Math.round(last),
      unit: "adds/s",
      spread: [Math.round(Math.min(...rates)), Math.round(Math.max(...rates))],
      floor: { name: "entries 10,000 to 60,000 of the same run", ratio: Math.round((last / first) * 100) / 100 },
      notes: {
        ...notes,
        entries,
        openMs,
        searchMs,
        bodyBytes,
        bytesPerEntry: Math.round(bytes / entries),
        peakRssMiB: Math.round((peakRss - begunRss) / 2 ** 20),
      },
    };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** The newest ten entries of an address that has a thousandth of all, in ms. */
async function timeSearches(shard: LogShard<BodyEntry>): Promise<number> {
  const begun = performance.now();
  for (let at = 0; at < 20; at += 1) {
    const found = await shard.search(encodeUtf8(`user${at}@example.org`), 10);
    if (found.length === 0) throw new Error(`nothing was found of user${at}`);
  }
  return Math.round(((performance.now() - begun) / 20) * 100) / 100;
}

function open(directory: string): Promise<LogShard<BodyEntry>> {
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

async function load(shard: LogShard<BodyEntry>, count: number): Promise<number> {
  let left = count;
  const begun = performance.now();
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      while (left > 0) {
        left -= 1;
        const body = new Uint8Array(randomBytes(bodyBytes));
        const name = encodeBase64(body.subarray(0, 18));
        await shard.add(bodyEntry(body, [name, `${name} 2`, `${name} 3`, `user${left % 1000}@example.org`, "all"]));
      }
    }),
  );
  return count / ((performance.now() - begun) / 1000);
}

async function sizeOf(directory: string): Promise<number> {
  const files = (await readdir(directory, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  let sum = 0;
  for (const file of files) sum += (await stat(join(file.parentPath, file.name))).size;
  return sum;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
