// URLs as Go's net/url takes them apart, and its percent-encoding.
import { parseAddress } from "../net/address.ts";
import { fromUtf8, utf8 } from "./bytes.ts";

/** Where an escaped text stands: each place leaves other characters as they are. */
type Place = "path" | "host" | "zone" | "user" | "query" | "fragment";

const unreserved = "-_.~";
const kept: Readonly<Record<Place, string>> = {
  path: `${unreserved}$&+,/:;=@`,
  host: `${unreserved}!$&'()*+,;=:[]<>"`,
  zone: `${unreserved}!$&'()*+,;=:[]<>"`,
  user: `${unreserved}$&+,;=`,
  query: unreserved,
  fragment: `${unreserved}$&+,/:;=?@!()*`,
};

/** A reason why a text is no URL, in Go's words. */
export interface Invalid {
  readonly invalid: string;
}

/** What uri.parse shows of a URL; missing parts are empty. */
export interface ParsedUrl {
  readonly scheme: string;
  readonly host: string;
  readonly path: string;
  readonly rawPath: string;
  readonly rawQuery: string;
  readonly fragment: string;
}

/** Escape a text; a space in a query becomes a plus sign. */
export function escapeUrl(text: string, place: Place): string {
  let out = "";
  for (const byte of utf8(text)) {
    const character = String.fromCharCode(byte);
    if (byte === 0x20 && place === "query") out += "+";
    else if (byte < 0x80 && (/[A-Za-z0-9]/.test(character) || kept[place].includes(character))) out += character;
    else out += `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return out;
}

/** Undo `escapeUrl`; bytes that are not UTF-8 become U+FFFD. */
export function unescapeUrl(text: string, place: Place): string | Invalid {
  const bytes: number[] = [];
  for (let at = 0; at < text.length; ) {
    const character = String.fromCodePoint(text.codePointAt(at) ?? 0);
    if (character === "%") {
      const triplet = text.slice(at, at + 3);
      if (!/^%[0-9a-fA-F]{2}$/.test(triplet) || refused(triplet, place)) return { invalid: `invalid URL escape "${triplet}"` };
      bytes.push(Number.parseInt(triplet.slice(1), 16));
      at += 3;
      continue;
    }
    const wrong = (place === "host" || place === "zone") && character < "\u0080" && !/[A-Za-z0-9]/.test(character);
    if (wrong && !kept[place].includes(character))
      return { invalid: `invalid character ${JSON.stringify(character)} in host name` };
    if (character === "+" && place === "query") bytes.push(0x20);
    else bytes.push(...utf8(character));
    at += character.length;
  }
  return fromUtf8(Uint8Array.from(bytes));
}

/** RFC 3986 §3.2.2, RFC 6874 §2: a host escapes only what is not ASCII, a zone only what a host could not hold. */
function refused(triplet: string, place: Place): boolean {
  if (triplet === "%25") return false;
  const code = Number.parseInt(triplet.slice(1), 16);
  if (place === "host") return code < 0x80;
  if (place !== "zone" || code === 0x20) return false;
  const character = String.fromCharCode(code);
  return code >= 0x80 || !(/[A-Za-z0-9]/.test(character) || kept.host.includes(character));
}

function isInvalid(value: string | Invalid): value is Invalid {
  return typeof value !== "string";
}

// an ASCII character that is a control character
const asciiControl = /(?=\p{ASCII})\p{Cc}/u;

/** Take a URL apart. */
export function parseUrl(text: string): ParsedUrl | Invalid {
  const hash = text.indexOf("#");
  const main = hash < 0 ? text : text.slice(0, hash);
  if (asciiControl.test(main)) return { invalid: "net/url: invalid control character in URL" };
  const fragment = hash < 0 ? "" : unescapeUrl(text.slice(hash + 1), "fragment");
  if (main === "*") return isInvalid(fragment) ? fragment : { ...nothing, path: "*", rawPath: "*", fragment };
  if (main.startsWith(":")) return { invalid: "missing protocol scheme" };
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(main)?.[1] ?? "";
  const afterScheme = scheme === "" ? main : main.slice(scheme.length + 1);
  const question = afterScheme.indexOf("?");
  const rest = question < 0 ? afterScheme : afterScheme.slice(0, question);
  const rawQuery = question < 0 ? "" : afterScheme.slice(question + 1);
  const parsed = parseHierarchy(scheme.toLowerCase(), rest);
  if ("invalid" in parsed) return parsed;
  return isInvalid(fragment) ? fragment : { ...parsed, rawQuery, fragment };
}

const nothing: ParsedUrl = { scheme: "", host: "", path: "", rawPath: "", rawQuery: "", fragment: "" };

function parseHierarchy(scheme: string, rest: string): ParsedUrl | Invalid {
  if (!rest.startsWith("/")) {
    if (scheme !== "") return { ...nothing, scheme };
    if ((rest.split("/")[0] ?? "").includes(":")) return { invalid: "first path segment in URL cannot contain colon" };
  }
  let [host, path]: [string | Invalid, string] = ["", rest];
  if (rest.startsWith("//") && (scheme !== "" || !rest.startsWith("///"))) {
    const slash = rest.indexOf("/", 2);
    path = slash < 0 ? "" : rest.slice(slash);
    host = parseAuthority(scheme, slash < 0 ? rest.slice(2) : rest.slice(2, slash));
  }
  if (isInvalid(host)) return host;
  const decoded = unescapeUrl(path, "path");
  if (isInvalid(decoded)) return decoded;
  // Go keeps the path as it was written only where its own escaping would not give it back
  return { ...nothing, scheme, host, path: decoded, rawPath: escapeUrl(decoded, "path") === path ? decoded : path };
}

function parseAuthority(scheme: string, authority: string): string | Invalid {
  const at = authority.lastIndexOf("@");
  const host = parseHost(scheme, authority.slice(at + 1));
  if (isInvalid(host) || at < 0) return host;
  const user = authority.slice(0, at);
  if (!/^[A-Za-z0-9\-._:~!$&'()*+,;=%@]*$/.test(user)) return { invalid: "net/url: invalid userinfo" };
  const decoded = unescapeUrl(user, "user");
  return isInvalid(decoded) ? decoded : host;
}

function parseHost(scheme: string, host: string): string | Invalid {
  const open = host.lastIndexOf("[");
  if (open > 0) return { invalid: "invalid IP-literal" };
  if (open === 0) return parseLiteral(host);
  const first = host.indexOf(":");
  const colon = scheme === "http" || scheme === "https" ? first : host.lastIndexOf(":");
  const port = first < 0 ? "" : host.slice(colon);
  return isPort(port) ? unescapeUrl(host, "host") : { invalid: `invalid port ${JSON.stringify(port)} after host` };
}

function isPort(port: string): boolean {
  return /^(:[0-9]*)?$/.test(port);
}

/** An IPv6 address in brackets, with a zone perhaps. */
function parseLiteral(host: string): string | Invalid {
  const close = host.lastIndexOf("]");
  if (close < 0) return { invalid: "missing ']' in host" };
  const port = host.slice(close + 1);
  if (!isPort(port)) return { invalid: `invalid port ${JSON.stringify(port)} after host` };
  const name = host.slice(1, close);
  const zoneAt = name.indexOf("%25");
  const address = unescapeUrl(zoneAt < 0 ? name : name.slice(0, zoneAt), "host");
  if (isInvalid(address)) return address;
  const zone = zoneAt < 0 ? "" : unescapeUrl(name.slice(zoneAt), "zone");
  if (isInvalid(zone)) return zone;
  if (zone === "%" || parseAddress(address) === undefined)
    return { invalid: `invalid host: ParseAddr(${JSON.stringify(address + zone)}): unable to parse IP` };
  if (!address.includes(":")) return { invalid: "invalid IP-literal" };
  return `[${address}${zone}]${port}`;
}

/** Host name and port of a host. */
export function splitHostPort(host: string): readonly [hostname: string, port: string] {
  const colon = host.lastIndexOf(":");
  const hasPort = colon >= 0 && isPort(host.slice(colon));
  const name = hasPort ? host.slice(0, colon) : host;
  return [name.startsWith("[") && name.endsWith("]") ? name.slice(1, -1) : name, hasPort ? host.slice(colon + 1) : ""];
}
