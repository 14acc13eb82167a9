// ZIP archives (APPNOTE 6.3) as JARs use them: the central directory, and files stored or deflated, read within a budget.

import { crc32 } from "./archive-readers.ts";
import type { InflateRaw } from "./prepared.ts";
import { malformed } from "./refusals.ts";

/** A file that the central directory names; names are octets, one a character. */
export interface ZipEntry {
  readonly name: string;
  readonly size: number;
  readonly compressedSize: number;
  readonly method: number;
  readonly crc: number;
  readonly flags: number;
  readonly headerAt: number;
}

const maxEntries = 8192;
const endLength = 22;
const centralLength = 46;
const localLength = 30;

/** A ZIP archive whose files can be read, up to so many octets in all. */
export class ZipArchive {
  readonly entries: readonly ZipEntry[];
  readonly #bytes: Uint8Array;
  readonly #inflateRaw: InflateRaw;
  #left: number;

  constructor(bytes: Uint8Array, budget: number, inflateRaw: InflateRaw) {
    this.#bytes = bytes;
    this.#inflateRaw = inflateRaw;
    this.#left = budget;
    this.entries = readDirectory(bytes);
  }

  /** What a file holds; its length and checksum are those of the directory. */
  read(entry: ZipEntry): Uint8Array {
    this.#left -= entry.size;
    if (this.#left < 0) throw malformed("jar", "its files are longer than are read here");
    const view = viewOf(this.#bytes, entry.headerAt, localLength);
    if (view.getUint32(0, true) !== 0x04034b50) throw malformed("jar", "a file does not begin where its directory says");
    const start = entry.headerAt + localLength + view.getUint16(26, true) + view.getUint16(28, true);
    const packed = this.#bytes.subarray(start, start + entry.compressedSize);
    if (packed.length < entry.compressedSize) throw malformed("jar", "a file is cut off");
    if ((entry.flags & 1) !== 0) throw malformed("jar", "a file is encrypted");
    const content = entry.method === 0 ? packed : this.#inflate(entry, packed);
    if (content.length !== entry.size || crc32(content) !== entry.crc)
      throw malformed("jar", "the length or checksum of a file is not as its directory says");
    return content;
  }

  #inflate({ method, size }: ZipEntry, packed: Uint8Array): Uint8Array {
    if (method !== 8) throw malformed("jar", `a file is packed by method ${method}`);
    const inflated = this.#inflateRaw(packed, size);
    if (inflated === undefined) throw malformed("jar", "a file is damaged, or longer than its directory says");
    return inflated.output;
  }
}

function readDirectory(bytes: Uint8Array): ZipEntry[] {
  const end = viewOf(bytes, endOfDirectory(bytes), endLength);
  const [count, length, start] = [end.getUint16(10, true), end.getUint32(12, true), end.getUint32(16, true)];
  if (count > maxEntries || count !== end.getUint16(8, true))
    throw malformed("jar", `it has ${count} files, at most ${maxEntries} are read`);
  if (start + length > bytes.length) throw malformed("jar", "its directory is cut off");
  const entries: ZipEntry[] = [];
  let at = start;
  for (let i = 0; i < count; i++) {
    const view = viewOf(bytes, at, centralLength);
    if (view.getUint32(0, true) !== 0x02014b50) throw malformed("jar", "its directory is damaged");
    const nameLength = view.getUint16(28, true);
    const name = bytes.subarray(at + centralLength, at + centralLength + nameLength);
    entries.push({
      name: latin1(name),
      flags: view.getUint16(8, true),
      method: view.getUint16(10, true),
      crc: view.getUint32(16, true),
      compressedSize: view.getUint32(20, true),
      size: view.getUint32(24, true),
      headerAt: view.getUint32(42, true),
    });
    at += centralLength + nameLength + view.getUint16(30, true) + view.getUint16(32, true);
  }
  return entries;
}

function endOfDirectory(bytes: Uint8Array): number {
  for (let at = bytes.length - endLength; at >= Math.max(0, bytes.length - endLength - 0xffff); at--) {
    if (bytes[at] !== 0x50 || bytes[at + 1] !== 0x4b || bytes[at + 2] !== 5 || bytes[at + 3] !== 6) continue;
    if (at + endLength + (bytes[at + 20] ?? 0) + 256 * (bytes[at + 21] ?? 0) === bytes.length) return at;
  }
  throw malformed("jar", "it is no ZIP archive: no directory ends it");
}

function viewOf(bytes: Uint8Array, at: number, length: number): DataView {
  if (at < 0 || at + length > bytes.length) throw malformed("jar", "it ends early");
  return new DataView(bytes.buffer, bytes.byteOffset + at, length);
}

/** Octets as a text, one a character. */
export function latin1(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 4096) text += String.fromCharCode(...bytes.subarray(at, at + 4096));
  return text;
}
