// The copy of the last published checkpoint on the disk. It only guards against a state that is older than what was published (an old
// backup put back), and is never ahead of the write-ahead file: so it may lag a moment, and a busy log does not write it with each batch.
import type { Logger } from "../host/index.ts";

const pauseMs = 100;

/** Writes the newest text in the background, at most every 100 ms. */
export class CheckpointCopy {
  readonly #write: (text: string) => Promise<void>;
  readonly #logger: Logger;
  #newest = "";
  #written = "";
  #writing: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(write: (text: string) => Promise<void>, logger: Logger) {
    this.#write = write;
    this.#logger = logger;
  }

  /** Note the newest text. */
  keep(text: string): void {
    this.#newest = text;
    if (this.#timer === undefined && this.#writing === undefined) this.#begin();
  }

  /** Resolves when the newest text is on the disk, or could not be written (which is logged). */
  async flush(): Promise<void> {
    await this.#writing;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#newest !== this.#written) await this.#writeNewest();
  }

  #begin(): void {
    this.#writing = this.#writeNewest().then(() => {
      this.#writing = undefined;
      this.#timer = setTimeout(() => {
        this.#timer = undefined;
        if (this.#newest !== this.#written) this.#begin();
      }, pauseMs).unref();
    });
  }

  async #writeNewest(): Promise<void> {
    const text = this.#newest;
    try {
      await this.#write(text);
      this.#written = text;
    } catch (error) {
      this.#logger.error("log.checkpoint-write-failed", { error });
    }
  }
}
