// Package time: instants as RFC 3339 texts, durations as Go writes them. Nothing here reads a clock.
import type { Builtin, Call, Result } from "../builtin.ts";
import { integer } from "../comprehension.ts";
import { kinds } from "../value.ts";
import { formatInstant, type Instant, parseLayout, writeLayout } from "./time-layout.ts";

const layouts = {
  ANSIC: "Mon Jan _2 15:04:05 2006",
  Kitchen: "3:04PM",
  RFC1123: "Mon, 02 Jan 2006 15:04:05 MST",
  RFC1123Z: "Mon, 02 Jan 2006 15:04:05 -0700",
  RFC3339: "2006-01-02T15:04:05Z07:00",
  RFC3339Date: "2006-01-02",
  RFC3339Nano: "2006-01-02T15:04:05.999999999Z07:00",
  RFC822: "02 Jan 06 15:04 MST",
  RFC822Z: "02 Jan 06 15:04 -0700",
  RFC850: "Monday, 02-Jan-06 15:04:05 MST",
  RubyDate: "Mon Jan 02 15:04:05 -0700 2006",
  UnixDate: "Mon Jan _2 15:04:05 MST 2006",
} as const;
const units: readonly (readonly [string, bigint])[] = [
  ["ns", 1n],
  ["us", 1000n],
  ["µs", 1000n],
  ["μs", 1000n],
  ["ms", 1_000_000n],
  ["s", 1_000_000_000n],
  ["m", 60_000_000_000n],
  ["h", 3_600_000_000_000n],
];
const days = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"] as const;
const months = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
] as const;

/** Functions and constants of package time. */
export const timePackage: Readonly<Record<string, Builtin | Result>> = {
  ...layouts,
  ...Object.fromEntries(days.map((name, i) => [name, integer(i)])),
  ...Object.fromEntries(months.map((name, i) => [name, integer(i + 1)])),
  Nanosecond: integer(1n),
  Microsecond: integer(1000n),
  Millisecond: integer(1_000_000n),
  Second: integer(1_000_000_000n),
  Minute: integer(60_000_000_000n),
  Hour: integer(3_600_000_000_000n),
  Duration: {
    parameters: 1,
    validates: kinds.string,
    call: (call) =>
      durationOf(call.string(0)) === undefined ? { because: `time: invalid duration ${JSON.stringify(call.string(0))}` } : true,
  },
  Format: { parameters: 2, validates: kinds.string, call: (call) => checkLayout(call, call.string(0), call.string(1)) },
  FormatDuration: { parameters: 1, call: (call) => formatDuration(call.bigint(0)) },
  FormatString: {
    parameters: 2,
    call: (call) => writeLayout(call.string(0), instant(call, call.string(1), layouts.RFC3339Nano)),
  },
  Parse: { parameters: 2, call: (call) => formatInstant(instant(call, call.string(1), call.string(0))) },
  ParseDuration: { parameters: 1, call: parseDuration },
  Time: { parameters: 1, validates: kinds.string, call: (call) => checkLayout(call, call.string(0), layouts.RFC3339Nano) },
  Unix: { parameters: 2, call: unix },
};

function checkLayout(_call: Call, text: string, layout: string): Result {
  const parsed = parseLayout(layout, text);
  return typeof parsed === "string" ? { because: `invalid time ${JSON.stringify(text.slice(0, 80))}` } : true;
}

function instant(call: Call, text: string, layout: string): Instant {
  const parsed = parseLayout(layout, text);
  if (typeof parsed === "string")
    throw call.fail(`parsing time ${JSON.stringify(text.slice(0, 80))} as ${JSON.stringify(layout.slice(0, 80))}: ${parsed}`);
  return parsed;
}

/** A duration in nanoseconds, of Go's notation: `1h30m`, `-1.5s`. */
function durationOf(text: string): bigint | undefined {
  const match = /^([+-]?)((?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h))+$|^[+-]?0$/.exec(text);
  if (match === null || text.length > 200) return undefined;
  let total = 0n;
  for (const [, whole = "", fraction = "", unit = ""] of text.matchAll(/([0-9]*)(?:\.([0-9]*))?(ns|us|µs|μs|ms|s|m|h)/g)) {
    const size = units.find(([name]) => name === unit)?.[1] ?? 1n;
    total += BigInt(whole || "0") * size;
    if (fraction !== "") total += (BigInt(fraction) * size) / 10n ** BigInt(fraction.length);
  }
  return total > 9_223_372_036_854_775_807n ? undefined : text.startsWith("-") ? -total : total;
}

function parseDuration(call: Call): Result {
  const duration = durationOf(call.string(0));
  if (duration === undefined) throw call.fail(`time: invalid duration ${JSON.stringify(call.string(0).slice(0, 80))}`);
  return integer(duration);
}

function formatDuration(duration: bigint): string {
  if (duration === 0n) return "0s";
  const size = duration < 0n ? -duration : duration;
  const sign = duration < 0n ? "-" : "";
  const decimal = (unit: bigint): string =>
    `${size / unit}${
      size % unit === 0n
        ? ""
        : `.${(size % unit)
            .toString()
            .padStart(unit.toString().length - 1, "0")
            .replace(/0+$/, "")}`
    }`;
  if (size < 1000n) return `${sign}${size}ns`;
  if (size < 1_000_000n) return `${sign}${decimal(1000n)}µs`;
  if (size < 1_000_000_000n) return `${sign}${decimal(1_000_000n)}ms`;
  const [hours, minutes, rest] = [size / 3_600_000_000_000n, (size / 60_000_000_000n) % 60n, size % 60_000_000_000n];
  const seconds = `${rest / 1_000_000_000n}${rest % 1_000_000_000n === 0n ? "" : `.${(rest % 1_000_000_000n).toString().padStart(9, "0").replace(/0+$/, "")}`}s`;
  return `${sign}${hours > 0n ? `${hours}h` : ""}${hours > 0n || minutes > 0n ? `${minutes}m` : ""}${seconds}`;
}

function unix(call: Call): Result {
  const [seconds, nanoseconds] = [call.bigint(0), call.bigint(1)];
  const total = seconds * 1_000_000_000n + nanoseconds;
  if (total < -62_167_219_200_000_000_000n || total >= 253_402_300_800_000_000_000n)
    throw call.fail("year outside of range [0,9999]");
  return formatInstant({ nanoseconds: total, offsetSeconds: 0 });
}
