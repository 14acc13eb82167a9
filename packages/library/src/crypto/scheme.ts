// How a key signs: digest and padding, and the names that Sigstore's protobuf gives to the combinations.
import { cryptoError } from "./errors.ts";
import type { HashAlgorithm } from "./platform-interface.ts";
import type { KeyType, PublicKey } from "./public-key.ts";

/** A way to sign. `hash` is "none" for pure Ed25519; sha512 with Ed25519 is Ed25519ph. `padding` is for RSA, pkcs1 when absent. */
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
  rsa: { type: "rsa", hash: "sha256", padding: "pkcs1" },
};

/** The scheme a key is used with when nothing else is said: the digest that fits the curve, PKCS #1 v1.5 for RSA. */
export function defaultScheme(key: PublicKey): SignatureScheme {
  return defaults[key.type];
}

/** Throw CRYPTO_SCHEME_MISMATCH or CRYPTO_SCHEME_UNSUPPORTED unless this key can be used with this scheme here. */
export function checkScheme(key: PublicKey, scheme: SignatureScheme): void {
  if (
    scheme.type !== key.type ||
    (scheme.padding !== undefined && key.type !== "rsa") ||
    ((scheme.hash === "none") !== (key.type === "ed25519") && key.type !== "ed25519")
  ) {
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
  if (key.type === "ed25519" && scheme.hash !== "none")
    throw cryptoError("CRYPTO_SCHEME_UNSUPPORTED", "Cannot use key: Ed25519ph is not carried out", {
      found: schemeName(scheme),
      expected: "pure Ed25519",
    });
}

function schemeName(scheme: SignatureScheme): string {
  return [scheme.type, scheme.padding, scheme.hash === "none" ? undefined : scheme.hash]
    .filter((part) => part !== undefined)
    .join(" ");
}
