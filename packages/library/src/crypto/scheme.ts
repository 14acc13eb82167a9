// How a key signs: digest and padding, and the names that Sigstore's protobuf gives to the combinations.
import { cryptoError } from "./errors.ts";
import type { HashAlgorithm } from "./platform-interface.ts";
import type { KeyType, PublicKey } from "./public-key.ts";
import { isMlDsa } from "./spki.ts";

/** A way to sign. `hash` is "none" for pure Ed25519 and ML-DSA; sha512 with Ed25519 is Ed25519ph. `padding` is for RSA, pkcs1 when absent. */
export interface SignatureScheme {
  readonly type: KeyType;
  readonly hash: HashAlgorithm | "none";
  readonly padding?: "pkcs1" | "pss";
}

const defaults: Readonly<Record<KeyType, SignatureScheme>> = {
  "ecdsa-p256": { type: "ecdsa-p256", hash: "sha256" },
  "ecdsa-p384": { type: "ecdsa-p384", hash: "sha384" },
  "ecdsa-p521": { type: "ecdsa-p521", hash: "sha512" },
  ed25519: { type: "ed25519", hash: "none" },
  "ml-dsa-44": { type: "ml-dsa-44", hash: "none" },
  "ml-dsa-65": { type: "ml-dsa-65", hash: "none" },
  "ml-dsa-87": { type: "ml-dsa-87", hash: "none" },
  rsa: { type: "rsa", hash: "sha256", padding: "pkcs1" },
};

/** The scheme a key is used with when nothing else is said: the digest that fits the curve, PKCS #1 v1.5 for RSA. */
export function defaultScheme(key: PublicKey): SignatureScheme {
  return defaults[key.type];
}

/** Throw CRYPTO_SCHEME_MISMATCH or CRYPTO_SCHEME_UNSUPPORTED unless this key can be used with this scheme here. */
export function checkScheme(key: PublicKey, scheme: SignatureScheme): void {
  if (scheme.type !== key.type || (scheme.padding !== undefined && key.type !== "rsa") || !hasHashOf(key.type, scheme.hash)) {
    throw cryptoError(
      "CRYPTO_SCHEME_MISMATCH",
      `Cannot use key: it is of type ${key.type}, the signature scheme is ${schemeName(scheme)}`,
      { found: key.type, expected: schemeName(scheme) },
    );
  }
  if (scheme.hash === "sha1")
    throw cryptoError("CRYPTO_SCHEME_UNSUPPORTED", "Cannot use key: signatures over SHA-1 are not accepted", {
      found: schemeName(scheme),
    });
}

// Ed25519 and ML-DSA sign the message itself; with SHA-512 Ed25519 is Ed25519ph, and there is no other prehash of it.
function hasHashOf(type: KeyType, hash: SignatureScheme["hash"]): boolean {
  if (type === "ed25519") return hash === "none" || hash === "sha512";
  return (hash === "none") === isMlDsa(type);
}

function schemeName(scheme: SignatureScheme): string {
  return [scheme.type, scheme.padding, scheme.hash === "none" ? undefined : scheme.hash]
    .filter((part) => part !== undefined)
    .join(" ");
}
