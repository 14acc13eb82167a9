// Base64 of RFC 4648, §4 with padding and §5 (URL-safe) without, strict both ways: one text for one byte string.
import { encodingError } from "./errors.ts";
import { quote } from "./sigillum-error.ts";
import { encodeAscii, encodeUtf8, parseUtf8 } from "./utf8.ts";

const standardAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const urlAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const padding = 0x3d;
/** Stands in a table for a character outside the alphabet: one bit above the 24 of a group. */
const invalid = 1 << 24;
/** Up to this many octets a text is joined from pieces; beyond, it is written as bytes and decoded at once. */
const joinLimit = 96;
/** The table of pairs takes as long as to write thousands of octets without it: a program that writes fewer than these does not make it. */
const octetsBeforePairs = 1 << 16;

// The tables are made when they are first needed: a program that reads a bundle and writes none is not to wait for them.
class Alphabet {
  readonly name: string;
  readonly #characters: string;
  readonly #pairs: string[] = [];
  #pairCodes: Uint16Array | undefined;
  #written = 0;
  #groups: Int32Array | undefined;

  constructor(name: string, characters: string) {
    this.name = name;
    this.#characters = characters;
  }

  /** The two characters of twelve bits; made when they first come up. */
  pair(bits: number): string {
    const known = this.#pairs[bits];
    if (known !== undefined) return known;
    const made = this.#characters.charAt(bits >> 6) + this.#characters.charAt(bits & 63);
    this.#pairs[bits] = made;
    return made;
  }

