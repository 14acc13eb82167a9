// The signature of a token (RFC 7515 §5.2), apart from everything that a token says: what another thread can check.
import { constants, createPublicKey, type KeyObject, verify } from "node:crypto";
import { encodeUtf8, isSigillumError, parseBase64Url } from "@sigillum/library/encoding";

/** A signature to check: a compact token, its algorithm, and the key, which was judged before. */
export interface TokenSignature {
  readonly compact: string;
  readonly algorithm: string;
  /** SubjectPublicKeyInfo in PEM. */
  readonly publicKey: string;
}

/** Whether the signature of a token is by a key. Claims, and whose key it is, are not looked at. */
export type TokenSignatureCheck = (signature: TokenSignature) => boolean | Promise<boolean>;

interface Algorithm {
  readonly kty: string;
  readonly crv?: string;
  /** Undefined for Ed25519, which hashes by itself. */
  readonly hash?: "sha256" | "sha384" | "sha512";
  readonly pss?: boolean;
}

/** Algorithms that are ever accepted (RFC 7518 §3.1, RFC 8037); those with a shared secret, and none, never are. */
export const knownAlgorithms: ReadonlyMap<string, Algorithm> = new Map<string, Algorithm>([
  ["RS256", { kty: "RSA", hash: "sha256" }],
  ["RS384", { kty: "RSA", hash: "sha384" }],
  ["RS512", { kty: "RSA", hash: "sha512" }],
  ["PS256", { kty: "RSA", hash: "sha256", pss: true }],
  ["PS384", { kty: "RSA", hash: "sha384", pss: true }],
  ["PS512", { kty: "RSA", hash: "sha512", pss: true }],
  ["ES256", { kty: "EC", crv: "P-256", hash: "sha256" }],
  ["ES384", { kty: "EC", crv: "P-384", hash: "sha384" }],
  ["ES512", { kty: "EC", crv: "P-521", hash: "sha512" }],
  ["EdDSA", { kty: "OKP", crv: "Ed25519" }],
  ["Ed25519", { kty: "OKP", crv: "Ed25519" }],
]);

/** RFC 7515 §5.2 step 8: the signature over header and payload as they were sent. An algorithm that is not known is false. */
export function isTokenSigned({ compact, algorithm: name, publicKey }: TokenSignature): boolean {
  const algorithm = knownAlgorithms.get(name);
  if (algorithm === undefined) return false;
  const dot = compact.lastIndexOf(".");
  let signature: Uint8Array;
  try {
    signature = parseBase64Url(compact.slice(dot + 1));
  } catch (cause) {
    if (!isSigillumError(cause)) throw cause;
    return false;
  }
  const input = encodeUtf8(compact.slice(0, dot));
  const key = importedKey(publicKey);
  // RFC 7518 §3.4: r and s side by side; §3.5: a salt as long as the hash.
  const padding = algorithm.pss === true ? constants.RSA_PKCS1_PSS_PADDING : constants.RSA_PKCS1_PADDING;
  const options =
    algorithm.kty === "RSA"
      ? { key, padding, ...(algorithm.pss === true ? { saltLength: constants.RSA_PSS_SALTLEN_DIGEST } : {}) }
      : { key, dsaEncoding: "ieee-p1363" as const };
  return verify(algorithm.hash ?? null, input, options, signature);
}

/** More imported keys are not kept: the oldest makes room. */
const maxImportedKeys = 256;
const importedKeys = new Map<string, KeyObject>();

function importedKey(pem: string): KeyObject {
  const known = importedKeys.get(pem);
  if (known !== undefined) return known;
  const key = createPublicKey(pem);
  importedKeys.set(pem, key);
  for (const oldest of importedKeys.keys()) {
    if (importedKeys.size <= maxImportedKeys) break;
    importedKeys.delete(oldest);
  }
  return key;
}
