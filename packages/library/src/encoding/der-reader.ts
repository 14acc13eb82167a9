// A strict reader of DER structures (X.690 §8, §10 and §11). It goes one level down per call, so the caller's own code bounds the depth.
import { compareBytes } from "./bytes.ts";
import { DerElement, type DerValue, derTag, readDerElement, tagName } from "./der-value.ts";
import { encodingError } from "./errors.ts";
import { parseOid } from "./oid.ts";
import { quote } from "./sigillum-error.ts";
import { parseGeneralizedTime, parseUtcTime } from "./time.ts";
import { parseUtf8 } from "./utf8.ts";

/** Read exactly one DER value; throws DER_TRAILING_BYTES if anything follows it. What stands inside is not looked at. */
export function parseDer(bytes: Uint8Array): DerValue {
  const value = readDerElement(bytes, 0, bytes.length);
  if (value.end !== bytes.length) throw trailing("value", bytes.length - value.end);
  return value;
}

/** Reads the values of one level in order. `what` names the field in the message of whatever fails. */
export class DerReader {
  readonly #source: Uint8Array;
  readonly #end: number;
  #at: number;

  /** Read the values that stand in `contents`, or between two offsets of it. */
  constructor(contents: Uint8Array, start = 0, end: number = contents.length) {
    this.#source = contents;
    this.#at = start;
    this.#end = end;
  }

  /** Read the fields of a SEQUENCE, given as a value or as the bytes that are exactly one. */
  static sequence(value: DerValue | Uint8Array, what = "structure"): DerReader {
    const parsed = value instanceof Uint8Array ? parseDer(value) : value;
    if (parsed.tag !== derTag.sequence) throw unexpected(what, parsed.tag, derTag.sequence);
    return DerReader.inside(parsed);
  }

  /** Read the values inside a constructed value, whatever its tag. */
  static inside(value: DerValue): DerReader {
    return value instanceof DerElement
      ? new DerReader(value.source, value.contentsStart, value.end)
      : new DerReader(value.contents);
  }

  get atEnd(): boolean {
    return this.#at >= this.#end;
  }

  /** The tag of the next value, or undefined at the end. */
  peekTag(): number | undefined {
    return this.#at < this.#end ? this.#source[this.#at] : undefined;
  }

  /** The next value of any tag. */
  next(what = "value"): DerValue {
    return this.#element(what);
  }

  /** The next value, which must have this tag. */
  expect(tag: number, what: string): DerValue {
    return this.#expect(tag, what);
  }

  /** The next value if it has this tag. */
  optional(tag: number): DerValue | undefined {
    return this.peekTag() === tag ? this.#element("value") : undefined;
  }

