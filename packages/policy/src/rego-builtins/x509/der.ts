// DER as far as certificates, requests and keys need it: tags, lengths, and the universal types.
import { fromUtf8 } from "../encoding/bytes.ts";

/** Thrown inside of this folder alone, and turned into an error of the function that was called. */
export class Malformed extends Error {}

/** One element: its identifier octet, its contents, and itself whole. */
export interface Element {
  readonly tag: number;
  readonly body: Uint8Array;
  readonly raw: Uint8Array;
}

/** Tags of the universal types. */
export const tags = {
  boolean: 1,
  integer: 2,
  bitString: 3,
  octetString: 4,
  null: 5,
  oid: 6,
  utf8String: 12,
  sequence: 0x30,
  set: 0x31,
  printableString: 19,
  t61String: 20,
  ia5String: 22,
  utcTime: 23,
  generalizedTime: 24,
  bmpString: 30,
} as const;

/** Reads elements one after the other; throws `Malformed`. */
export class DerReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Whether nothing is left. */
  get done(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** The identifier octet of the next element; undefined at the end. */
  get nextTag(): number | undefined {
    return this.#bytes[this.#at];
  }

  /** The next element. */
  next(): Element {
    const start = this.#at;
    const tag = this.#bytes[start];
    const first = this.#bytes[start + 1];
    if (tag === undefined || first === undefined || (tag & 31) === 31) throw new Malformed("an element is cut off");
    let at = start + 2;
    let length = first;
    if (first >= 0x80) {
      const count = first & 0x7f;
      if (count === 0 || count > 4) throw new Malformed("a length has no definite form");
      length = 0;
      for (let i = 0; i < count; i++) length = length * 256 + (this.#bytes[at++] ?? 0);
      if (length < 0x80 || (count > 1 && length < 2 ** (8 * (count - 1)))) throw new Malformed("a length is not minimal");
    }
    if (at + length > this.#bytes.length) throw new Malformed("an element is cut off");
    this.#at = at + length;
    return { tag, body: this.#bytes.subarray(at, this.#at), raw: this.#bytes.subarray(start, this.#at) };
  }

  /** The next element, which must have a tag. */
  expect(tag: number): Element {
    if (this.nextTag !== tag) throw new Malformed(`tag ${this.nextTag} stands where ${tag} is expected`);
    return this.next();
  }

  /** The next element when it has a tag. */
  optional(tag: number): Element | undefined {
    return this.nextTag === tag ? this.next() : undefined;
  }

  /** A reader of the next element's contents. */
  inside(tag: number): DerReader {
    return new DerReader(this.expect(tag).body);
  }

  /** A non-negative or negative integer. */
  integer(): bigint {
    return toInteger(this.expect(tags.integer).body);
  }

  /** An object identifier. */
  oid(): string {
    return toOid(this.expect(tags.oid).body);
  }

  /** The bytes of a bit string without unused bits. */
  bits(): Uint8Array {
    return toBits(this.expect(tags.bitString).body);
  }

  /** Throw when something is left. */
  end(): void {
    if (!this.done) throw new Malformed("something stands after the last element");
  }
}

/** A two's complement integer. */
export function toInteger(body: Uint8Array): bigint {
  if (body.length === 0) throw new Malformed("an integer is empty");
  let value = 0n;
  for (const byte of body) value = (value << 8n) | BigInt(byte);
  return BigInt.asIntN(8 * body.length, value);
}

/** An object identifier in dots. */
export function toOid(body: Uint8Array): string {
  const parts: bigint[] = [];
  let value = 0n;
  for (const [i, byte] of body.entries()) {
    value = (value << 7n) | BigInt(byte & 0x7f);
    if ((byte & 0x80) !== 0) {
      if (i === body.length - 1 || value > 1n << 64n) throw new Malformed("an object identifier is cut off");
      continue;
    }
    if (parts.length === 0) {
      const first = value < 80n ? value / 40n : 2n;
      parts.push(first, value - 40n * first);
    } else parts.push(value);
    value = 0n;
  }
  if (parts.length === 0) throw new Malformed("an object identifier is empty");
  return parts.join(".");
}

/** The bytes of a bit string, its unused bits as they are. */
export function toBits(body: Uint8Array): Uint8Array {
  const [unused = 8] = body;
  if (unused > 7 || (unused > 0 && body.length === 1))
    throw new Malformed("a bit string says of too many bits that they are unused");
  return body.subarray(1);
}

/** A text of any of the string types; nothing for another type. */
export function toText({ tag, body }: Element): string | undefined {
  switch (tag) {
    case tags.utf8String:
    case tags.printableString:
    case tags.ia5String:
      return fromUtf8(body);
    case tags.t61String:
      return [...body].map((byte) => String.fromCharCode(byte)).join("");
    case tags.bmpString: {
      let text = "";
      for (let i = 0; i + 1 < body.length; i += 2) text += String.fromCharCode(((body[i] ?? 0) << 8) | (body[i + 1] ?? 0));
      return text.toWellFormed();
    }
    default:
      return undefined;
  }
}

/** Seconds since 1970 of a UTCTime or a GeneralizedTime. */
export function toSeconds({ tag, body }: Element, unixSeconds: (fields: readonly number[]) => bigint): bigint {
  const text = fromUtf8(body);
  const match = (
    tag === tags.utcTime ? /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)?Z$/ : /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/
  ).exec(text);
  if (match === null) throw new Malformed("a time is malformed");
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1).map((part) => Number(part ?? 0));
  if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 59)
    throw new Malformed("a time is out of range");
  const full = tag === tags.utcTime ? (year >= 50 ? 1900 + year : 2000 + year) : year;
  return unixSeconds([full, month, day, hour, minute, second]);
}
