// Verifying RSA from a digest: the public operation without padding, then the encoded message is checked here (RFC 8017 §8.1.2 and §8.2.2).
import { concatBytes, derNull, derOctetString, derOid, derSequence, equalBytes } from "../encoding/index.ts";
import { digest } from "./digest.ts";
import { type HashAlgorithm, platform } from "./platform-interface.ts";
import { handleOf, type PublicKey } from "./public-key.ts";

/** The hashes as DigestInfo names them (RFC 8017 §9.2 note 1), with their octets. */
const digestInfos: Readonly<Record<HashAlgorithm, readonly [oid: string, octets: number]>> = {
  sha1: ["1.3.14.3.2.26", 20],
  sha256: ["2.16.840.1.101.3.4.2.1", 32],
  sha384: ["2.16.840.1.101.3.4.2.2", 48],
  sha512: ["2.16.840.1.101.3.4.2.3", 64],
};

/** DigestInfo up to the digest. */
function digestInfoPrefix(hash: HashAlgorithm): Uint8Array {
  const [oid, octets] = digestInfos[hash];
  const whole = derSequence(derSequence(derOid(oid), derNull()), derOctetString(new Uint8Array(octets)));
  return whole.subarray(0, whole.length - octets);
}

/** Whether an RSA signature is valid for a message with this digest. Never throws for bad signature bytes. */
export function isValidRsaOverDigest(
  key: PublicKey,
  hash: HashAlgorithm,
  padding: "pkcs1" | "pss",
  digest: Uint8Array,
  signature: Uint8Array,
): boolean {
  const bits = key.bits ?? 0;
  if (signature.length !== Math.ceil(bits / 8)) return false;
  let encoded: Uint8Array;
  try {
    encoded = platform.rsaPublicOperation(handleOf(key), signature);
  } catch {
    return false; // the signature is not below the modulus: with the length right there is nothing else to refuse
  }
  return padding === "pkcs1"
    ? equalBytes(encoded, encodePkcs1(hash, digest, encoded.length))
    : isPssEncoding(hash, digest, encoded, bits - 1);
}

/**
 * Whether an RSA signature (PKCS #1 v1.5) is valid for a message with this SHA-1. No scheme of ours has SHA-1: this is for formats of others that
 * know nothing else, where what is proved is only that somebody with the key made it once.
 */
export function isValidSha1RsaSignature(key: PublicKey, digest: Uint8Array, signature: Uint8Array): boolean {
  return key.type === "rsa" && isValidRsaOverDigest(key, "sha1", "pkcs1", digest, signature);
}

/** EMSA-PKCS1-v1_5 (RFC 8017 §9.2): 00 01 ff…ff 00 DigestInfo. */
function encodePkcs1(hash: HashAlgorithm, messageDigest: Uint8Array, length: number): Uint8Array {
  const digestInfo = concatBytes(digestInfoPrefix(hash), messageDigest);
  const encoded = new Uint8Array(length).fill(0xff);
  encoded[0] = 0;
  encoded[1] = 1;
  encoded[length - digestInfo.length - 1] = 0;
  encoded.set(digestInfo, length - digestInfo.length);
  return encoded;
}

/** EMSA-PSS-VERIFY (RFC 8017 §9.1.2) with MGF1 of the same digest and a salt of any length. */
function isPssEncoding(hash: HashAlgorithm, messageDigest: Uint8Array, representative: Uint8Array, encodedBits: number): boolean {
  const hashLength = messageDigest.length;
  const length = Math.ceil(encodedBits / 8);
  // A modulus of 8k + 1 bits gives one octet more than the encoded message has.
  if (representative.length > length && representative[0] !== 0) return false;
  const encoded = representative.subarray(representative.length - length);
  if (length < hashLength + 2 || encoded[length - 1] !== 0xbc) return false; // steps 3 and 4
  const maskedLength = length - hashLength - 1;
  const h = encoded.subarray(maskedLength, length - 1);
  const topMask = 0xff >> (8 * length - encodedBits);
  if (((encoded[0] ?? 0) & ~topMask) !== 0) return false; // step 6
  const block = mgf1(hash, h, maskedLength);
  for (let i = 0; i < maskedLength; i++) block[i] = (block[i] ?? 0) ^ (encoded[i] ?? 0);
  block[0] = (block[0] ?? 0) & topMask; // step 9
  const one = block.findIndex((octet) => octet !== 0);
  if (one === -1 || block[one] !== 1) return false; // step 10
  return equalBytes(digest(hash, new Uint8Array(8), messageDigest, block.subarray(one + 1)), h); // steps 12 to 14
}

/** MGF1 (RFC 8017 §B.2.1). */
function mgf1(hash: HashAlgorithm, seed: Uint8Array, length: number): Uint8Array {
  const blocks: Uint8Array[] = [];
  for (let counter = 0, made = 0; made < length; counter++) {
    const block = digest(hash, seed, Uint8Array.of(counter >>> 24, counter >>> 16, counter >>> 8, counter));
    blocks.push(block);
    made += block.length;
  }
  return concatBytes(...blocks).subarray(0, length);
}
