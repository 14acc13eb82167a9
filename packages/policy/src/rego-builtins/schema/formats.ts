// The formats of JSON Schema that are checked; an unknown one always holds.
import { parseTime } from "../../values/index.ts";
import { parseUrl } from "../encoding/go-url.ts";
import { parseAddress } from "../net/address.ts";

const hostname =
  /^(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]{0,61}[a-zA-Z0-9])(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]{0,61}[a-zA-Z0-9]))*$/;
const mailbox =
  /^(?:[^<>@"]*<)?(?:[A-Za-z0-9!#$%&'*+/=?^_`{|}~.\u0080-\u{10ffff}-]+|"[^"\\]*")@[A-Za-z0-9!#$%&'*+/=?^_`{|}~.\u0080-\u{10ffff}-]+>?$/u;

function isTime(text: string, ...layouts: string[]): boolean {
  return layouts.some((layout) => typeof parseTime(layout, text) === "object");
}

function isUri(text: string, absolute: boolean): boolean {
  const url = parseUrl(text);
  return !("invalid" in url) && (!absolute || url.scheme !== "") && !text.includes("\\");
}

const [date, clock, zoned] = ["2006-01-02", "15:04:05", "15:04:05Z07:00"];

/** The checks by the names of the formats; `regex` is checked where there is a compiler. */
export const formats: ReadonlyMap<string, (text: string) => boolean> = new Map<string, (text: string) => boolean>([
  ["date", (text) => isTime(text, date)],
  ["time", (text) => isTime(text, zoned, clock)],
  ["date-time", (text) => isTime(text, clock, zoned, date, "2006-01-02T15:04:05Z07:00")],
  ["hostname", (text) => text.length < 256 && hostname.test(text)],
  ["email", isMailbox],
  ["idn-email", isMailbox],
  ["ipv4", (text) => text.includes(".") && parseAddress(text) !== undefined],
  ["ipv6", (text) => text.includes(":") && parseAddress(text) !== undefined],
  ["uri", (text) => isUri(text, true)],
  ["iri", (text) => isUri(text, true)],
  ["uri-reference", (text) => isUri(text, false)],
  ["iri-reference", (text) => isUri(text, false)],
  ["uri-template", (text) => isUri(text, false) && hasBalancedBraces(text)],
  ["uuid", (text) => /^[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}$/i.test(text)],
  ["json-pointer", (text) => /^(?:\/|$)/.test(text) && !/~(?![01])/.test(text)],
  ["relative-json-pointer", (text) => /^(?:0|[1-9][0-9]*)(?:#$|\/|$)/.test(text) && !/~(?![01])/.test(text)],
]);

function isMailbox(text: string): boolean {
  return text.length < 1024 && mailbox.test(text.trim()) && !/\.\.|^\.|\.@|@\.|\.$/.test(text);
}

function hasBalancedBraces(text: string): boolean {
  let open = false;
  for (const character of text) {
    if (character === "{") {
      if (open) return false;
      open = true;
    } else if (character === "}") {
      if (!open) return false;
      open = false;
    }
  }
  return !open;
}
