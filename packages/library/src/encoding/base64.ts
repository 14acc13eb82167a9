// Base64 of RFC 4648, §4 with padding and §5 (URL-safe) without, strict both ways: one text for one byte string.
import { encodingError } from "./errors.ts";
import { quote } from "./sigillum-error.ts";
import { parseUtf8 } from "./utf8.ts";

const standardAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const urlAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const padding = 0x3d;
const invalid = 0xff;

interface Alphabet {
  readonly name: string;
  readonly codes: Uint8Array; // sextet -> character code
  readonly sextets: Uint8Array; // character code -> sextet, 256 entries
}

const standard = alphabet("base64", standardAlphabet);
const urlSafe = alphabet("base64url", urlAlphabet);

function alphabet(name: string, characters: string): Alphabet {
  const codes = new Uint8Array(64);
  const sextets = new Uint8Array(256).fill(invalid);
  for (let i = 0; i < 64; i++) {
    codes[i] = characters.charCodeAt(i);
    sextets[characters.charCodeAt(i)] = i;
  }
  return { name, codes, sextets };
}

/** Write bytes as base64 with padding (RFC 4648 §4). */
export function encodeBase64(bytes: Uint8Array): string {
  return encode(bytes, standard, true);
}

/** Write bytes as URL-safe base64 without padding (RFC 4648 §5). */
export function encodeBase64Url(bytes: Uint8Array): string {
  return encode(bytes, urlSafe, false);
}

/** Read base64 with padding; throws BASE64_MALFORMED for another alphabet, whitespace, missing padding or unused bits that are set. */
export function parseBase64(text: string): Uint8Array {
  if (text.length % 4 !== 0) throw malformed(standard, `its length ${text.length} is no multiple of 4`);
  let length = text.length;
  if (length > 0 && text.charCodeAt(length - 1) === padding) length--;
  if (length > 0 && length < text.length && text.charCodeAt(length - 1) === padding) length--;
  return decode(text, length, standard);
}

/** Read URL-safe base64 without padding; throws BASE64_MALFORMED as `parseBase64` does, and for padding. */
export function parseBase64Url(text: string): Uint8Array {
  return decode(text, text.length, urlSafe);
}

/** Read base64 as proto3 JSON allows it: either alphabet, with its padding or without; throws BASE64_MALFORMED. */
export function parseProtoBase64(text: string): Uint8Array {
  const unpadded = text.length % 4 === 0 ? text.replace(/={1,2}$/, "") : text;
  return decode(unpadded, unpadded.length, /[-_]/.test(unpadded) ? urlSafe : standard);
}

function encode(bytes: Uint8Array, { codes }: Alphabet, pad: boolean): string {
  const whole = bytes.length - (bytes.length % 3);
  const rest = bytes.length - whole;
  const out = new Uint8Array((whole / 3) * 4 + (rest === 0 ? 0 : pad ? 4 : rest + 1));
  let at = 0;
  for (let i = 0; i < whole; i += 3) {
    const group = ((bytes[i] ?? 0) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    out[at++] = codes[group >> 18] ?? 0;
    out[at++] = codes[(group >> 12) & 63] ?? 0;
    out[at++] = codes[(group >> 6) & 63] ?? 0;
    out[at++] = codes[group & 63] ?? 0;
  }
  if (rest > 0) {
    const group = ((bytes[whole] ?? 0) << 16) | ((rest === 2 ? (bytes[whole + 1] ?? 0) : 0) << 8);
    out[at++] = codes[group >> 18] ?? 0;
    out[at++] = codes[(group >> 12) & 63] ?? 0;
    if (rest === 2) out[at++] = codes[(group >> 6) & 63] ?? 0;
    if (pad) out.fill(padding, at);
  }
  return parseUtf8(out);
}

function decode(text: string, length: number, alphabet: Alphabet): Uint8Array {
  const { sextets } = alphabet;
  const rest = length % 4;
  if (rest === 1) throw malformed(alphabet, `${length} characters are no whole number of octets`);
  const whole = length - rest;
  const bytes = new Uint8Array((whole / 4) * 3 + (rest === 0 ? 0 : rest - 1));
  let at = 0;
  for (let i = 0; i < whole; i += 4) {
    const a = sextet(sextets, text.charCodeAt(i));
    const b = sextet(sextets, text.charCodeAt(i + 1));
    const c = sextet(sextets, text.charCodeAt(i + 2));
    const d = sextet(sextets, text.charCodeAt(i + 3));
    if ((a | b | c | d) > 63) throw badCharacter(text, length, alphabet);
    bytes[at++] = (a << 2) | (b >> 4);
    bytes[at++] = (b << 4) | (c >> 2);
    bytes[at++] = (c << 6) | d;
  }
  if (rest > 0) {
    const a = sextet(sextets, text.charCodeAt(whole));
    const b = sextet(sextets, text.charCodeAt(whole + 1));
    const c = rest === 3 ? sextet(sextets, text.charCodeAt(whole + 2)) : 0;
    if ((a | b | c) > 63) throw badCharacter(text, length, alphabet);
    // RFC 4648 §3.5: pad bits must be zero, or one byte string would have several texts.
    if ((rest === 2 ? b & 15 : c & 3) !== 0) throw malformed(alphabet, "unused bits of its last character are set");
    bytes[at++] = (a << 2) | (b >> 4);
    if (rest === 3) bytes[at++] = (b << 4) | (c >> 2);
  }
  return bytes;
}

function sextet(sextets: Uint8Array, code: number): number {
  return code < 256 ? (sextets[code] ?? invalid) : invalid;
}

function badCharacter(text: string, length: number, alphabet: Alphabet): Error {
  for (let i = 0; i < length; i++) {
    if (sextet(alphabet.sextets, text.charCodeAt(i)) === invalid)
      return malformed(alphabet, `${quote(text.charAt(i))} at offset ${i} is not in the alphabet`);
  }
  return malformed(alphabet, "a character is not in the alphabet");
}

function malformed(alphabet: Alphabet, problem: string): Error {
  return encodingError("BASE64_MALFORMED", `Cannot parse ${alphabet.name}: ${problem}`, {
    found: problem,
    expected: alphabet.name,
  });
}
