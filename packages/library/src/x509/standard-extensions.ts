// The extensions of RFC 5280 that Sigstore's certificates carry, and the two of RFC 6962 §3.1 and §3.3; readers and writers.
import { digest } from "../crypto/index.ts";
import {
  DerReader,
  type DerValue,
  derBitString,
  derBoolean,
  derInteger,
  derNull,
  derOctetString,
  derOid,
  derSequence,
  derTagged,
  parseDer,
} from "../encoding/index.ts";
import { parsing, x509Error } from "./errors.ts";
import { type Extension, encodeExtension, extensionOids, findExtension } from "./extension.ts";
import { encodeGeneralName, type GeneralName, type GeneralNameType, parseGeneralNames } from "./general-name.ts";

/** Whatever carries extensions: a certificate. */
export interface HasExtensions {
  readonly extensions: readonly Extension[];
}

/** Basic constraints; `pathLength` is absent where the certificate sets no limit. */
export interface BasicConstraints {
  readonly isCa: boolean;
  readonly pathLength?: number;
}

// RFC 5280 §4.2.1.3, bit 0 first.
const keyUsageNames = [
  "digitalSignature",
  "nonRepudiation",
  "keyEncipherment",
  "dataEncipherment",
  "keyAgreement",
  "keyCertSign",
  "cRLSign",
  "encipherOnly",
  "decipherOnly",
] as const;

/** A key usage bit, by the name RFC 5280 gives it. */
export type KeyUsage = (typeof keyUsageNames)[number];

/** Object identifiers of key purposes. */
export const keyPurposes = {
  codeSigning: "1.3.6.1.5.5.7.3.3",
  timeStamping: "1.3.6.1.5.5.7.3.8",
  any: "2.5.29.37.0",
  precertificateSigning: "1.3.6.1.4.1.11129.2.4.4",
} as const;

/** Basic constraints, or undefined where the certificate has none (it is then no CA). */
export function basicConstraints(certificate: HasExtensions): BasicConstraints | undefined {
  return read(certificate, "basicConstraints", (value) => {
    const reader = DerReader.sequence(value);
    const isCa = reader.peekTag() === 0x01 && reader.boolean("cA");
    const pathLength = reader.peekTag() === 0x02 ? reader.smallInteger("path length") : undefined;
    reader.end("basic constraints");
    if (pathLength === undefined) return { isCa };
    if (pathLength < 0 || !isCa)
      throw malformed("basicConstraints", "a path length needs a certificate authority and is not negative");
    return { isCa, pathLength };
  });
}

/** The key usages, or undefined where the certificate does not restrict them. */
export function keyUsage(certificate: HasExtensions): ReadonlySet<KeyUsage> | undefined {
  return read(certificate, "keyUsage", (value) => {
    const reader = new DerReader(value.bytes);
    const { unusedBits, octets } = reader.bits("key usage");
    const last = octets.at(-1) ?? 0;
    // X.690 §11.2.2: a named bit list has no trailing zero bits.
    if (octets.length > 2 || ((last >> unusedBits) & 1) === 0)
      throw malformed("keyUsage", "not a named bit list of 1 to 9 bits in DER");
    const usages = keyUsageNames.filter((_, bit) => (((octets[bit >> 3] ?? 0) << (bit & 7)) & 0x80) !== 0);
    return new Set(usages);
  });
}

/** The key purposes (object identifiers), or undefined where the certificate does not restrict them. */
export function extendedKeyUsage(certificate: HasExtensions): ReadonlySet<string> | undefined {
  return read(certificate, "extendedKeyUsage", (value) => {
    const reader = DerReader.sequence(value);
    const purposes = new Set<string>();
    while (!reader.atEnd) purposes.add(reader.oid("key purpose"));
    if (purposes.size === 0) throw malformed("extendedKeyUsage", "the list is empty");
    return purposes;
  });
}

/** The subject key identifier, or undefined. */
export function subjectKeyId(certificate: HasExtensions): Uint8Array | undefined {
  return read(certificate, "subjectKeyId", (value) => {
    if (value.tag !== 0x04) throw malformed("subjectKeyId", "not an OCTET STRING");
    return value.contents;
  });
}

/** The key identifier of the authority, or undefined; issuer and serial, which the extension may hold beside it, are not read. */
export function authorityKeyId(certificate: HasExtensions): Uint8Array | undefined {
  return read(certificate, "authorityKeyId", (value) => DerReader.sequence(value).optional(0x80)?.contents);
}

