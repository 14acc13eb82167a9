// RSA signatures (RFC 8017) over bigints: PKCS #1 v1.5 and PSS. They check what a policy may see and sign with keys that a policy holds;
// no care is taken that a secret key could not be learned from how long signing takes.
import { type DigestName, digest, joined } from "./digest.ts";

/** A public key. */
export interface RsaPublicKey {
  readonly kind: "rsa";
  readonly modulus: bigint;
  readonly exponent: bigint;
}

/** A private key: its public half and the private exponent. */
export interface RsaPrivateKey extends RsaPublicKey {
  readonly private: bigint;
  /** p and q, when the key says them. */
  readonly primes: readonly bigint[];
}

/** Bits of the largest modulus that is calculated with. */
export const maxRsaBits = 8192;

/** The bits of a positive integer. */
export function bitLength(value: bigint): number {
  return value === 0n ? 0 : value.toString(2).length;
}

/** A big-endian integer. */
export function fromBytes(bytes: Uint8Array): bigint {
  let hex = "0x0";
  for (const byte of bytes) hex += byte.toString(16).padStart(2, "0");
  return BigInt(hex);
}

/** An integer as so many big-endian bytes. */
export function toBytes(value: bigint, length: number): Uint8Array<ArrayBuffer> {
  const hex = value.toString(16).padStart(2 * length, "0");
  return Uint8Array.from({ length }, (_, i) => Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16));
}

/** base^exponent mod modulus. */
export function modPow(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n % modulus;
  let square = base % modulus;
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if ((rest & 1n) === 1n) result = (result * square) % modulus;
    square = (square * square) % modulus;
  }
  return result;
}

const digestLengths: Readonly<Record<DigestName, number>> = { md5: 16, sha1: 20, sha256: 32, sha384: 48, sha512: 64 };
/** DigestInfo without the digest itself (RFC 8017 §9.2 note 1). */
const digestInfo: Readonly<Partial<Record<DigestName, readonly number[]>>> = {
  md5: [0x30, 0x20, 0x30, 0x0c, 6, 8, 0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 2, 5, 5, 0, 4, 16],
  sha1: [0x30, 0x21, 0x30, 9, 6, 5, 0x2b, 14, 3, 2, 0x1a, 5, 0, 4, 0x14],
  sha256: [0x30, 0x31, 0x30, 13, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 5, 0, 4, 0x20],
  sha384: [0x30, 0x41, 0x30, 13, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 2, 5, 0, 4, 0x30],
  sha512: [0x30, 0x51, 0x30, 13, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 3, 5, 0, 4, 0x40],
};

/** EMSA-PKCS1-v1_5 (RFC 8017 §9.2); nothing when the modulus is too short for it. */
function encodePkcs1(name: DigestName, message: Uint8Array, length: number): Uint8Array | undefined {
  const info = joined(Uint8Array.from(digestInfo[name] ?? []), digest(name, message));
  if (length < info.length + 11) return undefined;
  const padding = new Uint8Array(length - info.length - 3).fill(0xff);
  return joined(Uint8Array.of(0, 1), padding, Uint8Array.of(0), info);
}

/** Whether a PKCS #1 v1.5 signature is right. */
export function hasPkcs1Signature(key: RsaPublicKey, name: DigestName, message: Uint8Array, signature: Uint8Array): boolean {
  const opened = open(key, signature);
  if (opened === undefined) return false;
  const expected = encodePkcs1(name, message, opened.length);
  return expected !== undefined && sameBytes(expected, opened);
}

/** RSAVP1: the encoded message in a signature; nothing when key or signature are out of range. */
function open(key: RsaPublicKey, signature: Uint8Array): Uint8Array | undefined {
  const bits = bitLength(key.modulus);
  const length = Math.ceil(bits / 8);
  // RFC 8017 §8.1.2 step 1 and §5.2.2 step 1; a public exponent past 2^31 is refused as Go refuses it
  if (bits < 512 || bits > maxRsaBits || key.exponent < 2n || key.exponent > 0x7fffffffn) return undefined;
  if (signature.length !== length) return undefined;
  const number = fromBytes(signature);
  return number >= key.modulus ? undefined : toBytes(modPow(number, key.exponent, key.modulus), length);
}

