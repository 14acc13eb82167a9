// Keys in a token: found by label and id, made there, and their public halves. Only raw mechanisms are used: not every token hashes.
import { type PublicKey, parsePkcs1PublicKey, parsePublicKey, type SignatureScheme } from "@sigillum/library/crypto";
import {
  concatBytes,
  derBitString,
  derInteger,
  derNull,
  derOctetString,
  derOid,
  derSequence,
  isSigillumError,
  parseHex,
  quote,
} from "@sigillum/library/encoding";
import type { Handle, Mechanism } from "pkcs11js";
import { signersError } from "./errors.ts";
import type { TokenSession } from "./pkcs11-token.ts";
import type { Pkcs11Reference } from "./pkcs11-uri.ts";

/** An attribute of an object; pkcs11js takes Buffers alone. */
interface Attribute {
  readonly type: number;
  readonly value: number | boolean | string | Uint8Array;
}

const cko = { certificate: 1, publicKey: 2, privateKey: 3 } as const;
const cka = {
  class: 0x0,
  token: 0x1,
  private: 0x2,
  label: 0x3,
  value: 0x11,
  certificateType: 0x80,
  keyType: 0x100,
  subject: 0x101,
  id: 0x102,
  sensitive: 0x103,
  sign: 0x108,
  verify: 0x10a,
  modulus: 0x120,
  modulusBits: 0x121,
  publicExponent: 0x122,
  extractable: 0x162,
  ecParams: 0x180,
  ecPoint: 0x181,
} as const;
const ckk = { rsa: 0, ec: 3, edwards: 0x40 } as const;
const ckm = {
  rsaKeyPairGen: 0,
  rsaPkcs: 1,
  ecKeyPairGen: 0x1040,
  ecdsa: 0x1041,
  edwardsKeyPairGen: 0x1055,
  eddsa: 0x1057,
} as const;

/** The most keys of a token that are listed. */
const maxListed = 1000;

/** Key types that can be made in a token. */
export type Pkcs11KeyType = "ecdsa-p256" | "ecdsa-p384" | "ecdsa-p521" | "ed25519" | "rsa";

const curveOids = { "ecdsa-p256": "1.2.840.10045.3.1.7", "ecdsa-p384": "1.3.132.0.34", "ecdsa-p521": "1.3.132.0.35" } as const;
const ed25519Params = parseHex("06032b6570");
const ecPublicKeyOid = "1.2.840.10045.2.1";
/** AlgorithmIdentifier and BIT STRING header of an Ed25519 key (RFC 8410 §4). */
const ed25519Prefix = parseHex("302a300506032b6570032100");

/** The private key that a reference names, alone. */
export function findPrivateKey({ api, handle }: TokenSession, reference: Pkcs11Reference, name: string): Handle {
  const found = find({ api, handle }, [{ type: cka.class, value: cko.privateKey }, ...selector(reference)], 2);
  const [key, ...more] = found;
  if (key !== undefined && more.length === 0) return key;
  throw signersError(
    "SIGNER_KEY_NOT_FOUND",
    `Cannot open key ${quote(name)}: the token has ${key === undefined ? "no" : "several"} private keys of that name`,
    { found: key === undefined ? "none" : "several", expected: "exactly one, by object=LABEL, id=%XX, or both" },
  );
}

/** Whether the token has a private key or a certificate of that name. */
export function hasObject(session: TokenSession, reference: Pkcs11Reference, kind: "privateKey" | "certificate"): boolean {
  return find(session, [{ type: cka.class, value: cko[kind] }, ...selector(reference)], 1).length > 0;
}

/** The public half of a private key: the public object, or the certificate, with its id. */
export function readPublicKey(session: TokenSession, privateKey: Handle, name: string): PublicKey {
  const { api, handle } = session;
  const [id, type] = api.C_GetAttributeValue(handle, privateKey, [{ type: cka.id }, { type: cka.keyType }]);
  const keyType = type === undefined ? -1 : octets(type.value)[0];
  const [publicKey] =
    id === undefined || octets(id.value).length === 0
      ? []
      : find(
          session,
          [
            { type: cka.class, value: cko.publicKey },
            { type: cka.id, value: octets(id.value) },
          ],
          1,
        );
  try {
    if (publicKey !== undefined && keyType === ckk.rsa) return readRsaKey(session, publicKey);
    if (publicKey !== undefined && (keyType === ckk.ec || keyType === ckk.edwards)) return readEcKey(session, publicKey);
  } catch (cause) {
    if (!isSigillumError(cause)) throw cause;
    throw unreadable(name, cause.message, cause);
  }
  throw unreadable(name, publicKey === undefined ? "the token has no public key with the same id" : "it is of another kind");
}

/** Label and id of every private key that the session sees and that has either. */
export function privateKeyNames(session: TokenSession): { readonly label: string; readonly id: Uint8Array }[] {
  const { api, handle } = session;
  return find(session, [{ type: cka.class, value: cko.privateKey }], maxListed).flatMap((key) => {
    const [id, label] = api.C_GetAttributeValue(handle, key, [{ type: cka.id }, { type: cka.label }]);
    const found = { label: new TextDecoder().decode(octets(label?.value)), id: octets(id?.value) };
    return found.label === "" && found.id.length === 0 ? [] : [found];
  });
}

