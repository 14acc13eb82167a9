// Policy texts are asked in threads that can be ended: whoever writes a policy or signs an attestation decides what it costs to judge it,
// and nobody else's decision waits for that. A thread that takes longer than the request has, or more memory than it gets, is ended and
// another takes its place; the question is refused, with the reason.
import { Worker } from "node:worker_threads";
import { isSigillumError, type SigillumError } from "@sigillum/library/encoding";
import type { BudgetLimits } from "@sigillum/policy/values";
import { type Logger, threadUrl } from "../host/index.ts";
import type { TextAnswer, TextJudge, TextQuestion } from "../image-policy/index.ts";
import { admissionError } from "./errors.ts";

/** What the threads are made with. */
export interface PolicyThreadsOptions {
  readonly logger: Logger;
  /** How many; default 2. */
  readonly threads?: number;
  /** What one thread may hold of values; default 128. */
  readonly memoryMiB?: number;
  /** Counted limits of an evaluation; by the document's length where nothing is said. */
  readonly limits?: BudgetLimits;
  /** The file that a thread runs. */
  readonly url?: URL;
}

/** Until when a question is worked on. */
export interface QuestionTime {
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
  /** On the clock of `performance.now()`. */
  readonly endsAtMs: number;
}

interface Asked {
  readonly question: TextQuestion;
  readonly key: string;
  readonly beganMs: number;
  readonly settle: (result: TextAnswer | SigillumError) => void;
}

const defaultThreads = 2;
const defaultMemoryMiB = 128;
const youngMiB = 16;
const maxWaiting = 1024;
const restartMs = 1000;

/** Asks policy texts in threads. A class because of the threads and of what waits for one. */
export class PolicyThreads {
  readonly #options: PolicyThreadsOptions;
  readonly #count: number;
  readonly #memoryMiB: number;
  #threads: PolicyThread[] = [];
  #waiting: Asked[] = [];
  #closed = false;
  #failedAtMs: number | undefined;

  constructor(options: PolicyThreadsOptions) {
    this.#options = options;
    this.#count = options.threads ?? defaultThreads;
    this.#memoryMiB = options.memoryMiB ?? defaultMemoryMiB;
  }

