// The presentation language of TLS (RFC 8446 §3): big-endian integers and length-prefixed vectors.
import { encodingError } from "./errors.ts";

const two32 = 2 ** 32;

/** Reads the fields of a TLS structure in order; vectors and byte fields are views. */
export class TlsReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  uint8(what = "uint8"): number {
    return this.#integer(1, what);
  }

  uint16(what = "uint16"): number {
    return this.#integer(2, what);
  }

  uint24(what = "uint24"): number {
    return this.#integer(3, what);
  }

  uint32(what = "uint32"): number {
    return this.#integer(4, what);
  }

  /** A five-octet integer, as static-ct's leaf index is. */
  uint40(what = "uint40"): number {
    return this.#integer(5, what);
  }

  /** An eight-octet integer; throws TLS_INTEGER_TOO_LARGE beyond 2^53 - 1. */
  uint64(what = "uint64"): number {
    const high = this.#integer(4, what);
    const low = this.#integer(4, what);
    if (high >= 2 ** 21) {
      const found = (BigInt(high) * BigInt(two32) + BigInt(low)).toString();
      throw encodingError("TLS_INTEGER_TOO_LARGE", `Cannot parse TLS structure: ${what} is ${found}, beyond 2^53 - 1`, {
        found,
        expected: "at most 9007199254740991",
      });
    }
    return high * two32 + low;
  }

  /** Exactly `length` octets. */
  bytes(length: number, what = "bytes"): Uint8Array {
    const end = this.#at + length;
    if (end > this.#bytes.length) {
      const left = this.#bytes.length - this.#at;
      throw encodingError("TLS_TRUNCATED", `Cannot parse TLS structure: ${what} takes ${length} bytes, and ${left} are left`, {
        found: `${left} bytes`,
        expected: `${length} bytes`,
      });
    }
    const part = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return part;
  }

  /** A vector with a one-octet length. */
  vector8(what = "vector"): Uint8Array {
    return this.bytes(this.#integer(1, what), what);
  }

  /** A vector with a two-octet length. */
  vector16(what = "vector"): Uint8Array {
    return this.bytes(this.#integer(2, what), what);
  }

  /** A vector with a three-octet length. */
  vector24(what = "vector"): Uint8Array {
    return this.bytes(this.#integer(3, what), what);
  }

  /** The bytes that have not been read. */
  rest(): Uint8Array {
    return this.#bytes.subarray(this.#at);
  }

  /** Check that nothing is left. */
  end(what: string): void {
    const left = this.#bytes.length - this.#at;
    if (left > 0)
      throw encodingError("TLS_TRAILING_BYTES", `Cannot parse TLS structure: ${left} bytes follow ${what}`, {
        found: `${left} bytes`,
        expected: "none",
      });
  }

  #integer(octets: number, what: string): number {
    let value = 0;
    for (const octet of this.bytes(octets, what)) value = value * 256 + octet;
    return value;
  }
}

/** Writes the fields of a TLS structure in order; a value that does not fit its field is a TypeError. */
export class TlsWriter {
  #buffer: Uint8Array;
  #length = 0;

  /** Begin with room for `capacity` bytes; it grows as needed. */
  constructor(capacity = 256) {
    this.#buffer = new Uint8Array(capacity);
  }

  uint8(value: number): this {
    return this.#integer(value, 1);
  }

  uint16(value: number): this {
    return this.#integer(value, 2);
  }

  uint24(value: number): this {
    return this.#integer(value, 3);
  }

  uint32(value: number): this {
    return this.#integer(value, 4);
  }

  /** A five-octet integer, as static-ct's leaf index is. */
  uint40(value: number): this {
    return this.#integer(value, 5);
  }

  uint64(value: number | bigint): this {
    if (typeof value === "number") return this.#integer(value, 8);
    if (value < 0n || value >= 1n << 64n) throw new TypeError(`Cannot write TLS structure: ${value} does not fit 8 octets`);
    return this.#integer(Number(value >> 32n), 4).#integer(Number(value & 0xffffffffn), 4);
  }

  bytes(bytes: Uint8Array): this {
    const at = this.#grow(bytes.length);
    this.#buffer.set(bytes, at);
    return this;
  }

  /** A vector with a one-octet length. */
  vector8(bytes: Uint8Array): this {
    return this.#integer(bytes.length, 1).bytes(bytes);
  }

  /** A vector with a two-octet length. */
  vector16(bytes: Uint8Array): this {
    return this.#integer(bytes.length, 2).bytes(bytes);
  }

  /** A vector with a three-octet length. */
  vector24(bytes: Uint8Array): this {
    return this.#integer(bytes.length, 3).bytes(bytes);
  }

  /** What was written, in a buffer of its own. */
  finish(): Uint8Array {
    return this.#buffer.slice(0, this.#length);
  }

  #integer(value: number, octets: number): this {
    if (!Number.isSafeInteger(value) || value < 0 || value >= 256 ** octets)
      throw new TypeError(`Cannot write TLS structure: ${value} does not fit ${octets} octets`);
    const at = this.#grow(octets);
    for (let i = octets - 1, left = value; i >= 0; i--) {
      this.#buffer[at + i] = left % 256;
      left = Math.floor(left / 256);
    }
    return this;
  }

  #grow(count: number): number {
    const at = this.#length;
    this.#length += count;
    if (this.#length > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(this.#length, 2 * this.#buffer.length));
      larger.set(this.#buffer);
      this.#buffer = larger;
    }
    return at;
  }
}
