// Keys for tokens: certificates and public keys in PEM, keys and sets of keys in JSON (RFC 7517, RFC 7518 §6, RFC 8037).
import { isArray, isPolicyError, ObjectValue, type Value } from "../../values/index.ts";
import type { Call } from "../call.ts";
import { type CurveName, curves, ecPublicKey, isOnCurve } from "../crypto/ecdsa.ts";
import { ed25519Key } from "../crypto/ed25519.ts";
import { bitLength, fromBytes, maxRsaBits } from "../crypto/rsa.ts";
import { fromBase64 } from "../encoding/bytes.ts";
import { read } from "../json/json.ts";
import { parseCertificates } from "../x509/certificate.ts";
import { DerReader, Malformed } from "../x509/der.ts";
import { type PrivateKey, type PublicKey, parsePublicKey } from "../x509/keys.ts";
import { decodePem } from "../x509/pem.ts";

/** A secret of a JWK of type oct. */
export interface SymmetricKey {
  readonly kind: "oct";
  readonly secret: Uint8Array;
}

/** A key that a token may be verified with. */
export interface VerificationKey {
  readonly alg: string;
  readonly kid: string;
  readonly key: PublicKey | SymmetricKey;
}

/** A key that a token may be signed with. */
export type SigningKey = PrivateKey | PublicKey | SymmetricKey;

/** The algorithms of tokens. */
export const tokenAlgorithms: ReadonlySet<string> = new Set(
  ["RS", "PS", "ES", "HS"].flatMap((family) => [256, 384, 512].map((bits) => family + bits)).concat("EdDSA"),
);

/** The keys of a PEM certificate or public key, or of a JWK or JWK set; those of unknown algorithms are left out. */
export function verificationKeys(call: Call, text: string): readonly VerificationKey[] {
  call.text(4 * text.length);
  call.step(16 + (text.length >> 1));
  const pem = decodePem(text);
  if (pem !== undefined) {
    if (pem.rest.length > 0) throw call.fail("extra data after a PEM certificate block");
    return [{ alg: "", kid: "", key: pemKey(call, pem.block.label, pem.block.bytes) }];
  }
  return keysIn(call, text, "failed to parse a JWK key (set)").flatMap(({ fields, key }) => {
    const alg = textField(fields, "alg");
    if (alg !== "" && !tokenAlgorithms.has(alg)) return [];
    return [{ alg, kid: textField(fields, "kid"), key }];
  });
}

function pemKey(call: Call, label: string, bytes: Uint8Array): PublicKey {
  const attempt = (what: string, parse: () => PublicKey | undefined): PublicKey => {
    try {
      const key = parse();
      if (key !== undefined) return key;
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      throw call.fail(`failed to parse a PEM ${what}: ${error.message}`, error);
    }
    throw call.fail(`failed to parse a PEM ${what}: there is not one of it`);
  };
  if (label === "CERTIFICATE")
    return attempt("certificate", () => {
      const list = parseCertificates(bytes);
      return list.length === 1 ? list[0]?.publicKey : undefined;
    });
  if (label === "PUBLIC KEY") return attempt("public key", () => parsePublicKey(new DerReader(bytes)));
  throw call.fail("failed to extract a Key from the PEM certificate");
}

/** The first key of a JWK or JWK set, to sign with. */
export function signingKey(call: Call, text: string): SigningKey {
  const [first] = keysIn(call, text, "failed to parse JWK set");
  if (first === undefined) throw call.fail("no keys found in JWK set");
  return first.key;
}

interface Jwk {
  readonly fields: ObjectValue;
  readonly key: PublicKey | PrivateKey | SymmetricKey;
}

function keysIn(call: Call, text: string, what: string): readonly Jwk[] {
  let value: Value;
  try {
    value = read(call, text);
  } catch (error) {
    if (!isPolicyError(error) || error.kind !== "malformed") throw error;
    throw call.fail(`${what}: ${error.message}`, error);
  }
  if (!(value instanceof ObjectValue)) throw call.fail(`${what}: it is not an object`);
  const list = value.get("keys") ?? [value];
  if (!isArray(list)) throw call.fail(`${what}: keys is not an array`);
  return list.map((each) => {
    call.step(64);
    if (!(each instanceof ObjectValue)) throw call.fail(`${what}: a key is not an object`);
    const key = parseJwk(each);
    if (typeof key === "string") throw call.fail(`${what}: ${key}`);
    return { fields: each, key };
  });
}

function textField(fields: ObjectValue, name: string): string {
  const value = fields.get(name);
  return typeof value === "string" ? value : "";
}

/** A key, or what is wrong with it. */
function parseJwk(fields: ObjectValue): PublicKey | PrivateKey | SymmetricKey | string {
  const bytes = (name: string): Uint8Array | undefined => {
    const text = fields.get(name);
    if (typeof text !== "string" || /[^A-Za-z0-9_-]/.test(text)) return undefined;
    const found = fromBase64(text.padEnd(Math.ceil(text.length / 4) * 4, "="), "url");
    return typeof found === "number" ? undefined : found;
  };
  const number = (name: string): bigint | undefined => {
    const found = bytes(name);
    return found === undefined || found.length > maxRsaBits / 8 ? undefined : fromBytes(found);
  };
  switch (fields.get("kty")) {
    case "RSA": {
      const [modulus, exponent, secret, p, q] = ["n", "e", "d", "p", "q"].map(number);
      if (!modulus || !exponent || bitLength(modulus) > maxRsaBits) return "an RSA key needs n and e";
      if (!fields.has("d")) return { kind: "rsa", modulus, exponent };
      if (!secret) return "d of an RSA key is malformed";
      const primes = p !== undefined && q !== undefined && p * q === modulus ? [p, q] : [];
      return { kind: "rsa", modulus, exponent, private: secret, primes };
    }
    case "EC": {
      const curve = curves[textField(fields, "crv") as CurveName];
      const [x, y, secret] = ["x", "y", "d"].map(number);
      if (curve === undefined || x === undefined || y === undefined || !isOnCurve(curve, x, y))
        return "an EC key needs a curve and a point on it";
      if (!fields.has("d")) return { kind: "ec", curve, x, y };
      const point = secret === undefined ? undefined : ecPublicKey(curve, secret);
      if (secret === undefined || point?.x !== x || point.y !== y) return "d of an EC key does not belong to its point";
      return { ...point, private: secret };
    }
    case "OKP": {
      const [point, seed] = [bytes("x"), bytes("d")];
      if (fields.get("crv") !== "Ed25519" || point?.length !== 32) return "an OKP key must be of curve Ed25519";
      if (!fields.has("d")) return { kind: "ed25519", bytes: point };
      const key = seed?.length === 32 ? ed25519Key(seed) : undefined;
      return key?.bytes.every((byte, i) => byte === point[i]) ? key : "d of an Ed25519 key does not belong to its point";
    }
    case "oct": {
      const secret = bytes("k");
      return secret === undefined ? "an oct key needs k" : { kind: "oct", secret };
    }
    default:
      return `unknown key type ${JSON.stringify(textField(fields, "kty").slice(0, 40))}`;
  }
}
