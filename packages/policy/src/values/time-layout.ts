// Go's time layouts, which both languages have: the reference time, Mon Jan 2 15:04:05 MST 2006, written the way that a time is to be read or written.
import { dayNames, dayOfYear, daysIn, monthNames, toUnix, toWall, type Wall, weekday } from "./calendar.ts";

/** A point in time, and the offset from UTC in seconds that it is written with. */
export interface Moment {
  readonly ns: bigint;
  readonly offset: number;
}

/** The layouts that Go has a name for, but for the shortest ones. */
export const namedLayouts: ReadonlyMap<string, string> = new Map([
  ["ANSIC", "Mon Jan _2 15:04:05 2006"],
  ["UnixDate", "Mon Jan _2 15:04:05 MST 2006"],
  ["RubyDate", "Mon Jan 02 15:04:05 -0700 2006"],
  ["RFC822", "02 Jan 06 15:04 MST"],
  ["RFC822Z", "02 Jan 06 15:04 -0700"],
  ["RFC850", "Monday, 02-Jan-06 15:04:05 MST"],
  ["RFC1123", "Mon, 02 Jan 2006 15:04:05 MST"],
  ["RFC1123Z", "Mon, 02 Jan 2006 15:04:05 -0700"],
  ["RFC3339", "2006-01-02T15:04:05Z07:00"],
  ["RFC3339Nano", "2006-01-02T15:04:05.999999999Z07:00"],
]);

const element =
  /January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST|2006|Z07:00:00|Z070000|Z07:00|Z0700|Z07|-07:00:00|-070000|-07:00|-0700|-07|__2|_2(?!006)|002|01|02|03|04|05|06|15|PM|pm|[.,]0+(?![0-9])|[.,]9+(?![0-9])|1|2|3|4|5/g;

interface Piece {
  /** Text that stands as it is. */
  readonly literal: string;
  /** The element of the reference time after it; empty at the end. */
  readonly element: string;
}

function piecesOf(layout: string): readonly Piece[] {
  const pieces: Piece[] = [];
  let from = 0;
  for (const match of layout.matchAll(element)) {
    pieces.push({ literal: layout.slice(from, match.index), element: match[0] });
    from = match.index + match[0].length;
  }
  pieces.push({ literal: layout.slice(from), element: "" });
  return pieces;
}

interface Fields {
  year: number;
  month: number | undefined;
  day: number | undefined;
  dayOfYear: number | undefined;
  hour: number;
  minute: number;
  second: number;
  nanosecond: number;
  afternoon: boolean | undefined;
  offset: number;
  /** What is out of its range, found while reading. */
  outOfRange: string | undefined;
}

/** What a text in a layout names, or what is wrong with it in Go's words. */
export function parseTime(layout: string, text: string): Moment | string {
  const fields: Fields = {
    year: 0,
    month: undefined,
    day: undefined,
    dayOfYear: undefined,
    hour: 0,
    minute: 0,
    second: 0,
    nanosecond: 0,
    afternoon: undefined,
    offset: 0,
    outOfRange: undefined,
  };
  const wrong = (rest: string, expected: string): string =>
    `parsing time ${quoted(text)} as ${quoted(layout)}: cannot parse ${quoted(rest)} as ${quoted(expected)}`;
  let rest = text;
  const pieces = piecesOf(layout);
  for (const [i, piece] of pieces.entries()) {
    const after = skip(rest, piece.literal);
    if (after === undefined) return wrong(rest, piece.literal);
    rest = after;
    if (piece.element === "") break;
    const length = readElement(piece.element, rest, fields);
    if (length === undefined) return wrong(rest, piece.element);
    if (fields.outOfRange !== undefined) return `parsing time ${quoted(text)}: ${fields.outOfRange} out of range`;
    rest = rest.slice(length);
    // a fraction after seconds is read whether or not the layout has one
    const next = pieces[i + 1];
    if (piece.element.endsWith("5") && piece.element !== "15" && !(next?.literal === "" && /^[.,]/.test(next.element)))
      rest = rest.slice(readFraction(rest, fields));
  }
  if (rest !== "") return `parsing time ${quoted(text)}: extra text: ${quoted(rest)}`;
  const wall = settle(fields);
  if (typeof wall === "string") return `parsing time ${quoted(text)}: ${wall}`;
  return { ns: toUnix(wall, fields.offset), offset: fields.offset };
}

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 200));
}

/** What is left of a text after a literal, in which a space stands for any number of them. */
function skip(text: string, literal: string): string | undefined {
  let rest = text;
  for (const part of literal.split(/( +)/)) {
    if (part.startsWith(" ")) {
      if (rest !== "" && !rest.startsWith(" ")) return undefined;
      rest = rest.replace(/^ +/, "");
    } else {
      if (!rest.startsWith(part)) return undefined;
      rest = rest.slice(part.length);
    }
  }
  return rest;
}

