// The calendar of Go's time package, which both languages have: the Gregorian one, extended in both directions, over integers.

/** Nanoseconds in a second. */
export const secondNs = 1_000_000_000n;
const day = 86_400n;

/** A point in time as a clock on the wall shows it. */
export interface Wall {
  readonly year: number;
  /** From 1. */
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly nanosecond: number;
}

/** Months and days by their names in Go. */
export const monthNames = [
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
/** From Sunday. */
export const dayNames = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"] as const;

function floorDivide(a: bigint, b: bigint): bigint {
  const quotient = a / b;
  return a % b !== 0n && a < 0n !== b < 0n ? quotient - 1n : quotient;
}

/** Days from 1 January 1970 to a date; month and day may be out of their range and then count on. */
export function daysTo(year: number, month: number, dayOfMonth: number): bigint {
  const months = BigInt(month) - 1n;
  const fullYear = BigInt(year) + floorDivide(months, 12n);
  const index = months - floorDivide(months, 12n) * 12n;
  // years begin in March here, so that a leap day is the last day of one
  const shifted = index < 2n ? fullYear - 1n : fullYear;
  const era = floorDivide(shifted, 400n);
  const yearOfEra = shifted - era * 400n;
  const dayOfYear = (153n * ((index + 10n) % 12n) + 2n) / 5n;
  return era * 146_097n + yearOfEra * 365n + yearOfEra / 4n - yearOfEra / 100n + dayOfYear - 719_468n + BigInt(dayOfMonth) - 1n;
}

/** Nanoseconds since 1970 of a time on the wall at an offset from UTC in seconds. */
export function toUnix(wall: Wall, offset: number): bigint {
  const days = daysTo(wall.year, wall.month, wall.day);
  const clock = BigInt(wall.hour) * 3600n + BigInt(wall.minute) * 60n + BigInt(wall.second);
  return (days * day + clock - BigInt(offset)) * secondNs + BigInt(wall.nanosecond);
}

/** What the wall shows at an offset from UTC in seconds. */
export function toWall(ns: bigint, offset: number): Wall {
  const seconds = floorDivide(ns, secondNs) + BigInt(offset);
  const days = floorDivide(seconds, day);
  const clock = Number(seconds - days * day);
  const shifted = days + 719_468n;
  const era = floorDivide(shifted, 146_097n);
  const dayOfEra = shifted - era * 146_097n;
  const yearOfEra = (dayOfEra - dayOfEra / 1_460n + dayOfEra / 36_524n - dayOfEra / 146_096n) / 365n;
  const dayOfYear = dayOfEra - (365n * yearOfEra + yearOfEra / 4n - yearOfEra / 100n);
  const index = (5n * dayOfYear + 2n) / 153n;
  const month = Number(index < 10n ? index + 3n : index - 9n);
  return {
    year: Number(yearOfEra + era * 400n) + (month <= 2 ? 1 : 0),
    month,
    day: Number(dayOfYear - (153n * index + 2n) / 5n) + 1,
    hour: Math.floor(clock / 3600),
    minute: Math.floor(clock / 60) % 60,
    second: clock % 60,
    nanosecond: Number(ns - floorDivide(ns, secondNs) * secondNs),
  };
}

/** The day of the week of a date, from Sunday as 0. */
export function weekday(wall: Wall): number {
  const days = daysTo(wall.year, wall.month, wall.day) + 4n;
  return Number(days - floorDivide(days, 7n) * 7n);
}

/** The number of a date's day in its year, from 1. */
export function dayOfYear(wall: Wall): number {
  return Number(daysTo(wall.year, wall.month, wall.day) - daysTo(wall.year, 1, 1)) + 1;
}

/** How many days a month has. */
export function daysIn(year: number, month: number): number {
  return Number(daysTo(year, month + 1, 1) - daysTo(year, month, 1));
}
