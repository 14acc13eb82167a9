// Writers of DER: each returns one finished value in a buffer of its own. Constant parts are best written once and kept.
import { compareBytes } from "./bytes.ts";
import { derTag } from "./der-value.ts";
import { encodeOid } from "./oid.ts";
import { fitsUtcTime, formatGeneralizedTime, formatUtcTime } from "./time.ts";
import { encodeUtf8 } from "./utf8.ts";

/** Write a value of any identifier octet around its contents, given in parts. */
export function derTagged(tag: number, ...parts: Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const out = new Uint8Array(headerLength(length) + length);
  let at = writeHeader(out, tag, length);
  for (const part of parts) {
    copy(part, out, at);
    at += part.length;
  }
  return out;
}

/** SEQUENCE or SEQUENCE OF. */
export function derSequence(...parts: Uint8Array[]): Uint8Array {
  return derTagged(derTag.sequence, ...parts);
}

/** SET OF, its members sorted (X.690 §11.6). */
export function derSetOf(...parts: Uint8Array[]): Uint8Array {
  return derTagged(derTag.set, ...parts.toSorted(compareBytes));
}

/** OBJECT IDENTIFIER from dotted form; a TypeError for a text that is none. */
export function derOid(dotted: string): Uint8Array {
  return derTagged(derTag.objectIdentifier, encodeOid(dotted));
}

/** INTEGER from a number or bigint of either sign, or from the big-endian magnitude of an unsigned one. */
export function derInteger(value: number | bigint | Uint8Array): Uint8Array {
  if (value instanceof Uint8Array) return unsigned(value);
  if (typeof value === "number" && !Number.isSafeInteger(value))
    throw new TypeError(`Cannot encode INTEGER: ${value} is no safe integer`);
  return derTagged(derTag.integer, twosComplement(BigInt(value)));
}

/** ENUMERATED from a number of either sign. */
export function derEnumerated(value: number): Uint8Array {
  if (!Number.isSafeInteger(value)) throw new TypeError(`Cannot encode ENUMERATED: ${value} is no safe integer`);
  return derTagged(derTag.enumerated, twosComplement(BigInt(value)));
}

/** OCTET STRING. */
export function derOctetString(...parts: Uint8Array[]): Uint8Array {
  return derTagged(derTag.octetString, ...parts);
}

/** BIT STRING; the caller sees to it that unused bits are zero and, for a named bit list, that no trailing zero bit is left. */
export function derBitString(bytes: Uint8Array, unusedBits = 0): Uint8Array {
  const out = new Uint8Array(headerLength(bytes.length + 1) + bytes.length + 1);
  const at = writeHeader(out, derTag.bitString, bytes.length + 1);
  out[at] = unusedBits;
  copy(bytes, out, at + 1);
  return out;
}

/** UTF8String. */
export function derUtf8String(text: string): Uint8Array {
  return derTagged(derTag.utf8String, encodeUtf8(text));
}

/** PrintableString; a TypeError for a character outside its alphabet. */
export function derPrintableString(text: string): Uint8Array {
  if (!/^[A-Za-z0-9 '()+,\-./:=?]*$/.test(text))
    throw new TypeError(`Cannot encode PrintableString: ${JSON.stringify(text)} is outside its alphabet`);
  return derTagged(derTag.printableString, encodeUtf8(text));
}

/** IA5String; a TypeError for a character outside ASCII. */
export function derIa5String(text: string): Uint8Array {
  const bytes = encodeUtf8(text);
  if (bytes.length !== text.length) throw new TypeError(`Cannot encode IA5String: ${JSON.stringify(text)} is not ASCII`);
  return derTagged(derTag.ia5String, bytes);
}

/** BOOLEAN. */
export function derBoolean(value: boolean): Uint8Array {
  return Uint8Array.of(derTag.boolean, 1, value ? 0xff : 0);
}

/** NULL. */
export function derNull(): Uint8Array {
  return Uint8Array.of(derTag.null, 0);
}

/** UTCTime of milliseconds since 1970, cut off at the second; a TypeError outside 1950 to 2049. */
export function derUtcTime(ms: number): Uint8Array {
  return derTagged(derTag.utcTime, encodeUtf8(formatUtcTime(ms)));
}

/** GeneralizedTime of milliseconds since 1970, with a fraction only when there is one. */
export function derGeneralizedTime(ms: number): Uint8Array {
  return derTagged(derTag.generalizedTime, encodeUtf8(formatGeneralizedTime(ms)));
}

/** The Time of a certificate (RFC 5280 §4.1.2.5): UTCTime through 2049, GeneralizedTime after, cut off at the second. */
export function derX509Time(ms: number): Uint8Array {
  return fitsUtcTime(ms) ? derUtcTime(ms) : derGeneralizedTime(Math.floor(ms / 1000) * 1000);
}

function unsigned(magnitude: Uint8Array): Uint8Array {
  let start = 0;
  while (start < magnitude.length - 1 && magnitude[start] === 0) start++;
  const zero = (magnitude[start] ?? 0) >= 0x80 || magnitude.length === 0 ? 1 : 0;
  const length = magnitude.length - start + zero;
  const out = new Uint8Array(headerLength(length) + length);
  const at = writeHeader(out, derTag.integer, length) + zero;
  copy(magnitude.subarray(start), out, at);
  return out;
}

function twosComplement(value: bigint): Uint8Array {
  let length = 1;
  while (BigInt.asIntN(8 * length, value) !== value) length++;
  const octets = new Uint8Array(length);
  let left = value;
  for (let i = length - 1; i >= 0; i--) {
    octets[i] = Number(left & 255n);
    left >>= 8n;
  }
  return octets;
}

function headerLength(length: number): number {
  if (length < 0x80) return 2;
  if (length < 0x100) return 3;
  if (length < 0x10000) return 4;
  return length < 0x1000000 ? 5 : 6;
}

function writeHeader(out: Uint8Array, tag: number, length: number): number {
  out[0] = tag;
  if (length < 0x80) {
    out[1] = length;
    return 2;
  }
  const octets = headerLength(length) - 2;
  out[1] = 0x80 | octets;
  for (let i = octets, left = length; i > 0; i--) {
    out[1 + i] = left & 0xff;
    left = Math.floor(left / 256);
  }
  return 2 + octets;
}

/** A loop beats `set` for the short parts that most of DER is. */
function copy(part: Uint8Array, out: Uint8Array, at: number): void {
  if (part.length > 48) out.set(part, at);
  else for (let i = 0; i < part.length; i++) out[at + i] = part[i] ?? 0;
}
