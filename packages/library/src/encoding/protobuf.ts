// The binary form of protocol buffers (https://protobuf.dev/programming-guides/encoding/), as far as the services' messages need it:
// varints, strings, bytes and messages within messages. Unknown fields are read over.
import { concatBytes } from "./bytes.ts";
import { encodingError } from "./errors.ts";
import { encodeUtf8, parseUtf8 } from "./utf8.ts";

/** The most fields of one message; more is refused. */
export const maxProtobufFields = 10_000;

const wireVarint = 0;
const wireFixed64 = 1;
const wireLength = 2;
const wireFixed32 = 5;

/** A parsed message: the length-delimited fields and the varints by number. What is absent reads as its type's empty value. */
export class ProtobufMessage {
  readonly #lengthDelimited: ReadonlyMap<number, readonly Uint8Array[]>;
  readonly #varints: ReadonlyMap<number, bigint>;

  constructor(lengthDelimited: ReadonlyMap<number, readonly Uint8Array[]>, varints: ReadonlyMap<number, bigint>) {
    this.#lengthDelimited = lengthDelimited;
    this.#varints = varints;
  }

  /** Whether a length-delimited field is there. */
  has(field: number): boolean {
    return this.#lengthDelimited.has(field);
  }

  /** The last value of a bytes field, a view; undefined where it is absent. */
  bytes(field: number): Uint8Array | undefined {
    return this.#lengthDelimited.get(field)?.at(-1);
  }

  /** Every value of a repeated bytes field, in order. */
  allBytes(field: number): readonly Uint8Array[] {
    return this.#lengthDelimited.get(field) ?? [];
  }

  /** The last value of a string field; throws UTF8_MALFORMED for one that is none. */
  string(field: number): string | undefined {
    const value = this.bytes(field);
    return value === undefined ? undefined : parseUtf8(value);
  }

  /** A field that is a message; several occurrences are merged, which is what parsing them end to end does. */
  message(field: number): ProtobufMessage | undefined {
    const values = this.#lengthDelimited.get(field);
    return values === undefined
      ? undefined
      : parseProtobuf(values.length === 1 && values[0] ? values[0] : concatBytes(...values));
  }

  /** The last value of a varint field, 0 where it is absent. */
  varint(field: number): bigint {
    return this.#varints.get(field) ?? 0n;
  }
}

/** Parses one message; messages within it are parsed when they are asked for. Throws PROTOBUF_MALFORMED. */
export function parseProtobuf(bytes: Uint8Array): ProtobufMessage {
  const lengthDelimited = new Map<number, Uint8Array[]>();
  const varints = new Map<number, bigint>();
  let at = 0;
  let count = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const octet = bytes[at];
      if (octet === undefined) throw malformed("a number is cut off");
      at += 1;
      value |= BigInt(octet & 0x7f) << shift;
      if (octet < 0x80) return value & 0xffff_ffff_ffff_ffffn;
    }
    throw malformed("a number has more than ten octets");
  };
  const skip = (length: number): void => {
    if (length > bytes.length - at) throw malformed(`a field of ${length} bytes is cut off`);
    at += length;
  };
  while (at < bytes.length) {
    count += 1;
    if (count > maxProtobufFields) throw malformed(`it has more than ${maxProtobufFields} fields`);
    const key = varint();
    const field = Number(key >> 3n);
    if (field === 0 || field > 0x1fff_ffff) throw malformed(`a field has the number ${field}`);
    switch (Number(key & 7n)) {
      case wireVarint:
        varints.set(field, varint());
        break;
      case wireFixed64:
        skip(8);
        break;
      case wireFixed32:
        skip(4);
        break;
      case wireLength: {
        const length = varint();
        if (length > BigInt(bytes.length)) throw malformed(`a field of ${length} bytes is cut off`);
        const start = at;
        skip(Number(length));
        const values = lengthDelimited.get(field);
        if (values === undefined) lengthDelimited.set(field, [bytes.subarray(start, at)]);
        else values.push(bytes.subarray(start, at));
        break;
      }
      default:
        throw malformed(`a field is of the wire type ${key & 7n}`);
    }
  }
  return new ProtobufMessage(lengthDelimited, varints);
}

/** A field of bytes, of an encoded message, or of a string; written even when it is empty. */
export function protobufField(field: number, value: Uint8Array | string): Uint8Array {
  const bytes = typeof value === "string" ? encodeUtf8(value) : value;
  return concatBytes(encodeVarint(BigInt(field) * 8n + BigInt(wireLength)), encodeVarint(BigInt(bytes.length)), bytes);
}

/** A number, enum or bool field. */
export function protobufVarint(field: number, value: number | bigint | boolean): Uint8Array {
  return concatBytes(encodeVarint(BigInt(field) * 8n + BigInt(wireVarint)), encodeVarint(BigInt(value)));
}

function encodeVarint(value: bigint): Uint8Array {
  if (value < 0n || value >= 1n << 64n) throw new TypeError(`Cannot write protobuf: ${value} is no unsigned 64-bit number`);
  const octets: number[] = [];
  let left = value;
  for (; left >= 0x80n; left >>= 7n) octets.push(Number(left & 0x7fn) | 0x80);
  octets.push(Number(left));
  return Uint8Array.from(octets);
}

function malformed(found: string): Error {
  return encodingError("PROTOBUF_MALFORMED", `Cannot parse protobuf message: ${found}`, { found });
}
