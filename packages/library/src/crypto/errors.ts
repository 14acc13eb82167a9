// The codes of the room `crypto`.
import { defineErrors, type ErrorMaker } from "../encoding/index.ts";

/** Every error code of this room. */
export const cryptoErrors = {
  PUBLIC_KEY_MALFORMED: {
    kind: "malformed",
    means: "Bytes are no SubjectPublicKeyInfo, or not in the one form that DER and RFC 5480 give it.",
  },
  PUBLIC_KEY_TRAILING_BYTES: { kind: "malformed", means: "Bytes follow a SubjectPublicKeyInfo." },
  PUBLIC_KEY_PEM_LABEL: { kind: "malformed", means: "A PEM text holds something other than exactly one PUBLIC KEY block." },
  PUBLIC_KEY_ALGORITHM_UNKNOWN: {
    kind: "malformed",
    means: "A public key is of an algorithm that is not supported; ECDSA, Ed25519, RSA and ML-DSA are.",
  },
  PUBLIC_KEY_CURVE_UNKNOWN: {
    kind: "malformed",
    means: "An EC public key is on a named curve other than P-256, P-384 and P-521.",
  },
  PUBLIC_KEY_CURVE_EXPLICIT: { kind: "malformed", means: "An EC public key spells its curve out instead of naming it." },
  PUBLIC_KEY_POINT_COMPRESSED: { kind: "malformed", means: "An EC public key gives its point in compressed or hybrid form." },
  PUBLIC_KEY_POINT_INVALID: { kind: "malformed", means: "An EC public key's point has the wrong length or is not on its curve." },
  PUBLIC_KEY_RSA_TOO_SMALL: { kind: "malformed", means: "An RSA modulus has fewer than 2048 bits." },
  PUBLIC_KEY_RSA_TOO_LARGE: { kind: "malformed", means: "An RSA modulus has more than 16384 bits." },
  PUBLIC_KEY_RSA_EXPONENT: { kind: "malformed", means: "An RSA public exponent is even, below 3 or above 2^32." },
  PUBLIC_KEY_NEEDS_NEWER_PLATFORM: {
    kind: "state",
    means: "A public key is of ML-DSA, which this version of Node cannot use; Node 24.7 and newer can.",
  },
  PRIVATE_KEY_MALFORMED: { kind: "malformed", means: "Bytes are no private key in PKCS #8 form." },
  ECDSA_SIGNATURE_MALFORMED: {
    kind: "malformed",
    means: "Bytes are no DER ECDSA signature, or r or s is outside 1 to the curve's order less one.",
  },
  CRYPTO_SCHEME_MISMATCH: {
    kind: "verification",
    means: "A key is of another type than the signature scheme it is to be used with.",
  },
  CRYPTO_SCHEME_UNSUPPORTED: {
    kind: "verification",
    means: "A signature scheme is known but not carried out: SHA-1 signatures, signing with Ed25519ph, signing in a browser.",
  },
  CRYPTO_DIGEST_LENGTH: {
    kind: "verification",
    means: "A digest has another length than the hash algorithm it is said to come from.",
  },
  CRYPTO_DIGEST_ONLY_UNSUPPORTED: {
    kind: "verification",
    means: "A pure Ed25519 or ML-DSA signature cannot be verified from a digest; the whole message is needed.",
  },
  CRYPTO_KEY_DETAILS_UNKNOWN: { kind: "state", means: "No PublicKeyDetails name exists for this key and signature scheme." },
} as const;

/** Make an error of this room. */
export const cryptoError: ErrorMaker<typeof cryptoErrors> = defineErrors(cryptoErrors);