  /** Start the threads; resolves when each is ready or broken, which is logged. */
  async start(): Promise<void> {
    this.#fill();
    await Promise.all(this.#threads.map(({ settled }) => settled));
  }

  /** A judge for one request. */
  judge(time: QuestionTime): TextJudge {
    return (question) => this.ask(question, time);
  }

  /** The answer to a question; rejects with ADMISSION_POLICY_… where there is none in time, memory or at all. */
  ask(question: TextQuestion, { signal, endsAtMs }: QuestionTime): Promise<TextAnswer> {
    const beganMs = performance.now();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#giveUp(asked, true), Math.max(0, endsAtMs - beganMs));
      const left = (): void => this.#giveUp(asked, false);
      const asked: Asked = {
        question,
        key: `${question.policy.language}\n${question.policy.source}`,
        beganMs,
        settle: (result) => {
          clearTimeout(timer);
          signal.removeEventListener("abort", left);
          if (isSigillumError(result)) reject(result);
          else resolve(result);
        },
      };
      signal.addEventListener("abort", left, { once: true });
      if (this.#waiting.length >= maxWaiting || this.#closed) {
        asked.settle(
          admissionError("ADMISSION_POLICY_BUSY", "no thread is free to evaluate its policy text: too many questions wait"),
        );
        return;
      }
      this.#waiting.push(asked);
      if (signal.aborted) left();
      else this.#dispatch();
    });
  }

  /** End the threads; what waits is refused. */
  async close(): Promise<void> {
    this.#closed = true;
    const threads = this.#threads;
    this.#threads = [];
    for (const asked of [...this.#waiting.splice(0), ...threads.flatMap(({ running }) => running ?? [])])
      asked.settle(broken("the controller stops"));
    await Promise.all(threads.map((thread) => thread.end()));
  }

  #fill(): void {
    const failedLately = this.#failedAtMs !== undefined && performance.now() - this.#failedAtMs < restartMs;
    while (!this.#closed && !failedLately && this.#threads.length < this.#count) this.#threads.push(this.#newThread());
  }

  #newThread(): PolicyThread {
    const url = this.#options.url ?? threadUrl("policy-thread", import.meta.url);
    const thread: PolicyThread = new PolicyThread(url, this.#memoryMiB, this.#options.limits, {
      onFree: () => this.#dispatch(),
      onGone: (error, wasReady) => {
        this.#threads = this.#threads.filter((other) => other !== thread);
        if (this.#closed) return;
        this.#options.logger.error("admission.policy-thread-broken", { error });
        // One that breaks while it starts would do so again: what waits is refused, and the next question tries once more.
        if (!wasReady) this.#failedAtMs = performance.now();
        if (!wasReady && this.#threads.length === 0)
          for (const asked of this.#waiting.splice(0)) asked.settle(broken(reasonOf(error)));
        this.#dispatch();
      },
    });
    return thread;
  }

  // The oldest question whose text leaves a thread to others: one policy that takes long does not take them all.
  #dispatch(): void {
    this.#fill();
    if (this.#threads.length === 0 && !this.#closed)
      for (const asked of this.#waiting.splice(0)) asked.settle(broken("no thread could be started just now"));
    for (const thread of this.#threads) {
      if (!thread.free) continue;
      const next = this.#waiting.findIndex(({ key }) => this.#holds(key) < Math.max(1, this.#count - 1));
      const [asked] = next < 0 ? [] : this.#waiting.splice(next, 1);
      if (asked === undefined) return;
      thread.send(asked);
    }
  }

  #holds(key: string): number {
    return this.#threads.filter(({ running }) => running?.key === key).length;
  }

  #giveUp(asked: Asked, late: boolean): void {
    const seconds = ((performance.now() - asked.beganMs) / 1000).toFixed(1);
    const at = this.#waiting.indexOf(asked);
    if (at >= 0) {
      this.#waiting.splice(at, 1);
      const text = `no thread was free to evaluate its policy text in the ${seconds} s that the request had left`;
      asked.settle(admissionError("ADMISSION_POLICY_BUSY", text));
      return;
    }
    const thread = this.#threads.find(({ running }) => running === asked);
    if (thread === undefined) return;
    this.#threads = this.#threads.filter((other) => other !== thread);
    void thread.end();
    const text = late
      ? `the evaluation of its policy text was ended after ${seconds} s: the request has no more time`
      : `the evaluation of its policy text was ended after ${seconds} s: the request was answered without it`;
    asked.settle(admissionError("ADMISSION_POLICY_DEADLINE", text, { found: `${seconds} s` }));
    this.#dispatch();
  }
}

interface ThreadEvents {
  readonly onFree: () => void;
  readonly onGone: (error: unknown, wasReady: boolean) => void;
}

class PolicyThread {
  /** Resolves when the thread is ready or gone. */
  readonly settled: Promise<void>;
  readonly #worker: Worker;
  readonly #memoryMiB: number;
  #ready = false;
  #ending = false;
  running: Asked | undefined;

  constructor(url: URL, memoryMiB: number, limits: BudgetLimits | undefined, events: ThreadEvents) {
    this.#memoryMiB = memoryMiB;
    // A launcher may have set the condition in its own thread only; unbuilt files cannot be resolved without it.
    const condition = url.pathname.endsWith(".ts") ? ["--conditions=@sigillum/source"] : [];
    const execArgv = [...process.execArgv.filter((argument) => argument.startsWith("--conditions=")), ...condition];
    this.#worker = new Worker(url, {
      execArgv,
      workerData: { limits },
      env: {}, // a policy gets nothing of the controller's
      resourceLimits: { maxOldGenerationSizeMb: memoryMiB, maxYoungGenerationSizeMb: youngMiB, stackSizeMb: 4 },
    });
    let resolve: () => void = () => undefined;
    this.settled = new Promise((settle) => {
      resolve = settle;
    });
    let gone = false;
    const isGone = (error: unknown): void => {
      resolve();
      if (gone || this.#ending) return;
      gone = true;
      const asked = this.running;
      this.running = undefined;
      events.onGone(error, this.#ready);
      asked?.settle(this.#reason(error));
    };
    this.#worker.on("message", (message: { readonly answer: TextAnswer } | "ready") => {
      const asked = this.running;
      this.running = undefined;
      if (message === "ready") {
        this.#ready = true;
        this.#worker.unref(); // from now on no reason for the process to stay; earlier it has no effect
        resolve();
      } else {
        asked?.settle(message.answer);
      }
      events.onFree();
    });
    this.#worker.on("error", isGone);
    this.#worker.on("exit", (code) => isGone(new Error(`the thread ended with code ${code}`)));
  }

  get free(): boolean {
    return this.#ready && !this.#ending && this.running === undefined;
  }

  send(asked: Asked): void {
    this.running = asked;
    this.#worker.postMessage(asked.question);
  }

  async end(): Promise<void> {
    this.#ending = true;
    this.running = undefined;
    await this.#worker.terminate();
  }

  #reason(error: unknown): SigillumError {
    if (typeof error === "object" && error !== null && "code" in error && error.code === "ERR_WORKER_OUT_OF_MEMORY") {
      const text = `the evaluation of its policy text was ended: it takes more than ${this.#memoryMiB} MiB of memory`;
      return admissionError("ADMISSION_POLICY_MEMORY", text, { expected: `at most ${this.#memoryMiB} MiB` });
    }
    return broken(reasonOf(error));
  }
}

function broken(reason: string): SigillumError {
  return admissionError("ADMISSION_POLICY_BROKEN", `the thread that evaluates its policy text broke: ${reason}`, {
    found: reason,
  });
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
