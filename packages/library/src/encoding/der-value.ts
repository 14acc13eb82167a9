// One DER value: identifier, length, contents (X.690 §8.1 and §10.1), read without copying.
import { encodingError } from "./errors.ts";

/** One DER value; `contents` and `bytes` (the whole of it, header included) are views of what was read. */
export interface DerValue {
  /** The identifier octet: 0x30 for SEQUENCE, 0xa0 for a constructed [0]. */
  readonly tag: number;
  readonly contents: Uint8Array;
  readonly bytes: Uint8Array;
}

/** A value that stands between offsets of a larger buffer; its views are made when asked for. */
export class DerElement implements DerValue {
  readonly tag: number;
  readonly source: Uint8Array;
  readonly start: number;
  readonly contentsStart: number;
  readonly end: number;

  constructor(tag: number, source: Uint8Array, start: number, contentsStart: number, end: number) {
    this.tag = tag;
    this.source = source;
    this.start = start;
    this.contentsStart = contentsStart;
    this.end = end;
  }

  get contents(): Uint8Array {
    return this.source.subarray(this.contentsStart, this.end);
  }

  get bytes(): Uint8Array {
    return this.source.subarray(this.start, this.end);
  }
}

/** The identifier octets used most, by the name X.680 gives the type. */
export const derTag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  objectIdentifier: 0x06,
  enumerated: 0x0a,
  utf8String: 0x0c,
  printableString: 0x13,
  teletexString: 0x14,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  visibleString: 0x1a,
  sequence: 0x30,
  set: 0x31,
} as const;

const maxLengthOctets = 4;
/** Universal types that are constructed; every other one is primitive in DER (X.690 §10.2). */
const constructedUniversal: ReadonlySet<number> = new Set([0x08, 0x0b, 0x10, 0x11, 0x1d]);

/** Read the value that begins at `start` and must end by `limit`; throws the DER codes. Its contents are not looked at. */
export function readDerElement(source: Uint8Array, start: number, limit: number): DerElement {
  if (limit - start < 2) throw truncated(`${limit - start} bytes are no whole header`);
  const tag = source[start] ?? 0;
  checkTag(tag);
  const first = source[start + 1] ?? 0;
  if (first < 0x80) return element(tag, source, start, start + 2, first, limit);
  const octets = first & 0x7f;
  if (octets === 0) throw badLength("the length is indefinite");
  if (octets > maxLengthOctets) throw badLength(`the length takes ${octets} octets, and at most ${maxLengthOctets} are read`);
  if (start + 2 + octets > limit) throw truncated("the length is cut off");
  let length = 0;
  for (let i = 0; i < octets; i++) length = length * 256 + (source[start + 2 + i] ?? 0);
  // X.690 §10.1: the length is in its shortest form.
  if (length < 0x80 || length < 256 ** (octets - 1)) throw badLength(`the length ${length} is not in its shortest form`);
  return element(tag, source, start, start + 2 + octets, length, limit);
}

function element(
  tag: number,
  source: Uint8Array,
  start: number,
  contentsStart: number,
  length: number,
  limit: number,
): DerElement {
  const end = contentsStart + length;
  if (end > limit)
    throw truncated(`tag ${tagName(tag)} announces ${length} bytes of contents, and ${limit - contentsStart} are there`);
  return new DerElement(tag, source, start, contentsStart, end);
}

function checkTag(tag: number): void {
  const number = tag & 0x1f;
  if (number === 0x1f) throw badTag(tag, "is of the high-number form, which no structure read here uses");
  if (tag >= 0x40) return;
  if (number === 0) throw badTag(tag, "is reserved");
  if (((tag & 0x20) !== 0) !== constructedUniversal.has(number))
    throw badTag(
      tag,
      (tag & 0x20) !== 0 ? "is constructed, and DER writes it primitive" : "is primitive, and DER writes it constructed",
    );
}

const tagNames: ReadonlyMap<number, string> = new Map([
  [0x01, "BOOLEAN"],
  [0x02, "INTEGER"],
  [0x03, "BIT STRING"],
  [0x04, "OCTET STRING"],
  [0x05, "NULL"],
  [0x06, "OBJECT IDENTIFIER"],
  [0x0a, "ENUMERATED"],
  [0x0c, "UTF8String"],
  [0x13, "PrintableString"],
  [0x14, "TeletexString"],
  [0x16, "IA5String"],
  [0x17, "UTCTime"],
  [0x18, "GeneralizedTime"],
  [0x1a, "VisibleString"],
  [0x30, "SEQUENCE"],
  [0x31, "SET"],
]);

/** A tag for a message: the type's name, `[0]` for a context tag, hexadecimal for the rest, `nothing` for undefined. */
export function tagName(tag: number | undefined): string {
  if (tag === undefined) return "nothing";
  if ((tag & 0xc0) === 0x80) return `[${tag & 0x1f}]${(tag & 0x20) === 0 ? " primitive" : ""}`;
  return tagNames.get(tag) ?? `0x${tag.toString(16).padStart(2, "0")}`;
}

function truncated(problem: string): Error {
  return encodingError("DER_TRUNCATED", `Cannot parse DER: ${problem}`, { found: problem });
}

function badLength(problem: string): Error {
  return encodingError("DER_LENGTH_MALFORMED", `Cannot parse DER: ${problem}`, {
    found: problem,
    expected: "a definite length in its shortest form",
  });
}

function badTag(tag: number, problem: string): Error {
  return encodingError("DER_TAG_UNSUPPORTED", `Cannot parse DER: tag 0x${tag.toString(16).padStart(2, "0")} ${problem}`, {
    found: tagName(tag),
  });
}