function settle(fields: Fields): Wall | string {
  const { year, minute, second, nanosecond, afternoon } = fields;
  let { hour, month, day } = fields;
  if (afternoon === true && hour < 12) hour += 12;
  else if (afternoon === false && hour === 12) hour = 0;
  if (fields.dayOfYear !== undefined) {
    const length = daysIn(year, 2) === 29 ? 366 : 365;
    if (fields.dayOfYear < 1 || fields.dayOfYear > length) return "day-of-year out of range";
    const found = toWall(toUnix({ year, month: 1, day: fields.dayOfYear, hour: 0, minute: 0, second: 0, nanosecond: 0 }, 0), 0);
    if (month !== undefined && month !== found.month) return "day-of-year does not match month";
    if (day !== undefined && day !== found.day) return "day-of-year does not match day";
    [month, day] = [found.month, found.day];
  }
  month ??= 1;
  day ??= 1;
  if (day < 1 || day > daysIn(year, month)) return "day out of range";
  return { year, month, day, hour, minute, second, nanosecond };
}

/** How many characters an element takes, or nothing when they do not fit it. */
function readElement(name: string, rest: string, fields: Fields): number | undefined {
  const digits = (pattern: RegExp): number | undefined => {
    const found = pattern.exec(rest);
    return found === null ? undefined : Number(found[0]);
  };
  const two = digits(/^[0-9]{2}/);
  const oneOrTwo = digits(/^[0-9]{1,2}/);
  const width = two === undefined ? 1 : 2;
  const within = (what: string, value: number, least: number, most: number): number => {
    if (value < least || value > most) fields.outOfRange = what;
    return value;
  };
  switch (name) {
    case "2006": {
      const year = digits(/^[0-9]{4}/);
      fields.year = year ?? 0;
      return year === undefined ? undefined : 4;
    }
    case "06":
      if (two === undefined) return undefined;
      fields.year = two >= 69 ? 1900 + two : 2000 + two;
      return 2;
    case "01":
    case "1": {
      const month = name === "01" ? two : oneOrTwo;
      if (month === undefined) return undefined;
      fields.month = within("month", month, 1, 12);
      return width;
    }
    case "02":
      fields.day = two;
      return two === undefined ? undefined : 2;
    case "2":
      fields.day = oneOrTwo;
      return oneOrTwo === undefined ? undefined : width;
    case "_2": {
      const found = /^ ?([0-9]{1,2})/.exec(rest);
      fields.day = Number(found?.[1] ?? 0);
      return found?.[0].length;
    }
    case "002":
    case "__2": {
      const found = (name === "002" ? /^[0-9]{3}/ : /^ {0,2}[0-9]{1,3}/).exec(rest);
      if (found === null || found[0].length !== 3) return undefined;
      fields.dayOfYear = Number(found[0]);
      return 3;
    }
    case "15":
      if (oneOrTwo === undefined) return undefined;
      fields.hour = within("hour", oneOrTwo, 0, 23);
      return width;
    case "03":
    case "3": {
      const hour = name === "03" ? two : oneOrTwo;
      if (hour === undefined) return undefined;
      fields.hour = within("hour", hour, 0, 12);
      return width;
    }
    case "04":
    case "4": {
      const minute = name === "04" ? two : oneOrTwo;
      if (minute === undefined) return undefined;
      fields.minute = within("minute", minute, 0, 59);
      return width;
    }
    case "05":
    case "5": {
      const second = name === "05" ? two : oneOrTwo;
      if (second === undefined) return undefined;
      fields.second = within("second", second, 0, 59);
      return width;
    }
    default:
      return readName(name, rest, fields);
  }
}

function readName(name: string, rest: string, fields: Fields): number | undefined {
  if (name === "January" || name === "Jan") {
    const found = monthNames.findIndex((month) => begins(rest, name === "Jan" ? month.slice(0, 3) : month));
    fields.month = found + 1;
    return found < 0 ? undefined : name === "Jan" ? 3 : (monthNames[found] ?? "").length;
  }
  if (name === "Monday" || name === "Mon") {
    const found = dayNames.find((day) => begins(rest, name === "Mon" ? day.slice(0, 3) : day));
    return found === undefined ? undefined : name === "Mon" ? 3 : found.length;
  }
  if (name === "PM" || name === "pm") {
    const half = rest.slice(0, 2);
    const [afternoon, morning] = name === "PM" ? ["PM", "AM"] : ["pm", "am"];
    if (half !== afternoon && half !== morning) return undefined;
    fields.afternoon = half === afternoon;
    return 2;
  }
  if (name === "MST") return readAbbreviation(rest, fields);
  if (/^[.,]/.test(name)) {
    if (name.includes("9")) return readFraction(rest, fields);
    const found = /^[.,][0-9]+/.exec(rest.slice(0, name.length));
    return found?.[0].length === name.length ? readFraction(rest.slice(0, name.length), fields) : undefined;
  }
  return readOffset(name, rest, fields);
}

function begins(text: string, name: string): boolean {
  return text.slice(0, name.length).toLowerCase() === name.toLowerCase();
}

