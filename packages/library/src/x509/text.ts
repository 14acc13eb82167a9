// Text that comes from outside, on its way into a certificate.
import { encodeUtf8 } from "../encoding/index.ts";
import { x509Error } from "./errors.ts";

const loneSurrogate = /\p{Surrogate}/u;

/** Write text as UTF-8 for a field that `what` names. Throws X509_NOT_ENCODABLE for a lone surrogate or more than `maxBytes`. */
export function encodeText(text: string, what: string, maxBytes: number): Uint8Array {
  if (loneSurrogate.test(text)) throw notEncodable(what, "a lone surrogate", "UTF-8");
  const bytes = encodeUtf8(text);
  if (bytes.length > maxBytes) throw notEncodable(what, `${bytes.length} bytes`, `at most ${maxBytes}`);
  return bytes;
}

function notEncodable(what: string, found: string, expected: string): Error {
  return x509Error("X509_NOT_ENCODABLE", `Cannot write certificate: ${what} has ${found}, expected ${expected}`, {
    found,
    expected,
  });
}