/** Makes a key pair in the token, which never leaves it; `id` is unique there. */
export function generateKey(
  { api, handle }: TokenSession,
  type: Pkcs11KeyType,
  label: string,
  id: Uint8Array,
  bits: number,
): void {
  const named: Attribute[] = [
    { type: cka.token, value: true },
    { type: cka.label, value: label },
    { type: cka.id, value: id },
  ];
  // What crypto11 makes, and AWS CloudHSM demands.
  const privateTemplate: Attribute[] = [
    ...named,
    { type: cka.private, value: true },
    { type: cka.sensitive, value: true },
    { type: cka.extractable, value: false },
    { type: cka.sign, value: true },
  ];
  const kind: Attribute[] =
    type === "rsa"
      ? [
          { type: cka.modulusBits, value: bits },
          { type: cka.publicExponent, value: Uint8Array.of(1, 0, 1) },
        ]
      : [{ type: cka.ecParams, value: type === "ed25519" ? ed25519Params : derOid(curveOids[type]) }];
  const mechanism = type === "rsa" ? ckm.rsaKeyPairGen : type === "ed25519" ? ckm.edwardsKeyPairGen : ckm.ecKeyPairGen;
  const publicTemplate = [...named, { type: cka.verify, value: true }, ...kind];
  api.C_GenerateKeyPair(handle, { mechanism }, publicTemplate.map(withBuffer), privateTemplate.map(withBuffer));
}

/** Stores a certificate as an object of the token. */
export function storeCertificate(
  { api, handle }: TokenSession,
  certificate: { readonly der: Uint8Array; readonly subject: Uint8Array },
  label: string,
  id: Uint8Array,
): void {
  const template: Attribute[] = [
    { type: cka.class, value: cko.certificate },
    { type: cka.certificateType, value: 0 },
    { type: cka.token, value: true },
    { type: cka.private, value: false },
    { type: cka.label, value: label },
    { type: cka.id, value: id },
    { type: cka.subject, value: certificate.subject },
    { type: cka.value, value: certificate.der },
  ];
  api.C_CreateObject(handle, template.map(withBuffer));
}

/** Signs in a session: what is signed is the digest, or for Ed25519 the message. ECDSA gives r and s side by side, as tokens do. */
export function signInSession(
  { api, handle }: TokenSession,
  key: Handle,
  scheme: SignatureScheme,
  message: Uint8Array,
  digest: Uint8Array | undefined,
): Promise<Uint8Array> {
  const mechanism: Mechanism = { mechanism: digest === undefined ? ckm.eddsa : scheme.type === "rsa" ? ckm.rsaPkcs : ckm.ecdsa };
  const input = digest === undefined ? message : scheme.type === "rsa" ? digestInfo(digest) : digest;
  api.C_SignInit(handle, mechanism, key);
  return api.C_SignAsync(handle, Buffer.from(input), Buffer.alloc(1024));
}

/** RFC 8017 §9.2 without the padding, which CKM_RSA_PKCS adds. */
function digestInfo(digest: Uint8Array): Uint8Array {
  const oids: Readonly<Record<number, string>> = {
    32: "2.16.840.1.101.3.4.2.1",
    48: "2.16.840.1.101.3.4.2.2",
    64: "2.16.840.1.101.3.4.2.3",
  };
  return derSequence(derSequence(derOid(oids[digest.length] ?? ""), derNull()), derOctetString(digest));
}

function selector({ object, id }: Pkcs11Reference): Attribute[] {
  return [
    ...(object === undefined ? [] : [{ type: cka.label, value: object }]),
    ...(id === undefined ? [] : [{ type: cka.id, value: id }]),
  ];
}

function find({ api, handle }: Pick<TokenSession, "api" | "handle">, template: readonly Attribute[], most: number): Handle[] {
  api.C_FindObjectsInit(handle, template.map(withBuffer));
  try {
    return api.C_FindObjects(handle, most);
  } finally {
    api.C_FindObjectsFinal(handle);
  }
}

function withBuffer({ type, value }: Attribute): { type: number; value: number | boolean | string | Buffer } {
  return { type, value: value instanceof Uint8Array ? Buffer.from(value) : value };
}

function readEcKey({ api, handle }: TokenSession, key: Handle): PublicKey {
  const [params, point] = api.C_GetAttributeValue(handle, key, [{ type: cka.ecParams }, { type: cka.ecPoint }]);
  const bytes = barePoint(octets(point?.value));
  if (bytes.length === 32) return parsePublicKey(concatBytes(ed25519Prefix, bytes));
  return parsePublicKey(derSequence(derSequence(derOid(ecPublicKeyOid), octets(params?.value)), derBitString(bytes)));
}

/** An OCTET STRING around the point, as PKCS #11 says, or the point, as some tokens have it; an uncompressed point begins like the former. */
function barePoint(bytes: Uint8Array): Uint8Array {
  if ([32, 65, 97, 133].includes(bytes.length)) return bytes;
  const header = bytes[1] === 0x81 ? 3 : 2;
  return bytes.subarray(header);
}

/** The value of an attribute, a copy. */
function octets(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return new Uint8Array(value);
  throw new TypeError("pkcs11: an attribute is missing");
}

function readRsaKey({ api, handle }: TokenSession, key: Handle): PublicKey {
  const [modulus, exponent] = api.C_GetAttributeValue(handle, key, [{ type: cka.modulus }, { type: cka.publicExponent }]);
  return parsePkcs1PublicKey(derSequence(derInteger(octets(modulus?.value)), derInteger(octets(exponent?.value))));
}

function unreadable(name: string, problem: string, cause?: unknown): Error {
  return signersError("SIGNER_KEY_NOT_FOUND", `Cannot open key ${quote(name)}: its public half cannot be read: ${problem}`, {
    cause,
    found: problem,
    expected: "a public key object with the id of the private key",
  });
}
