// Public keys: SubjectPublicKeyInfo (RFC 5280 §4.1.2.7, RFC 5480, RFC 8410, RFC 3279), in exactly one form for each key.
import {
  concatBytes,
  DerReader,
  derBitString,
  derSequence,
  derTag,
  encodePem,
  isSigillumError,
  parseDer,
  parsePem,
  quote,
} from "../encoding/index.ts";
import { type Curve, curves, type EcKeyType } from "./curve.ts";
import { cryptoError } from "./errors.ts";
import { GenerationCache } from "./generation-cache.ts";
import { type PublicKeyHandle, platform } from "./platform-interface.ts";
import {
  algorithmOid,
  ed25519SpkiPrefix,
  type MlDsaForm,
  type MlDsaKeyType,
  mlDsaForms,
  rsaAlgorithmIdentifier,
} from "./spki.ts";

/** The kinds of key that are supported. */
export type KeyType = EcKeyType | "ed25519" | "rsa" | MlDsaKeyType;

/** A public key that was parsed and checked. `bits` is the size of an RSA modulus and absent for the others. */
export interface PublicKey {
  readonly type: KeyType;
  readonly spki: Uint8Array;
  readonly bits?: number;
}

/** The smallest and the largest RSA modulus that is accepted, in bits. */
export const minRsaBits = 2048;
/** The largest RSA modulus that is accepted, in bits: verification takes time that grows with its square. */
export const maxRsaBits = 16_384;

class ImportedPublicKey implements PublicKey {
  readonly type: KeyType;
  readonly spki: Uint8Array;
  readonly bits?: number;
  readonly #handle: PublicKeyHandle;

  constructor(type: KeyType, spki: Uint8Array, handle: PublicKeyHandle, bits?: number) {
    this.type = type;
    this.spki = spki;
    this.#handle = handle;
    if (bits !== undefined) this.bits = bits;
  }