/** Every subject alternative name; an empty list where the certificate has none. */
export function subjectAltNames(certificate: HasExtensions): readonly GeneralName[] {
  return read(certificate, "subjectAltName", parseGeneralNames) ?? [];
}

/** The one subject alternative name of a Fulcio leaf. Throws X509_SUBJECT_ALT_NAME when there is none or more than one. */
export function subjectAltName(certificate: HasExtensions): GeneralName {
  const names = subjectAltNames(certificate);
  const [name] = names;
  if (name !== undefined && names.length === 1) return name;
  const found = `${names.length} names`;
  throw x509Error("X509_SUBJECT_ALT_NAME", `Cannot read subject alternative name: found ${found}, expected exactly 1`, {
    found,
    expected: "1 name",
  });
}

/** Whether a certificate is a certificate authority by its basic constraints. */
export function isCertificateAuthority(certificate: HasExtensions): boolean {
  return basicConstraints(certificate)?.isCa === true;
}

/** Write key usage, critical. */
export function keyUsageExtension(usages: readonly KeyUsage[]): Uint8Array {
  let bits = 0;
  for (const usage of usages) bits |= 0x8000 >> keyUsageNames.indexOf(usage);
  const octets = (bits & 0xff) === 0 ? [bits >> 8] : [bits >> 8, bits & 0xff];
  const last = octets.at(-1) ?? 0;
  if (last === 0) throw new TypeError("Cannot write key usage: no usage is named");
  return encodeExtension(extensionOids.keyUsage, true, derBitString(Uint8Array.from(octets), 31 - Math.clz32(last & -last)));
}

/** Write extended key usage; a timestamp authority's must be critical (RFC 3161 §2.3). */
export function extendedKeyUsageExtension(purposes: readonly string[], critical = false): Uint8Array {
  return encodeExtension(extensionOids.extendedKeyUsage, critical, derSequence(...purposes.map((purpose) => derOid(purpose))));
}

/** Write the basic constraints of a certificate authority, critical; without `pathLength` there is no limit. */
export function basicConstraintsExtension(pathLength?: number): Uint8Array {
  const parts = pathLength === undefined ? [] : [derInteger(pathLength)];
  return encodeExtension(extensionOids.basicConstraints, true, derSequence(derBoolean(true), ...parts));
}

/** Write the subject key identifier. */
export function subjectKeyIdExtension(keyId: Uint8Array): Uint8Array {
  return encodeExtension(extensionOids.subjectKeyId, false, derOctetString(keyId));
}

/** Write the authority key identifier: `SEQUENCE { keyIdentifier [0] }`. */
export function authorityKeyIdExtension(keyId: Uint8Array): Uint8Array {
  return encodeExtension(extensionOids.authorityKeyId, false, derSequence(derTagged(0x80, keyId)));
}

/** Write the subject alternative name, critical because the subject of a Fulcio leaf is empty (RFC 5280 §4.2.1.6). */
export function subjectAltNameExtension(name: {
  readonly type: Exclude<GeneralNameType, "ip">;
  readonly value: string;
}): Uint8Array {
  return encodeExtension(extensionOids.subjectAltName, true, derSequence(encodeGeneralName(name)));
}

/** Write the poison that makes a certificate a precertificate (RFC 6962 §3.1). */
export function ctPoisonExtension(): Uint8Array {
  return encodeExtension(extensionOids.ctPoison, true, derNull());
}

/** Write the list of embedded SCTs (RFC 6962 §3.3): an OCTET STRING within the extension's own, around the finished TLS list. */
export function sctListExtension(list: Uint8Array): Uint8Array {
  return encodeExtension(extensionOids.sctList, false, derOctetString(list));
}

/** The key identifier of RFC 5280 §4.2.1.2 (1): SHA-1 of the public key's bits, without tag, length and unused-bits octet. */
export function keyIdentifier(spki: Uint8Array): Uint8Array {
  const reader = DerReader.sequence(spki);
  reader.next();
  return digest("sha1", reader.bitString("public key"));
}

function read<T>(certificate: HasExtensions, name: keyof typeof extensionOids, parse: (value: DerValue) => T): T | undefined {
  const extension = findExtension(certificate.extensions, extensionOids[name]);
  if (extension === undefined) return undefined;
  return parsing("X509_EXTENSION_MALFORMED", `parse extension ${name}`, () => parse(parseDer(extension.value)));
}

function malformed(name: string, why: string): Error {
  return x509Error("X509_EXTENSION_MALFORMED", `Cannot parse extension ${name}: ${why}`);
}