/** As Go: an abbreviation that is not UTC says nothing of an offset, but for GMT with hours after it. */
function readAbbreviation(rest: string, fields: Fields): number | undefined {
  const gmt = /^GMT([+-][0-9]{1,2})/.exec(rest);
  if (gmt !== null && Math.abs(Number(gmt[1])) < 24) {
    fields.offset = Number(gmt[1]) * 3600;
    return gmt[0].length;
  }
  const found = /^(?:ChST|MeST|WITA|[A-Z]{3,5}|[+-][0-9]{2})/.exec(rest)?.[0];
  if (found === undefined) return undefined;
  if (found.length === 5 && !found.endsWith("T")) return undefined;
  return found.length === 4 && !found.endsWith("T") && found !== "WITA" ? undefined : found.length;
}

function readFraction(rest: string, fields: Fields): number {
  const found = /^[.,]([0-9]+)/.exec(rest);
  if (found === null) return 0;
  fields.nanosecond = Number((found[1] ?? "").slice(0, 9).padEnd(9, "0"));
  return found[0].length;
}

function readOffset(name: string, rest: string, fields: Fields): number | undefined {
  if (name.startsWith("Z") && rest.startsWith("Z")) {
    fields.offset = 0;
    return 1;
  }
  const form = name.slice(1).replace("07", "([0-9]{2})").replace(/00/g, "([0-9]{2})");
  const found = new RegExp(`^([+-])${form}`).exec(rest);
  if (found === null) return undefined;
  const [hours, minutes, seconds] = [Number(found[2]), Number(found[3] ?? 0), Number(found[4] ?? 0)];
  if (hours > 24) fields.outOfRange = "time zone offset hour";
  if (minutes > 60) fields.outOfRange = "time zone offset minute";
  if (seconds > 60) fields.outOfRange = "time zone offset second";
  const size = hours * 3600 + minutes * 60 + seconds;
  fields.offset = found[1] === "-" ? -size : size;
  return found[0].length;
}

/** A time in a layout; `name` is that of its zone, which is written as its offset where it has none. */
export function formatTime({ ns, offset }: Moment, name: string, layout: string): string {
  const wall = toWall(ns, offset);
  return piecesOf(layout)
    .map((piece) => piece.literal + writeElement(piece.element, wall, offset, name))
    .join("");
}

function writeElement(element: string, wall: Wall, offset: number, zoneName: string): string {
  const padded = (value: number, width: number, fill = "0"): string => String(value).padStart(width, fill);
  const hour12 = wall.hour % 12 === 0 ? 12 : wall.hour % 12;
  switch (element) {
    case "":
      return "";
    case "2006":
      return wall.year < 0 ? `-${padded(-wall.year, 4)}` : padded(wall.year, 4);
    case "06":
      return padded(Math.abs(wall.year) % 100, 2);
    case "January":
      return monthNames[wall.month - 1] ?? "";
    case "Jan":
      return (monthNames[wall.month - 1] ?? "").slice(0, 3);
    case "Monday":
      return dayNames[weekday(wall)] ?? "";
    case "Mon":
      return (dayNames[weekday(wall)] ?? "").slice(0, 3);
    case "01":
      return padded(wall.month, 2);
    case "1":
      return String(wall.month);
    case "02":
      return padded(wall.day, 2);
    case "_2":
      return padded(wall.day, 2, " ");
    case "2":
      return String(wall.day);
    case "002":
      return padded(dayOfYear(wall), 3);
    case "__2":
      return padded(dayOfYear(wall), 3, " ");
    case "15":
      return padded(wall.hour, 2);
    case "03":
      return padded(hour12, 2);
    case "3":
      return String(hour12);
    case "04":
      return padded(wall.minute, 2);
    case "4":
      return String(wall.minute);
    case "05":
      return padded(wall.second, 2);
    case "5":
      return String(wall.second);
    case "PM":
      return wall.hour >= 12 ? "PM" : "AM";
    case "pm":
      return wall.hour >= 12 ? "pm" : "am";
    case "MST":
      return zoneName === "" ? writeOffset("-0700", offset) : zoneName;
    default:
      return /^[.,]/.test(element) ? writeFraction(element, wall.nanosecond) : writeOffset(element, offset);
  }
}

function writeFraction(element: string, nanosecond: number): string {
  const digits = String(nanosecond)
    .padStart(9, "0")
    .padEnd(element.length - 1, "0")
    .slice(0, element.length - 1);
  const kept = element.includes("9") ? digits.replace(/0+$/, "") : digits;
  return kept === "" ? "" : element.charAt(0) + kept;
}

function writeOffset(element: string, offset: number): string {
  if (element.startsWith("Z") && offset === 0) return "Z";
  const size = Math.abs(offset);
  const parts = [Math.floor(size / 3600), Math.floor(size / 60) % 60, size % 60].map((part) => String(part).padStart(2, "0"));
  const colon = element.includes(":") ? ":" : "";
  const count = element.replace(/[^0-9]/g, "").length / 2;
  return (offset < 0 ? "-" : "+") + parts.slice(0, count).join(colon);
}
