// The algorithms of JSON Web Signatures (RFC 7518 §3, RFC 8037 §3.1).
import { type DigestName, digest, hmac, joined } from "../crypto/digest.ts";
import { hasEcdsaSignature, signEcdsa } from "../crypto/ecdsa.ts";
import { hasEd25519Signature, signEd25519 } from "../crypto/ed25519.ts";
import { fromBytes, hasPkcs1Signature, hasPssSignature, sameBytes, signPkcs1, signPss, toBytes } from "../crypto/rsa.ts";
import type { PublicKey } from "../x509/keys.ts";
import type { SigningKey, SymmetricKey } from "./jwk.ts";

/** RS256 and its siblings as family and digest. */
export function algorithmParts(alg: string): readonly [family: string, name: DigestName] {
  const bits = alg.slice(2);
  return [alg.slice(0, 2), bits === "384" ? "sha384" : bits === "512" ? "sha512" : "sha256"];
}

const curveOfDigest: Readonly<Record<string, string>> = { sha256: "P-256", sha384: "P-384", sha512: "P-521" };

/** Whether a signature is right; false too when the key is not of the algorithm's kind. */
export function isSigned(key: PublicKey | SymmetricKey, alg: string, message: Uint8Array, signature: Uint8Array): boolean {
  if (alg === "EdDSA") return key.kind === "ed25519" && hasEd25519Signature(key, message, signature);
  const [family, name] = algorithmParts(alg);
  switch (family) {
    case "RS":
      return key.kind === "rsa" && hasPkcs1Signature(key, name, message, signature);
    case "PS":
      return key.kind === "rsa" && hasPssSignature(key, name, message, signature);
    case "ES": {
      // RFC 7518 §3.4: one curve for each algorithm, and r and s of its length
      if (key.kind !== "ec" || key.curve.name !== curveOfDigest[name] || signature.length !== 2 * key.curve.bytes) return false;
      const half = key.curve.bytes;
      const [r, s] = [fromBytes(signature.subarray(0, half)), fromBytes(signature.subarray(half))];
      return hasEcdsaSignature(key, digest(name, message), r, s);
    }
    case "HS":
      return key.kind === "oct" && key.secret.length > 0 && sameBytes(hmac(name, key.secret, message), signature);
    default:
      return false;
  }
}

/** Sign; nothing when the key is not one of the algorithm. */
export function sign(key: SigningKey, alg: string, message: Uint8Array): Uint8Array | undefined {
  if (alg === "EdDSA") return key.kind === "ed25519" && "seed" in key ? signEd25519(key, message) : undefined;
  const [family, name] = algorithmParts(alg);
  if (family === "HS") return key.kind === "oct" ? hmac(name, key.secret, message) : undefined;
  if (family === "ES") {
    if (key.kind !== "ec" || !("private" in key) || key.curve.name !== curveOfDigest[name]) return undefined;
    const [r, s] = signEcdsa(key, name, digest(name, message));
    return joined(toBytes(r, key.curve.bytes), toBytes(s, key.curve.bytes));
  }
  if (key.kind !== "rsa" || !("private" in key)) return undefined;
  return family === "RS" ? signPkcs1(key, name, message) : signPss(key, name, message);
}
