// PublicKeyDetails of sigstore_common.proto: every name that a trusted root or a log entry may hold, and what it means.
import { cryptoError } from "./errors.ts";
import type { PublicKey } from "./public-key.ts";
import type { SignatureScheme } from "./scheme.ts";

/** A name of PublicKeyDetails. */
export type KeyDetails =
  | "PUBLIC_KEY_DETAILS_UNSPECIFIED"
  | "PKCS1_RSA_PKCS1V5"
  | "PKCS1_RSA_PSS"
  | "PKIX_RSA_PKCS1V5"
  | "PKIX_RSA_PSS"
  | "PKIX_ECDSA_P256_SHA_256"
  | "PKIX_ECDSA_P256_HMAC_SHA_256"
  | "PKIX_ED25519"
  | "PKIX_ED25519_PH"
  | "PKIX_RSA_PKCS1V15_2048_SHA256"
  | "PKIX_RSA_PKCS1V15_3072_SHA256"
  | "PKIX_RSA_PKCS1V15_4096_SHA256"
  | "PKIX_ECDSA_P384_SHA_384"
  | "PKIX_ECDSA_P521_SHA_512"
  | "LMS_SHA256"
  | "LMOTS_SHA256"
  | "PKIX_RSA_PSS_2048_SHA256"
  | "PKIX_RSA_PSS_3072_SHA256"
  | "PKIX_RSA_PSS_4096_SHA256"
  | "PKIX_ECDSA_P384_SHA_256"
  | "PKIX_ECDSA_P521_SHA_256"
  | "ML_DSA_65"
  | "ML_DSA_87"
  | "ML_DSA_44";

const p256: SignatureScheme = { type: "ecdsa-p256", hash: "sha256" };
const pkcs1: SignatureScheme = { type: "rsa", hash: "sha256", padding: "pkcs1" };
const pss: SignatureScheme = { type: "rsa", hash: "sha256", padding: "pss" };

/** Each name with its scheme; undefined for one that must parse and that we cannot verify with. */
const schemes: Readonly<Record<KeyDetails, SignatureScheme | undefined>> = {
  PUBLIC_KEY_DETAILS_UNSPECIFIED: undefined,
  PKCS1_RSA_PKCS1V5: pkcs1, // deprecated; the key is RSAPublicKey, not SubjectPublicKeyInfo
  PKCS1_RSA_PSS: pss, // deprecated; likewise
  PKIX_RSA_PKCS1V5: pkcs1, // deprecated
  PKIX_RSA_PSS: pss, // deprecated
  PKIX_ECDSA_P256_SHA_256: p256,
  PKIX_ECDSA_P256_HMAC_SHA_256: p256, // deprecated: RFC 6979, which verifies the same
  PKIX_ED25519: { type: "ed25519", hash: "none" },
  PKIX_ED25519_PH: { type: "ed25519", hash: "sha512" },
  PKIX_RSA_PKCS1V15_2048_SHA256: pkcs1,
  PKIX_RSA_PKCS1V15_3072_SHA256: pkcs1,
  PKIX_RSA_PKCS1V15_4096_SHA256: pkcs1,
  PKIX_ECDSA_P384_SHA_384: { type: "ecdsa-p384", hash: "sha384" },
  PKIX_ECDSA_P521_SHA_512: { type: "ecdsa-p521", hash: "sha512" },
  LMS_SHA256: undefined, // deprecated
  LMOTS_SHA256: undefined, // deprecated
  PKIX_RSA_PSS_2048_SHA256: pss,
  PKIX_RSA_PSS_3072_SHA256: pss,
  PKIX_RSA_PSS_4096_SHA256: pss,
  PKIX_ECDSA_P384_SHA_256: { type: "ecdsa-p384", hash: "sha256" }, // deprecated
  PKIX_ECDSA_P521_SHA_256: { type: "ecdsa-p521", hash: "sha256" }, // deprecated
  ML_DSA_65: { type: "ml-dsa-65", hash: "none" }, // experimental
  ML_DSA_87: { type: "ml-dsa-87", hash: "none" }, // experimental
  ML_DSA_44: { type: "ml-dsa-44", hash: "none" }, // experimental
};

/** Whether a text is a name of PublicKeyDetails, supported or not. */
export function isKeyDetails(name: string): name is KeyDetails {
  return Object.hasOwn(schemes, name);
}

/** The scheme a PublicKeyDetails name stands for; undefined for one that is unknown, or known and not supported. */
export function schemeOfKeyDetails(name: string): SignatureScheme | undefined {
  return isKeyDetails(name) ? schemes[name] : undefined;
}

/** Whether the key beside this name is an RSAPublicKey of PKCS #1 instead of a SubjectPublicKeyInfo. */
export function isPkcs1KeyDetails(name: string): boolean {
  return name === "PKCS1_RSA_PKCS1V5" || name === "PKCS1_RSA_PSS";
}

/** The name to write for a key and its scheme; throws CRYPTO_KEY_DETAILS_UNKNOWN where the registry has none, as for RSA of 2304 bits. */
export function keyDetailsOf(scheme: SignatureScheme, key: PublicKey): KeyDetails {
  const name = nameOf(scheme, key);
  if (scheme.type !== key.type || name === undefined || !isKeyDetails(name)) {
    const found = [scheme.type, scheme.padding, scheme.hash, key.bits].filter((part) => part !== undefined).join(" ");
    throw cryptoError("CRYPTO_KEY_DETAILS_UNKNOWN", `Cannot name key: Sigstore's registry has no name for ${found}`, { found });
  }
  return name;
}

function nameOf(scheme: SignatureScheme, key: PublicKey): string | undefined {
  const digest = scheme.hash.replace("sha", "SHA_");
  switch (scheme.type) {
    case "ecdsa-p256":
      return `PKIX_ECDSA_P256_${digest}`;
    case "ecdsa-p384":
      return `PKIX_ECDSA_P384_${digest}`;
    case "ecdsa-p521":
      return `PKIX_ECDSA_P521_${digest}`;
    case "ed25519":
      return scheme.hash === "none" ? "PKIX_ED25519" : scheme.hash === "sha512" ? "PKIX_ED25519_PH" : undefined;
    case "ml-dsa-44":
    case "ml-dsa-65":
    case "ml-dsa-87":
      return scheme.type.toUpperCase().replaceAll("-", "_");
    case "rsa":
      return `PKIX_RSA_${scheme.padding === "pss" ? "PSS" : "PKCS1V15"}_${key.bits}_${scheme.hash.toUpperCase()}`;
  }
}
