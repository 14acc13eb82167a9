// Work on bytes in threads of its own: what one turn of the event loop brings goes in whole batches, each one transferred buffer, and a
// thread has the next batch at hand when it ends one. A message for each input would cost as much as the work, and a thread that waits
// for its next batch waits for whatever the main thread does meanwhile (docs/performance.md has the numbers).
//
//   batch = count:u32 ‖ length:u32* ‖ bytes*          (in the order of the machine: both ends are one process)
import { type MessagePort, parentPort, Worker, workerData } from "node:worker_threads";
import { type ErrorKind, isSigillumError, SigillumError } from "@sigillum/library/encoding";
import { hostError } from "./errors.ts";
import type { Logger } from "./logger.ts";

/** Turns an input into an output, at once where it can, or throws (or rejects with) an error of ours. */
export type BatchFunction = (input: Uint8Array) => Uint8Array | Promise<Uint8Array>;

/** What a pool of threads is made of. */
export interface BatchWorkersOptions {
  /** The file that a thread runs; it calls `serveBatches` with the same function. */
  readonly url: URL;
  /** The function itself: used while threads start, after one broke, and always with no threads. */
  readonly inline: BatchFunction;
  readonly threads: number;
  /** What each thread is handed when it starts: it is cloned, as messages are. */
  readonly data?: unknown;
  readonly logger: Logger;
}

interface PlainError {
  readonly code: string;
  readonly kind: ErrorKind;
  readonly message: string;
  readonly found?: string | undefined;
  readonly expected?: string | undefined;
}

/** What was refused, by position in the batch; the output there is empty. */
type Refusals = readonly (readonly [position: number, error: PlainError])[];

/** A batch of outputs, alone where nothing was refused. */
type BatchAnswer = ArrayBuffer | { readonly outputs: ArrayBuffer; readonly refusals: Refusals };

interface Waiting {
  readonly input: Uint8Array;
  readonly resolve: (output: Uint8Array) => void;
  readonly reject: (error: unknown) => void;
}

/** More inputs are not sent at once, so that the first of them is not held up by the last. */
const maxBatch = 32;
/** Nor more bytes, save in one input. */
const maxBatchBytes = 1024 * 1024;
/** Of the heap of a thread, in three parts; V8's own bound makes for long pauses (young-generation.ts). */
const maxYoungGenerationSizeMb = 48;
/** A thread works on one batch while another waits for it. */
const batchesAhead = 2;
/** More inputs than this do not wait. */
const maxWaiting = 4096;

/** Runs one function in threads. Threads start with the first input and are no reason for the process to stay. */
export class BatchWorkers {
  readonly #options: BatchWorkersOptions;
  #threads: Thread[] = [];
  #queue: Waiting[] = [];
  #started = false;
  #dispatching = false;

  constructor(options: BatchWorkersOptions) {
    this.#options = options;
  }

