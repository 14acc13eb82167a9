// Processor time by thread, as the kernel counts it: what a busy machine distorts least.
import { readdirSync, readFileSync } from "node:fs";

/** Processor microseconds of this process, by the kind of thread. */
export interface ThreadTimes {
  readonly main: number;
  /** Those of `node:worker_threads`. */
  readonly workers: number;
  /** V8's own: garbage, and code made while the program runs. */
  readonly v8: number;
  /** Files and asynchronous cryptography; LevelDB's own among them. */
  readonly pool: number;
}

/** The times so far; zeros where the system has no /proc. */
export function threadTimes(): ThreadTimes {
  const times = { main: 0, workers: 0, v8: 0, pool: 0 };
  for (const id of taskIds()) {
    const path = `/proc/self/task/${id}`;
    const nanos = Number(readFileSync(`${path}/schedstat`, "utf8").split(" ")[0]);
    const kind = id === String(process.pid) ? "main" : kindOf(readFileSync(`${path}/comm`, "utf8").trim());
    times[kind] += nanos / 1000;
  }
  return times;
}

/** What each kind of thread spent between two looks, for each of `count` operations. */
export function perOperation(before: ThreadTimes, after: ThreadTimes, count: number): ThreadTimes {
  const share = (kind: keyof ThreadTimes): number => Math.round((after[kind] - before[kind]) / count);
  return { main: share("main"), workers: share("workers"), v8: share("v8"), pool: share("pool") };
}

function taskIds(): readonly string[] {
  try {
    return readdirSync("/proc/self/task");
  } catch {
    return [];
  }
}

function kindOf(name: string): keyof ThreadTimes {
  if (name.startsWith("V8Worker") || name.startsWith("DelayedTask")) return "v8";
  return name.startsWith("Worker") ? "workers" : "pool";
}
