// The list of extensions of a certificate. RFC 5280 §4.1.2.9 and §4.2.
//
//   Extensions ::= SEQUENCE SIZE (1..MAX) OF Extension
//   Extension  ::= SEQUENCE { extnID OBJECT IDENTIFIER, critical BOOLEAN DEFAULT FALSE, extnValue OCTET STRING }
import { DerReader, type DerValue, derBoolean, derOctetString, derOid, derSequence } from "../encoding/index.ts";
import { x509Error } from "./errors.ts";

/** One extension, its value still encoded (the content of the OCTET STRING). */
export interface Extension {
  readonly oid: string;
  readonly critical: boolean;
  readonly value: Uint8Array;
}

/** The object identifiers of the extensions that Sigillum reads or writes. */
export const extensionOids = {
  subjectKeyId: "2.5.29.14",
  keyUsage: "2.5.29.15",
  subjectAltName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  nameConstraints: "2.5.29.30",
  authorityKeyId: "2.5.29.35",
  extendedKeyUsage: "2.5.29.37",
  sctList: "1.3.6.1.4.1.11129.2.4.2",
  ctPoison: "1.3.6.1.4.1.11129.2.4.3",
} as const;

const maxExtensions = 64;
const critical = derBoolean(true);
/** Identifiers that were written lately; more than there are extensions of ours. */
const encodedOids = new Map<string, Uint8Array>();
const maxEncodedOids = 64;

/** The extension with this object identifier, or undefined. */
export function findExtension(extensions: readonly Extension[], oid: string): Extension | undefined {
  return extensions.find((extension) => extension.oid === oid);
}

/** Read `Extensions`; unknown ones are kept. Throws X509_DUPLICATE_EXTENSION when one stands twice (RFC 5280 §4.2). */
export function parseExtensions(value: DerValue): Extension[] {
  const reader = DerReader.sequence(value);
  const extensions: Extension[] = [];
  const seen = new Set<string>();
  while (!reader.atEnd) {
    const extension = parseExtension(reader.sequence("extension"));
    if (seen.has(extension.oid)) {
      const found = extension.oid;
      throw x509Error("X509_DUPLICATE_EXTENSION", `Cannot parse extensions: ${found} stands twice`, { found });
    }
    seen.add(extension.oid);
    extensions.push(extension);
    if (extensions.length > maxExtensions) {
      const expected = `at most ${maxExtensions} extensions`;
      throw x509Error("X509_CERTIFICATE_TOO_LARGE", `Cannot parse extensions: expected ${expected}`, { expected });
    }
  }
  if (extensions.length === 0) throw x509Error("X509_EXTENSION_MALFORMED", "Cannot parse extensions: the list is empty");
  return extensions;
}

/** Write one extension, its identifier dotted or finished; FALSE is the default of `critical` and therefore left out (X.690 §11.5). */
export function encodeExtension(oid: string | Uint8Array, isCritical: boolean, value: Uint8Array): Uint8Array {
  const identifier = typeof oid === "string" ? encodedOid(oid) : oid;
  return isCritical ? derSequence(identifier, critical, derOctetString(value)) : derSequence(identifier, derOctetString(value));
}

function encodedOid(oid: string): Uint8Array {
  const known = encodedOids.get(oid);
  if (known !== undefined) return known;
  const identifier = derOid(oid);
  if (encodedOids.size < maxEncodedOids) encodedOids.set(oid, identifier);
  return identifier;
}

function parseExtension(reader: DerReader): Extension {
  const oid = reader.oid("extension identifier");
  const isCritical = reader.peekTag() === 0x01 && reader.boolean("critical");
  const value = reader.octetString("extension value");
  reader.end("extension");
  return { oid, critical: isCritical, value };
}