  static handleOf(key: PublicKey): PublicKeyHandle {
    if (!(#handle in key)) throw new TypeError("Cannot use public key: it was not made by parsePublicKey");
    return key.#handle;
  }
}

/** The platform's form of a key; a TypeError for an object that this room did not make. */
export function handleOf(key: PublicKey): PublicKeyHandle {
  return ImportedPublicKey.handleOf(key);
}

// Keys that were imported lately: importing costs as much as a fifth of a verification. Keyless signing makes a key of P-256 for each signature:
// a log that kept them all would only make garbage of the kind that a whole heap is gone through for, so those are kept when they come
// up for the second time. It changes no answer.
const imported = new GenerationCache<PublicKey>(4096);
const cameUp = new Uint32Array(4096);

/** Whether a key like this came up lately; it has now. Of two keys that share a place the later is remembered. */
function cameUpBefore(spki: Uint8Array): boolean {
  let mark = spki.length;
  for (let at = Math.max(0, spki.length - 8); at < spki.length; at++) mark = (Math.imul(mark, 31) + (spki[at] ?? 0)) >>> 0;
  const place = mark % cameUp.length;
  const before = cameUp[place] === mark;
  cameUp[place] = mark;
  return before;
}

/**
 * Read a SubjectPublicKeyInfo. The key is of a supported type and size, in its one DER form, and an EC point is on its curve.
 * Whether it is anyone's key, or of a good quality, was not checked.
 */
export function parsePublicKey(spki: Uint8Array): PublicKey {
  const name = platform.octetString(spki);
  const known = imported.get(name);
  if (known !== undefined) return known;
  const key = importKey(spki.slice());
  if (key.type !== "ecdsa-p256" || cameUpBefore(spki)) imported.set(name, key);
  return key;
}

/** Read the one PUBLIC KEY block of a PEM text, as `parsePublicKey` does. */
export function parsePublicKeyPem(pem: string): PublicKey {
  const [block, second] = parsePem(pem);
  if (block === undefined || block.label !== "PUBLIC KEY" || second !== undefined) {
    const found = second !== undefined ? "several blocks" : quote(block?.label ?? "");
    throw cryptoError("PUBLIC_KEY_PEM_LABEL", `Cannot parse public key: the PEM text holds ${found}, not one PUBLIC KEY block`, {
      found,
      expected: "PUBLIC KEY",
    });
  }
  return parsePublicKey(block.bytes);
}

/** Read an RSAPublicKey of PKCS #1 (RFC 8017 §A.1.1), as trusted roots hold under PKCS1_RSA_PKCS1V5. */
export function parsePkcs1PublicKey(der: Uint8Array): PublicKey {
  return parsePublicKey(derSequence(rsaAlgorithmIdentifier, derBitString(der)));
}

/** Write a key as a PUBLIC KEY block. */
export function encodePublicKeyPem(key: PublicKey): string {
  return encodePem("PUBLIC KEY", key.spki);
}

/** The subjectPublicKey alone: 32 octets for Ed25519, the uncompressed point for EC, RSAPublicKey for RSA. */
export function rawPublicKey(key: PublicKey): Uint8Array {
  const reader = DerReader.sequence(key.spki, "SubjectPublicKeyInfo");
  reader.sequence("algorithm");
  return reader.bitString("subjectPublicKey");
}

function importKey(spki: Uint8Array): PublicKey {
  // The fixed prefixes settle everything but the point or key itself, so no second form can slip through.
  for (const curve of curves) if (hasForm(spki, curve.spkiPrefix, 2 * curve.octets)) return importPoint(spki, curve);
  if (hasForm(spki, ed25519SpkiPrefix, 32)) return new ImportedPublicKey("ed25519", spki, importHandle(spki));
  for (const form of mlDsaForms) if (hasForm(spki, form.spkiPrefix, form.octets)) return importMlDsa(spki, form);
  try {
    return importRsa(spki);
  } catch (cause) {
    if (isSigillumError(cause) && cause.code.startsWith("PUBLIC_KEY_")) throw cause;
    throw malformed("it is no SubjectPublicKeyInfo in DER", cause);
  }
}

function hasForm(spki: Uint8Array, prefix: Uint8Array, length: number): boolean {
  if (spki.length !== prefix.length + length) return false;
  for (let i = 0; i < prefix.length; i++) if (spki[i] !== prefix[i]) return false;
  return true;
}

function importPoint(spki: Uint8Array, curve: Curve): PublicKey {
  try {
    return new ImportedPublicKey(curve.type, spki, platform.importPublicKey(spki));
  } catch (cause) {
    // With the prefix fixed, the platform refuses only a point that is not on the curve or not reduced.
    throw cryptoError("PUBLIC_KEY_POINT_INVALID", `Cannot parse public key: the point is not on ${curve.name}`, {
      cause,
      expected: `a point on ${curve.name}`,
    });
  }
}

/**
 * Import a key of ML-DSA, whose form was checked. Every byte string of the right length is one (FIPS 204 algorithm 23), so a platform can
 * refuse only the algorithm; `importer` is the platform's, another one in tests.
 */
export function importMlDsa(
  spki: Uint8Array,
  { type }: MlDsaForm,
  importer: (spki: Uint8Array) => PublicKeyHandle = platform.importPublicKey,
): PublicKey {
  try {
    return new ImportedPublicKey(type, spki, importer(spki));
  } catch (cause) {
    throw cryptoError(
      "PUBLIC_KEY_NEEDS_NEWER_PLATFORM",
      `Cannot use public key: ${type} needs Node 24.7 or newer with OpenSSL 3.5`,
      {
        cause,
        found: type,
        expected: "Node 24.7 or newer with OpenSSL 3.5",
      },
    );
  }
}

/** An RSA key, or the error that says what else the bytes are. */
function importRsa(spki: Uint8Array): PublicKey {
  const outer = new DerReader(spki);
  const info = outer.sequence("SubjectPublicKeyInfo");
  if (!outer.atEnd) {
    const found = `${outer.rest().length} bytes`;
    throw cryptoError("PUBLIC_KEY_TRAILING_BYTES", `Cannot parse public key: ${found} follow it`, { found, expected: "none" });
  }
  const algorithm = info.sequence("algorithm");
  const oid = algorithm.oid("algorithm identifier");
  if (oid === algorithmOid.ecPublicKey) throw ecProblem(algorithm, info);
  if (oid === algorithmOid.ed25519) throw malformed("an Ed25519 key has no parameters and 32 octets");
  const form = mlDsaForms.find(({ type }) => oid === algorithmOid[type]);
  if (form !== undefined) throw malformed(`an ${form.type} key has no parameters and ${form.octets} octets`);
  if (oid !== algorithmOid.rsaEncryption) {
    throw cryptoError("PUBLIC_KEY_ALGORITHM_UNKNOWN", `Cannot parse public key: algorithm ${oid} is not supported`, {
      found: oid,
      expected: "ECDSA, Ed25519, RSA or ML-DSA",
    });
  }
  algorithm.null("RSA parameters");
  algorithm.end("RSA parameters");
  const bits = checkRsaNumbers(info.bitString("subjectPublicKey"));
  info.end("SubjectPublicKeyInfo");
  return new ImportedPublicKey("rsa", spki, importHandle(spki), bits);
}

function checkRsaNumbers(rsaPublicKey: Uint8Array): number {
  const numbers = DerReader.sequence(parseDer(rsaPublicKey), "RSAPublicKey");
  const modulus = numbers.unsignedInteger("modulus");
  const exponent = numbers.unsignedInteger("publicExponent");
  numbers.end("RSAPublicKey");
  const bits = 8 * modulus.length - Math.clz32(modulus[0] ?? 0) + 24;
  if (bits < minRsaBits)
    throw cryptoError(
      "PUBLIC_KEY_RSA_TOO_SMALL",
      `Cannot parse public key: the RSA modulus has ${bits} bits, and at least ${minRsaBits} are needed`,
      { found: `${bits}`, expected: `at least ${minRsaBits}` },
    );
  if (bits > maxRsaBits)
    throw cryptoError(
      "PUBLIC_KEY_RSA_TOO_LARGE",
      `Cannot parse public key: the RSA modulus has ${bits} bits, and at most ${maxRsaBits} are accepted`,
      { found: `${bits}`, expected: `at most ${maxRsaBits}` },
    );
  const value = exponent.length > 4 ? 0 : exponent.reduce((sum, octet) => sum * 256 + octet, 0);
  if (value < 3 || value % 2 === 0)
    throw cryptoError("PUBLIC_KEY_RSA_EXPONENT", "Cannot parse public key: the RSA exponent is not odd and from 3 to 2^32", {
      expected: "an odd number from 3 to 2^32",
    });
  return bits;
}

/** Why an EC key did not match one of the three fixed forms. */
function ecProblem(algorithm: DerReader, info: DerReader): Error {
  if (algorithm.peekTag() !== derTag.objectIdentifier) {
    return cryptoError("PUBLIC_KEY_CURVE_EXPLICIT", "Cannot parse public key: it does not name its curve", {
      found: "explicit or missing parameters",
      expected: "a named curve",
    });
  }
  const oid = algorithm.oid("curve");
  const curve = curves.find((one) => algorithmOid[one.type] === oid);
  if (curve === undefined)
    return cryptoError("PUBLIC_KEY_CURVE_UNKNOWN", `Cannot parse public key: the curve ${oid} is not supported`, {
      found: oid,
      expected: "P-256, P-384 or P-521",
    });
  algorithm.end("EC parameters");
  const point = info.bitString("subjectPublicKey");
  info.end("SubjectPublicKeyInfo");
  const form = point[0];
  if (form === 2 || form === 3 || form === 6 || form === 7) {
    return cryptoError("PUBLIC_KEY_POINT_COMPRESSED", "Cannot parse public key: its point is compressed or hybrid", {
      found: `0x0${form}`,
      expected: "0x04",
    });
  }
  const found = `${point.length} octets`;
  return cryptoError(
    "PUBLIC_KEY_POINT_INVALID",
    `Cannot parse public key: its point has ${found}, not ${2 * curve.octets + 1} beginning with 04`,
    { found, expected: `${2 * curve.octets + 1} octets` },
  );
}

function importHandle(spki: Uint8Array): PublicKeyHandle {
  try {
    return platform.importPublicKey(spki);
  } catch (cause) {
    throw malformed("the platform refuses it", cause);
  }
}

function malformed(problem: string, cause?: unknown): Error {
  return cryptoError(
    "PUBLIC_KEY_MALFORMED",
    `Cannot parse public key: ${problem}`,
    cause === undefined ? { found: problem } : { found: problem, cause },
  );
}

/** A key with this point, given as coordinates; not kept in the cache. Throws if the platform refuses the point. */
export function importPointHandle(curve: Curve, coordinates: Uint8Array): PublicKeyHandle {
  return platform.importPublicKey(concatBytes(curve.spkiPrefix, coordinates));
}
