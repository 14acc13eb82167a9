// Keys as TUF metadata lists them (TUF 1.0.34 §4.2): type, scheme, public value; and the key id, a hash of just that.

import {
  digest,
  encodePublicKeyPem,
  isMlDsa,
  isValidSignature,
  type PublicKey,
  parsePublicKey,
  parsePublicKeyPem,
  rawPublicKey,
  type SignatureScheme,
  sha256,
} from "../crypto/index.ts";
import { concatBytes, encodeHex, isSigillumError, JsonObject, type JsonValue, parseHex, quote } from "../encoding/index.ts";
import { encodeCanonicalJson } from "./canonical-json.ts";
import { tufError } from "./errors.ts";

/** A key of a root or targets file: what verifies, and the id under which roles name it. */
export interface TufKey {
  /** The id under which the file lists the key. It may differ from `tufKeyId` of the key: see `parseTufKey`. */
  readonly keyid: string;
  readonly publicKey: PublicKey;
  readonly scheme: SignatureScheme;
}

const schemes = new Map<string, SignatureScheme>([
  ["ecdsa ecdsa-sha2-nistp256", { type: "ecdsa-p256", hash: "sha256" }],
  ["ecdsa-sha2-nistp256 ecdsa-sha2-nistp256", { type: "ecdsa-p256", hash: "sha256" }],
  ["ecdsa ecdsa-sha2-nistp384", { type: "ecdsa-p384", hash: "sha384" }],
  ["ecdsa-sha2-nistp384 ecdsa-sha2-nistp384", { type: "ecdsa-p384", hash: "sha384" }],
  ["ed25519 ed25519", { type: "ed25519", hash: "none" }],
  ["rsa rsassa-pss-sha256", { type: "rsa", hash: "sha256", padding: "pss" }],
  ["rsa rsassa-pss-sha384", { type: "rsa", hash: "sha384", padding: "pss" }],
  ["rsa rsassa-pss-sha512", { type: "rsa", hash: "sha512", padding: "pss" }],
  // TAP 21; the number is the version of what is signed.
  ["ml-dsa ml-dsa-44/1", { type: "ml-dsa-44", hash: "none" }],
  ["ml-dsa ml-dsa-65/1", { type: "ml-dsa-65", hash: "none" }],
  ["ml-dsa ml-dsa-87/1", { type: "ml-dsa-87", hash: "none" }],
]);

// SubjectPublicKeyInfo of an Ed25519 key (RFC 8410 §4) and of a P-256 point (RFC 5480 §2), up to the key itself.
const ed25519Prefix = parseHex("302a300506032b6570032100");
const p256Prefix = parseHex("3059301306072a8648ce3d020106082a8648ce3d030107034200");

/**
 * Read one key of a metadata file. Accepted are ECDSA P-256 and P-384, Ed25519, RSA-PSS and ML-DSA (TAP 21), with a PEM public key;
 * Ed25519 in hex as the specification has it; and the hex point of the Sigstore roots of 2021.
 *
 * Divergence: TUF 1.0.34 §4.2 lets a client refuse a key whose id is not the hash of the key. Sigstore's own root has
 * carried one such id since version 11, so the id is taken as a name only; thresholds count public keys, never ids.
 */
export function parseTufKey(keyid: string, value: JsonValue): TufKey {
  const key = JsonObject.exact(value, `keys.${keyid}`);
  const keytype = key.string("keytype");
  const scheme = schemes.get(`${keytype} ${key.string("scheme")}`);
  if (scheme === undefined) {
    const found = `${keytype} with scheme ${key.string("scheme")}`;
    throw tufError("TUF_KEY_UNSUPPORTED", `Cannot read key ${quote(keyid)}: type ${quote(found)} is not accepted`, {
      found,
      expected: [...schemes.keys()].join(", "),
    });
  }
  const publicKey = parsePublicValue(keyid, key.object("keyval").string("public"));
  if (publicKey.type !== scheme.type) {
    throw tufError("TUF_KEY_UNSUPPORTED", `Cannot read key ${quote(keyid)}: it says ${scheme.type} and holds ${publicKey.type}`, {
      found: publicKey.type,
      expected: scheme.type,
    });
  }
  return { keyid, publicKey, scheme };
}

function parsePublicValue(keyid: string, text: string): PublicKey {
  try {
    if (text.startsWith("-----BEGIN")) return parsePublicKeyPem(text);
    const raw = parseHex(text);
    return parsePublicKey(concatBytes(raw.length === 32 ? ed25519Prefix : p256Prefix, raw));
  } catch (cause) {
    if (!isSigillumError(cause)) throw cause;
    throw tufError("TUF_KEY_UNSUPPORTED", `Cannot read key ${quote(keyid)}: ${cause.message}`, { cause });
  }
}

/** The JSON object that metadata lists for a public key: PEM for ECDSA, RSA and ML-DSA, hex for Ed25519. */
export function encodeTufKey(key: PublicKey): { [name: string]: JsonValue } {
  if (key.type === "ed25519") return { keytype: "ed25519", scheme: "ed25519", keyval: { public: encodeHex(rawPublicKey(key)) } };
  const names = new Map<string, [string, string]>([
    ["ecdsa-p256", ["ecdsa", "ecdsa-sha2-nistp256"]],
    ["ecdsa-p384", ["ecdsa", "ecdsa-sha2-nistp384"]],
    ["rsa", ["rsa", "rsassa-pss-sha256"]],
    ["ml-dsa-44", ["ml-dsa", "ml-dsa-44/1"]],
    ["ml-dsa-65", ["ml-dsa", "ml-dsa-65/1"]],
    ["ml-dsa-87", ["ml-dsa", "ml-dsa-87/1"]],
  ]).get(key.type);
  if (names === undefined) {
    throw tufError("TUF_KEY_UNSUPPORTED", `Cannot list key: type ${key.type} has no TUF scheme`, { found: key.type });
  }
  return { keytype: names[0], scheme: names[1], keyval: { public: encodePublicKeyPem(key) } };
}

/** The key id of a public key: hex SHA-256 of the canonical JSON of its object (TUF 1.0.34 §4.2). */
export function tufKeyId(key: PublicKey): string {
  return encodeHex(sha256(encodeCanonicalJson(encodeTufKey(key))));
}

// "tuf" and the version 1.
const mlDsaPrefix = parseHex("74756601");

/** What a key of a type signs for the canonical bytes of a file: those, or for ML-DSA their SHA-512 behind a prefix (TAP 21). */
export function tufMessage({ type }: Pick<PublicKey, "type">, signedBytes: Uint8Array): Uint8Array {
  return isMlDsa(type) ? concatBytes(mlDsaPrefix, digest("sha512", signedBytes)) : signedBytes;
}

/** Whether `signature` is by `key` over the canonical bytes of a file; an empty or malformed signature is simply not valid. */
export function isSignedBy({ publicKey, scheme }: TufKey, signedBytes: Uint8Array, signature: Uint8Array): boolean {
  return signature.length > 0 && isValidSignature(publicKey, scheme, tufMessage(publicKey, signedBytes), signature);
}
