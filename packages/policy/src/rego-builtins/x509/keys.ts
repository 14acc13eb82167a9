// Keys in their own formats: SubjectPublicKeyInfo, PKCS #1, PKCS #8 and SEC 1.
import {
  type Curve,
  type CurveName,
  curves,
  type EcPrivateKey,
  type EcPublicKey,
  ecPublicKey,
  parsePoint,
} from "../crypto/ecdsa.ts";
import { type Ed25519PrivateKey, type Ed25519PublicKey, ed25519Key } from "../crypto/ed25519.ts";
import { fromBytes, type RsaPrivateKey, type RsaPublicKey } from "../crypto/rsa.ts";
import { DerReader, Malformed, tags } from "./der.ts";

/** A public key of a kind that can be calculated with, or the name of one that cannot. */
export type PublicKey = RsaPublicKey | EcPublicKey | Ed25519PublicKey | { readonly kind: "unknown"; readonly oid: string };

/** A private key. */
export type PrivateKey = RsaPrivateKey | EcPrivateKey | Ed25519PrivateKey;

const rsaEncryption = "1.2.840.113549.1.1.1";
const ecPublicKeyOid = "1.2.840.10045.2.1";
const ed25519Oid = "1.3.101.112";
const curveNames: ReadonlyMap<string, CurveName> = new Map([
  ["1.3.132.0.33", "P-224"],
  ["1.2.840.10045.3.1.7", "P-256"],
  ["1.3.132.0.34", "P-384"],
  ["1.3.132.0.35", "P-521"],
]);

/** A SubjectPublicKeyInfo (RFC 5280 §4.1); throws `Malformed`. */
export function parsePublicKey(reader: DerReader): PublicKey {
  const info = reader.inside(tags.sequence);
  const algorithm = info.inside(tags.sequence);
  const oid = algorithm.oid();
  const bytes = info.bits();
  info.end();
  if (oid === rsaEncryption) {
    const key = new DerReader(bytes).inside(tags.sequence);
    const [modulus, exponent] = [key.integer(), key.integer()];
    if (modulus <= 0n) throw new Malformed("RSA modulus is not a positive number");
    if (exponent <= 0n) throw new Malformed("RSA public exponent is not a positive number");
    return { kind: "rsa", modulus, exponent };
  }
  if (oid === ecPublicKeyOid) {
    const point = parsePoint(curveOf(algorithm.oid()), bytes);
    if (point === undefined) throw new Malformed("failed to unmarshal elliptic curve point");
    return point;
  }
  if (oid === ed25519Oid) {
    if (bytes.length !== 32) throw new Malformed("wrong Ed25519 public key size");
    return { kind: "ed25519", bytes };
  }
  return { kind: "unknown", oid };
}

function curveOf(oid: string): Curve {
  const name = curveNames.get(oid);
  if (name === undefined) throw new Malformed("unsupported elliptic curve");
  return curves[name];
}

/** An RSAPrivateKey (RFC 8017 §A.1.2); throws `Malformed`. */
export function parsePkcs1(bytes: Uint8Array): RsaPrivateKey {
  const key = new DerReader(bytes).inside(tags.sequence);
  const version = key.integer();
  if (version !== 0n && version !== 1n) throw new Malformed("unsupported private key version");
  const [modulus, exponent, secret, p, q] = [key.integer(), key.integer(), key.integer(), key.integer(), key.integer()];
  if (modulus <= 0n || exponent <= 0n || secret <= 0n || p <= 1n || q <= 1n)
    throw new Malformed("private key contains zero or negative value");
  if (p * q !== modulus) throw new Malformed("invalid RSA private key: the primes do not multiply to the modulus");
  return { kind: "rsa", modulus, exponent, private: secret, primes: [p, q] };
}

/** A PrivateKeyInfo (RFC 5208); throws `Malformed`. */
export function parsePkcs8(bytes: Uint8Array): PrivateKey {
  const info = new DerReader(bytes).inside(tags.sequence);
  info.integer();
  const algorithm = info.inside(tags.sequence);
  const oid = algorithm.oid();
  const key = info.expect(tags.octetString).body;
  if (oid === rsaEncryption) return parsePkcs1(key);
  if (oid === ecPublicKeyOid) return parseEcPrivateKey(key, curveOf(algorithm.oid()));
  if (oid === ed25519Oid) {
    const seed = new DerReader(key).expect(tags.octetString).body;
    if (seed.length !== 32) throw new Malformed("invalid Ed25519 private key length");
    return ed25519Key(seed);
  }
  throw new Malformed(`PKCS#8 wrapping contained private key with unknown algorithm: ${oid}`);
}

/** An ECPrivateKey (SEC 1 §C.4); throws `Malformed`. */
export function parseEcPrivateKey(bytes: Uint8Array, known?: Curve): EcPrivateKey {
  const key = new DerReader(bytes).inside(tags.sequence);
  if (key.integer() !== 1n) throw new Malformed("unknown EC private key version");
  const secret = fromBytes(key.expect(tags.octetString).body);
  const named = key.optional(0xa0);
  const curve = known ?? (named && curveOf(new DerReader(named.body).oid()));
  if (curve === undefined) throw new Malformed("unknown elliptic curve");
  const point = ecPublicKey(curve, secret);
  if (point === undefined) throw new Malformed("invalid elliptic curve private key value");
  return { ...point, private: secret };
}
