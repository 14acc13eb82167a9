// GeneralName, both ways. RFC 5280 §4.2.1.6; the otherName that carries a Fulcio username: certificate-authority §3.1.
//
//   GeneralName ::= CHOICE { otherName [0], rfc822Name [1] IA5String, dNSName [2] IA5String, x400Address [3], directoryName [4] Name,
//                            ediPartyName [5], uniformResourceIdentifier [6] IA5String, iPAddress [7] OCTET STRING, registeredID [8] }
//   OtherName ::= SEQUENCE { type-id OBJECT IDENTIFIER, value [0] EXPLICIT ANY DEFINED BY type-id }
import { DerReader, type DerValue, derOid, derTag, derTagged, parseUtf8, quote } from "../encoding/index.ts";
import { x509Error } from "./errors.ts";
import { encodeText } from "./text.ts";

/** A name that Sigstore uses as an identity, or (`unsupported`) one of another kind, kept as its tag and bytes. */
export type GeneralName =
  | { readonly type: "email" | "uri" | "dns" | "ip" | "otherName"; readonly value: string }
  | { readonly type: "unsupported"; readonly tag: number; readonly bytes: Uint8Array };

/** The type of a general name that can be written. */
export type GeneralNameType = Exclude<GeneralName["type"], "unsupported">;

/** Fulcio's otherName type for usernames, `name!domain`. */
export const usernameOid: string = "1.3.6.1.4.1.57264.1.7";

const maxNames = 64;
const maxNameBytes = 2048;
const tags = { email: 0x81, dns: 0x82, uri: 0x86 } as const;

/** Read `GeneralNames ::= SEQUENCE SIZE (1..MAX) OF GeneralName`. */
export function parseGeneralNames(bytes: DerValue | Uint8Array): GeneralName[] {
  const reader = DerReader.sequence(bytes);
  const names: GeneralName[] = [];
  while (!reader.atEnd) {
    names.push(parseGeneralName(reader.next()));
    if (names.length > maxNames) {
      const expected = `at most ${maxNames} names`;
      throw x509Error("X509_NAME_MALFORMED", `Cannot parse general names: expected ${expected}`, { expected });
    }
  }
  if (names.length === 0) throw x509Error("X509_NAME_MALFORMED", "Cannot parse general names: the list is empty");
  return names;
}

/** Read one GeneralName. */
export function parseGeneralName(value: DerValue): GeneralName {
  switch (value.tag) {
    case tags.email:
      return { type: "email", value: parseIa5(value.contents) };
    case tags.dns:
      return { type: "dns", value: parseIa5(value.contents) };
    case tags.uri:
      return { type: "uri", value: parseIa5(value.contents) };
    case 0x87:
      return { type: "ip", value: formatIp(value.contents) };
    case 0xa0:
      return parseOtherName(value);
    default:
      return { type: "unsupported", tag: value.tag, bytes: value.bytes };
  }
}

/** Write one GeneralName. Throws X509_NOT_ENCODABLE when the value is empty or not ASCII where ASCII is all that can stand. */
export function encodeGeneralName(name: {
  readonly type: "email" | "uri" | "dns" | "otherName";
  readonly value: string;
}): Uint8Array {
  if (name.value.length === 0) throw x509Error("X509_NOT_ENCODABLE", `Cannot write general name: the ${name.type} is empty`);
  if (name.type === "otherName")
    return derTagged(
      0xa0,
      derOid(usernameOid),
      derTagged(0xa0, derTagged(derTag.utf8String, encodeText(name.value, "username", maxNameBytes))),
    );
  if (!isIa5(name.value)) {
    const found = quote(name.value);
    throw x509Error("X509_NOT_ENCODABLE", `Cannot write general name: ${name.type} ${found} is not printable ASCII`, { found });
  }
  return derTagged(tags[name.type], encodeText(name.value, name.type, maxNameBytes));
}

function parseOtherName(value: DerValue): GeneralName {
  const reader = new DerReader(value.contents);
  if (reader.oid("otherName type") !== usernameOid) return { type: "unsupported", tag: value.tag, bytes: value.bytes };
  const explicit = new DerReader(reader.expect(0xa0, "otherName value").contents);
  reader.end("otherName");
  const text = parseUtf8(explicit.expect(0x0c, "username").contents);
  explicit.end("otherName value");
  return { type: "otherName", value: text };
}

// A control character in an identity could only serve to deceive whoever reads it; printable ASCII is all that is taken.
function parseIa5(contents: Uint8Array): string {
  for (const byte of contents) {
    if (byte < 0x20 || byte > 0x7e) {
      const found = `byte 0x${byte.toString(16).padStart(2, "0")}`;
      throw x509Error("X509_NAME_MALFORMED", `Cannot parse general name: found ${found}, expected printable ASCII`, { found });
    }
  }
  return parseUtf8(contents);
}

function isIa5(text: string): boolean {
  return /^[\x20-\x7e]*$/u.test(text);
}

function formatIp(address: Uint8Array): string {
  if (address.length === 4) return address.join(".");
  if (address.length !== 16) {
    const found = `${address.length} bytes`;
    throw x509Error("X509_NAME_MALFORMED", `Cannot parse IP address: found ${found}, expected 4 or 16`, {
      found,
      expected: "4 or 16 bytes",
    });
  }
  const groups: string[] = [];
  for (let i = 0; i < 16; i += 2) groups.push((((address[i] ?? 0) << 8) | (address[i + 1] ?? 0)).toString(16));
  return groups.join(":");
}
