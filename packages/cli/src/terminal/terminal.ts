import { formatRfc3339 } from "@sigillum/library/encoding";
import { bytesOf, type InputStream, readLine } from "./input.ts";

/** Where a command writes, and what it knows of who reads. Results go to stdout, everything else to stderr. */
export interface Terminal {
  /** One line of a result. */
  out(line: string): void;
  /** Text of a result as it is, without a line end. */
  write(text: string | Uint8Array): void;
  /** One line of progress, advice or error. */
  note(line: string): void;
  /** "text" or "json"; with json, stdout has one JSON document and nothing else. */
  readonly format: "text" | "json";
  /** The result of a command that was asked for JSON. */
  json(value: unknown): void;
  /** Show that something long goes on; nothing is shown unless stderr is a terminal. */
  progress(label: string, total: number | undefined, unit?: ProgressUnit): Progress;
  /** Whether a person reads along: stderr is a terminal, and text was asked for. */
  readonly watched: boolean;
  /** Whether a person can answer: both stdin and stderr are terminals. */
  readonly interactive: boolean;
  /** Ask and read one line of the answer; for a terminal the answer to a secret is not shown. Undefined at the end of input. */
  ask(question: string, options?: { readonly secret?: boolean }): Promise<string | undefined>;
  /** All of stdin, chunk by chunk. */
  readonly stdin: AsyncIterable<Uint8Array>;
  readonly stdinIsTTY: boolean;
}

/** What is counted: octets, or files, images and the like. */
export type ProgressUnit = "bytes" | "items";

/** A line that shows how far something is, and is wiped at the end. */
export interface Progress {
  at(done: number): void;
  end(): void;
}

/** What a terminal is made of; the process's own streams, or a test's. */
export interface TerminalOptions {
  readonly stdout: { write(text: string | Uint8Array): unknown };
  readonly stderr: { write(text: string): unknown; readonly isTTY?: boolean };
  /** Asked for only when something is read. */
  readonly stdin?: () => InputStream;
  readonly stdinIsTTY: boolean;
  readonly format: "text" | "json";
}

const redrawEveryMs = 100;

/** Make a terminal. */
export function createTerminal(options: TerminalOptions): Terminal {
  const { stdout, stderr, format } = options;
  // Asked for only when it matters: to find out loads what most commands do not need.
  const isWatched = (): boolean => format === "text" && stderr.isTTY === true;
  return {
    format,
    get watched() {
      return isWatched();
    },
    get stdin() {
      return bytesOf(options.stdin?.());
    },
    get stdinIsTTY() {
      return options.stdinIsTTY;
    },
    ask: (question, { secret = false } = {}) => {
      stderr.write(question);
      return readLine(options.stdin?.(), secret && options.stdinIsTTY, () => stderr.write("\n"));
    },
    write: (text) => void stdout.write(text),
    get interactive() {
      return options.stdinIsTTY && stderr.isTTY === true;
    },
    out: (line) => void stdout.write(`${line}\n`),
    note: (line) => void stderr.write(`${line}\n`),
    json: (value) => void stdout.write(`${JSON.stringify(value, undefined, 2)}\n`),
    progress: (label, total, unit = "bytes") => (isWatched() ? visibleProgress(stderr, label, total, unit) : hiddenProgress),
  };
}

const hiddenProgress: Progress = { at: () => undefined, end: () => undefined };

const barWidth = 20;

function visibleProgress(
  stderr: { write(text: string): unknown },
  label: string,
  total: number | undefined,
  unit: ProgressUnit,
): Progress {
  const shown = (count: number): string => (unit === "bytes" ? formatBytes(count) : String(count));
  let drawnMs = Number.NEGATIVE_INFINITY;
  return {
    at(done) {
      const nowMs = performance.now();
      if (nowMs - drawnMs < redrawEveryMs) return;
      drawnMs = nowMs;
      if (total === undefined || total === 0) {
        stderr.write(`\r\u001b[K${label} ${shown(done)}`);
        return;
      }
      const share = Math.min(1, done / total);
      const bar = "=".repeat(Math.floor(share * barWidth)).padEnd(barWidth);
      stderr.write(`\r\u001b[K${label} [${bar}] ${shown(done)} of ${shown(total)}, ${Math.floor(share * 100)} %`);
    },
    end: () => void stderr.write("\r\u001b[K"),
  };
}

/** A length for people: "1.5 MB"; a kB is 1,000 bytes. */
export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 99.5 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** A time for people, in UTC: "2026-11-24 02:00:00 UTC". */
export function formatTime(ms: number): string {
  return `${formatRfc3339(ms).slice(0, 19).replace("T", " ")} UTC`;
}
