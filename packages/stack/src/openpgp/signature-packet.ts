// Signature packets of version 4 (RFC 4880 §5.2.3), and the body that Rekor's library writes again: the hashed part as it came, the other
// subpackets with the shortest lengths, nothing after the signature's numbers.
import { concatBytes, encodeHex } from "@sigillum/library/encoding";
import { OctetReader } from "./packets.ts";
import { keyAlgorithm } from "./public-key.ts";
import { malformed, unsupported } from "./refusals.ts";

/** Signature types (§5.2.1). */
export const signatureType = {
  binary: 0x00,
  text: 0x01,
  certGeneric: 0x10,
  certPositive: 0x13,
  subkeyBinding: 0x18,
  primaryKeyBinding: 0x19,
  keyRevocation: 0x20,
  subkeyRevocation: 0x28,
  certRevocation: 0x30,
} as const;

/** A signature; nothing was verified. */
export interface PgpSignature {
  readonly type: number;
  readonly algorithm: number;
  /** Seconds since 1970; lifetimes in seconds, 0 for ever. */
  readonly created: number;
  readonly lifetime: number;
  readonly keyLifetime: number;
  /** In hexadecimal, of the issuer's id or fingerprint. */
  readonly issuerKeyId: string | undefined;
  readonly issuerFingerprint: string | undefined;
  /** The first octet of the key flags; undefined without them. */
  readonly keyFlags: number | undefined;
  readonly isPrimaryUserId: boolean | undefined;
  readonly revocationReason: number | undefined;
  readonly criticalNotations: readonly string[];
  /** The signature by a subkey over its primary key. */
  readonly embedded: PgpSignature | undefined;
  /** The packet's body as it is written again. */
  readonly body: Uint8Array;
}

type Fields = { -readonly [name in keyof PgpSignature]?: PgpSignature[name] } & { criticalNotations: string[] };

interface Subpacket {
  readonly type: number;
  readonly critical: boolean;
  readonly content: Uint8Array;
}

/** SHA-1, the SHA-2 family and SHA3-256 and -512 (§9.4, RFC 9580 §9.5). */
const hashes: ReadonlySet<number> = new Set([2, 8, 9, 10, 11, 12, 14]);
const maxSignatureBits = 16_384;
const maxSubpackets = 128;

/** Read a signature packet's body. `embedded` is for the one inside of another. */
export function parsePgpSignature(bytes: Uint8Array, embedded = false): PgpSignature {
  const reader = new OctetReader(bytes);
  const version = reader.uint(1);
  if (version !== 4) throw unsupported(`signatures of version ${version} are not read here, those of version 4 are`);
  const [type, algorithm, hash] = [reader.uint(1), reader.uint(1), reader.uint(1)];
  if (!isSigning(algorithm)) throw unsupported(`signatures of algorithm ${algorithm} are not read here`);
  if (!hashes.has(hash)) throw unsupported(`signatures over hashes of algorithm ${hash} are not read here`);
  const fields: Fields = { criticalNotations: [] };
  readSubpackets(reader.take(reader.uint(2)), (subpacket) => readHashed(subpacket, fields, embedded));
  if (fields.created === undefined) throw malformed("a signature has no time of creation");
  const hashed = bytes.subarray(0, reader.position);
  const unhashed = readSubpackets(reader.take(reader.uint(2)), (subpacket) => readIssuer(subpacket, fields, embedded));
  const rest = reader.position;
  reader.take(2);
  readNumbers(algorithm, reader);
  const others = concatBytes(...unhashed.flatMap(encodeSubpacket));
  if (others.length > 0xffff) throw malformed("the subpackets of a signature are too long");
  const length = Uint8Array.of(others.length >> 8, others.length);
  return {
    type,
    algorithm,
    created: fields.created,
    lifetime: fields.lifetime ?? 0,
    keyLifetime: fields.keyLifetime ?? 0,
    issuerKeyId: fields.issuerKeyId,
    issuerFingerprint: fields.issuerFingerprint,
    keyFlags: fields.keyFlags,
    isPrimaryUserId: fields.isPrimaryUserId,
    revocationReason: fields.revocationReason,
    criticalNotations: fields.criticalNotations,
    embedded: fields.embedded,
    body: concatBytes(hashed, length, others, bytes.subarray(rest, reader.position)),
  };
}

function isSigning(algorithm: number): boolean {
  const { rsa, rsaSign, dsa, ecdsa, eddsa, ed25519, ed448 } = keyAlgorithm;
  return ([rsa, rsaSign, dsa, ecdsa, eddsa, ed25519, ed448] as number[]).includes(algorithm);
}

