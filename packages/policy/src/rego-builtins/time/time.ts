// Functions of time: over nanoseconds since 1970, in zones of the runtime's own data. The clock is the query's: one moment for all of it.
import { type Builtin, numberType, oneOf, stringType, tupleOf } from "../../rego/index.ts";
import {
  dayNames,
  daysIn,
  formatTime,
  isArray,
  isNumeric,
  namedLayouts,
  numeric,
  parseDuration,
  parseTime,
  toBigInt,
  toUnix,
  toWall,
  type Value,
  type Wall,
  weekday,
} from "../../values/index.ts";
import { type Call, define } from "../call.ts";
import { findZone, utc, type Zone } from "./zone.ts";

const moment = oneOf(numberType, tupleOf(numberType, stringType));
const formatted = oneOf(numberType, tupleOf(numberType, stringType), tupleOf(numberType, stringType, stringType));
const three = tupleOf(numberType, numberType, numberType);
const six = tupleOf(numberType, numberType, numberType, numberType, numberType, numberType);
const bound = 1n << 63n;

/** The functions of this file. */
export const time: readonly Builtin[] = [
  define("time.now_ns", [], numberType, nowNs, { nondeterministic: true }),
  define("time.parse_ns", [stringType, stringType], numberType, (call) =>
    parsed(call, namedLayouts.get(call.string(1)) ?? call.string(1), call.string(2)),
  ),
  define("time.parse_rfc3339_ns", [stringType], numberType, (call) =>
    parsed(call, namedLayouts.get("RFC3339") ?? "", call.string(1)),
  ),
  define("time.parse_duration_ns", [stringType], numberType, (call) => {
    const text = call.string(1);
    call.text(text.length);
    const found = parseDuration(text, true);
    if (typeof found === "string") throw call.fail(found);
    return numeric(found);
  }),
  define("time.format", [formatted], stringType, format),
  define("time.date", [moment], three, (call) => {
    const { year, month, day } = wallOf(momentOf(call, 1));
    return [year, month, day];
  }),
  define("time.clock", [moment], three, (call) => {
    const { hour, minute, second } = wallOf(momentOf(call, 1));
    return [hour, minute, second];
  }),
  define("time.weekday", [moment], stringType, (call) => dayNames[weekday(wallOf(momentOf(call, 1)))] ?? ""),
  define("time.add_date", [moment, numberType, numberType, numberType], numberType, addDate),
  define("time.diff", [moment, moment], six, difference),
];

interface ZonedMoment {
  readonly ns: bigint;
  readonly zone: Zone;
  readonly layout: string;
}

function nowNs(call: Call): Value {
  const { nowNs: now } = call.context;
  if (now === undefined) throw call.fail("the caller gave this evaluation no time");
  return numeric(now);
}

function parsed(call: Call, layout: string, text: string): Value {
  call.text(layout.length + text.length);
  const found = parseTime(layout, text);
  if (typeof found === "string") throw call.fail(found);
  return bounded(call, found.ns);
}

function bounded(call: Call, ns: bigint): Value {
  if (ns < -bound || ns >= bound) throw call.fail("time outside of valid range");
  return numeric(ns);
}

/** An operand that is a number of nanoseconds, or an array of it, a zone's name and a layout. */
function momentOf(call: Call, operand: number): ZonedMoment {
  const value = call.value(operand);
  const parts = isArray(value) ? value : [value];
  const number = parts[0];
  if (!isNumeric(value) && !(isArray(value) && value.length > 0))
    throw call.wrong(operand, "either number (ns) or [number (ns), string (tz)]");
  if (number === undefined || !isNumeric(number)) throw call.wrongElement(operand, number ?? null, "number");
  const ns = toBigInt(number);
  if (ns === undefined || ns < -bound || ns >= bound) throw call.fail("timestamp too big");
  const [, name = "", layout = ""] = parts;
  if (typeof name !== "string") throw call.wrongElement(operand, name, "string");
  if (typeof layout !== "string") throw call.wrongElement(operand, layout, "string");
  return { ns, zone: zoneOf(call, name), layout };
}

function zoneOf(call: Call, name: string): Zone {
  // Divergence: "Local" is UTC, because a verdict must not depend on the machine's settings
  if (name === "" || name === "UTC" || name === "Local") return utc;
  call.step(64);
  const zone = call.memo(`time.zone ${name}`, isZone, () => findZone(name) ?? null);
  if (zone === null) throw call.fail(`unknown time zone ${name.slice(0, 80)}`);
  return zone;
}

function isZone(kept: unknown): kept is Zone | null {
  return kept === null || (typeof kept === "object" && "at" in kept);
}

function wallOf({ ns, zone }: ZonedMoment): Wall {
  return toWall(ns, zone.at(ns).offset);
}

function format(call: Call): Value {
  const { ns, zone, layout } = momentOf(call, 1);
  const chosen = namedLayouts.get(layout === "" ? "RFC3339Nano" : layout) ?? layout;
  call.text(4 * chosen.length);
  const { offset, name } = zone.at(ns);
  return formatTime({ ns, offset }, name, chosen);
}

function addDate(call: Call): Value {
  const at = momentOf(call, 1);
  const [years, months, days] = [call.integer(2), call.integer(3), call.integer(4)];
  const wall = wallOf(at);
  const moved = { ...wall, year: wall.year + years, month: wall.month + months, day: wall.day + days };
  if (![moved.year, moved.month, moved.day].every(Number.isSafeInteger)) throw call.fail("time outside of valid range");
  const naive = toUnix(moved, 0);
  if (naive < -2n * bound || naive > 2n * bound) throw call.fail("time outside of valid range");
  return bounded(call, fromWall(naive, at.zone));
}

/** As Go's Date: the offset that holds at the naive time, unless it no longer holds at the time that it leads to. */
function fromWall(naive: bigint, zone: Zone): bigint {
  const first = BigInt(zone.at(naive).offset) * 1_000_000_000n;
  return naive - BigInt(zone.at(naive - first).offset) * 1_000_000_000n;
}

/** Years, months, days, hours, minutes and seconds between two moments, both seen in the first one's zone. */
function difference(call: Call): Value {
  const [first, second] = [momentOf(call, 1), momentOf(call, 2)];
  const [from, to] = first.ns > second.ns ? [second.ns, first.ns] : [first.ns, second.ns];
  const [a, b] = [wallOf({ ...first, ns: from }), wallOf({ ...first, ns: to })];
  let [year, month, day] = [b.year - a.year, b.month - a.month, b.day - a.day];
  let [hour, minute, seconds] = [b.hour - a.hour, b.minute - a.minute, b.second - a.second];
  if (seconds < 0) [seconds, minute] = [seconds + 60, minute - 1];
  if (minute < 0) [minute, hour] = [minute + 60, hour - 1];
  if (hour < 0) [hour, day] = [hour + 24, day - 1];
  if (day < 0) [day, month] = [day + daysIn(a.year, a.month), month - 1];
  if (month < 0) [month, year] = [month + 12, year - 1];
  return [year, month, day, hour, minute, seconds];
}
