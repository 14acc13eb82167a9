// Jobs: work at a fixed interval, counted from the start so that it does not drift.
import type { Logger } from "./logger.ts";
import type { Counter, MetricsRegistry } from "./metrics.ts";
import type { Job } from "./service.ts";

const longestTimerMs = 2 ** 31 - 1;

/** Runs jobs until `stop`; an interval that a slow run missed is skipped, not made up for. */
export class JobRunner {
  readonly #logger: Logger;
  readonly #failures: Counter;
  readonly #abort: AbortController = new AbortController();
  readonly #timers: Set<NodeJS.Timeout> = new Set();
  readonly #running: Set<Promise<void>> = new Set();

  constructor(logger: Logger, metrics: MetricsRegistry) {
    this.#logger = logger;
    this.#failures = metrics.counter("sigillum_job_failures_total", "Runs of a job that ended in an error", ["service", "job"]);
  }

  /** Begin to run `job`; an error of a run is logged at once and the next interval tries again. */
  start(service: string, job: Job): void {
    if (!(job.everyMs > 0)) throw new TypeError(`Job ${job.name}: everyMs is ${job.everyMs}`);
    const begun = performance.now();
    if (job.atStart === true) this.#begin(service, job, begun);
    else this.#schedule(service, job, begun);
  }

  /** End: running jobs are told by their signal and waited for; nothing starts any more. */
  async stop(): Promise<void> {
    this.#abort.abort();
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    await Promise.all(this.#running);
  }

  #schedule(service: string, job: Job, begun: number): void {
    if (this.#abort.signal.aborted) return;
    const elapsed = performance.now() - begun;
    const wait = job.everyMs - (elapsed % job.everyMs);
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer);
        if (wait > longestTimerMs) this.#schedule(service, job, begun);
        else this.#begin(service, job, begun);
      },
      Math.min(wait, longestTimerMs),
    );
    this.#timers.add(timer);
  }

  #begin(service: string, job: Job, begun: number): void {
    const run = this.#run(service, job).finally(() => {
      this.#running.delete(run);
      this.#schedule(service, job, begun);
    });
    this.#running.add(run);
  }

  async #run(service: string, job: Job): Promise<void> {
    try {
      await job.run(this.#abort.signal);
    } catch (error) {
      // A job that was told to stop may end in any error; otherwise the operator must hear of it now.
      if (this.#abort.signal.aborted) return;
      this.#failures.add(1, service, job.name);
      this.#logger.error("job.failed", { service, job: job.name, error });
    }
  }
}