function readNumbers(algorithm: number, reader: OctetReader): void {
  if (algorithm === keyAlgorithm.ed25519) reader.take(64);
  else if (algorithm === keyAlgorithm.ed448) reader.take(114);
  else {
    reader.mpi(maxSignatureBits);
    if (algorithm !== keyAlgorithm.rsa && algorithm !== keyAlgorithm.rsaSign) reader.mpi(maxSignatureBits);
  }
}

function readSubpackets(bytes: Uint8Array, read: (subpacket: Subpacket) => void): Subpacket[] {
  const reader = new OctetReader(bytes);
  const subpackets: Subpacket[] = [];
  while (reader.left > 0) {
    if (subpackets.length === maxSubpackets) throw malformed(`a signature has more than ${maxSubpackets} subpackets`);
    const first = reader.uint(1);
    const length = first < 192 ? first : first < 255 ? ((first - 192) << 8) + reader.uint(1) + 192 : reader.uint(4);
    const content = reader.take(length);
    const type = content[0];
    if (type === undefined) throw malformed("a subpacket of a signature is empty");
    const subpacket = { type: type & 0x7f, critical: (type & 0x80) !== 0, content: content.subarray(1) };
    subpackets.push(subpacket);
    read(subpacket);
  }
  return subpackets;
}

function encodeSubpacket({ type, critical, content }: Subpacket): Uint8Array[] {
  const length = content.length + 1;
  const octets =
    length < 192
      ? [length]
      : length < 16_320
        ? [((length - 192) >> 8) + 192, (length - 192) & 0xff]
        : [255, length >>> 24, length >>> 16, length >>> 8, length];
  return [Uint8Array.from([...octets, critical ? type | 0x80 : type]), content];
}

/** Read no further, but not refused where they are critical: preferences, trust, texts (§5.2.3.1, RFC 9580 §5.2.3.7). */
const knownSubpackets: ReadonlySet<number> = new Set([5, 6, 11, 21, 22, 23, 24, 26, 28, 30, 35, 39]);

function readHashed(subpacket: Subpacket, fields: Fields, embedded: boolean): void {
  const { type, content } = subpacket;
  switch (type) {
    case 2:
      fields.created = timeOf(content);
      return;
    case 3:
      fields.lifetime = timeOf(content);
      return;
    case 9:
      fields.keyLifetime = timeOf(content);
      return;
    case 20:
      readNotation(subpacket, fields);
      return;
    case 25:
      fields.isPrimaryUserId = exactly(content, 1)[0] !== 0;
      return;
    case 27:
      fields.keyFlags = content[0] ?? 0;
      return;
    case 29:
      fields.revocationReason = content[0];
      if (content.length === 0) throw malformed("the reason of a revocation is empty");
      return;
    case 16:
    case 32:
    case 33:
      readIssuer(subpacket, fields, embedded);
      return;
    default:
      if (subpacket.critical && !knownSubpackets.has(type))
        throw unsupported(`a critical subpacket of type ${type} is not known here`);
  }
}

// Of what is not hashed these alone count: they say whom to ask, or are signed themselves.
function readIssuer({ type, content }: Subpacket, fields: Fields, embedded: boolean): void {
  if (type === 16) fields.issuerKeyId = encodeHex(exactly(content, 8));
  if (type === 33) {
    const version = content[0] ?? 0;
    const fingerprint = encodeHex(exactly(content, version >= 5 ? 33 : 21).subarray(1));
    fields.issuerFingerprint = fingerprint;
    fields.issuerKeyId = version >= 5 ? fingerprint.slice(0, 16) : fingerprint.slice(-16);
  }
  if (type !== 32) return;
  if (embedded || fields.embedded !== undefined) throw malformed("a signature has more than one signature inside of it");
  const inner = parsePgpSignature(content, true);
  if (inner.type !== signatureType.primaryKeyBinding) throw malformed(`a signature inside of another has type ${inner.type}`);
  fields.embedded = inner;
}

function readNotation({ critical, content }: Subpacket, fields: Fields): void {
  const reader = new OctetReader(content);
  reader.take(4);
  const [nameLength, valueLength] = [reader.uint(2), reader.uint(2)];
  const name = reader.take(nameLength);
  reader.take(valueLength);
  if (reader.left > 0) throw malformed("a notation of a signature has a wrong length");
  if (critical) fields.criticalNotations.push(String.fromCharCode(...name.subarray(0, 80)));
}

function timeOf(content: Uint8Array): number {
  return exactly(content, 4).reduce((sum, octet) => sum * 256 + octet, 0);
}

function exactly(content: Uint8Array, length: number): Uint8Array {
  if (content.length !== length)
    throw malformed(`a subpacket of a signature has ${content.length} octets, ${length} are expected`);
  return content;
}
