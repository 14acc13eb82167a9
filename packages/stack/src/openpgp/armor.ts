// ASCII armor (RFC 4880 §6), read as leniently as Rekor reads it, since what it accepts it keeps as it came: text before the block, any
// header lines, any line length up to 96, a checksum that is not checked. Written as Rekor writes it: 64 columns, checksum, no last line end.
import { encodeBase64, encodeUtf8, isSigillumError, parseBase64 } from "@sigillum/library/encoding";
import { malformed } from "./refusals.ts";

/** One block: its type between the dashes and what it holds. */
export interface ArmorBlock {
  readonly type: string;
  readonly bytes: Uint8Array;
  /** The line after the block's last. */
  readonly nextLine: number;
}

const begin = "-----BEGIN ";
const end = "-----END ";
const dashes = "-----";
const maxLine = 96;
const lineLength = 64;

/** The lines of a text of octets, without their line ends. */
export function linesOf(bytes: Uint8Array): string[] {
  return latin1(bytes).split("\n");
}

/** Read the first block at or after a line; undefined where none begins. */
export function parseArmor(lines: readonly string[], from = 0): ArmorBlock | undefined {
  for (let at = from; at < lines.length; at++) {
    const line = (lines[at] ?? "").trim();
    if (!line.startsWith(begin) || line.length <= begin.length + dashes.length) continue;
    const body = bodyAfterHeaders(lines, at + 1);
    // Without an empty line after its headers it is no block, but text before one.
    if (body !== undefined) return readBody(line.slice(begin.length, -dashes.length), lines, body);
  }
  return undefined;
}

function bodyAfterHeaders(lines: readonly string[], from: number): number | undefined {
  for (let at = from; at < lines.length; at++) {
    const line = (lines[at] ?? "").trim();
    if (line === "") return at + 1;
    if (!line.includes(":")) return undefined;
  }
  return undefined;
}

function readBody(type: string, lines: readonly string[], from: number): ArmorBlock {
  const parts: string[] = [];
  for (let at = from; at < lines.length; at++) {
    const line = (lines[at] ?? "").trim();
    const isChecksum = line.length === 5 && line.startsWith("=");
    if (isChecksum || line.startsWith(end)) {
      const last = lines.findIndex((other, index) => index >= at && other.trim().startsWith(end));
      if (last === -1) break;
      return { type, bytes: decode(parts.join("")), nextLine: last + 1 };
    }
    if (line.length > maxLine) throw malformed(`a line of its armor has ${line.length} characters, at most ${maxLine} are read`);
    parts.push(line);
  }
  throw malformed(`its armor has no line that begins with ${JSON.stringify(end)}`);
}

function decode(base64: string): Uint8Array {
  try {
    return parseBase64(base64);
  } catch (cause) {
    if (!isSigillumError(cause)) throw cause;
    throw malformed("the body of its armor is not base64", cause);
  }
}

/** Write a block. */
export function encodeArmor(type: string, bytes: Uint8Array): Uint8Array {
  const base64 = encodeBase64(bytes);
  const lines: string[] = [];
  for (let at = 0; at < base64.length; at += lineLength) lines.push(base64.slice(at, at + lineLength));
  const checksum = crc24(bytes);
  const checksumBytes = Uint8Array.of(checksum >> 16, checksum >> 8, checksum);
  return encodeUtf8(`${begin}${type}${dashes}\n\n${lines.join("\n")}\n=${encodeBase64(checksumBytes)}\n${end}${type}${dashes}`);
}

// RFC 4880 §6.1
function crc24(bytes: Uint8Array): number {
  let crc = 0xb704ce;
  for (const octet of bytes) {
    crc ^= octet << 16;
    for (let bit = 0; bit < 8; bit++) {
      crc <<= 1;
      if ((crc & 0x1000000) !== 0) crc ^= 0x1864cfb;
    }
  }
  return crc & 0xffffff;
}

function latin1(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 4096) text += String.fromCharCode(...bytes.subarray(at, at + 4096));
  return text;
}
