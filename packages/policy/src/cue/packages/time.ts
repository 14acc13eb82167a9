// Package time: instants as RFC 3339 texts, durations as Go writes them. Nothing here reads a clock.
import { dayNames, formatTime, type Moment, monthNames, namedLayouts, parseDuration, parseTime } from "../../values/index.ts";
import type { Builtin, Call, Result } from "../builtin.ts";
import { integer } from "../comprehension.ts";
import { kinds } from "../value.ts";

/** With the layouts that `namedLayouts` leaves out. */
const layouts: Readonly<Record<string, string>> = {
  ...Object.fromEntries(namedLayouts),
  Kitchen: "3:04PM",
  RFC3339Date: "2006-01-02",
};
const rfc3339Nano = namedLayouts.get("RFC3339Nano") ?? "";

/** Functions and constants of package time. */
export const timePackage: Readonly<Record<string, Builtin | Result>> = {
  ...layouts,
  ...Object.fromEntries(dayNames.map((name, i) => [name, integer(i)])),
  ...Object.fromEntries(monthNames.map((name, i) => [name, integer(i + 1)])),
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
      typeof durationOf(call) === "string" ? { because: `time: invalid duration ${JSON.stringify(call.string(0))}` } : true,
  },
  Format: { parameters: 2, validates: kinds.string, call: (call) => checkLayout(call, call.string(0), call.string(1)) },
  FormatDuration: { parameters: 1, call: (call) => formatDuration(call.bigint(0)) },
  FormatString: {
    parameters: 2,
    call: (call) => formatTime(instant(call, call.string(1), rfc3339Nano), "UTC", call.string(0)),
  },
  Parse: { parameters: 2, call: (call) => formatInstant(instant(call, call.string(1), call.string(0))) },
  ParseDuration: { parameters: 1, call: readDuration },
  Time: { parameters: 1, validates: kinds.string, call: (call) => checkLayout(call, call.string(0), rfc3339Nano) },
  Unix: { parameters: 2, call: unix },
};

function checkLayout(_call: Call, text: string, layout: string): Result {
  const parsed = parseTime(layout, text);
  return typeof parsed === "string" ? { because: `invalid time ${JSON.stringify(text.slice(0, 80))}` } : true;
}

function instant(call: Call, text: string, layout: string): Moment {
  const parsed = parseTime(layout, text);
  if (typeof parsed === "string") throw call.fail(parsed);
  return parsed;
}

/** As CUE writes an instant: in RFC 3339 and in UTC, with as many digits of a second as it has. */
function formatInstant({ ns }: Pick<Moment, "ns">): string {
  return formatTime({ ns, offset: 0 }, "UTC", rfc3339Nano);
}

/** The nanoseconds of a duration that a text names, or why it names none. */
function durationOf(call: Call): bigint | string {
  const text = call.string(0);
  return text.length > 200 ? `time: invalid duration ${JSON.stringify(text.slice(0, 80))}` : parseDuration(text, false);
}

function readDuration(call: Call): Result {
  const duration = durationOf(call);
  if (typeof duration === "string") throw call.fail(duration);
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
  return formatInstant({ ns: total });
}
