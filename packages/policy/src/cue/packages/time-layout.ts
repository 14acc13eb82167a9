// Go's time layouts: an example of the reference time, Mon Jan 2 15:04:05 MST 2006, says how a time is written.

/** An instant in nanoseconds since 1970 and the offset it was written with. */
export interface Instant {
  readonly nanoseconds: bigint;
  readonly offsetSeconds: number;
}

const chunk =
  /January|Jan|Monday|Mon|MST|2006|Z07:00:00|Z0700|Z07:00|-07:00:00|-07:00|-0700|-07|002|01|02|03|04|05|06|15|PM|pm|_2|[.,]0+(?![0-9])|[.,]9+(?![0-9])|1|2|3|4|5/g;
const monthNames = [
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
const dayNames = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"] as const;

interface Fields {
  year: number;
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
  nanosecond: number;
  pm: boolean | undefined;
  offset: number;
}

/** The instant that a text names in a layout, or why it names none. */
export function parseLayout(layout: string, text: string): Instant | string {
  const fields: Fields = { year: 0, month: 1, day: 1, hour: 0, minute: 0, second: 0, nanosecond: 0, pm: undefined, offset: 0 };
  let rest = text;
  let from = 0;
  for (const { 0: token, index } of layout.matchAll(chunk)) {
    const literal = layout.slice(from, index);
    if (!rest.startsWith(literal)) return `cannot parse ${JSON.stringify(rest.slice(0, 40))} as ${JSON.stringify(literal)}`;
    rest = rest.slice(literal.length);
    const length = readChunk(token, rest, fields);
    if (length === undefined) return `cannot parse ${JSON.stringify(rest.slice(0, 40))} as ${JSON.stringify(token)}`;
    rest = rest.slice(length);
    from = index + token.length;
    // Go reads a fraction after seconds whether or not the layout has one
    if ((token === "05" || token === "5") && !/^[.,][09]/.test(layout.slice(from))) rest = rest.slice(readFraction(rest, fields));
  }
  if (rest !== layout.slice(from)) return `extra text: ${JSON.stringify(rest.slice(0, 40))}`;
  return toInstant(fields);
}

function toInstant(fields: Fields): Instant | string {
  const { year, month, day, minute, second, nanosecond, pm, offset } = fields;
  const hour = pm === true && fields.hour < 12 ? fields.hour + 12 : pm === false && fields.hour === 12 ? 0 : fields.hour;
  const lengths = [
    31,
    year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28,
    31,
    30,
    31,
    30,
    31,
    31,
    30,
    31,
    30,
    31,
  ];
  if (month < 1 || month > 12) return "month out of range";
  if (day < 1 || day > (lengths[month - 1] ?? 0)) return "day out of range";
  if (hour > 23 || minute > 59 || second > 59) return "hour, minute or second out of range";
  const seconds = BigInt(daysFrom(year, month, day)) * 86_400n + BigInt(hour * 3600 + minute * 60 + second - offset);
  return { nanoseconds: seconds * 1_000_000_000n + BigInt(nanosecond), offsetSeconds: offset };
}

/** Days since 1970-01-01 of the proleptic Gregorian calendar. */
function daysFrom(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const ofEra = y - era * 400;
  const ofYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  return era * 146_097 + ofEra * 365 + Math.floor(ofEra / 4) - Math.floor(ofEra / 100) + ofYear - 719_468;
}

function readChunk(token: string, rest: string, fields: Fields): number | undefined {
  const digits = (pattern: RegExp, set: (value: number) => void): number | undefined => {
    const match = pattern.exec(rest);
    if (match === null) return undefined;
    set(Number(match[0]));
    return match[0].length;
  };
  switch (token) {
    case "2006":
      return digits(/^[0-9]{4}/, (value) => (fields.year = value));
    case "06":
      return digits(/^[0-9]{2}/, (value) => (fields.year = value >= 69 ? 1900 + value : 2000 + value));
    case "01":
      return digits(/^[0-9]{2}/, (value) => (fields.month = value));
    case "1":
      return digits(/^[0-9]{1,2}/, (value) => (fields.month = value));
    case "02":
      return digits(/^[0-9]{2}/, (value) => (fields.day = value));
    case "2":
      return digits(/^[0-9]{1,2}/, (value) => (fields.day = value));
    case "_2":
      return digits(/^ ?[0-9]{1,2}/, (value) => (fields.day = value));
    case "15":
    case "03":
      return digits(/^[0-9]{2}/, (value) => (fields.hour = value));
    case "3":
      return digits(/^[0-9]{1,2}/, (value) => (fields.hour = value));
    case "04":
      return digits(/^[0-9]{2}/, (value) => (fields.minute = value));
    case "4":
      return digits(/^[0-9]{1,2}/, (value) => (fields.minute = value));
    case "05":
      return digits(/^[0-9]{2}/, (value) => (fields.second = value));
    case "5":
      return digits(/^[0-9]{1,2}/, (value) => (fields.second = value));
    default:
      return readName(token, rest, fields);
  }
}

function readName(token: string, rest: string, fields: Fields): number | undefined {
  if (token === "January" || token === "Jan") {
    const index = monthNames.findIndex((name) => startsWithName(rest, token === "Jan" ? name.slice(0, 3) : name));
    fields.month = index + 1;
    return index === -1 ? undefined : token === "Jan" ? 3 : (monthNames[index]?.length ?? 0);
  }
  if (token === "Monday" || token === "Mon") {
    const name = dayNames.find((day) => startsWithName(rest, token === "Mon" ? day.slice(0, 3) : day));
    return name === undefined ? undefined : token === "Mon" ? 3 : name.length;
  }
  if (token === "PM" || token === "pm") {
    const half = rest.slice(0, 2);
    if (half !== (token === "PM" ? "PM" : "pm") && half !== (token === "PM" ? "AM" : "am")) return undefined;
    fields.pm = half.toUpperCase() === "PM";
    return 2;
  }
  if (token === "MST") return /^(UTC|GMT|[A-Z]{3,4})/.exec(rest)?.[0].length;
  if (token.startsWith(".9") || token.startsWith(",9")) return readFraction(rest, fields);
  if (token.startsWith(".") || token.startsWith(",")) {
    const match = /^[.,][0-9]+/.exec(rest);
    if (match === null || match[0].length !== token.length) return undefined;
    return readFraction(rest, fields);
  }
  return readZone(token, rest, fields);
}

function startsWithName(rest: string, name: string): boolean {
  return rest.slice(0, name.length).toLowerCase() === name.toLowerCase();
}

function readFraction(rest: string, fields: Fields): number {
  const match = /^[.,]([0-9]+)/.exec(rest);
  if (match === null) return 0;
  fields.nanosecond = Number((match[1] ?? "").slice(0, 9).padEnd(9, "0"));
  return match[0].length;
}

function readZone(token: string, rest: string, fields: Fields): number | undefined {
  if (token.startsWith("Z") && rest.startsWith("Z")) return 1;
  const colon = token.includes(":");
  const match = (
    token === "-07" ? /^([+-])([0-9]{2})/ : colon ? /^([+-])([0-9]{2}):([0-9]{2})/ : /^([+-])([0-9]{2})([0-9]{2})/
  ).exec(rest);
  if (match === null || Number(match[2]) > 24 || Number(match[3] ?? 0) > 59) return undefined;
  fields.offset = (match[1] === "-" ? -1 : 1) * (Number(match[2]) * 3600 + Number(match[3] ?? 0) * 60);
  return match[0].length;
}

/** An instant as RFC 3339 in UTC, with as many digits of a second as it has. */
export function formatInstant(instant: Instant): string {
  return writeLayout("2006-01-02T15:04:05.999999999Z07:00", { ...instant, offsetSeconds: 0 });
}

/** An instant in a layout. */
export function writeLayout(layout: string, { nanoseconds, offsetSeconds }: Instant): string {
  const local = nanoseconds + BigInt(offsetSeconds) * 1_000_000_000n;
  const nano = Number(((local % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n);
  const seconds = Number((local - BigInt(nano)) / 1_000_000_000n);
  const dayNumber = Math.floor(seconds / 86_400);
  const ofDay = seconds - dayNumber * 86_400;
  const { year, month, day } = civil(dayNumber);
  const [hour, minute, second] = [Math.floor(ofDay / 3600), Math.floor(ofDay / 60) % 60, ofDay % 60];
  const two = (value: number): string => String(value).padStart(2, "0");
  const weekday = dayNames[(((dayNumber + 4) % 7) + 7) % 7] ?? "";
  const monthName = monthNames[month - 1] ?? "";
  const size = Math.abs(offsetSeconds);
  const zone = (colon: string): string =>
    `${offsetSeconds < 0 ? "-" : "+"}${two(Math.floor(size / 3600))}${colon}${two(Math.floor(size / 60) % 60)}`;
  const written: Readonly<Record<string, string>> = {
    "2006": String(year).padStart(4, "0"),
    "06": two(year % 100),
    "01": two(month),
    "1": String(month),
    January: monthName,
    Jan: monthName.slice(0, 3),
    "02": two(day),
    "2": String(day),
    _2: String(day).padStart(2, " "),
    Monday: weekday,
    Mon: weekday.slice(0, 3),
    "15": two(hour),
    "03": two(hour % 12 || 12),
    "3": String(hour % 12 || 12),
    "04": two(minute),
    "4": String(minute),
    "05": two(second),
    "5": String(second),
    PM: hour >= 12 ? "PM" : "AM",
    pm: hour >= 12 ? "pm" : "am",
    MST: "UTC",
    "Z07:00": offsetSeconds === 0 ? "Z" : zone(":"),
    Z0700: offsetSeconds === 0 ? "Z" : zone(""),
    "-07:00": zone(":"),
    "-0700": zone(""),
    "-07": zone("").slice(0, 3),
  };
  return layout.replace(chunk, (token) => {
    if (/^[.,]/.test(token)) {
      const digits = String(nano)
        .padStart(9, "0")
        .slice(0, token.length - 1);
      const kept = token.charAt(1) === "9" ? digits.replace(/0+$/, "") : digits;
      return kept === "" ? "" : token.charAt(0) + kept;
    }
    return written[token] ?? token;
  });
}

function civil(days: number): { year: number; month: number; day: number } {
  const z = days + 719_468;
  const era = Math.floor(z / 146_097);
  const ofEra = z - era * 146_097;
  const yearOfEra = Math.floor(
    (ofEra - Math.floor(ofEra / 1460) + Math.floor(ofEra / 36_524) - Math.floor(ofEra / 146_096)) / 365,
  );
  const ofYear = ofEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shifted = Math.floor((5 * ofYear + 2) / 153);
  const month = shifted < 10 ? shifted + 3 : shifted - 9;
  return { year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day: ofYear - Math.floor((153 * shifted + 2) / 5) + 1 };
}
