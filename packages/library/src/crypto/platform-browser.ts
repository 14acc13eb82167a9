// The cryptography of a browser, whose own (WebCrypto) answers later and not at once: elliptic curves and digests of @noble, in plain
// JavaScript. It is chosen as `#platform` by the condition `browser`. Only public values pass through it: it signs nothing.
import { p256, p384, p521 } from "@noble/curves/nist.js";
import { blake2b } from "@noble/hashes/blake2.js";
import { sha1 } from "@noble/hashes/legacy.js";
import { sha256, sha384, sha512 } from "@noble/hashes/sha2.js";
import type { PrivateKeyHandle, PublicKeyHandle } from "#platform";
import { DerReader, parseDer } from "../encoding/index.ts";
import { type Curve, curves, type EcKeyType, integerOf, octetsOf } from "./curve.ts";
import { ed25519SpkiPrefix, mlDsaForms } from "./spki.ts";

type Digest = "sha1" | "sha256" | "sha384" | "sha512";

/** RSA and Ed25519 are verified by the room itself, over `rsaPublicOperation` and its own arithmetic. */
export const verifiesRsaAndEd25519: boolean = false;
/** A private key in plain JavaScript would be read in varying time. */
export const signs: boolean = false;

const hashes = { sha1, sha256, sha384, sha512 } as const;
const engines = { "ecdsa-p256": p256, "ecdsa-p384": p384, "ecdsa-p521": p521 } as const;

type Key =
  | { readonly type: EcKeyType; readonly point: Uint8Array }
  | { readonly type: "rsa"; readonly modulus: Uint8Array; readonly exponent: Uint8Array }
  | { readonly type: "ed25519" };

/** The digest of one byte string. */
export function digestOf(algorithm: Digest, bytes: Uint8Array): Uint8Array {
  return hashes[algorithm](bytes);
}

/** BLAKE2b with 64 octets (RFC 7693). */
export function blake2b512(bytes: Uint8Array): Uint8Array {
  return blake2b(bytes, { dkLen: 64 });
}

/** SHA-256 of a string of octets, to a string of octets. */
export function sha256Latin1(octets: string): string {
  const bytes = new Uint8Array(octets.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = octets.charCodeAt(i);
  return String.fromCharCode(...sha256(bytes));
}

/** Bytes as a string of octets. */
export function octetString(bytes: Uint8Array): string {
  let text = "";
  for (const octet of bytes) text += String.fromCharCode(octet);
  return text;
}

/** A digest that is fed in parts. */
export function createHasher(algorithm: Digest): { update(bytes: Uint8Array): void; digest(): Uint8Array } {
  const inner = hashes[algorithm].create();
  return {
    update(bytes) {
      inner.update(bytes);
    },
    digest: () => inner.digest(),
  };
}

/** Import a SubjectPublicKeyInfo whose form was checked; throws for a point that is not on its curve, and for ML-DSA. */
export function importPublicKey(spki: Uint8Array): PublicKeyHandle {
  const curve = curves.find(({ spkiPrefix, octets }) => hasForm(spki, spkiPrefix, 2 * octets));
  if (curve !== undefined) return handle({ type: curve.type, point: checkedPoint(curve, spki) });
  if (hasForm(spki, ed25519SpkiPrefix, 32)) return handle({ type: "ed25519" });
  if (mlDsaForms.some((form) => hasForm(spki, form.spkiPrefix, form.octets))) throw new Error("ML-DSA is not carried out here");
  const info = DerReader.sequence(spki, "SubjectPublicKeyInfo");
  info.sequence("algorithm");
  const numbers = DerReader.sequence(parseDer(info.bitString("subjectPublicKey")), "RSAPublicKey");
  return handle({
    type: "rsa",
    modulus: numbers.unsignedInteger("modulus"),
    exponent: numbers.unsignedInteger("publicExponent"),
  });
}

/** Private keys are not for plain JavaScript. */
export function importPrivateKey(): { readonly handle: PrivateKeyHandle; readonly spki: Uint8Array } {
  throw new Error("this platform signs nothing");
}

/** Private keys are not for plain JavaScript. */
export function sign(): Promise<Uint8Array> {
  return Promise.reject(new Error("this platform signs nothing"));
}

/** Whether an ECDSA signature in DER over a message is valid; the other kinds of keys never come here. */
export function verify(
  publicKey: PublicKeyHandle,
  digest: Digest | undefined,
  _padding: "pkcs1" | "pss" | undefined,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  const key = keyOf(publicKey);
  if (key.type === "rsa" || key.type === "ed25519" || digest === undefined)
    throw new TypeError(`this platform verifies ECDSA alone, and not ${key.type}`);
  try {
    // As OpenSSL has it: both values of s, and no digest but the one that is given.
    const options = { prehash: false, lowS: false, format: "der" } as const;
    return engines[key.type].verify(signature, digestOf(digest, message), key.point, options);
  } catch {
    return false; // the signature is not DER, or one of its numbers is out of range: the key was checked when it was imported
  }
}

/** The RSA public operation on a signature as long as the modulus; throws when it is not below the modulus. */
export function rsaPublicOperation(publicKey: PublicKeyHandle, signature: Uint8Array): Uint8Array {
  const key = keyOf(publicKey);
  if (key.type !== "rsa") throw new TypeError(`an RSA key is needed, and this is ${key.type}`);
  const modulus = integerOf(key.modulus);
  const base = integerOf(signature);
  if (base >= modulus) throw new RangeError("the signature is not below the modulus");
  let power = 1n;
  for (const bit of integerOf(key.exponent).toString(2)) {
    power = (power * power) % modulus;
    if (bit === "1") power = (power * base) % modulus;
  }
  return octetsOf(power, signature.length);
}

/** The base point times a scalar from 1 to the order less one, uncompressed. */
export function multiplyBasePoint(curve: EcKeyType, scalar: Uint8Array): Uint8Array {
  return engines[curve].Point.BASE.multiplyUnsafe(integerOf(scalar)).toBytes(false);
}

// Throws for coordinates that are not reduced and for a point beside the curve.
function checkedPoint({ type, spkiPrefix }: Curve, spki: Uint8Array): Uint8Array {
  const encoded = spki.slice(spkiPrefix.length - 1);
  engines[type].Point.fromBytes(encoded).assertValidity();
  return encoded;
}

function hasForm(spki: Uint8Array, prefix: Uint8Array, length: number): boolean {
  return spki.length === prefix.length + length && prefix.every((octet, i) => spki[i] === octet);
}

// The handles are keys under the name that the interface has for them.
function handle(key: Key): PublicKeyHandle {
  return key as unknown as PublicKeyHandle;
}

function keyOf(publicKey: PublicKeyHandle): Key {
  return publicKey as unknown as Key;
}
