// Packets (RFC 4880 §4): headers of both formats with definite lengths, and what stands in keys and signatures.
import { malformed, unsupported } from "./refusals.ts";

/** A packet as it came. */
export interface Packet {
  readonly tag: number;
  readonly body: Uint8Array;
}

/** The packets that are read here, by their tags. */
export const packetTag = {
  signature: 2,
  secretKey: 5,
  publicKey: 6,
  secretSubkey: 7,
  marker: 10,
  trust: 12,
  userId: 13,
  publicSubkey: 14,
  userAttribute: 17,
  padding: 21,
} as const;

/** More octets of key or signature are not read: the stored form of an entry has at most 65,535. */
export const maxOpenPgpBytes: number = 256 * 1024;
/** Nor more packets. */
const maxPackets = 512;

/** Reads octets from the front. */
export class OctetReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** How many octets were read. */
  get position(): number {
    return this.#at;
  }

  /** How many are left. */
  get left(): number {
    return this.#bytes.length - this.#at;
  }

  /** The next octets. */
  take(length: number): Uint8Array {
    if (length > this.left) throw malformed(`a packet ends early: ${length} octets expected, ${this.left} found`);
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  /** A number of so many octets, at most 4. */
  uint(octets: number): number {
    return this.take(octets).reduce((sum, octet) => sum * 256 + octet, 0);
  }

  /** A multiprecision integer (§3.2); its octets, of which no more bits than that. */
  mpi(maxBits: number): Uint8Array {
    const bits = this.uint(2);
    if (bits > maxBits) throw unsupported(`a number has ${bits} bits, at most ${maxBits} are read here`);
    return this.take((bits + 7) >> 3);
  }
}

/** Read packets up to the end; throws on the first that is cut off or has no definite length. */
export function readPackets(bytes: Uint8Array): Packet[] {
  if (bytes.length > maxOpenPgpBytes) throw malformed(`it has ${bytes.length} octets, at most ${maxOpenPgpBytes} are read`);
  const packets: Packet[] = [];
  const reader = new OctetReader(bytes);
  while (reader.left > 0) {
    if (packets.length === maxPackets) throw malformed(`it has more than ${maxPackets} packets`);
    const { tag, length } = readHeader(reader);
    packets.push({ tag, body: reader.take(length) });
  }
  return packets;
}

function readHeader(reader: OctetReader): { readonly tag: number; readonly length: number } {
  const first = reader.uint(1);
  if ((first & 0x80) === 0) throw malformed("no packet begins where one is expected");
  if ((first & 0x40) !== 0) return { tag: first & 0x3f, length: newLength(reader) };
  const lengthType = first & 3;
  if (lengthType === 3) throw unsupported("a packet has no length");
  return { tag: (first & 0x3f) >> 2, length: reader.uint(1 << lengthType) };
}

function newLength(reader: OctetReader): number {
  const first = reader.uint(1);
  if (first < 192) return first;
  if (first < 224) return ((first - 192) << 8) + reader.uint(1) + 192;
  if (first < 255) throw unsupported("a packet comes in parts");
  return reader.uint(4);
}

/** A packet with a header of the new format. */
export function encodePacket(tag: number, body: Uint8Array): Uint8Array[] {
  const { length } = body;
  if (length < 192) return [Uint8Array.of(0xc0 | tag, length), body];
  if (length < 8384) return [Uint8Array.of(0xc0 | tag, 192 + ((length - 192) >> 8), (length - 192) & 0xff), body];
  return [Uint8Array.of(0xc0 | tag, 255, length >>> 24, length >>> 16, length >>> 8, length), body];
}