  /** The character code of every six bits. */
  get characterCodes(): Uint8Array {
    return encodeUtf8(this.#characters);
  }

  /** Whether a text of so many octets is to be written with `pairCodes`: there has been enough to write. */
  isWorthPairs(octets: number): boolean {
    this.#written = Math.min(octetsBeforePairs, this.#written + octets);
    return this.#written === octetsBeforePairs;
  }

  /** Two character codes in memory order for every twelve bits. */
  get pairCodes(): Uint16Array {
    if (this.#pairCodes !== undefined) return this.#pairCodes;
    // Written as octets and read in twos, so that the order in memory is right on every machine.
    const characters = this.characterCodes;
    const codes = new Uint8Array(2 * 4096);
    for (let high = 0; high < 64; high++) {
      for (let low = 0; low < 64; low++) {
        codes[2 * (64 * high + low)] = characters[high] ?? 0;
        codes[2 * (64 * high + low) + 1] = characters[low] ?? 0;
      }
    }
    this.#pairCodes = new Uint16Array(codes.buffer);
    return this.#pairCodes;
  }

  /** For each of the four places of a group 256 entries: character code -> sextet, shifted to its place. */
  get groups(): Int32Array {
    if (this.#groups !== undefined) return this.#groups;
    const groups = new Int32Array(4 * 256).fill(invalid);
    for (let i = 0; i < 64; i++)
      for (let place = 0; place < 4; place++) groups[256 * place + this.#characters.charCodeAt(i)] = i << (6 * (3 - place));
    this.#groups = groups;
    return groups;
  }
}

const standard = new Alphabet("base64", standardAlphabet);
const urlSafe = new Alphabet("base64url", urlAlphabet);

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
  return decode(text, unpaddedLength(text), standard);
}

/** Read URL-safe base64 without padding; throws BASE64_MALFORMED as `parseBase64` does, and for padding. */
export function parseBase64Url(text: string): Uint8Array {
  return decode(text, text.length, urlSafe);
}

/** Read base64 as proto3 JSON allows it: either alphabet, with its padding or without; throws BASE64_MALFORMED. */
export function parseProtoBase64(text: string): Uint8Array {
  const alphabet = text.includes("-") || text.includes("_") ? urlSafe : standard;
  return decode(text, text.length % 4 === 0 ? unpaddedLength(text) : text.length, alphabet);
}

/** The length without one or two "=" at the end. */
function unpaddedLength(text: string): number {
  const { length } = text;
  if (length === 0 || text.charCodeAt(length - 1) !== padding) return length;
  return length > 1 && text.charCodeAt(length - 2) === padding ? length - 2 : length - 1;
}

function encode(bytes: Uint8Array, alphabet: Alphabet, pad: boolean): string {
  const rest = bytes.length % 3;
  const whole = bytes.length - rest;
  const text = whole <= joinLimit ? encodeShort(bytes, whole, alphabet) : encodeLong(bytes, whole, alphabet);
  if (rest === 0) return text;
  const group = ((bytes[whole] ?? 0) << 16) | ((rest === 2 ? (bytes[whole + 1] ?? 0) : 0) << 8);
  if (rest === 1) return text + alphabet.pair(group >> 12) + (pad ? "==" : "");
  return text + alphabet.pair(group >> 12) + alphabet.pair(group & 4095).charAt(0) + (pad ? "=" : "");
}

function encodeShort(bytes: Uint8Array, whole: number, alphabet: Alphabet): string {
  let text = "";
  for (let i = 0; i < whole; i += 3) {
    const group = ((bytes[i] ?? 0) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    text += alphabet.pair(group >> 12) + alphabet.pair(group & 4095);
  }
  return text;
}

function encodeLong(bytes: Uint8Array, whole: number, alphabet: Alphabet): string {
  if (!alphabet.isWorthPairs(whole)) return encodeBySextets(bytes, whole, alphabet.characterCodes);
  const { pairCodes } = alphabet;
  const out = new Uint16Array((whole / 3) * 2);
  let at = 0;
  for (let i = 0; i < whole; i += 3) {
    const group = ((bytes[i] ?? 0) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    out[at++] = pairCodes[group >> 12] ?? 0;
    out[at++] = pairCodes[group & 4095] ?? 0;
  }
  return parseUtf8(new Uint8Array(out.buffer));
}

function encodeBySextets(bytes: Uint8Array, whole: number, characters: Uint8Array): string {
  const out = new Uint8Array((whole / 3) * 4);
  let at = 0;
  for (let i = 0; i < whole; i += 3) {
    const group = ((bytes[i] ?? 0) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    out[at] = characters[group >> 18] ?? 0;
    out[at + 1] = characters[(group >> 12) & 63] ?? 0;
    out[at + 2] = characters[(group >> 6) & 63] ?? 0;
    out[at + 3] = characters[group & 63] ?? 0;
    at += 4;
  }
  return parseUtf8(out);
}

function decode(text: string, length: number, alphabet: Alphabet): Uint8Array {
  const { groups } = alphabet;
  const rest = length % 4;
  if (rest === 1) throw malformed(alphabet, `${length} characters are no whole number of octets`);
  // The text is turned into octets first: a string that is a slice of another is slow to read character by character.
  const codes = encodeAscii(text);
  if (codes === undefined) throw badCharacter(text, length, alphabet);
  const whole = length - rest;
  const bytes = new Uint8Array((whole / 4) * 3 + (rest === 0 ? 0 : rest - 1));
  let at = 0;
  for (let i = 0; i < whole; i += 4) {
    const first = (groups[codes[i] ?? 0] ?? 0) | (groups[256 + (codes[i + 1] ?? 0)] ?? 0);
    const group = first | (groups[512 + (codes[i + 2] ?? 0)] ?? 0) | (groups[768 + (codes[i + 3] ?? 0)] ?? 0);
    if (group >= invalid) throw badCharacter(text, length, alphabet);
    bytes[at] = group >> 16;
    bytes[at + 1] = group >> 8;
    bytes[at + 2] = group;
    at += 3;
  }
  if (rest > 0) decodeRest(text, codes, whole, length, alphabet, bytes, at);
  return bytes;
}

/** The last two or three characters, which give one octet or two. */
function decodeRest(
  text: string,
  codes: Uint8Array,
  whole: number,
  length: number,
  alphabet: Alphabet,
  bytes: Uint8Array,
  at: number,
): void {
  const two = length - whole === 3;
  let group = 0;
  for (let i = whole; i < length; i++) group |= alphabet.groups[256 * (i - whole) + (codes[i] ?? 0)] ?? invalid;
  if (group >= invalid) throw badCharacter(text, length, alphabet);
  // RFC 4648 §3.5: pad bits must be zero, or one byte string would have several texts.
  if ((group & (two ? 0xff : 0xffff)) !== 0) throw malformed(alphabet, "unused bits of its last character are set");
  bytes[at] = group >> 16;
  if (two) bytes[at + 1] = group >> 8;
}

function badCharacter(text: string, length: number, { name, groups }: Alphabet): Error {
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    if (code >= 128 || (groups[code] ?? invalid) >= invalid)
      return malformed({ name }, `${quote(text.charAt(i))} at offset ${i} is not in the alphabet`);
  }
  return malformed({ name }, "a character is not in the alphabet");
}

function malformed(alphabet: { readonly name: string }, problem: string): Error {
  return encodingError("BASE64_MALFORMED", `Cannot parse ${alphabet.name}: ${problem}`, {
    found: problem,
    expected: alphabet.name,
  });
}
