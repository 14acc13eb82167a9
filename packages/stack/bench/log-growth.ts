// How a log's speed, memory, opening and disk change with its size. A loader fills the tree between the sizes at which it is measured:
// finished bodies of a usual length with five search keys each go straight into the engine, durable and de-duplicated, without HTTP and
// without signatures. Each size is measured by a process of its own, after the work in the background that the filling left is done.
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Answer, bodyBytes, concurrency, type Order } from "./growth-process.ts";
import type { Measured } from "./measured.ts";

const window = 10_000;
const windows = 5;
const defaultEntries = 1_000_000;
/** Sizes at which the log is measured, as far as it goes. */
const points = [10_000, 100_000, 1_000_000, 10_000_000];
const settleSeconds = 120;
const readEntries = 2000;
/** So short that a fast machine is not past the next size by then. */
const killAfterMs = 500;

/** What was measured at one size. */
interface Point {
  readonly size: number;
  readonly rates: readonly number[];
  readonly cpuMicroseconds: number;
  readonly note: string;
}

/**
 * Adds per second at the largest size, against those at ten thousand entries. Measured at 10 thousand, 100 thousand, 1 million and 10 million
 * entries, as far as SIGILLUM_BENCH_GROWTH goes (1 million where nothing is said; 10 million need 25 GB of disk and about ten minutes).
 */
export async function growthRow(): Promise<Measured> {
  const entries = Number(process.env["SIGILLUM_BENCH_GROWTH"] ?? defaultEntries);
  const sizes = points.filter((point) => point <= entries);
  if (sizes.length === 0) throw new Error(`SIGILLUM_BENCH_GROWTH is ${entries}, the least is ${points[0]}`);
  const directory = await mkdtemp(join(tmpdir(), "sigillum-growth-"));
  const child = new Children(directory);
  const interrupted = (signal: NodeJS.Signals): void => {
    child.kill();
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
    // Its handler was taken off: this ends the process.
    process.kill(process.pid, signal);
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, interrupted);
  try {
    const measured: Point[] = [];
    const filling: Record<string, string> = {};
    for (const size of sizes) {
      filling[`filled to ${name(size)}`] = await fill(child, size);
      measured.push(await measure(child, size));
    }
    const { size } = await child.order({ do: "open", directory });
    await child.close();
    return summary(measured, filling, (await sizeOf(directory)) / size);
  } finally {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.off(signal, interrupted);
    child.kill();
    await rm(directory, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function fill(child: Children, size: number): Promise<string> {
  const opened = await child.open();
  const count = size - opened.size;
  if (count <= 0) throw new Error(`the log has ${opened.size} entries already, before it was filled to ${size}`);
  const filled = await child.order({ do: "add", count });
  await child.close();
  return `${name(Math.round(count / filled.seconds))} adds/s, ${perAdd(filled, count).toFixed(0)} us CPU an add`;
}

async function measure(child: Children, size: number): Promise<Point> {
  const opened = await child.open();
  if (opened.size !== size) throw new Error(`the log has ${opened.size} entries, expected ${size}`);
  const settled = await child.order({ do: "settle", seconds: settleSeconds });
  // The first window runs before the compiler has done its work.
  await child.order({ do: "add", count: window });
  const added: Answer[] = [];
  for (let at = 0; at < windows; at += 1) added.push(await child.order({ do: "add", count: window }));
  const read = await child.order({ do: "read", entries: readEntries, searches: 20 });
  const acknowledged = read.size;
  await child.killWhileAdding();
  const again = await child.open();
  if (again.size < acknowledged) throw new Error(`of ${acknowledged} entries ${again.size} are left after a kill`);
  await child.close();
  const cpuMicroseconds = median(added.map((answer) => perAdd(answer, window)));
  const mebibytes = (bytes: number): number => Math.round(bytes / 2 ** 20);
  const peak = Math.max(...added.map((answer) => answer.peakAnonymousBytes), read.peakAnonymousBytes);
  const note =
    `${cpuMicroseconds.toFixed(0)} us CPU an add; RssAnon ${mebibytes(read.anonymousBytes)} MiB, at most ${mebibytes(peak)}, ` +
    `RssFile ${mebibytes(read.fileBytes)}, heap ${mebibytes(read.heapBytes)}; opens in ${opening(opened)}, ` +
    `after a kill in ${opening(again)}; search ${read.searchMs.toFixed(2)} ms; settled for ${Math.round(settled.seconds)} s`;
  return { size, rates: added.map(({ seconds }) => window / seconds), cpuMicroseconds, note };
}

function summary(measured: readonly Point[], filling: Readonly<Record<string, string>>, bytesPerEntry: number): Measured {
  const first = measured[0];
  const last = measured.at(-1);
  if (first === undefined || last === undefined) throw new Error("nothing was measured");
  const notes: Record<string, number | string> = {
    loader: `bodies of ${bodyBytes} bytes straight into the engine, ${concurrency} at a time: no HTTP, no signatures`,
    bytesPerEntry: Math.round(bytesPerEntry),
    ...filling,
  };
  for (const { size, rates, note } of measured) notes[`at ${name(size)}`] = `${name(Math.round(median(rates)))} adds/s; ${note}`;
  return {
    median: Math.round(median(last.rates)),
    unit: "adds/s",
    spread: [Math.round(Math.min(...last.rates)), Math.round(Math.max(...last.rates))],
    floor: {
      name: `${name(first.size)} entries, same run`,
      ratio: Math.round((median(last.rates) / median(first.rates)) * 100) / 100,
    },
    notes,
  };
}

/** The process that has the shard; each `open` starts a fresh one. */
class Children {
  readonly #directory: string;
  #child: ChildProcess | undefined;

  constructor(directory: string) {
    this.#directory = directory;
  }

  open(): Promise<Answer> {
    return this.order({ do: "open", directory: this.#directory });
  }

  /** Have an order carried out; rejects when it failed, or when the process ended. */
  async order(order: Order): Promise<Answer> {
    this.#child ??= fork(join(import.meta.dirname, "growth-process.ts"), { execArgv: process.execArgv });
    const child = this.#child;
    const answered = new Promise<Answer>((resolve, reject) => {
      const ended = (): void => reject(new Error(`the process of the shard ended while it was told to ${order.do}`));
      child.once("exit", ended);
      child.once("message", (message) => {
        child.off("exit", ended);
        resolve(message as Answer);
      });
    });
    child.send(order);
    const answer = await answered;
    if (answer.failure !== undefined) throw new Error(`cannot ${order.do}: ${answer.failure}`);
    return answer;
  }

  async close(): Promise<void> {
    await this.order({ do: "close" });
    await this.#end();
  }

  async killWhileAdding(): Promise<void> {
    this.#child?.send({ do: "add", count: 100 * window } satisfies Order);
    await new Promise((resolve) => setTimeout(resolve, killAfterMs));
    await this.#end();
  }

  kill(): void {
    this.#child?.kill("SIGKILL");
  }

  async #end(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined) return;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  }
}

async function sizeOf(directory: string): Promise<number> {
  const files = (await readdir(directory, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  let sum = 0;
  for (const file of files) sum += (await stat(join(file.parentPath, file.name))).size;
  return sum;
}

/** With the processor's time, which a busy machine changes less. */
function opening({ seconds, cpuSeconds }: Answer): string {
  return `${Math.round(seconds * 1000)} ms (CPU ${Math.round(cpuSeconds * 1000)})`;
}

function perAdd({ cpuSeconds }: Answer, count: number): number {
  return (cpuSeconds * 1e6) / count;
}

function name(size: number): string {
  return size.toLocaleString("en-US");
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
