// What packages are wrapped in: members of gzip (RFC 1952) and files of tar (POSIX ustar and pax), read within bounds.
import { isSigillumError, parseUtf8 } from "@sigillum/library/encoding";
import type { InflateRaw } from "./prepared.ts";
import { malformed } from "./refusals.ts";

/** One gzip member: what it holds, and where the next begins. */
export interface GzipMember {
  readonly content: Uint8Array;
  readonly end: number;
}

/** A file of a tar archive. */
export interface TarFile {
  readonly name: string;
  readonly content: Uint8Array;
}

const block = 512;
const maxTarEntries = 1024;

/** Read the gzip member at an offset; what it holds is at most so long, and its checksum is right. */
export function readGzipMember(bytes: Uint8Array, at: number, maxBytes: number, inflateRaw: InflateRaw): GzipMember {
  const start = gzipHeaderEnd(bytes, at);
  const inflated = inflateRaw(bytes.subarray(start), maxBytes);
  if (inflated === undefined) throw malformed("alpine", `a part of the package is no gzip data of at most ${maxBytes} bytes`);
  const { output, consumed } = inflated;
  const trailer = new DataView(bytes.buffer, bytes.byteOffset + start + consumed);
  if (trailer.byteLength < 8 || trailer.getUint32(0, true) !== crc32(output) || trailer.getUint32(4, true) !== output.length)
    throw malformed("alpine", "the checksum of a part of the package is wrong");
  return { content: output, end: start + consumed + 8 };
}

function gzipHeaderEnd(bytes: Uint8Array, at: number): number {
  const flags = bytes[at + 3] ?? 0;
  if (bytes[at] !== 0x1f || bytes[at + 1] !== 0x8b || bytes[at + 2] !== 8 || (flags & 0xe0) !== 0)
    throw malformed("alpine", "no gzip data begins where a part of the package is expected");
  let end = at + 10;
  if ((flags & 4) !== 0) end += 2 + (bytes[end] ?? 0) + 256 * (bytes[end + 1] ?? 0);
  for (const flag of [8, 16]) if ((flags & flag) !== 0) end = zeroAfter(bytes, end) + 1;
  if ((flags & 2) !== 0) end += 2;
  if (end > bytes.length) throw malformed("alpine", "the header of a part of the package is cut off");
  return end;
}

function zeroAfter(bytes: Uint8Array, at: number): number {
  const found = bytes.indexOf(0, at);
  return found === -1 ? bytes.length : found;
}

/** CRC-32 (RFC 1952 §8). */
export function crc32(bytes: Uint8Array): number {
  let crc = -1;
  for (const octet of bytes) crc = (crcTable[(crc ^ octet) & 0xff] ?? 0) ^ (crc >>> 8);
  return ~crc >>> 0;
}

const crcTable: Int32Array = Int32Array.from({ length: 256 }, (_, octet) => {
  let value = octet;
  for (let bit = 0; bit < 8; bit++) value = (value & 1) === 0 ? value >>> 1 : (value >>> 1) ^ 0xedb88320;
  return value;
});

/** Read the files of a tar archive; it may end without the empty blocks that should close it, as parts of an apk do. */
export function readTar(bytes: Uint8Array): TarFile[] {
  const files: TarFile[] = [];
  let name: string | undefined;
  for (let at = 0; at < bytes.length; ) {
    const header = bytes.subarray(at, at + block);
    if (header.every((octet) => octet === 0)) break;
    if (files.length === maxTarEntries) throw malformed("alpine", `a part of the package has more than ${maxTarEntries} files`);
    const { size, type, headerName } = readTarHeader(header);
    const content = bytes.subarray(at + block, at + block + size);
    if (content.length < size) throw malformed("alpine", "a file in the package is cut off");
    at += block + Math.ceil(size / block) * block;
    if (type === "x") {
      name = paxPath(content) ?? name;
    } else if (type !== "g") {
      if (type === "L" || type === "K") throw malformed("alpine", "a part of the package has names in GNU's long form");
      files.push({ name: name ?? headerName, content });
      name = undefined;
    }
  }
  return files;
}

function readTarHeader(header: Uint8Array): { readonly size: number; readonly type: string; readonly headerName: string } {
  const checksum = octal(header, 148, 8);
  const sum = header.reduce((total, octet, at) => total + (at >= 148 && at < 156 ? 0x20 : octet), 0);
  if (header.length < block || checksum !== sum) throw malformed("alpine", "a part of the package is no tar archive");
  const type = String.fromCharCode(header[156] ?? 0);
  const prefix = text(header, 257, 5) === "ustar" ? text(header, 345, 155) : "";
  const name = text(header, 0, 100);
  // Links, devices and folders have no content, whatever their size says.
  const size = "123456".includes(type) ? 0 : octal(header, 124, 12);
  return { size, type, headerName: prefix === "" ? name : `${prefix}/${name}` };
}

function octal(header: Uint8Array, at: number, length: number): number {
  const digits = text(header, at, length).trim();
  if (!/^[0-7]{1,11}$/.test(digits))
    throw malformed("alpine", "a part of the package is no tar archive: a number in it is not octal");
  return Number.parseInt(digits, 8);
}

function text(header: Uint8Array, at: number, length: number): string {
  const field = header.subarray(at, at + length);
  const end = field.indexOf(0);
  return String.fromCharCode(...(end === -1 ? field : field.subarray(0, end)));
}

// pax (POSIX.1-2001): records `LENGTH KEY=VALUE\n`. Only a name is taken from them; a size that differs from the header's is refused.
function paxPath(content: Uint8Array): string | undefined {
  let path: string | undefined;
  for (let at = 0; at < content.length; ) {
    const digits = /^(\d{1,7}) /.exec(String.fromCharCode(...content.subarray(at, at + 8)))?.[1];
    const length = Number(digits);
    const record = content.subarray(at + (digits?.length ?? 0) + 1, at + length - 1);
    if (digits === undefined || length < digits.length + 2 || at + length > content.length)
      throw malformed("alpine", "a part of the package has a malformed pax header");
    const [key, value] = splitRecord(record);
    if (key === "size") throw malformed("alpine", "a file in the package has its size in a pax header");
    if (key === "path") path = value;
    at += length;
  }
  return path;
}

function splitRecord(record: Uint8Array): readonly [key: string, value: string] {
  const at = record.indexOf(0x3d);
  try {
    return [parseUtf8(record.subarray(0, Math.max(at, 0))), at === -1 ? "" : parseUtf8(record.subarray(at + 1))];
  } catch (cause) {
    if (!isSigillumError(cause)) throw cause;
    return ["", ""]; // a binary value of a key that is of no matter
  }
}
