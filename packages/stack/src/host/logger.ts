// Structured logs: one JSON object a line, or a short line for a person at a terminal.
import { isSigillumError } from "@sigillum/library/encoding";
import { type Clock, systemClock } from "./clock.ts";

/** How much a line matters, least first. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** Writes structured lines; `child` adds fields to every line. */
export interface Logger {
  debug(event: string, fields?: Readonly<Record<string, unknown>>): void;
  info(event: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(event: string, fields?: Readonly<Record<string, unknown>>): void;
  error(event: string, fields?: Readonly<Record<string, unknown>>): void;
  child(fields: Readonly<Record<string, unknown>>): Logger;
}

/** What a logger is made of. */
export interface LoggerOptions {
  readonly level: LogLevel;
  /** Receives one line, newline included. */
  readonly write: (line: string) => void;
  readonly clock?: Clock;
  /** "json" is one object a line, for programs; "text" is one short line, for a person who watches. Default "json". */
  readonly format?: LogFormat;
}

/** How a line of the log is written. */
export type LogFormat = "json" | "text";

const ranks: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };
const secretName = /token|secret|password|authorization|cookie|privatekey|pkcs8/i;
const maxStringLength = 2000;

/** Make a logger that writes lines of `level` and above; values under names that look secret are replaced. */
export function createLogger(options: LoggerOptions): Logger {
  return makeLogger(options, {});
}

/** A logger that writes nothing, for tests and for code that is given none. */
export const silentLogger: Logger = createLogger({ level: "error", write: () => undefined });

function makeLogger(options: LoggerOptions, base: Readonly<Record<string, unknown>>): Logger {
  const clock = options.clock ?? systemClock;
  const line = (level: LogLevel, event: string, fields: Readonly<Record<string, unknown>> = {}): void => {
    if (ranks[level] < ranks[options.level]) return;
    const record: Record<string, unknown> = { time: new Date(clock.nowMs()).toISOString(), level, event };
    for (const [name, value] of [...Object.entries(base), ...Object.entries(fields)]) record[name] = loggable(name, value);
    options.write(options.format === "text" ? textLine(record) : `${JSON.stringify(record)}\n`);
  };
  return {
    debug: (event, fields) => line("debug", event, fields),
    info: (event, fields) => line("info", event, fields),
    warn: (event, fields) => line("warn", event, fields),
    error: (event, fields) => line("error", event, fields),
    child: (fields) => makeLogger(options, { ...base, ...fields }),
  };
}

const textWidth = 200;

/** `16:46:27 ca.issued san=dev@example.com`: the time of day in UTC, the event, and what fits of its fields. */
function textLine({ time, level, event, service: _service, ...fields }: Readonly<Record<string, unknown>>): string {
  const head = `${String(time).slice(11, 19)} ${level === "info" ? "" : `${String(level)} `}${String(event)}`;
  const told = Object.entries(fields).map(([name, value]) => `${name}=${textValue(value)}`);
  const line = [head, ...told].join(" ");
  return `${line.length > textWidth && level !== "error" ? `${line.slice(0, textWidth - 1)}…` : line}\n`;
}

/** A value on a text line. What steers a terminal is shown as an escape: much of a log line is other people's text. */
function textValue(value: unknown): string {
  if (typeof value === "string" && /^[^\s"=\p{C}]+$/u.test(value)) return value;
  return JSON.stringify(value).replace(/\p{C}/gu, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

function loggable(name: string, value: unknown): unknown {
  if (secretName.test(name)) return "[redacted]";
  if (typeof value === "string") return value.length > maxStringLength ? `${value.slice(0, maxStringLength)}…` : value;
  if (typeof value === "bigint") return value.toString();
  if (value instanceof Error) return describeError(value);
  if (value instanceof Uint8Array) return `[${value.length} bytes]`;
  if (Array.isArray(value)) return value.slice(0, 50).map((item) => loggable("", item));
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([inner, item]) => [inner, loggable(inner, item)]));
  }
  return value;
}

/** An error as a log line carries it: our own by code and message, any other with its stack. */
export function describeError(error: unknown): Readonly<Record<string, unknown>> {
  if (isSigillumError(error)) {
    const cause = error.cause === undefined ? {} : { cause: describeError(error.cause) };
    return { code: error.code, message: error.message, ...cause };
  }
  if (error instanceof Error) return { message: error.message, stack: error.stack };
  return { message: String(error) };
}
