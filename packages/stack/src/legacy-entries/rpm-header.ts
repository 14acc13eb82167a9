// The file format of RPM (version 3 of the format, RPM 4): lead ‖ signature header, padded to 8 octets ‖ general header ‖ payload.
//
//   header = 8eade801 ‖ reserved:u32 ‖ count:u32 ‖ length:u32 ‖ count × (tag:u32 ‖ type:u32 ‖ offset:u32 ‖ count:u32) ‖ data[length]
import { isSigillumError, parseUtf8 } from "@sigillum/library/encoding";
import { malformed } from "./refusals.ts";

/** A package in its parts; nothing was verified. */
export interface RpmPackage {
  readonly signature: RpmHeader;
  readonly general: RpmHeader;
  readonly payload: Uint8Array;
}

const leadLength = 96;
const introLength = 16;
const entryLength = 16;
const maxEntries = 16_384;
const maxTexts = 1024;
const types = { int8: 2, int16: 3, int32: 4, text: 6, octets: 7, texts: 8, i18n: 9 } as const;

interface Entry {
  readonly type: number;
  readonly offset: number;
  readonly count: number;
}

/** A header of a package, by tags; a value is read when it is asked for. */
export class RpmHeader {
  /** The header as it stands in the file. */
  readonly bytes: Uint8Array;
  readonly #data: Uint8Array;
  readonly #entries = new Map<number, Entry>();

  constructor(bytes: Uint8Array, count: number, dataLength: number) {
    this.bytes = bytes;
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const start = introLength + count * entryLength;
    this.#data = bytes.subarray(start, start + dataLength);
    for (let at = introLength; at < start; at += entryLength)
      this.#entries.set(view.getInt32(at), {
        type: view.getUint32(at + 4),
        offset: view.getUint32(at + 8),
        count: view.getUint32(at + 12),
      });
  }

  /** A value that is octets; undefined where there is no such tag. */
  octets(tag: number): Uint8Array | undefined {
    const entry = this.#entries.get(tag);
    if (entry === undefined) return undefined;
    if (entry.type !== types.octets)
      throw malformed("rpm", `the value of its tag ${tag} has type ${entry.type}, expected ${types.octets}`);
    return this.#slice(tag, entry.offset, entry.count);
  }

  /** A value that is one text or several. */
  texts(tag: number): string[] | undefined {
    const entry = this.#entries.get(tag);
    if (entry === undefined) return undefined;
    if (entry.type !== types.text && entry.type !== types.texts && entry.type !== types.i18n)
      throw malformed("rpm", `the value of its tag ${tag} has type ${entry.type}, which is no text`);
    const found: string[] = [];
    for (let at = entry.offset, left = Math.min(entry.count, maxTexts); left > 0; left--) {
      const end = this.#data.indexOf(0, at);
      if (at > this.#data.length || end === -1) throw malformed("rpm", `the value of its tag ${tag} is cut off`);
      found.push(textOf(this.#data.subarray(at, end)));
      at = end + 1;
    }
    return found;
  }

  /** A value that is one number or several, of 8, 16 or 32 bits. */
  numbers(tag: number): number[] | undefined {
    const entry = this.#entries.get(tag);
    if (entry === undefined) return undefined;
    const octets = new Map<number, number>([
      [types.int8, 1],
      [types.int16, 2],
      [types.int32, 4],
    ]).get(entry.type);
    if (octets === undefined) throw malformed("rpm", `the value of its tag ${tag} has type ${entry.type}, which is no number`);
    const count = Math.min(entry.count, maxTexts);
    const bytes = this.#slice(tag, entry.offset, count * octets);
    return Array.from({ length: count }, (_, at) =>
      bytes.subarray(at * octets, (at + 1) * octets).reduce((sum, octet) => sum * 256 + octet, 0),
    );
  }

  #slice(tag: number, offset: number, length: number): Uint8Array {
    if (offset + length > this.#data.length) throw malformed("rpm", `the value of its tag ${tag} is cut off`);
    return this.#data.subarray(offset, offset + length);
  }
}

function textOf(bytes: Uint8Array): string {
  try {
    return parseUtf8(bytes);
  } catch (cause) {
    if (!isSigillumError(cause)) throw cause;
    throw malformed("rpm", "a text in its header is not UTF-8", cause);
  }
}

/** Read the parts of a package. */
export function parseRpm(bytes: Uint8Array): RpmPackage {
  if (bytes[0] !== 0xed || bytes[1] !== 0xab || bytes[2] !== 0xee || bytes[3] !== 0xdb)
    throw malformed("rpm", "it is no RPM: it does not begin with edabeedb");
  const signature = readHeader(bytes, leadLength, true);
  const general = readHeader(bytes, leadLength + signature.bytes.length, false);
  const payload = bytes.subarray(leadLength + signature.bytes.length + general.bytes.length);
  return { signature, general, payload };
}

function readHeader(bytes: Uint8Array, at: number, isPadded: boolean): RpmHeader {
  if (at + introLength > bytes.length) throw malformed("rpm", "it ends before its header");
  const view = new DataView(bytes.buffer, bytes.byteOffset + at);
  if (view.getUint32(0) !== 0x8eade801) throw malformed("rpm", "its header does not begin with 8eade801");
  const [count, length] = [view.getUint32(8), view.getUint32(12)];
  if (count > maxEntries) throw malformed("rpm", `its header has ${count} tags, at most ${maxEntries} are read`);
  const dataLength = isPadded ? Math.ceil(length / 8) * 8 : length;
  const end = at + introLength + count * entryLength + dataLength;
  if (end > bytes.length) throw malformed("rpm", "its header is cut off");
  return new RpmHeader(bytes.subarray(at, end), count, dataLength);
}
