// Public key packets of version 4 (RFC 4880 §5.5.2, RFC 6637, RFC 9580 §5.5.5): what is needed of them, bounded.
import { digest } from "@sigillum/library/crypto";
import { concatBytes, encodeHex, equalBytes } from "@sigillum/library/encoding";
import { OctetReader } from "./packets.ts";
import { malformed, unsupported } from "./refusals.ts";

/** A key or subkey; nothing was verified. */
export interface PgpKey {
  readonly isSubkey: boolean;
  readonly algorithm: number;
  /** Seconds since 1970. */
  readonly created: number;
  /** In hexadecimal. */
  readonly fingerprint: string;
  /** The last 16 digits of the fingerprint. */
  readonly keyId: string;
  /** The packet's body, without what may follow the key. */
  readonly body: Uint8Array;
  /** What verifying one signature with it costs, in verifications with RSA; undefined where it cannot be done here. */
  readonly cost: number | undefined;
}

/** Public-key algorithms (§9.1, RFC 9580 §9.1). */
export const keyAlgorithm = {
  rsa: 1,
  rsaEncrypt: 2,
  rsaSign: 3,
  elgamal: 16,
  dsa: 17,
  ecdh: 18,
  ecdsa: 19,
  eddsa: 22,
  x25519: 25,
  x448: 26,
  ed25519: 27,
  ed448: 28,
} as const;

/** RSA beyond this takes too long; OpenSSL refuses it as well. */
const maxRsaBits = 16_384;
/** FIPS 186-4 knows no longer ones, and each verification computes in plain JavaScript. */
const maxDsaBits = 3072;
const maxDsaSubgroupBits = 256;
const maxElgamalBits = 8192;
const maxCurveBits = 1088;
/** Verifying with plain JavaScript, as DSA and most curves do. */
const slow = 8;

const nistOids = [
  [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07], // P-256
  [0x2b, 0x81, 0x04, 0x00, 0x22], // P-384
  [0x2b, 0x81, 0x04, 0x00, 0x23], // P-521
].map((oid) => Uint8Array.from(oid));
/** Rekor reads them, openpgp.js verifies nothing with them under Node: as subkeys for encryption they are kept. */
const otherOids = [
  [0x2b, 0x81, 0x04, 0x00, 0x0a], // secp256k1
  [0x2b, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01, 0x01, 0x07], // brainpoolP256r1
  [0x2b, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01, 0x01, 0x0b], // brainpoolP384r1
  [0x2b, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01, 0x01, 0x0d], // brainpoolP512r1
].map((oid) => Uint8Array.from(oid));
const curve25519 = Uint8Array.of(0x2b, 0x06, 0x01, 0x04, 0x01, 0x97, 0x55, 0x01, 0x05, 0x01);
const ed25519Oid = Uint8Array.of(0x2b, 0x06, 0x01, 0x04, 0x01, 0xda, 0x47, 0x0f, 0x01);

/** Whether keys of an algorithm can sign. */
export function canSign(algorithm: number): boolean {
  const { rsa, rsaSign, dsa, ecdsa, eddsa, ed25519, ed448 } = keyAlgorithm;
  return ([rsa, rsaSign, dsa, ecdsa, eddsa, ed25519, ed448] as number[]).includes(algorithm);
}

/** Read a public key packet's body; OPENPGP_UNSUPPORTED for other versions, algorithms and curves, and for numbers of absurd size. */
export function parsePgpKey(bytes: Uint8Array, isSubkey: boolean): PgpKey {
  const reader = new OctetReader(bytes);
  const version = reader.uint(1);
  if (version !== 4) throw unsupported(`public keys of version ${version} are not read here, those of version 4 are`);
  const created = reader.uint(4);
  const algorithm = reader.uint(1);
  const cost = readMaterial(algorithm, reader);
  const body = bytes.subarray(0, reader.position);
  if (body.length > 0xffff) throw malformed(`a public key has ${body.length} octets`);
  const fingerprint = encodeHex(digest("sha1", concatBytes(Uint8Array.of(0x99, body.length >> 8, body.length), body)));
  return { isSubkey, algorithm, created, fingerprint, keyId: fingerprint.slice(-16), body, cost };
}

function readMaterial(algorithm: number, reader: OctetReader): number | undefined {
  const { rsa, rsaEncrypt, rsaSign, elgamal, dsa, ecdh, ecdsa, eddsa, x25519, x448, ed25519, ed448 } = keyAlgorithm;
  switch (algorithm) {
    case rsa:
    case rsaEncrypt:
    case rsaSign:
      return readRsa(reader);
    case dsa:
      for (let i = 0; i < 4; i++) reader.mpi(i === 1 ? maxDsaSubgroupBits : maxDsaBits);
      return slow;
    case elgamal:
      for (let i = 0; i < 3; i++) reader.mpi(maxElgamalBits);
      return slow;
    case ecdsa:
      return readEcdsa(reader);
    case eddsa:
      readCurve(reader, [ed25519Oid]);
      if (reader.mpi(maxCurveBits)[0] !== 0x40) throw unsupported("the point of an EdDSA key is not in its native form");
      return 1;
    case ecdh:
      readCurve(reader, [...nistOids, ...otherOids, curve25519]);
      reader.mpi(maxCurveBits);
      if (reader.take(reader.uint(1)).length < 3) throw unsupported("the key derivation of an ECDH key is not known here");
      return slow;
    case x25519:
    case ed25519:
      reader.take(32);
      return 1;
    case x448:
      reader.take(56);
      return slow;
    case ed448:
      reader.take(57);
      return slow;
    default:
      throw unsupported(`public keys of algorithm ${algorithm} are not read here`);
  }
}

function readRsa(reader: OctetReader): number {
  const modulus = reader.mpi(maxRsaBits);
  const exponent = reader.mpi(24);
  if (exponent.length > 3) throw unsupported("an RSA key has a large public exponent");
  return modulus.length > 512 ? slow : 1;
}

function readEcdsa(reader: OctetReader): number | undefined {
  const oid = readCurve(reader, [...nistOids, ...otherOids]);
  reader.mpi(maxCurveBits);
  return nistOids.some((other) => equalBytes(other, oid)) ? 1 : undefined;
}

function readCurve(reader: OctetReader, known: readonly Uint8Array[]): Uint8Array {
  const oid = reader.take(reader.uint(1));
  if (!known.some((other) => equalBytes(other, oid))) throw unsupported("the curve of a public key is not known here");
  return oid;
}