/** Sign with PKCS #1 v1.5; nothing when the key is out of range. */
export function signPkcs1(key: RsaPrivateKey, name: DigestName, message: Uint8Array): Uint8Array | undefined {
  const bits = bitLength(key.modulus);
  const length = Math.ceil(bits / 8);
  const encoded = bits > maxRsaBits ? undefined : encodePkcs1(name, message, length);
  return encoded && toBytes(privateOperation(key, fromBytes(encoded)), length);
}

/** RSASP1, by the Chinese remainder theorem when both primes are known. */
function privateOperation(key: RsaPrivateKey, message: bigint): bigint {
  const [p, q] = key.primes;
  if (key.primes.length !== 2 || p === undefined || q === undefined) return modPow(message, key.private, key.modulus);
  const a = modPow(message, key.private % (p - 1n), p);
  const b = modPow(message, key.private % (q - 1n), q);
  const h = ((((a - b) * modPow(q % p, p - 2n, p)) % p) + p) % p;
  return b + h * q;
}

/** MGF1 (RFC 8017 §B.2.1). */
function mask(name: DigestName, seed: Uint8Array, length: number): Uint8Array {
  const blocks: Uint8Array[] = [];
  const size = digestLengths[name];
  for (let i = 0; i * size < length; i++) blocks.push(digest(name, joined(seed, toBytes(BigInt(i), 4))));
  return joined(...blocks).subarray(0, length);
}

/** Whether a PSS signature is right, with a salt of any length (RFC 8017 §9.1.2), as Go's PSSSaltLengthAuto. */
export function hasPssSignature(key: RsaPublicKey, name: DigestName, message: Uint8Array, signature: Uint8Array): boolean {
  const opened = open(key, signature);
  if (opened === undefined) return false;
  const bits = bitLength(key.modulus) - 1;
  const encoded = opened.subarray(opened.length - Math.ceil(bits / 8));
  if (opened.length !== encoded.length && opened[0] !== 0) return false;
  const size = digestLengths[name];
  if (encoded.length < size + 2 || encoded[encoded.length - 1] !== 0xbc) return false;
  const masked = encoded.subarray(0, encoded.length - size - 1);
  const hash = encoded.subarray(masked.length, masked.length + size);
  const spare = 8 * encoded.length - bits;
  if ((masked[0] ?? 0) >> (8 - spare) !== 0) return false;
  const covered = mask(name, hash, masked.length);
  const block = masked.map((byte, i) => byte ^ (covered[i] ?? 0));
  block[0] = (block[0] ?? 0) & (0xff >> spare);
  const one = block.findIndex((byte) => byte !== 0);
  if (one < 0 || block[one] !== 1) return false;
  const salt = block.subarray(one + 1);
  return sameBytes(hash, digest(name, joined(new Uint8Array(8), digest(name, message), salt)));
}

/**
 * Sign with PSS; nothing when the key is out of range. Divergence: the salt is the digest of key and message, because there is no
 * randomness here; RFC 8017 §9.1 allows a fixed one.
 */
export function signPss(key: RsaPrivateKey, name: DigestName, message: Uint8Array): Uint8Array | undefined {
  const bits = bitLength(key.modulus) - 1;
  const length = Math.ceil(bits / 8);
  const size = digestLengths[name];
  if (bits >= maxRsaBits || length < 2 * size + 2) return undefined;
  const hashed = digest(name, message);
  const salt = digest(name, joined(toBytes(key.private, Math.ceil(bitLength(key.private) / 8)), hashed));
  const hash = digest(name, joined(new Uint8Array(8), hashed, salt));
  const block = joined(new Uint8Array(length - 2 * size - 2), Uint8Array.of(1), salt);
  const covered = mask(name, hash, block.length);
  const masked = block.map((byte, i) => byte ^ (covered[i] ?? 0));
  masked[0] = (masked[0] ?? 0) & (0xff >> (8 * length - bits));
  const encoded = joined(masked, hash, Uint8Array.of(0xbc));
  return toBytes(privateOperation(key, fromBytes(encoded)), Math.ceil(bitLength(key.modulus) / 8));
}

/** Whether two byte strings are the same. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  let different = a.length ^ b.length;
  for (let i = 0; i < a.length; i++) different |= (a[i] ?? 0) ^ (b[i] ?? 0);
  return different === 0;
}
