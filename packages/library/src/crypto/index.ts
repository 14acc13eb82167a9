// Digests, keys, signatures, and the Signer interface.
export type { EcKeyType } from "./curve.ts";
export { blake2b512, createHasher, digest, digestLength, sha256, sha256Latin1 } from "./digest.ts";
export { type EcdsaSignature, encodeEcdsaSignature, parseEcdsaSignature, rawEcdsaSignature } from "./ecdsa-signature.ts";
export { cryptoError, cryptoErrors } from "./errors.ts";
export { isKeyDetails, isPkcs1KeyDetails, type KeyDetails, keyDetailsOf, schemeOfKeyDetails } from "./key-details.ts";
export type { HashAlgorithm, Hasher } from "./platform-interface.ts";
export {
  encodePublicKeyPem,
  type KeyType,
  maxRsaBits,
  minRsaBits,
  type PublicKey,
  parsePkcs1PublicKey,
  parsePublicKey,
  parsePublicKeyPem,
  rawPublicKey,
} from "./public-key.ts";
export { isValidSha1RsaSignature } from "./rsa-digest.ts";
export { defaultScheme, type SignatureScheme } from "./scheme.ts";
export { isValidSignature, isValidSignatureOverDigest } from "./signature.ts";
export { createSigner, type Signer } from "./signer.ts";
export { isMlDsa, type MlDsaKeyType } from "./spki.ts";
