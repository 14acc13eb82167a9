// Verifying signatures, over a message or over its digest.
import { digestLength, digest as digestOf } from "./digest.ts";
import { isValidEcdsaOverDigest } from "./ecdsa-digest.ts";
import { isValidEd25519, isValidEd25519phOverDigest } from "./ed25519ph.ts";
import { cryptoError } from "./errors.ts";
import { type HashAlgorithm, platform } from "./platform-interface.ts";
import { handleOf, type PublicKey } from "./public-key.ts";
import { isValidRsaOverDigest } from "./rsa-digest.ts";
import { checkScheme, type SignatureScheme } from "./scheme.ts";
import { isMlDsa } from "./spki.ts";

/**
 * Whether a signature over a message is valid under a key. ECDSA signatures are strict DER. Bad signature bytes give false, never an
 * error; a key that does not fit the scheme throws CRYPTO_SCHEME_MISMATCH, a scheme that is not carried out CRYPTO_SCHEME_UNSUPPORTED.
 */
export function isValidSignature(key: PublicKey, scheme: SignatureScheme, message: Uint8Array, signature: Uint8Array): boolean {
  checkScheme(key, scheme);
  if (key.type === "ed25519" && scheme.hash === "sha512")
    return isValidEd25519phOverDigest(key.spki, digestOf("sha512", message), signature);
  const [handle, padding] = [handleOf(key), key.type === "rsa" ? (scheme.padding ?? "pkcs1") : undefined];
  // RFC 8017 §8.1.2 step 1. OpenSSL leaves it out for PSS and takes a signature whose leading zero octet is gone.
  if (padding !== undefined && signature.length !== Math.ceil((key.bits ?? 0) / 8)) return false;
  if (!platform.verifiesRsaAndEd25519) {
    if (key.type === "ed25519") return isValidEd25519(key.spki, message, signature);
    if (padding !== undefined && scheme.hash !== "none")
      return isValidRsaOverDigest(key, scheme.hash, padding, digestOf(scheme.hash, message), signature);
  }
  return platform.verify(handle, scheme.hash === "none" ? undefined : scheme.hash, padding, message, signature);
}

/**
 * Whether a signature is valid for a message with this digest, as `isValidSignature` would say with the message. Pure Ed25519 and
 * ML-DSA throw CRYPTO_DIGEST_ONLY_UNSUPPORTED, because they sign the message itself.
 */
export function isValidSignatureOverDigest(
  key: PublicKey,
  scheme: SignatureScheme,
  digest: Uint8Array,
  signature: Uint8Array,
): boolean {
  checkScheme(key, scheme);
  if (scheme.hash === "none" || isMlDsa(key.type)) {
    throw cryptoError(
      "CRYPTO_DIGEST_ONLY_UNSUPPORTED",
      `Cannot verify signature: ${key.type} needs the message, and only its digest is there`,
      { found: "a digest", expected: "the message" },
    );
  }
  checkDigestLength(scheme.hash, digest);
  if (key.type === "rsa") return isValidRsaOverDigest(key, scheme.hash, scheme.padding ?? "pkcs1", digest, signature);
  if (key.type === "ed25519") return isValidEd25519phOverDigest(key.spki, digest, signature);
  return isValidEcdsaOverDigest(key, key.type, digest, signature);
}

function checkDigestLength(hash: HashAlgorithm, digest: Uint8Array): void {
  const expected = digestLength(hash);
  if (digest.length === expected) return;
  throw cryptoError(
    "CRYPTO_DIGEST_LENGTH",
    `Cannot verify signature: the digest has ${digest.length} octets, and ${hash} gives ${expected}`,
    { found: `${digest.length}`, expected: `${expected}` },
  );
}