  /** The output for an input; rejects with what the function throws, or WORKERS_OVERLOADED when too many wait. */
  run(input: Uint8Array): Promise<Uint8Array> {
    this.#start();
    if (!this.#threads.some((thread) => thread.ready)) return runInline(this.#options.inline, input);
    if (this.#queue.length >= maxWaiting) {
      return Promise.reject(
        hostError("WORKERS_OVERLOADED", `Cannot accept request: ${maxWaiting} wait to be verified already; retry shortly`),
      );
    }
    return new Promise((resolve, reject) => {
      this.#queue.push({ input, resolve, reject });
      this.#dispatchSoon();
    });
  }

  /** Start the threads now; resolves when each is ready (or broken, which is logged and no error). */
  async ready(): Promise<void> {
    this.#start();
    await Promise.all(this.#threads.map((thread) => thread.settled));
  }

  /** End the threads; inputs that wait are worked on here. */
  async close(): Promise<void> {
    this.#started = true;
    const threads = this.#threads;
    this.#threads = [];
    await Promise.all(threads.map((thread) => thread.end()));
    for (const { input, resolve, reject } of this.#queue.splice(0)) runInline(this.#options.inline, input).then(resolve, reject);
  }

  #start(): void {
    if (this.#started) return;
    this.#started = true;
    this.#threads = Array.from({ length: this.#options.threads }, () => this.#newThread());
  }

  #newThread(): Thread {
    const thread = new Thread(this.#options.url, this.#options.data, {
      onFree: () => this.#dispatch(),
      onBroken: (error, batch) => {
        this.#options.logger.error("worker.broken", { error, url: this.#options.url.pathname });
        this.#threads = this.#threads.filter((other) => other !== thread);
        // What a broken thread held is worked on here; no new thread is started, since the next would break too.
        for (const { input, resolve, reject } of [...batch, ...(this.#threads.length === 0 ? this.#queue.splice(0) : [])]) {
          runInline(this.#options.inline, input).then(resolve, reject);
        }
      },
    });
    return thread;
  }

  // After the turn of the event loop: what else it reads comes into the same batch.
  #dispatchSoon(): void {
    if (this.#dispatching) return;
    this.#dispatching = true;
    setImmediate(() => {
      this.#dispatching = false;
      this.#dispatch();
    });
  }

  #dispatch(): void {
    for (let ahead = 0; ahead < batchesAhead; ahead += 1) {
      const free = this.#threads.filter((thread) => thread.ready && thread.batches === ahead);
      for (const [position, thread] of free.entries()) {
        if (this.#queue.length === 0) return;
        // Share what waits between the threads instead of giving all of it to the first.
        thread.send(this.#nextBatch(Math.ceil(this.#queue.length / (free.length - position))));
      }
    }
  }

  #nextBatch(share: number): Waiting[] {
    let count = 0;
    for (let bytes = 0; count < Math.min(share, maxBatch); count += 1) {
      bytes += this.#queue[count]?.input.length ?? 0;
      if (count > 0 && bytes > maxBatchBytes) break;
    }
    return this.#queue.splice(0, count);
  }
}

class Thread {
  /** Resolves when the thread is ready or broken. */
  readonly settled: Promise<void>;
  readonly #worker: Worker;
  /** Those that were sent and not answered, in the order they are answered. */
  #batches: (readonly Waiting[])[] = [];
  ready = false;

  constructor(
    url: URL,
    data: unknown,
    events: { onFree: () => void; onBroken: (error: unknown, batch: readonly Waiting[]) => void },
  ) {
    // A launcher may have set the condition in its own thread only; unbuilt files cannot be resolved without it.
    const condition = url.pathname.endsWith(".ts") ? ["--conditions=@sigillum/source"] : [];
    const execArgv = [...process.execArgv.filter((argument) => argument.startsWith("--conditions=")), ...condition];
    this.#worker = new Worker(url, { execArgv, workerData: data, resourceLimits: { maxYoungGenerationSizeMb } });
    let resolve: () => void = () => undefined;
    this.settled = new Promise((settle) => {
      resolve = settle;
    });
    let broken = false;
    const breakDown = (error: unknown): void => {
      resolve();
      this.ready = false;
      if (!broken) events.onBroken(error, this.#batches.flat());
      broken = true;
    };
    this.#worker.on("message", (answer: BatchAnswer | "ready") => {
      if (answer === "ready") {
        this.ready = true;
        this.#worker.unref(); // earlier it has no effect
        resolve();
      } else {
        this.#settle(answer);
      }
      events.onFree();
    });
    this.#worker.on("error", breakDown);
    this.#worker.on("exit", (code) => {
      if (code !== 0 && !this.#ending) breakDown(new Error(`thread ended with code ${code}`));
    });
  }

  #ending = false;

  /** How many batches it has. */
  get batches(): number {
    return this.#batches.length;
  }

  send(batch: readonly Waiting[]): void {
    this.#batches.push(batch);
    const packed = pack(batch.map(({ input }) => input));
    this.#worker.postMessage(packed, [packed]);
  }

  async end(): Promise<void> {
    this.#ending = true;
    await this.#worker.terminate();
    for (const { reject } of this.#batches.flat())
      reject(hostError("REQUEST_ABORTED", "Cannot answer: the service was closed while the request was verified"));
  }

  #settle(answer: BatchAnswer): void {
    const batch = this.#batches.shift() ?? [];
    const outputs = unpack(answer instanceof ArrayBuffer ? answer : answer.outputs);
    const refusals = new Map(answer instanceof ArrayBuffer ? [] : answer.refusals);
    for (const [position, { resolve, reject }] of batch.entries()) {
      const error = refusals.get(position);
      if (error !== undefined) reject(new SigillumError(error.code, error.kind, error.message, { ...fieldsOf(error) }));
      else resolve(outputs[position] ?? new Uint8Array(0));
    }
  }
}

/**
 * Called by the file that a thread runs: work on batches as they come. An error that is not ours breaks the thread. A batch is answered when
 * its last output is there; where all are there at once, nothing is awaited. With each input
 * the function gets what the thread was handed.
 */
export function serveBatches(run: (input: Uint8Array, data: unknown) => ReturnType<BatchFunction>): void {
  const port = parentPort;
  if (port === null) throw new TypeError("serveBatches is for a thread");
  // One batch after another, also where outputs come later: they are answered in the order they came.
  let before = Promise.resolve();
  let waiting = 0;
  port.on("message", (batch: ArrayBuffer) => {
    if (waiting === 0) {
      const answered = answerBatch(port, batch, run);
      if (answered !== undefined) follow(() => answered);
    } else follow(() => answerBatch(port, batch, run));
  });
  function follow(next: () => Promise<void> | undefined): void {
    waiting += 1;
    // What rejects here is not an error of ours: unhandled, it breaks the thread.
    before = before.then(next).then(() => {
      waiting -= 1;
    });
  }
  port.postMessage("ready");
}

/** Work on a batch and answer it, at once where every output is there at once. */
function answerBatch(
  port: MessagePort,
  batch: ArrayBuffer,
  run: (input: Uint8Array, data: unknown) => ReturnType<BatchFunction>,
): Promise<void> | undefined {
  const refusals: [number, PlainError][] = [];
  const refuse = (position: number, error: unknown): Uint8Array => {
    if (!isSigillumError(error)) throw error;
    const { code, kind, message, found, expected } = error;
    refusals.push([position, { code, kind, message, found, expected }]);
    return new Uint8Array(0);
  };
  let later = false;
  const outputs = unpack(batch).map((input, position) => {
    try {
      const output = run(input, workerData);
      if (output instanceof Uint8Array) return output;
      later = true;
      return output.catch((error: unknown) => refuse(position, error));
    } catch (error) {
      return refuse(position, error);
    }
  });
  const answer = (ready: readonly Uint8Array[]): void => {
    const packed = pack(ready);
    port.postMessage(refusals.length === 0 ? packed : { outputs: packed, refusals }, [packed]);
  };
  if (later) return Promise.all(outputs).then(answer);
  answer(outputs.filter((output) => output instanceof Uint8Array));
  return undefined;
}

/**
 * The URL of a file beside `moduleUrl` for a thread: `.ts` unbuilt, `.js` built. `npm run build` looks for calls of this function with
 * `import.meta.url`, and puts those files where they are found as `.cjs`.
 */
export function threadUrl(name: string, moduleUrl: string): URL {
  const extension = /\.(?:ts|cjs)$/.exec(moduleUrl)?.[0] ?? ".js";
  return new URL(`./${name}${extension}`, moduleUrl);
}

async function runInline(run: BatchFunction, input: Uint8Array): Promise<Uint8Array> {
  return run(input);
}

function fieldsOf(error: PlainError): { found?: string; expected?: string } {
  return {
    ...(error.found === undefined ? {} : { found: error.found }),
    ...(error.expected === undefined ? {} : { expected: error.expected }),
  };
}

const wordBytes = Uint32Array.BYTES_PER_ELEMENT;

function pack(parts: readonly Uint8Array[]): ArrayBuffer {
  let length = (1 + parts.length) * wordBytes;
  let at = length;
  for (const part of parts) length += part.length;
  const buffer = new ArrayBuffer(length);
  const lengths = new Uint32Array(buffer, 0, 1 + parts.length);
  const bytes = new Uint8Array(buffer);
  lengths[0] = parts.length;
  for (const [position, part] of parts.entries()) {
    lengths[1 + position] = part.length;
    bytes.set(part, at);
    at += part.length;
  }
  return buffer;
}

function unpack(buffer: ArrayBuffer): Uint8Array[] {
  const [count = 0] = new Uint32Array(buffer, 0, 1);
  const lengths = new Uint32Array(buffer, wordBytes, count);
  const parts: Uint8Array[] = [];
  let at = (1 + count) * wordBytes;
  for (const length of lengths) {
    parts.push(new Uint8Array(buffer, at, length));
    at += length;
  }
  return parts;
}
