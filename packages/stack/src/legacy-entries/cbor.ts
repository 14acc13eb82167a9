// As much of CBOR (RFC 8949) as COSE_Sign1 needs: definite lengths, integers, byte and text strings, arrays, maps, one tag.
import { concatBytes, encodeUtf8, parseUtf8 } from "@sigillum/library/encoding";

/** A decoded value; a map keeps the order of its members. */
export type CborValue =
  | { readonly type: "integer"; readonly value: number }
  | { readonly type: "bytes"; readonly value: Uint8Array }
  | { readonly type: "text"; readonly value: string }
  | { readonly type: "array"; readonly items: readonly CborValue[] }
  | { readonly type: "map"; readonly members: readonly (readonly [CborValue, CborValue])[] }
  | { readonly type: "tag"; readonly tag: number; readonly value: CborValue }
  | { readonly type: "simple"; readonly value: number };

/** The deepest nesting, and the most values, that are read. */
const maxDepth = 8;
const maxValues = 1024;

/** Read exactly one value; throws RangeError for anything else, and for forms that are not read here. */
export function parseCbor(bytes: Uint8Array): CborValue {
  const reader = new Reader(bytes);
  const value = reader.value(0);
  if (!reader.atEnd) throw new RangeError("bytes follow the value");
  return value;
}

class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;
  #values = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  value(depth: number): CborValue {
    this.#values += 1;
    if (depth > maxDepth || this.#values > maxValues) throw new RangeError("it is nested too deeply or has too many values");
    const initial = this.#octet();
    const major = initial >> 5;
    const argument = this.#argument(initial & 31);
    switch (major) {
      case 0:
        return { type: "integer", value: argument };
      case 1:
        return { type: "integer", value: -1 - argument };
      case 2:
        return { type: "bytes", value: this.#take(argument) };
      case 3:
        return { type: "text", value: parseUtf8(this.#take(argument)) };
      case 4:
        return { type: "array", items: this.#many(argument, () => this.value(depth + 1)) };
      case 5:
        return { type: "map", members: this.#many(argument, () => [this.value(depth + 1), this.value(depth + 1)] as const) };
      case 6:
        return { type: "tag", tag: argument, value: this.value(depth + 1) };
      default:
        return { type: "simple", value: argument };
    }
  }

  #many<T>(count: number, read: () => T): T[] {
    if (count > maxValues) throw new RangeError("it has too many values");
    return Array.from({ length: count }, read);
  }

  #argument(info: number): number {
    if (info < 24) return info;
    if (info > 27) throw new RangeError("indefinite lengths are not read");
    let value = 0;
    for (const octet of this.#take(2 ** (info - 24))) value = value * 256 + octet;
    if (!Number.isSafeInteger(value)) throw new RangeError("a number is beyond 2^53 - 1");
    return value;
  }

  #octet(): number {
    const octet = this.#bytes[this.#at];
    if (octet === undefined) throw new RangeError("it ends early");
    this.#at += 1;
    return octet;
  }

  #take(length: number): Uint8Array {
    if (length > this.#bytes.length - this.#at) throw new RangeError("it ends early");
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }
}

/** Write an array of byte and text strings in the one deterministic form (RFC 8949 §4.2). */
export function encodeCborStrings(items: readonly (string | Uint8Array)[]): Uint8Array {
  const parts = [head(4, items.length)];
  for (const item of items) {
    const bytes = typeof item === "string" ? encodeUtf8(item) : item;
    parts.push(head(typeof item === "string" ? 3 : 2, bytes.length), bytes);
  }
  return concatBytes(...parts);
}

function head(major: number, argument: number): Uint8Array {
  const first = major << 5;
  if (argument < 24) return Uint8Array.of(first | argument);
  if (argument < 0x100) return Uint8Array.of(first | 24, argument);
  if (argument < 0x1_0000) return Uint8Array.of(first | 25, argument >>> 8, argument & 0xff);
  return Uint8Array.of(first | 26, argument >>> 24, (argument >>> 16) & 0xff, (argument >>> 8) & 0xff, argument & 0xff);
}
