// Keys that sign notes, and their key ids: C2SP signed-note "Signature types", transparency-log key ids of Rekor.
//
//   key id = SHA-256(name ‖ 0x0A ‖ type byte ‖ key material); its first four bytes stand in a signature line.
//   Ed25519 0x01 and timestamped cosignature 0x04: 32-byte key. ML-DSA-44 cosignature 0x06: 1,312-byte key. ECDSA: SHA-256 of the SPKI alone.
//   RSA: 0xFF ‖ "PKIX-RSA-PKCS#1v1.5" ‖ SPKI.

import { defaultScheme, type PublicKey, parsePublicKey, rawPublicKey, type SignatureScheme, sha256 } from "../crypto/index.ts";
import {
  concatBytes,
  encodeBase64,
  encodeHex,
  encodeUtf8,
  equalBytes,
  isSigillumError,
  parseBase64,
  parseHex,
  quote,
} from "../encoding/index.ts";
import { checkpointError } from "./errors.ts";
import { requireKeyName } from "./signed-note.ts";

/** A key under its name, as a signature line refers to it. */
export interface NoteKey {
  readonly name: string;
  readonly publicKey: PublicKey;
  readonly scheme: SignatureScheme;
  /** All 32 bytes; the first four are the hint in a signature line. Rekor v2 calls the whole `logId.keyId`. */
  readonly keyId: Uint8Array;
}

const newline = Uint8Array.of(0x0a);
const ed25519Type = Uint8Array.of(0x01);
const cosignatureType = Uint8Array.of(0x04);
const mlDsaCosignatureType = Uint8Array.of(0x06);
const longType = concatBytes(Uint8Array.of(0xff), encodeUtf8("PKIX-RSA-PKCS#1v1.5"));

/** The key of a log: how it signs its own notes. ECDSA keys have the id that Rekor v1 gives to every key: SHA-256 of the SPKI. */
export function noteKey(name: string, publicKey: PublicKey, scheme: SignatureScheme = defaultScheme(publicKey)): NoteKey {
  requireKeyName(name);
  return { name, publicKey, scheme, keyId: noteKeyId(name, publicKey) };
}

/** The key of a cosigner that signs with a time: Ed25519 (type 0x04) or ML-DSA-44 (type 0x06). A log is a cosigner of its own checkpoints. */
export function cosignerKey(name: string, publicKey: PublicKey): NoteKey {
  requireKeyName(name);
  const type = publicKey.type === "ml-dsa-44" ? mlDsaCosignatureType : cosignatureType;
  return { name, publicKey, scheme: cosignatureScheme(publicKey), keyId: namedKeyId(name, type, rawPublicKey(publicKey)) };
}

/** The first four bytes of a key id, as they stand in a signature line. */
export function keyHint(key: NoteKey): Uint8Array {
  return key.keyId.slice(0, 4);
}

function noteKeyId(name: string, publicKey: PublicKey): Uint8Array {
  switch (publicKey.type) {
    case "ed25519":
      return namedKeyId(name, ed25519Type, rawPublicKey(publicKey));
    case "rsa":
      return namedKeyId(name, longType, publicKey.spki);
    default:
      return sha256(publicKey.spki);
  }
}

function namedKeyId(name: string, type: Uint8Array, material: Uint8Array): Uint8Array {
  return sha256(encodeUtf8(name), newline, type, material);
}

function cosignatureScheme(publicKey: PublicKey): SignatureScheme {
  if (publicKey.type === "ed25519" || publicKey.type === "ml-dsa-44") return defaultScheme(publicKey);
  throw checkpointError(
    "NOTE_KEY_UNSUPPORTED",
    `Cannot use a key of type ${publicKey.type} for cosignatures: only ed25519 and ml-dsa-44 are supported`,
    {
      found: publicKey.type,
      expected: "ed25519 or ml-dsa-44",
    },
  );
}

/** Write the verifier key text of an Ed25519 key: `name+<8 hex of the id>+<base64(type ‖ key)>`; also of a cosigner, ML-DSA-44 included. */
export function encodeVerifierKey(key: NoteKey): string {
  const raw = rawPublicKey(key.publicKey);
  const type = [ed25519Type, cosignatureType, mlDsaCosignatureType].find((candidate) =>
    equalBytes(namedKeyId(key.name, candidate, raw), key.keyId),
  );
  if (type === undefined) {
    throw checkpointError(
      "NOTE_KEY_UNSUPPORTED",
      `Cannot write the verifier key of ${quote(key.name)}: its key id is not derived from its name and key`,
    );
  }
  return `${key.name}+${encodeHex(keyHint(key))}+${encodeBase64(concatBytes(type, raw))}`;
}

// SubjectPublicKeyInfo of an Ed25519 key up to the 32 bytes of the key (RFC 8410 §4).
const ed25519SpkiPrefix = Uint8Array.of(0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00);

// SubjectPublicKeyInfo of an ML-DSA-44 key up to the 1,312 bytes of the key (RFC 9881 §4).
const mlDsa44SpkiPrefix = parseHex("30820532300b06096086480165030403110382052100");

/** Read a verifier key text of an Ed25519 log key (type 0x01) or of a cosigner (0x04, 0x06). The id in it has been recomputed. */
export function parseVerifierKey(text: string): NoteKey {
  // Split at the first and second plus: base64 may have more of them.
  const match = /^([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+=*)$/.exec(text);
  if (match === null) throw malformedKey(text, "it has not the form name+id+key");
  const [, name = "", id = "", material = ""] = match;
  requireKeyName(name);
  const bytes = keyMaterial(text, material);
  const [type] = bytes;
  const octets = type === 0x01 || type === 0x04 ? 32 : type === 0x06 ? 1312 : undefined;
  if (octets === undefined) {
    throw checkpointError(
      "NOTE_KEY_UNSUPPORTED",
      `Cannot use verifier key ${quote(text)}: its type is ${type}, only 1, 4 and 6 are supported`,
      {
        found: String(type),
        expected: "1, 4 or 6",
      },
    );
  }
  if (bytes.length !== 1 + octets) throw malformedKey(text, `its key has ${bytes.length - 1} bytes, expected ${octets}`);
  // Where the platform has no ML-DSA this throws PUBLIC_KEY_NEEDS_NEWER_PLATFORM, which names the Node that has.
  const publicKey = parsePublicKey(concatBytes(type === 0x06 ? mlDsa44SpkiPrefix : ed25519SpkiPrefix, bytes.subarray(1)));
  const key = type === 0x01 ? noteKey(name, publicKey) : cosignerKey(name, publicKey);
  if (encodeHex(keyHint(key)) !== id)
    throw malformedKey(text, `its id is ${id}, its name and key give ${encodeHex(keyHint(key))}`);
  return key;
}

function keyMaterial(text: string, base64: string): Uint8Array {
  try {
    return parseBase64(base64);
  } catch (cause) {
    if (!isSigillumError(cause)) throw cause;
    throw malformedKey(text, "its key is not base64");
  }
}

function malformedKey(text: string, reason: string): Error {
  return checkpointError("NOTE_KEY_MALFORMED", `Cannot parse verifier key ${quote(text)}: ${reason}`, { found: quote(text) });
}
