// Sealed boxes of libsodium, which GitHub takes secrets in: anybody can close one for a public key, and only its holder can open it.
//
//   box = ephemeral public key (32) || crypto_box(message, nonce, public key, ephemeral private key)
//   nonce = BLAKE2b-192(ephemeral public key || public key)
//
// libsodium's documentation, "Sealed boxes"; crypto_box is X25519, HSalsa20 of the shared secret and the secretbox of this room.
import { createPublicKey, diffieHellman, generateKeyPairSync, type KeyObject } from "node:crypto";
import { concatBytes, parseHex } from "@sigillum/library/encoding";
import { hsalsa20Key, openSecretbox, sealSecretbox } from "./secretbox.ts";

const keyBytes = 32;
const nonceBytes = 24;
/** SubjectPublicKeyInfo of an X25519 key up to the key itself (RFC 8410 §4). */
const spkiPrefix = parseHex("302a300506032b656e032100");

/** Close a box for the holder of an X25519 public key of 32 octets. No two boxes are alike. */
export async function sealBox(message: Uint8Array, publicKey: Uint8Array): Promise<Uint8Array> {
  if (publicKey.length !== keyBytes)
    throw new TypeError(`sealed box: found a public key of ${publicKey.length} octets, expected 32`);
  const ephemeral = generateKeyPairSync("x25519");
  const ephemeralPublic = rawOf(ephemeral.publicKey);
  const key = boxKey(ephemeral.privateKey, publicKey);
  return concatBytes(ephemeralPublic, sealSecretbox(message, await nonceOf(ephemeralPublic, publicKey), key));
}

/** Open a box with the X25519 private key that it was closed for; undefined where it was not, or was changed. */
export async function openSealedBox(box: Uint8Array, privateKey: KeyObject): Promise<Uint8Array | undefined> {
  if (box.length < keyBytes) return undefined;
  const ephemeralPublic = box.slice(0, keyBytes);
  const nonce = await nonceOf(ephemeralPublic, rawOf(createPublicKey(privateKey)));
  return openSecretbox(box.subarray(keyBytes), nonce, boxKey(privateKey, ephemeralPublic));
}

// OpenSSL refuses points of small order, with which the shared secret would be known to all.
function boxKey(privateKey: KeyObject, publicKey: Uint8Array): Uint8Array {
  const peer = createPublicKey({ key: Buffer.from(concatBytes(spkiPrefix, publicKey)), format: "der", type: "spki" });
  return hsalsa20Key(new Uint8Array(diffieHellman({ privateKey, publicKey: peer })));
}

// Node has BLAKE2b of 64 octets alone, and a shorter one is another function, not its beginning.
async function nonceOf(ephemeralPublic: Uint8Array, publicKey: Uint8Array): Promise<Uint8Array> {
  const { blake2b } = await import("@noble/hashes/blake2.js");
  return blake2b(concatBytes(ephemeralPublic, publicKey), { dkLen: nonceBytes });
}

function rawOf(key: KeyObject): Uint8Array {
  return new Uint8Array(key.export({ format: "der", type: "spki" })).subarray(spkiPrefix.length);
}
