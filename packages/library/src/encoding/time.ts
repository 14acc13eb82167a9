// Times as texts: RFC 3339, and the two DER forms (X.690 §11.7 and §11.8).
import { type CivilTime, civilTimeOf, millisecondsOf } from "./calendar.ts";
import { encodingError } from "./errors.ts";
import { quote } from "./sigillum-error.ts";

const rfc3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))$/;
const utcTime = /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/;
const generalizedTime = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.(\d*[1-9]))?Z$/;
/** From this year on RFC 5280 §4.1.2.5 writes GeneralizedTime. */
const firstGeneralizedYear = 2050;
const maxTextLength = 64;

/** Read an RFC 3339 time as milliseconds since 1970; a finer fraction is cut off; throws TIME_MALFORMED. A leap second is refused. */
export function parseRfc3339(text: string): number {
  const match = text.length <= maxTextLength ? rfc3339.exec(text) : null;
  const ms = match === null ? undefined : millisecondsOf(civil(match, digits(match[1])));
  if (match === null || ms === undefined) throw badTime(text);
  if (match[8] === undefined) return ms;
  const hours = digits(match[9]);
  const minutes = digits(match[10]);
  if (hours > 23 || minutes > 59) throw badTime(text);
  return ms - (match[8] === "-" ? -1 : 1) * (hours * 60 + minutes) * 60_000;
}

/** Write milliseconds since 1970 as RFC 3339 in UTC, with three decimals only when they are not zero. */
export function formatRfc3339(ms: number): string {
  const t = civilTimeOf(ms);
  const fraction = t.millisecond === 0 ? "" : `.${pad(t.millisecond, 3)}`;
  return `${pad(t.year, 4)}-${pad(t.month)}-${pad(t.day)}T${pad(t.hour)}:${pad(t.minute)}:${pad(t.second)}${fraction}Z`;
}

/** Read the text of a DER UTCTime: seconds and Z are demanded, years 50 to 99 are of the last century (RFC 5280 §4.1.2.5.1). */
export function parseUtcTime(text: string): number {
  const match = utcTime.exec(text);
  const year = match === null ? 0 : digits(match[1]);
  const ms = match === null ? undefined : millisecondsOf(civil(match, year < 50 ? 2000 + year : 1900 + year));
  if (ms === undefined) throw badDerTime("UTCTime", text, "YYMMDDhhmmssZ");
  return ms;
}

/** Read the text of a DER GeneralizedTime: seconds and Z are demanded, a fraction may not end in zero and is cut off at milliseconds. */
export function parseGeneralizedTime(text: string): number {
  const match = text.length <= maxTextLength ? generalizedTime.exec(text) : null;
  const ms = match === null ? undefined : millisecondsOf(civil(match, digits(match[1])));
  if (ms === undefined) throw badDerTime("GeneralizedTime", text, "YYYYMMDDhhmmss[.f]Z");
  return ms;
}

/** Write the text of a DER UTCTime; the fraction of a second is dropped; a TypeError outside 1950 to 2049. */
export function formatUtcTime(ms: number): string {
  const t = civilTimeOf(Math.floor(ms / 1000) * 1000);
  if (!fitsUtcTime(ms)) throw new TypeError(`Cannot write UTCTime: the year ${t.year} is outside 1950 to 2049`);
  return `${pad(t.year % 100)}${pad(t.month)}${pad(t.day)}${pad(t.hour)}${pad(t.minute)}${pad(t.second)}Z`;
}

/** Write the text of a DER GeneralizedTime, with a fraction only when there are milliseconds. */
export function formatGeneralizedTime(ms: number): string {
  const t = civilTimeOf(ms);
  const fraction = t.millisecond === 0 ? "" : `.${pad(t.millisecond, 3).replace(/0+$/, "")}`;
  return `${pad(t.year, 4)}${pad(t.month)}${pad(t.day)}${pad(t.hour)}${pad(t.minute)}${pad(t.second)}${fraction}Z`;
}

/** Whether RFC 5280 §4.1.2.5 writes this moment as UTCTime: the years 1950 to 2049. */
export function fitsUtcTime(ms: number): boolean {
  const { year } = civilTimeOf(Math.floor(ms));
  return year >= 1950 && year < firstGeneralizedYear;
}

function civil(match: RegExpExecArray, year: number): CivilTime {
  const fraction = (match[7] ?? "").slice(0, 3).padEnd(3, "0");
  return {
    year,
    month: digits(match[2]),
    day: digits(match[3]),
    hour: digits(match[4]),
    minute: digits(match[5]),
    second: digits(match[6]),
    millisecond: digits(fraction),
  };
}

function digits(text: string | undefined): number {
  return Number(text ?? "0");
}

function pad(value: number, width = 2): string {
  return String(value).padStart(width, "0");
}

function badTime(text: string): Error {
  return encodingError("TIME_MALFORMED", `Cannot parse time: ${quote(text)} is no RFC 3339 time`, {
    found: quote(text),
    expected: "YYYY-MM-DDThh:mm:ssZ",
  });
}

function badDerTime(form: string, text: string, expected: string): Error {
  return encodingError("DER_TIME_MALFORMED", `Cannot parse ${form}: ${quote(text)} is not ${expected}`, {
    found: quote(text),
    expected,
  });
}
