// Distinguished names. RFC 5280 §4.1.2.4. Names are compared as raw bytes, never by their text.
//
//   Name ::= SEQUENCE OF RelativeDistinguishedName;  RelativeDistinguishedName ::= SET SIZE (1..MAX) OF AttributeTypeAndValue
import {
  DerReader,
  type DerValue,
  derOid,
  derSequence,
  derSetOf,
  derTag,
  derTagged,
  encodeHex,
  parseUtf8,
  quote,
} from "../encoding/index.ts";
import { parsing, x509Error } from "./errors.ts";
import { encodeText } from "./text.ts";

/** The attributes that `encodeName` writes, in the order they are listed here. */
export interface NameFields {
  readonly country?: string | undefined;
  readonly organization?: string | undefined;
  readonly organizationalUnit?: string | undefined;
  readonly commonName?: string | undefined;
}

const attributeOids = {
  country: "2.5.4.6",
  organization: "2.5.4.10",
  organizationalUnit: "2.5.4.11",
  commonName: "2.5.4.3",
} as const;

// RFC 4514 §3 and the short names that OpenSSL prints.
const shortNames: ReadonlyMap<string, string> = new Map([
  ["2.5.4.3", "CN"],
  ["2.5.4.6", "C"],
  ["2.5.4.7", "L"],
  ["2.5.4.8", "ST"],
  ["2.5.4.9", "STREET"],
  ["2.5.4.10", "O"],
  ["2.5.4.11", "OU"],
  ["2.5.4.17", "postalCode"],
  ["2.5.4.5", "serialNumber"],
  ["0.9.2342.19200300.100.1.25", "DC"],
  ["1.2.840.113549.1.9.1", "emailAddress"],
]);

const maxAttributes = 32;
const maxAttributeBytes = 128; // twice the upper bound of RFC 5280 appendix A.1 for common and organization names

/** The empty name: `SEQUENCE {}`, the subject of every Fulcio leaf. */
export const emptyName: Uint8Array = derSequence();

/** Write a Name with the given attributes as UTF8String (country as PrintableString), each in an RDN of its own. */
export function encodeName(fields: NameFields): Uint8Array {
  const rdns: Uint8Array[] = [];
  for (const [field, oid] of Object.entries(attributeOids)) {
    const text = Object.entries(fields).find(([name]) => name === field)?.[1];
    if (text === undefined) continue;
    rdns.push(derSetOf(derSequence(derOid(oid), attributeValue(field, text))));
  }
  return derSequence(...rdns);
}

/** A Name as text, attributes in the order of its bytes: `O=sigstore.dev, CN=sigstore`. For people only: not an identity to compare. */
export function formatName(name: Uint8Array): string {
  return parsing("X509_NAME_MALFORMED", "parse name", () => attributes(DerReader.sequence(name)).map(formatAttribute).join(", "));
}

/** Check that a value is a well-formed Name and return its bytes; the syntax of each attribute's value is not checked. */
export function parseName(value: DerValue): Uint8Array {
  attributes(DerReader.sequence(value));
  return value.bytes;
}

interface Attribute {
  readonly oid: string;
  readonly value: DerValue;
}

function attributes(name: DerReader): Attribute[] {
  const found: Attribute[] = [];
  while (!name.atEnd) {
    const rdn = new DerReader(name.expect(0x31, "relative distinguished name").contents);
    if (rdn.atEnd) throw x509Error("X509_NAME_MALFORMED", "Cannot parse name: a relative distinguished name is empty");
    while (!rdn.atEnd) {
      const attribute = rdn.sequence("name attribute");
      found.push({ oid: attribute.oid("attribute type"), value: attribute.next() });
      attribute.end("name attribute");
      if (found.length > maxAttributes) {
        const expected = `at most ${maxAttributes} attributes`;
        throw x509Error("X509_NAME_MALFORMED", `Cannot parse name: expected ${expected}`, { expected });
      }
    }
  }
  return found;
}

function formatAttribute({ oid, value }: Attribute): string {
  return `${shortNames.get(oid) ?? oid}=${attributeText(value)}`;
}

function attributeText(value: DerValue): string {
  const { tag, contents } = value;
  // UTF8String, PrintableString, IA5String; anything else as RFC 4514 §2.4 writes an unknown syntax.
  if (tag !== 0x0c && tag !== 0x13 && tag !== 0x16) return `#${encodeHex(value.bytes)}`;
  const text = parseUtf8(contents).replace(/[",+;<>\\=]/g, "\\$&");
  // the classes of Unicode take long to look up, and names are ASCII
  if (/^[\x20-\x7e]*$/.test(text)) return text;
  return text.replace(/[\p{Cc}\p{Cf}]/gu, (character) => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`);
}

function attributeValue(field: string, text: string): Uint8Array {
  const bytes = encodeText(text, field, maxAttributeBytes);
  const valid = field === "country" ? /^[A-Z]{2}$/.test(text) : text !== "";
  if (valid) return derTagged(field === "country" ? derTag.printableString : derTag.utf8String, bytes);
  const expected = field === "country" ? "two capital letters" : "some text";
  throw x509Error("X509_NOT_ENCODABLE", `Cannot write name: ${field} is ${quote(text)}, expected ${expected}`, {
    found: quote(text),
    expected,
  });
}
