// Ed25519ph (RFC 8032 §5.1): Ed25519 over SHA-512 of the message. It can be verified from the digest alone, which is why Rekor asks for it.
// And pure Ed25519, for a platform that has none.
import { concatBytes, encodeUtf8 } from "../encoding/index.ts";
import { digest } from "./digest.ts";
import { isEdwardsSignature, littleEndianInteger } from "./edwards.ts";
import { ed25519SpkiPrefix } from "./spki.ts";

// dom2(1, ""): RFC 8032 §2, phflag 1 and an empty context.
const domain = concatBytes(encodeUtf8("SigEd25519 no Ed25519 collisions"), Uint8Array.of(1, 0));

/** Whether an Ed25519ph signature is valid for a message with this SHA-512 digest, under a key. Never throws for bad signature bytes. */
export function isValidEd25519phOverDigest(spki: Uint8Array, messageDigest: Uint8Array, signature: Uint8Array): boolean {
  const key = spki.subarray(ed25519SpkiPrefix.length);
  // RFC 8032 §5.1.7 step 2
  const k = littleEndianInteger(digest("sha512", domain, signature.subarray(0, 32), key, messageDigest));
  return isEdwardsSignature(key, k, signature);
}

/** Whether a pure Ed25519 signature is valid for a message under a key, as the platform of Node says it. Never throws for bad signature bytes. */
export function isValidEd25519(spki: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const key = spki.subarray(ed25519SpkiPrefix.length);
  return isEdwardsSignature(key, littleEndianInteger(digest("sha512", signature.subarray(0, 32), key, message)), signature);
}
