// Text on its way into a certificate, and a time on its way into a message.
import { encodeUtf8, formatRfc3339 } from "../encoding/index.ts";
import { x509Error } from "./errors.ts";

/** Write text as UTF-8 for a field that `what` names. Throws X509_NOT_ENCODABLE for a lone surrogate or more than `maxBytes`. */
export function encodeText(text: string, what: string, maxBytes: number): Uint8Array {
  if (/[\ud800-\udfff]/u.test(text)) throw notEncodable(what, "a lone surrogate", "UTF-8");
  const bytes = encodeUtf8(text);
  if (bytes.length > maxBytes) throw notEncodable(what, `${bytes.length} bytes`, `at most ${maxBytes}`);
  return bytes;
}

const earliestMs = -62_167_219_200_000; // the years 0000 to 9999
const latestMs = 253_402_300_799_999;

/** A time for a message, whatever number it is: RFC 3339 where that can write it, else the milliseconds. */
export function describeTime(ms: number): string {
  return Number.isSafeInteger(ms) && ms >= earliestMs && ms <= latestMs ? formatRfc3339(ms) : `${ms} ms`;
}

function notEncodable(what: string, found: string, expected: string): Error {
  return x509Error("X509_NOT_ENCODABLE", `Cannot write certificate: ${what} has ${found}, expected ${expected}`, {
    found,
    expected,
  });
}
