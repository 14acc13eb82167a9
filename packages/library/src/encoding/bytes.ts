// Byte strings: joining, comparing, hexadecimal.
import { encodingError } from "./errors.ts";
import { quote } from "./sigillum-error.ts";

/** Join byte strings into one new array. */
export function concatBytes(...parts: Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const joined = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** Whether two byte strings are the same. The time taken depends on the bytes: not for comparing secrets. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Order two byte strings as unsigned octets, a prefix before what it begins: negative, zero or positive. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

const hexPairs: readonly string[] = Array.from({ length: 256 }, (_, octet) => octet.toString(16).padStart(2, "0"));

/** Write bytes as lower-case hexadecimal. */
export function encodeHex(bytes: Uint8Array): string {
  let text = "";
  for (const octet of bytes) text += hexPairs[octet];
  return text;
}

/** Read hexadecimal of either case; throws HEX_MALFORMED for an odd length or any other character. */
export function parseHex(text: string): Uint8Array {
  if (text.length % 2 !== 0) {
    throw encodingError("HEX_MALFORMED", `Cannot parse hexadecimal: ${quote(text)} has an odd number of digits`, {
      found: `${text.length} digits`,
      expected: "an even number of digits",
    });
  }
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = hexDigit(text, 2 * i) * 16 + hexDigit(text, 2 * i + 1);
  return bytes;
}

function hexDigit(text: string, index: number): number {
  const code = text.charCodeAt(index);
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  if (code >= 0x61 && code <= 0x66) return code - 0x57;
  if (code >= 0x41 && code <= 0x46) return code - 0x37;
  throw encodingError(
    "HEX_MALFORMED",
    `Cannot parse hexadecimal: ${quote(text.charAt(index))} at offset ${index} is no hexadecimal digit`,
    {
      found: quote(text.charAt(index)),
      expected: "0-9, a-f or A-F",
    },
  );
}