  /** Check that nothing is left. */
  end(what: string): void {
    if (!this.atEnd) throw trailing(what, this.#end - this.#at);
  }

  /** The fields of the next value, which must be a SEQUENCE. */
  sequence(what: string): DerReader {
    return DerReader.inside(this.#expect(derTag.sequence, what));
  }

  /** The members of the next value, which must be a SET. Their order is not checked: `isDerSetOfSorted` does that. */
  set(what: string): DerReader {
    return DerReader.inside(this.#expect(derTag.set, what));
  }

  /** What stands inside the next value, which must have this (constructed) tag. */
  tagged(tag: number, what: string): DerReader {
    return DerReader.inside(this.#expect(tag, what));
  }

  /** What stands inside the next value if it has this (constructed) tag. */
  optionalTagged(tag: number): DerReader | undefined {
    return this.peekTag() === tag ? DerReader.inside(this.#element("value")) : undefined;
  }

  /** An OBJECT IDENTIFIER in dotted form. */
  oid(what: string): string {
    return parseOid(this.#expect(derTag.objectIdentifier, what).contents);
  }

  /** The contents octets of an INTEGER: two's complement, big-endian, shortest form. */
  integer(what: string): Uint8Array {
    return integerContents(this.#expect(derTag.integer, what).contents, what);
  }

  /** The magnitude of an INTEGER that may not be negative, big-endian without a leading zero octet (zero is one octet). */
  unsignedInteger(what: string): Uint8Array {
    const contents = this.integer(what);
    if ((contents[0] ?? 0) >= 0x80) throw badInteger(what, "it is negative");
    return contents.length > 1 && contents[0] === 0 ? contents.subarray(1) : contents;
  }

  /** An INTEGER from 0 to 2^48 - 1. */
  smallInteger(what: string): number {
    return smallNumber(this.unsignedInteger(what), what);
  }

  /** An ENUMERATED from 0 to 2^48 - 1. */
  enumerated(what: string): number {
    const contents = integerContents(this.#expect(derTag.enumerated, what).contents, what);
    if ((contents[0] ?? 0) >= 0x80) throw badInteger(what, "it is negative");
    return smallNumber(contents, what);
  }

  /** The contents of an OCTET STRING. */
  octetString(what: string): Uint8Array {
    return this.#expect(derTag.octetString, what).contents;
  }

  /** The octets of a BIT STRING whose last octet is full. */
  bitString(what: string): Uint8Array {
    const { unusedBits, octets } = this.bits(what);
    if (unusedBits !== 0) throw badBits(what, `${unusedBits} unused bits, where none are allowed`);
    return octets;
  }

  /** A BIT STRING of any length; unused bits are zero (X.690 §11.2.1). Trailing zero bits of named bit lists are not looked for. */
  bits(what: string): { readonly unusedBits: number; readonly octets: Uint8Array } {
    const contents = this.#expect(derTag.bitString, what).contents;
    const unusedBits = contents[0];
    if (unusedBits === undefined || unusedBits > 7 || (contents.length === 1 && unusedBits !== 0))
      throw badBits(what, "a bad count of unused bits");
    if (((contents[contents.length - 1] ?? 0) & ((1 << unusedBits) - 1)) !== 0 && contents.length > 1)
      throw badBits(what, "unused bits that are set");
    return { unusedBits, octets: contents.subarray(1) };
  }

  /** A BOOLEAN: true is 0xff (X.690 §11.1). */
  boolean(what: string): boolean {
    const contents = this.#expect(derTag.boolean, what).contents;
    const octet = contents[0];
    if (contents.length !== 1 || (octet !== 0 && octet !== 0xff)) throw badValue(what, "its contents are not 00 or ff");
    return octet === 0xff;
  }

  /** A NULL. */
  null(what: string): void {
    if (this.#expect(derTag.null, what).contents.length !== 0) throw badValue(what, "a NULL has contents");
  }

  /** A UTF8String, PrintableString, IA5String or VisibleString, each held to its alphabet. */
  text(what: string): string {
    return derText(this.#element(what), what);
  }

  /** A UTCTime or GeneralizedTime as milliseconds since 1970; a finer fraction is cut off. */
  time(what: string): number {
    const value = this.#element(what);
    if (value.tag === derTag.utcTime) return parseUtcTime(asciiOf(value, what));
    if (value.tag === derTag.generalizedTime) return parseGeneralizedTime(asciiOf(value, what));
    throw unexpected(what, value.tag, derTag.generalizedTime);
  }

  /** The bytes that have not been read, as a view. */
  rest(): Uint8Array {
    return this.#source.subarray(this.#at, this.#end);
  }

  #element(what: string): DerElement {
    if (this.#at >= this.#end)
      throw encodingError("DER_TAG_UNEXPECTED", `Cannot parse DER: ${what} is missing`, { found: "nothing", expected: what });
    const value = readDerElement(this.#source, this.#at, this.#end);
    this.#at = value.end;
    return value;
  }

  #expect(tag: number, what: string): DerElement {
    if (this.peekTag() !== tag) throw unexpected(what, this.peekTag(), tag);
    return this.#element(what);
  }
}

const printable = /^[A-Za-z0-9 '()+,\-./:=?]*$/;

/** The text of a UTF8String, PrintableString, IA5String or VisibleString value, held to its alphabet; throws otherwise. */
export function derText(value: DerValue, what: string): string {
  switch (value.tag) {
    case derTag.utf8String:
      return parseUtf8(value.contents);
    case derTag.printableString: {
      const text = asciiOf(value, what);
      if (!printable.test(text)) throw badValue(what, `${quote(text)} is no PrintableString`);
      return text;
    }
    case derTag.ia5String:
    case derTag.visibleString:
      return asciiOf(value, what);
    default:
      throw unexpected(what, value.tag, derTag.utf8String);
  }
}

/** Whether the members of a SET OF stand in DER's order (X.690 §11.6). */
export function isDerSetOfSorted(value: DerValue): boolean {
  const reader = DerReader.inside(value);
  let previous: Uint8Array | undefined;
  while (!reader.atEnd) {
    const { bytes } = reader.next();
    if (previous !== undefined && compareBytes(previous, bytes) > 0) return false;
    previous = bytes;
  }
  return true;
}

function integerContents(contents: Uint8Array, what: string): Uint8Array {
  if (contents.length === 0) throw badInteger(what, "it is empty");
  const first = contents[0] ?? 0;
  const second = contents[1] ?? 0;
  // X.690 §8.3.2: the first nine bits are neither all ones nor all zero.
  if (contents.length > 1 && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80)))
    throw badInteger(what, "it is not in its shortest form");
  return contents;
}

function smallNumber(magnitude: Uint8Array, what: string): number {
  const octets = magnitude.length > 1 && magnitude[0] === 0 ? magnitude.subarray(1) : magnitude;
  if (octets.length > 6) throw badInteger(what, `it takes ${octets.length} octets, and at most 6 are read`);
  let value = 0;
  for (const octet of octets) value = value * 256 + octet;
  return value;
}

function asciiOf(value: DerValue, what: string): string {
  let text = "";
  for (const octet of value.contents) {
    if (octet >= 0x80) throw badValue(what, "a character is outside ASCII");
    text += String.fromCharCode(octet);
  }
  return text;
}

function unexpected(what: string, found: number | undefined, expected: number): Error {
  return encodingError("DER_TAG_UNEXPECTED", `Cannot parse DER: ${what} is ${tagName(found)}, not ${tagName(expected)}`, {
    found: tagName(found),
    expected: tagName(expected),
  });
}

function trailing(what: string, count: number): Error {
  return encodingError("DER_TRAILING_BYTES", `Cannot parse DER: ${count} bytes follow ${what}`, {
    found: `${count} bytes`,
    expected: "none",
  });
}

function badInteger(what: string, problem: string): Error {
  return encodingError("DER_INTEGER_MALFORMED", `Cannot parse DER: ${what} is no integer that can be read, ${problem}`, {
    found: problem,
  });
}

function badBits(what: string, problem: string): Error {
  return encodingError("DER_BIT_STRING_MALFORMED", `Cannot parse DER: ${what} has ${problem}`, { found: problem });
}

function badValue(what: string, problem: string): Error {
  return encodingError("DER_VALUE_MALFORMED", `Cannot parse DER: ${what} cannot be read, ${problem}`, { found: problem });
}
