// Time zones by their IANA names, asked of the runtime through Intl: its data is what the machine's JavaScript brings.
import { secondNs, toUnix, type Wall } from "../../values/index.ts";

/** A zone: at a point in time, its offset from UTC in seconds and its abbreviation. */
export interface Zone {
  at(ns: bigint): { readonly offset: number; readonly name: string };
}

/** UTC. */
export const utc: Zone = { at: () => ({ offset: 0, name: "UTC" }) };

/** A zone of one offset; without a name it is shown as its offset. */
export function fixedZone(offset: number, name = ""): Zone {
  return { at: () => ({ offset, name }) };
}

/** The zone of a name, or nothing when the runtime does not know it. */
export function findZone(name: string): Zone | undefined {
  if (name === "" || name === "UTC") return utc;
  if (!/^[A-Za-z0-9_+/-]{1,64}$/.test(name)) return undefined;
  try {
    return intlZone(name);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function intlZone(name: string): Zone {
  const parts = new Intl.DateTimeFormat("en-US", {
    timeZone: name,
    hourCycle: "h23",
    era: "short",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  const short = new Intl.DateTimeFormat("en-US", { timeZone: name, timeZoneName: "short" });
  return {
    at(ns) {
      const seconds = ns / secondNs - (ns % secondNs < 0n ? 1n : 0n);
      const offset = Number(wallSeconds(parts.formatToParts(Number(seconds) * 1000)) - seconds);
      const abbreviation = short.formatToParts(Number(seconds) * 1000).find((part) => part.type === "timeZoneName")?.value ?? "";
      return { offset, name: /^[A-Z]{2,5}$/.test(abbreviation) ? abbreviation : offsetName(offset) };
    },
  };
}

function wallSeconds(parts: readonly Intl.DateTimeFormatPart[]): bigint {
  const field = (type: string): number => Number(parts.find((part) => part.type === type)?.value ?? 0);
  const bc = parts.find((part) => part.type === "era")?.value === "BC";
  const wall: Wall = {
    year: bc ? 1 - field("year") : field("year"),
    month: field("month"),
    day: field("day"),
    hour: field("hour"),
    minute: field("minute"),
    second: field("second"),
    nanosecond: 0,
  };
  return toUnix(wall, 0) / secondNs;
}

/** Zones without letters are named by their offset in the IANA data: "+03", "-0330". */
function offsetName(offset: number): string {
  const minutes = Math.round(Math.abs(offset) / 60);
  const rest = minutes % 60;
  return `${offset < 0 ? "-" : "+"}${String(Math.floor(minutes / 60)).padStart(2, "0")}${rest === 0 ? "" : String(rest).padStart(2, "0")}`;
}
