// URIs as subjects. A uniformResourceIdentifier is an IA5String, so what is not ASCII is percent-encoded, as Go's net/url does
// (certificate-authority §4.1); `new URL` would also resolve dots and lower the case of what must stay as the claims have it.
import { encodeUtf8 } from "@sigillum/library/encoding";
import { maxClaimBytes, refusedClaim } from "./claims.ts";

const form = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/([^/?#]*)([^?#]*)(\?[^#]*)?(#.*)?$/su;
// net/url validEncoded: a path of these alone stays as it is.
const plainPath = /^[A-Za-z0-9\-._~!$&'()*+,;=:@[\]/%]*$/u;
// net/url shouldEscape(encodePath): what stays when a path is encoded anew.
const keptInPath = /[A-Za-z0-9\-._~$&+,/:;=@]/u;
const keptInFragment = /[A-Za-z0-9\-._~$&+,/:;=?@!()*]/u;

/** Checks a URI with an authority and writes it in ASCII; `what` names it in messages. */
export function encodeUri(text: string, what: string): string {
  const match = form.exec(text);
  const [, scheme = "", authority = "", path = "", query = "", fragment = ""] = match ?? [];
  if (match === null || authority === "" || !/^[\x21-\x7e]+$/u.test(authority) || !URL.canParse(text))
    throw refusedClaim(what, text, "a URI with scheme and host");
  const encoded = `${scheme}://${authority}${encodePart(path, keptInPath, what)}${encodeQuery(query)}${
    fragment === "" ? "" : `#${encodePart(fragment.slice(1), keptInFragment, what)}`
  }`;
  if (encoded.length > maxClaimBytes) throw refusedClaim(what, text, `at most ${maxClaimBytes} bytes`);
  return encoded;
}

function encodePart(part: string, kept: RegExp, what: string): string {
  if (/%(?![0-9A-Fa-f]{2})/u.test(part)) throw refusedClaim(what, part, "no % that begins no escape");
  if (plainPath.test(part)) return part;
  return [...encodeUtf8(unescaped(part, what))].map((octet) => encodeOctet(octet, kept)).join("");
}

function unescaped(part: string, what: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw refusedClaim(what, part, "escapes that are UTF-8");
  }
}

function encodeOctet(octet: number, kept: RegExp): string {
  const character = String.fromCharCode(octet);
  return octet < 0x80 && kept.test(character) ? character : `%${octet.toString(16).toUpperCase().padStart(2, "0")}`;
}

/** Go leaves a query as it stands; what no certificate can hold is encoded here. */
function encodeQuery(query: string): string {
  return [...encodeUtf8(query)]
    .map((octet) =>
      octet > 0x20 && octet < 0x7f ? String.fromCharCode(octet) : `%${octet.toString(16).toUpperCase().padStart(2, "0")}`,
    )
    .join("");
}

/** Scheme and host, with port, of an absolute URI as written; undefined for anything else. */
export function originOf(text: string): { readonly scheme: string; readonly host: string } | undefined {
  const match = form.exec(text);
  const [, scheme = "", host = ""] = match ?? [];
  if (match === null || host === "" || host.includes("@") || !URL.canParse(text)) return undefined;
  return { scheme, host };
}
