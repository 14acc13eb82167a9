import { httpError } from "./errors.ts";

/** The time a request has, and its caller's wish to give up, as one signal. A class because a timer runs until `end`. */
export class Deadline {
  readonly signal: AbortSignal;
  readonly #timeoutMs: number;
  readonly #controller: AbortController = new AbortController();
  readonly #caller: AbortSignal | undefined;
  readonly #onCallerAbort: () => void;
  #timer: NodeJS.Timeout | undefined;
  #timedOut = false;

  constructor(timeoutMs: number, caller: AbortSignal | undefined) {
    this.#timeoutMs = timeoutMs;
    this.#caller = caller;
    this.signal = this.#controller.signal;
    this.#onCallerAbort = (): void => this.#controller.abort();
    this.#start(timeoutMs);
    if (caller?.aborted === true) this.#controller.abort();
    else caller?.addEventListener("abort", this.#onCallerAbort, { once: true });
  }

  /** Give the request another `timeoutMs` from now: what was waited for has begun to arrive. */
  extend(): void {
    if (!this.signal.aborted) this.#start(this.#timeoutMs);
  }

  /** Wait, and fail as the request would if its time ends or the caller gives up. */
  async wait(ms: number, what: string): Promise<void> {
    if (this.signal.aborted) throw this.error(what);
    await new Promise<void>((resolve, reject) => {
      const done = (): void => {
        this.signal.removeEventListener("abort", stop);
        resolve();
      };
      const timer = setTimeout(done, ms);
      const stop = (): void => {
        clearTimeout(timer);
        reject(this.error(what));
      };
      this.signal.addEventListener("abort", stop, { once: true });
    });
  }

  /** The error that says why the signal was raised. */
  error(what: string): Error {
    return this.#timedOut
      ? httpError("HTTP_TIMEOUT", `Cannot finish ${what}: no complete answer within ${this.#timeoutMs / 1000} s`, {
          expected: `an answer within ${this.#timeoutMs} ms`,
        })
      : httpError("HTTP_CANCELLED", `Cannot finish ${what}: the request was given up`, { cause: this.#caller?.reason });
  }

  /** Stop the timer; the signal is not raised any more. */
  end(): void {
    clearTimeout(this.#timer);
    this.#caller?.removeEventListener("abort", this.#onCallerAbort);
  }

  #start(timeoutMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timedOut = true;
      this.#controller.abort();
    }, timeoutMs);
  }
}
