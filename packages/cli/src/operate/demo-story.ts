import { isSigillumError } from "@sigillum/library/encoding";
import { exitCodes, type Terminal } from "../terminal/index.ts";
import { operateError } from "./errors.ts";

/** Tells the demonstration step by step: a step that fails ends it and is named. */
export class Story {
  readonly #terminal: Terminal;
  readonly #logFile: string;
  readonly #startedMs: number = performance.now();
  readonly #steps: { step: string; lines: readonly string[]; ms: number }[] = [];

  constructor(terminal: Terminal, logFile: string) {
    this.#terminal = terminal;
    this.#logFile = logFile;
  }

  /** Do one step. `work` returns its result and the lines that tell of it. */
  async step<T>(title: string, work: () => Promise<{ readonly result: T; readonly lines: readonly string[] }>): Promise<T> {
    const startedMs = performance.now();
    try {
      const { result, lines } = await work();
      this.#tell(title, lines, performance.now() - startedMs);
      return result;
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : String(cause);
      throw operateError(
        "DEMO_STEP_FAILED",
        `Cannot finish the demonstration: the step "${title}" failed: ${message}; the stack's log is ${this.#logFile}`,
        { cause },
      );
    }
  }

  /** Do something that must be refused, with one of these codes; that it is not is a failure of the demonstration. */
  async refused(title: string, codes: readonly string[], attempt: () => unknown): Promise<void> {
    await this.step(title, async () => {
      try {
        await attempt();
      } catch (error) {
        if (isSigillumError(error) && codes.includes(error.code))
          return { result: undefined, lines: [`refused: ${error.message}`, `code ${error.code}`] };
        throw error;
      }
      throw operateError("DEMO_NOT_REFUSED", `${title} was accepted`, { found: "accepted", expected: codes.join(" or ") });
    });
  }

  /** How long it has taken so far. */
  get seconds(): string {
    return ((performance.now() - this.#startedMs) / 1000).toFixed(1);
  }

  /** The end: as JSON all steps at once. */
  end(lines: readonly string[]): number {
    if (this.#terminal.format === "json") this.#terminal.json({ steps: this.#steps, seconds: Number(this.seconds) });
    else for (const line of lines) this.#terminal.out(line);
    return exitCodes.success;
  }

  #tell(title: string, lines: readonly string[], ms: number): void {
    this.#steps.push({ step: title, lines, ms: Math.round(ms) });
    if (this.#terminal.format === "json") return;
    this.#terminal.out(`${String(this.#steps.length).padStart(2)}. ${title}`);
    for (const line of lines) this.#terminal.out(`    ${line}`);
  }
}
