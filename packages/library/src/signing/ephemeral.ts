// A key that lives for one signature.
//
// Node cannot sign a digest with ECDSA: its `sign` always hashes. The way around is exact algebra, as for verification in the room
// crypto. With private key d, nonce k and r = x(kG), a signature over the number e has s = (e + r d)/k mod n. Take a fixed message
// with number e0 and d' = d e0/e. OpenSSL signs the fixed message under d': s' = (e0 + r d')/k = (e0/e)(e + r d)/k, so s = s' e/e0 is
// the signature over e under d. The nonce never leaves OpenSSL; d takes part in one multiplication outside of it, for one signature.
import { createECDH, createPrivateKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import {
  encodeEcdsaSignature,
  type PublicKey,
  parseEcdsaSignature,
  parsePublicKey,
  type SignatureScheme,
  type Signer,
  sha256,
} from "../crypto/index.ts";
import { concatBytes, encodeBase64Url, encodeHex, encodeUtf8, parseBase64Url, parseHex } from "../encoding/index.ts";

/** A signer that can also sign a SHA-256 digest, so that a file of any size is hashed once. */
export interface DigestSigner extends Signer {
  /** Sign a message of which only the SHA-256 digest is known; the signature is as `sign` would make it over the message. */
  signDigest(digest: Uint8Array): Promise<Uint8Array>;
}

/** A signer with a fresh P-256 key that is kept in memory alone. */
export function createEphemeralSigner(): DigestSigner {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const parsed: PublicKey = parsePublicKey(new Uint8Array(publicKey.export({ format: "der", type: "spki" })));
  const scheme: SignatureScheme = { type: "ecdsa-p256", hash: "sha256" };
  return {
    publicKey: parsed,
    scheme,
    sign: async (message) => signBytes(privateKey, message),
    signDigest: async (digest) => signDigest(privateKey, digest),
  };
}

// The order of P-256, a prime.
const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const fixedMessage = encodeUtf8("Sigillum: the fixed message of ECDSA signing over a digest");
const fixedNumber = integerOf(sha256(fixedMessage));

function signDigest(privateKey: KeyObject, digest: Uint8Array): Uint8Array {
  if (digest.length !== 32) throw new TypeError(`A SHA-256 digest has 32 bytes, not ${digest.length}`);
  const number = integerOf(digest) % order;
  // One digest in 2^256: FIPS 186-5 would sign it, this way cannot.
  if (number === 0n) throw new TypeError("The digest is a multiple of the curve's order");
  const factor = (fixedNumber * invert(number)) % order;
  const { r, s } = parseEcdsaSignature("ecdsa-p256", signBytes(scaledKey(privateKey, factor), fixedMessage));
  return encodeEcdsaSignature("ecdsa-p256", concatBytes(octetsOf(r), octetsOf((s * invert(factor)) % order)));
}

function scaledKey(privateKey: KeyObject, factor: bigint): KeyObject {
  const scalar = privateKey.export({ format: "jwk" }).d;
  if (scalar === undefined) throw new TypeError("An EC private key has a scalar");
  const d = octetsOf((integerOf(parseBase64Url(scalar)) * factor) % order);
  const ecdh = createECDH("prime256v1");
  ecdh.setPrivateKey(d);
  const point = new Uint8Array(ecdh.getPublicKey());
  const [x, y] = [encodeBase64Url(point.subarray(1, 33)), encodeBase64Url(point.subarray(33))];
  return createPrivateKey({ format: "jwk", key: { kty: "EC", crv: "P-256", d: encodeBase64Url(d), x, y } });
}

function signBytes(key: KeyObject, message: Uint8Array): Uint8Array {
  return new Uint8Array(sign("sha256", message, { key, dsaEncoding: "der" }));
}

function integerOf(bytes: Uint8Array): bigint {
  return BigInt(`0x${encodeHex(bytes)}`);
}

function octetsOf(value: bigint): Uint8Array {
  return parseHex(value.toString(16).padStart(64, "0"));
}

// Fermat: a^(n-2) is the inverse of a modulo a prime n.
function invert(value: bigint): bigint {
  let [result, base, exponent] = [1n, value % order, order - 2n];
  for (; exponent > 0n; exponent >>= 1n) {
    if ((exponent & 1n) === 1n) result = (result * base) % order;
    base = (base * base) % order;
  }
  return result;
}
