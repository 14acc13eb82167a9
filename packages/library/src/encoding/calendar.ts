// The proleptic Gregorian calendar by arithmetic alone, so that no file of this room needs Date.

/** A moment of UTC in calendar fields. */
export interface CivilTime {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly millisecond: number;
}

const dayMs = 86_400_000;
const monthDays: readonly number[] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
/** 0000-01-01T00:00:00Z, the earliest moment that a four-digit year can write. */
export const earliestMs: number = -62_167_219_200_000;
/** 9999-12-31T23:59:59.999Z, the latest moment that a four-digit year can write. */
export const latestMs: number = 253_402_300_799_999;

/** Milliseconds since 1970 of a civil time, or undefined where a field is out of range (a leap second included). */
export function millisecondsOf(t: CivilTime): number | undefined {
  if (t.month < 1 || t.month > 12 || t.day < 1 || t.day > daysIn(t.year, t.month)) return undefined;
  if (t.hour > 23 || t.minute > 59 || t.second > 59) return undefined;
  return daysSince1970(t.year, t.month, t.day) * dayMs + ((t.hour * 60 + t.minute) * 60 + t.second) * 1000 + t.millisecond;
}

/** The civil time of milliseconds since 1970; a TypeError for a year outside 0000 to 9999 or a fraction of a millisecond. */
export function civilTimeOf(ms: number): CivilTime {
  if (!Number.isSafeInteger(ms) || ms < earliestMs || ms > latestMs)
    throw new TypeError(`Cannot write time: ${ms} ms is outside the years 0000 to 9999`);
  const days = Math.floor(ms / dayMs);
  const rest = ms - days * dayMs;
  // Days counted from 0000-03-01 in eras of 400 years, each of 146,097 days.
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9;
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1,
    hour: Math.floor(rest / 3_600_000),
    minute: Math.floor(rest / 60_000) % 60,
    second: Math.floor(rest / 1000) % 60,
    millisecond: rest % 1000,
  };
}

function daysIn(year: number, month: number): number {
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  return month === 2 && leap ? 29 : (monthDays[month - 1] ?? 0);
}

function daysSince1970(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}
