// What the rows of this folder share: whole processes timed in turn, and their summary.
import { spawn } from "node:child_process";
import { tmpdir } from "node:os";

/** One row, as `npm run bench` takes it. */
export interface Result {
  readonly median: number;
  readonly unit: string;
  readonly spread: readonly [number, number];
  readonly floor?: { readonly name: string; readonly ratio: number };
  readonly peer?: { readonly name: string; readonly ratio: number };
}

/** Says nothing. */
export const silent: { debug(): void; info(): void; warn(): void; error(): void; child(): typeof silent } = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silent,
};

/** Each in turn, again and again, so that a machine whose speed drifts treats them alike. The first round is not counted. */
export async function interleave(
  series: ReadonlyMap<string, () => Promise<number>>,
  count: number,
): Promise<ReadonlyMap<string, readonly number[]>> {
  const times = new Map<string, number[]>([...series.keys()].map((name) => [name, []]));
  for (let round = 0; round <= count; round++) {
    for (const [name, run] of series) {
      const ms = await run();
      if (round > 0) times.get(name)?.push(ms);
    }
  }
  return times;
}

/** Run a program that must succeed; how long its whole process took, in milliseconds. */
export function timedAsync(program: string, args: readonly string[]): Promise<number> {
  const started = process.hrtime.bigint();
  const env = { PATH: process.env["PATH"] ?? "", HOME: tmpdir() };
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"], env });
    let said = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      said = (said + text).slice(-2000);
    });
    child.once("error", reject);
    child.once("close", (code) => {
      if (code === 0) resolve(Number(process.hrtime.bigint() - started) / 1e6);
      else reject(new Error(`${program} ${args[0]} ended with ${code}: ${said}`));
    });
  });
}

/** Median and extremes. */
export function summary(values: readonly number[], unit: string): Pick<Result, "median" | "unit" | "spread"> {
  return { median: median(values), unit, spread: [Math.min(...values), Math.max(...values)] };
}

/** The middle of the sorted values. */
export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
