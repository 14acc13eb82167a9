// Kills a process with SIGKILL again and again while it works, and lets the caller check after each kill what it had acknowledged.
// The victim is any program that prints a JSON object a line for each thing that it acknowledged.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/** What is killed and when. */
export interface KillPlan {
  /** Decides every kill's moment, so that a failure can be run again. */
  readonly seed: number;
  readonly kills: number;
  /** The number of the first round; 0 where nothing is said. */
  readonly from?: number;
  /** Program and arguments after the Node binary and its flags; `round` counts from 0. */
  readonly command: (round: number) => readonly string[];
  /** A kill comes after this many lines at most, and at least one. */
  readonly maxLines: number;
  /** And then after this many ms at most, so that it does not fall on the moment of an answer. */
  readonly maxExtraMs: number;
  /** Called with every line of the victim. */
  readonly onLine: (line: string, round: number) => void;
  /** Called after each kill, when the process is gone. */
  readonly afterKill: (round: number) => Promise<void>;
}

/** Run the plan; rejects when the victim ends by itself or says nothing. */
export async function killRepeatedly(plan: KillPlan): Promise<void> {
  const from = plan.from ?? 0;
  const random = randomNumbers(plan.seed + from);
  for (let round = from; round < from + plan.kills; round += 1) {
    const lines = 1 + Math.floor(random() * plan.maxLines);
    const extraMs = random() * plan.maxExtraMs;
    await runAndKill(plan, round, lines, extraMs);
    await plan.afterKill(round);
  }
}

async function runAndKill(plan: KillPlan, round: number, lines: number, extraMs: number): Promise<void> {
  const child = spawn(process.execPath, [...process.execArgv.filter(isCondition), ...plan.command(round)], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors += text;
  });
  let seen = 0;
  let killed = false;
  const reader = createInterface({ input: child.stdout });
  reader.on("line", (line) => {
    // Lines that were printed before the kill are read to the end: each is a promise that must be kept.
    // A line that the kill cut short promised nothing.
    if (!line.endsWith("}")) return;
    plan.onLine(line, round);
    seen += 1;
    if (seen === lines) {
      setTimeout(() => {
        killed = child.kill("SIGKILL");
      }, extraMs);
    }
  });
  await Promise.all([once(child, "close"), once(reader, "close")]);
  if (!killed)
    throw new Error(
      `Round ${round} of seed ${plan.seed}: the process ended by itself after ${seen} lines (${describeExit(child)}): ${errors.slice(-2000)}`,
    );
}

function isCondition(argument: string): boolean {
  return argument.startsWith("--conditions");
}

function describeExit(child: ChildProcess): string {
  return child.signalCode === null ? `exit ${child.exitCode}` : `signal ${child.signalCode}`;
}

/** Numbers from 0 to 1 that follow from a seed (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** How many kills a test does: SIGILLUM_KILLS, or the number for a usual run. */
export function plannedKills(usual: number): number {
  return Math.max(1, Number(process.env["SIGILLUM_KILLS"] ?? usual));
}

/** Rounds in parts, each a test of its own: a runner that hears nothing for ten minutes takes a test for stuck. */
export function partsOf(kills: number): readonly { readonly from: number; readonly count: number }[] {
  const size = 10;
  return Array.from({ length: Math.ceil(kills / size) }, (_, at) => ({
    from: at * size,
    count: Math.min(size, kills - at * size),
  }));
}

/** The seed of a test: SIGILLUM_SEED, or its own. */
export function plannedSeed(own: number): number {
  return Number(process.env["SIGILLUM_SEED"] ?? own);
}

/** A server that is killed while clients of this process have requests in flight. */
export interface ServingKillPlan {
  readonly seed: number;
  readonly kills: number;
  /** The number of the first round; 0 where nothing is said. */
  readonly from?: number;
  /** Program and arguments; its first line is `{"url": …}`. */
  readonly command: (round: number) => readonly string[];
  /** A kill comes after this many answers at most, and at least one, and then after this many ms at most. */
  readonly maxAnswers: number;
  readonly maxExtraMs: number;
  /** Requests in flight. */
  readonly hands: number;
  /** One request; rejects when it was cut off, or with what is wrong. */
  readonly work: (url: string, round: number, hand: number, count: number) => Promise<void>;
  /** Told of each request that the kill cut off. */
  readonly onCutOff: () => void;
  readonly afterKill: (round: number) => Promise<void>;
}

const cutOffCodes = new Set(["ECONNRESET", "ECONNREFUSED", "EPIPE"]);

/** Run the plan; rejects when the server ends by itself, or a request fails while it lives. */
export async function killWhileServing(plan: ServingKillPlan): Promise<void> {
  const from = plan.from ?? 0;
  const random = randomNumbers(plan.seed + from);
  for (let round = from; round < from + plan.kills; round += 1) {
    const answers = 1 + Math.floor(random() * plan.maxAnswers);
    const extraMs = random() * plan.maxExtraMs;
    await serveAndKill(plan, round, answers, extraMs);
    await plan.afterKill(round);
  }
}

async function serveAndKill(plan: ServingKillPlan, round: number, answers: number, extraMs: number): Promise<void> {
  const child = spawn(process.execPath, [...process.execArgv.filter(isCondition), ...plan.command(round)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const closed = once(child, "close");
  const url = await firstLineUrl(child, closed);
  let given = 0;
  let killed = false;
  const hand = async (number: number): Promise<void> => {
    for (let count = 0; ; count += 1) {
      try {
        await plan.work(url, round, number, count);
      } catch (error) {
        const cut = error instanceof Error && "code" in error && cutOffCodes.has(String(error.code));
        if (!killed || !cut) throw error;
        plan.onCutOff();
        return;
      }
      given += 1;
      if (given === answers)
        setTimeout(() => {
          killed = child.kill("SIGKILL");
        }, extraMs);
    }
  };
  try {
    await Promise.all(Array.from({ length: plan.hands }, (_, number) => hand(number)));
  } finally {
    child.kill("SIGKILL");
  }
  await closed;
}

async function firstLineUrl(child: ChildProcess, closed: Promise<unknown>): Promise<string> {
  if (child.stdout === null) throw new TypeError("The server's output is a pipe");
  const reader = createInterface({ input: child.stdout });
  const line = await Promise.race([once(reader, "line"), closed.then(() => ["{}"])]);
  const { url } = JSON.parse(String(line[0])) as { url?: string };
  if (url === undefined) throw new Error(`The server ended before it served (${describeExit(child)})`);
  return url;
}
