// Verifying what is about to be logged. A hashedrekord entry has only the digest, so its signature is verified over that; pure
// Ed25519 cannot be.

import {
  defaultScheme,
  digest,
  isMlDsa,
  isValidSignature,
  isValidSignatureOverDigest,
  type PublicKey,
  type SignatureScheme,
} from "../crypto/index.ts";
import { encodeHex, equalBytes } from "../encoding/index.ts";
import { type EntryHash, entryScheme } from "./algorithm.ts";
import { logEntryError } from "./errors.ts";
import type { HashedRekordV001 } from "./hashedrekord-v001.ts";
import type { HashedRekordV002 } from "./hashedrekord-v002.ts";
import { publicKeyOf } from "./verifier.ts";

/**
 * Verify the signature of a hashedrekord entry with the key in it. `message` is what was signed, for callers that have it: verifying it
 * costs less than verifying a digest. Whether the key or certificate is to be trusted was not checked.
 */
export function verifyEntrySignature(entry: HashedRekordV001 | HashedRekordV002, message?: Uint8Array): void {
  const key = publicKeyOf(entry.verifier);
  const scheme = schemeOf(entry, key);
  if (message !== undefined) requireDigest(entry, message);
  const valid =
    message === undefined
      ? isValidSignatureOverDigest(key, scheme, entry.digest, entry.signature)
      : isValidSignature(key, scheme, message, entry.signature);
  if (valid) return;
  throw logEntryError(
    "ENTRY_SIGNATURE_INVALID",
    `Cannot accept entry: its signature does not verify over ${entry.hashAlgorithm}:${encodeHex(entry.digest)}`,
  );
}

/** Whether a signature verifies over a message under the hash that the key usually has, or under SHA-256, which Rekor v1 allows any key. */
export function isValidOverMessage(key: PublicKey, message: Uint8Array, signature: Uint8Array): boolean {
  const usual = defaultScheme(key);
  if (isValidSignature(key, usual, message, signature)) return true;
  return (
    (key.type === "ecdsa-p384" || key.type === "ecdsa-p521") &&
    isValidSignature(key, { ...usual, hash: "sha256" }, message, signature)
  );
}

function schemeOf(entry: HashedRekordV001 | HashedRekordV002, key: PublicKey): SignatureScheme {
  if (isMlDsa(key.type) || (key.type === "ed25519" && entry.hashAlgorithm !== "sha512")) {
    throw logEntryError(
      "ENTRY_KEY_UNSUPPORTED",
      `Cannot accept entry: an ${key.type} signature cannot be verified over a ${entry.hashAlgorithm} digest`,
      { found: `${key.type} with ${entry.hashAlgorithm}`, expected: "ecdsa, rsa, or ed25519 with sha512 (Ed25519ph)" },
    );
  }
  // Rekor v1 names no scheme: RSA is PKCS #1 v1.5.
  if (entry.version === "0.0.1") return { ...defaultScheme(key), hash: entry.hashAlgorithm };
  const { scheme, hash } = entryScheme(entry.keyDetails, key);
  if (hash !== entry.hashAlgorithm) throw wrongHash(entry.hashAlgorithm, hash, entry.keyDetails);
  return scheme;
}

function requireDigest(entry: HashedRekordV001 | HashedRekordV002, message: Uint8Array): void {
  if (!equalBytes(digest(entry.hashAlgorithm, message), entry.digest))
    throw new TypeError("The message is not what the entry's digest is of");
}

function wrongHash(found: EntryHash, expected: EntryHash, keyDetails: string): Error {
  return logEntryError(
    "ENTRY_KEY_DETAILS_MISMATCH",
    `Cannot accept entry: its digest is ${found}, key details ${keyDetails} demand ${expected}`,
    { found, expected },
  );
}
