// The cryptography of Node. This is the only file of the library that names node:crypto; the rest of the room reaches it as `#platform`.
// It imports nothing of ours, so that it is a project of its own; platform-interface.ts holds it to the interface.
import {
  constants,
  createECDH,
  createHash,
  createPrivateKey,
  createPublicKey,
  type ECDH,
  hash,
  type KeyObject,
  sign as nodeSign,
  verify as nodeVerify,
  publicDecrypt,
} from "node:crypto";

type Digest = "sha1" | "sha256" | "sha384" | "sha512";
type Padding = "pkcs1" | "pss" | undefined;
type Curve = "ecdsa-p256" | "ecdsa-p384" | "ecdsa-p521";

/** OpenSSL verifies them all. */
export const verifiesRsaAndEd25519: boolean = true;
/** And signs. */
export const signs: boolean = true;

declare const publicKeyBrand: unique symbol;
declare const privateKeyBrand: unique symbol;

/** A public key in the platform's own form. */
export interface PublicKeyHandle {
  readonly [publicKeyBrand]: true;
}

/** A private key in the platform's own form; it cannot be exported through this interface. */
export interface PrivateKeyHandle {
  readonly [privateKeyBrand]: true;
}

/** A digest that is fed in parts. */
export interface PlatformHasher {
  update(bytes: Uint8Array): void;
  digest(): Uint8Array;
}

// `hash` to a latin1 string costs a quarter of what it costs to a Buffer. Node takes every encoding of Buffer there ("binary" is its other
// name for latin1, and the one that the declarations know).
const latin1 = "binary";

/** The digest of one byte string. */
export function digestOf(algorithm: Digest, bytes: Uint8Array): Uint8Array {
  const text = hash(algorithm, bytes, latin1);
  const digest = new Uint8Array(text.length);
  for (let i = 0; i < digest.length; i++) digest[i] = text.charCodeAt(i);
  return digest;
}

/** BLAKE2b with 64 octets (RFC 7693). */
export function blake2b512(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash("blake2b512").update(bytes).digest());
}

/** Bytes as a string of octets. */
export function octetString(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString(latin1);
}

const nodeInput = Buffer.alloc(65);

/** SHA-256 of a string of octets, to a string of octets. */
export function sha256Latin1(octets: string): string {
  // 65 octets is a tree node of RFC 9162: one buffer serves them all, since the hash is done before the next call.
  if (octets.length !== nodeInput.length) return hash("sha256", Buffer.from(octets, latin1), latin1);
  nodeInput.write(octets, latin1);
  return hash("sha256", nodeInput, latin1);
}

/** A digest that is fed in parts. */
export function createHasher(algorithm: Digest): PlatformHasher {
  const inner = createHash(algorithm);
  return {
    update(bytes) {
      inner.update(bytes);
    },
    digest: () => new Uint8Array(inner.digest()),
  };
}

/** Import a SubjectPublicKeyInfo; throws whatever the platform throws. EC points are checked to be on their curve. */
export function importPublicKey(spki: Uint8Array): PublicKeyHandle {
  // The string form of PEM takes 17 us on Node 24; the object forms (DER, JWK) take 38 to 47.
  const base64 = Buffer.from(spki.buffer, spki.byteOffset, spki.byteLength).toString("base64");
  return asPublicHandle(createPublicKey(`-----BEGIN PUBLIC KEY-----\n${base64}\n-----END PUBLIC KEY-----\n`));
}

/** Import a private key in PKCS #8 form and give the SubjectPublicKeyInfo that belongs to it; throws whatever the platform throws. */
export function importPrivateKey(pkcs8: Uint8Array): { readonly handle: PrivateKeyHandle; readonly spki: Uint8Array } {
  const key = createPrivateKey({
    key: Buffer.from(pkcs8.buffer, pkcs8.byteOffset, pkcs8.byteLength),
    format: "der",
    type: "pkcs8",
  });
  return { handle: asPrivateHandle(key), spki: new Uint8Array(createPublicKey(key).export({ format: "der", type: "spki" })) };
}

/** Whether a signature over a message is valid; ECDSA signatures are DER. `digest` is undefined for pure Ed25519. */
export function verify(
  handle: PublicKeyHandle,
  digest: Digest | undefined,
  padding: Padding,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  const key = asKeyObject(handle);
  if (padding !== "pss") return nodeVerify(digest, message, key, signature);
  return nodeVerify(
    digest,
    message,
    { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_AUTO },
    signature,
  );
}

/** Sign a message, on the thread pool when `slow`; ECDSA signatures are DER, the salt of PSS is as long as the digest. */
export function sign(
  handle: PrivateKeyHandle,
  digest: Digest | undefined,
  padding: Padding,
  message: Uint8Array,
  slow: boolean,
): Promise<Uint8Array> {
  const key = asKeyObject(handle);
  const input =
    padding === "pss" ? { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST } : key;
  return new Promise((resolve, reject) => {
    if (!slow) return resolve(plain(nodeSign(digest, message, input)));
    nodeSign(digest, message, input, (error, signature) => (error === null ? resolve(plain(signature)) : reject(error)));
  });
}

/** The RSA public operation on a signature as long as the modulus; throws whatever the platform throws when it is not below the modulus. */
export function rsaPublicOperation(handle: PublicKeyHandle, signature: Uint8Array): Uint8Array {
  return plain(publicDecrypt({ key: asKeyObject(handle), padding: constants.RSA_NO_PADDING }, signature));
}

const curveNames = { "ecdsa-p256": "prime256v1", "ecdsa-p384": "secp384r1", "ecdsa-p521": "secp521r1" } as const;
// Made when a digest is first verified alone: each costs as much as ten verifications.
const exchanges: Partial<Record<Curve, ECDH>> = {};

/** The base point times a scalar from 1 to the order less one, uncompressed; the scalar is public and is kept until the next call. */
export function multiplyBasePoint(curve: Curve, scalar: Uint8Array): Uint8Array {
  const exchange = exchanges[curve] ?? createECDH(curveNames[curve]);
  exchanges[curve] = exchange;
  exchange.setPrivateKey(scalar);
  return plain(exchange.getPublicKey());
}

function plain(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer);
}

// The handles are KeyObjects under another name, so that no type of Node reaches the pure part of the room.
function asPublicHandle(key: KeyObject): PublicKeyHandle {
  return key as unknown as PublicKeyHandle;
}

function asPrivateHandle(key: KeyObject): PrivateKeyHandle {
  return key as unknown as PrivateKeyHandle;
}

function asKeyObject(handle: PublicKeyHandle | PrivateKeyHandle): KeyObject {
  return handle as unknown as KeyObject;
}
