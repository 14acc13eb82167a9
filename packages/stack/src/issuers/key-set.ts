// The keys of an issuer (RFC 7517), and the one among them that signed a token.
//
// jose reads and judges the keys; the signature itself is checked by node:crypto at once. WebCrypto, which jose uses, sends each check
// through the thread pool, and that takes three times as long as the check.
import { constants, KeyObject, verify } from "node:crypto";
import { encodeUtf8, isSigillumError, JsonObject, type JsonValue, parseBase64Url, quote } from "@sigillum/library/encoding";
import { importJWK, type JWK } from "jose";
import { issuersError } from "./errors.ts";
import type { UnverifiedToken } from "./token.ts";

/** More keys than this in one set are refused. */
export const maxKeys = 100;

interface Algorithm {
  readonly kty: string;
  readonly crv?: string;
  /** Undefined for Ed25519, which hashes by itself. */
  readonly hash?: "sha256" | "sha384" | "sha512";
  readonly pss?: boolean;
}

/** Algorithms that are ever accepted (RFC 7518 §3.1, RFC 8037); those with a shared secret, and none, never are. */
export const knownAlgorithms: ReadonlyMap<string, Algorithm> = new Map<string, Algorithm>([
  ["RS256", { kty: "RSA", hash: "sha256" }],
  ["RS384", { kty: "RSA", hash: "sha384" }],
  ["RS512", { kty: "RSA", hash: "sha512" }],
  ["PS256", { kty: "RSA", hash: "sha256", pss: true }],
  ["PS384", { kty: "RSA", hash: "sha384", pss: true }],
  ["PS512", { kty: "RSA", hash: "sha512", pss: true }],
  ["ES256", { kty: "EC", crv: "P-256", hash: "sha256" }],
  ["ES384", { kty: "EC", crv: "P-384", hash: "sha384" }],
  ["ES512", { kty: "EC", crv: "P-521", hash: "sha512" }],
  ["EdDSA", { kty: "OKP", crv: "Ed25519" }],
  ["Ed25519", { kty: "OKP", crv: "Ed25519" }],
]);

/** RFC 7518 §3.3: a key of 2048 bits or larger must be used; beyond the upper bound one check would take too long. */
const rsaBits: { readonly minimum: number; readonly maximum: number } = { minimum: 2048, maximum: 8192 };

interface SetKey {
  readonly keyId?: string;
  readonly kty: string;
  readonly crv?: string;
  readonly algorithm?: string;
  readonly jwk: JWK;
  imported: Promise<KeyObject> | undefined;
}

/** The public keys that an issuer publishes now. */
export class KeySet {
  readonly #keys: readonly SetKey[];

  private constructor(keys: readonly SetKey[]) {
    this.#keys = keys;
  }

  /** Reads a JWK set; keys for other uses, and of kinds that no accepted algorithm has, are left out. */
  static parse(value: JsonValue, issuer: string): KeySet {
    const keys = JsonObject.exact(value, "key set").objects("keys");
    if (keys.length > maxKeys) {
      throw issuersError("ISSUER_KEY_SET_TOO_LARGE", `Cannot use issuer ${quote(issuer)}: its key set has ${keys.length} keys`, {
        found: `${keys.length} keys`,
        expected: `at most ${maxKeys}`,
      });
    }
    return new KeySet(keys.flatMap((key) => readKey(key) ?? []));
  }

  /** Whether a token's key is in this set; a token without key id has one when exactly one key fits its algorithm. */
  has(token: UnverifiedToken): boolean {
    return this.#find(token) !== undefined;
  }

  /** Verifies the signature of a token; its claims are not looked at. */
  async verifySignature(token: UnverifiedToken): Promise<void> {
    const key = this.#find(token);
    const algorithm = knownAlgorithms.get(token.algorithm);
    if (key === undefined || algorithm === undefined) {
      const found = token.keyId === undefined ? "no kid" : quote(token.keyId);
      const expected = this.#keys.map((item) => item.keyId ?? "a key without kid").join(", ");
      throw issuersError(
        "TOKEN_KEY_UNKNOWN",
        `Cannot verify identity token: its issuer publishes no ${token.algorithm} key for ${found}`,
        { found, expected },
      );
    }
    if (isSigned(token, algorithm, await importedKey(key, token.algorithm))) return;
    throw issuersError("TOKEN_SIGNATURE", "Cannot verify identity token: its signature is not by the key of its issuer");
  }

  #find(token: UnverifiedToken): SetKey | undefined {
    const kind = knownAlgorithms.get(token.algorithm);
    if (kind === undefined) return undefined;
    const fitting = this.#keys.filter(
      (key) =>
        key.kty === kind.kty &&
        (kind.crv === undefined || key.crv === kind.crv) &&
        (key.algorithm === undefined || key.algorithm === token.algorithm) &&
        (token.keyId === undefined || key.keyId === token.keyId),
    );
    return fitting.length === 1 ? fitting[0] : undefined;
  }
}

async function importedKey(key: SetKey, algorithm: string): Promise<KeyObject> {
  try {
    key.imported ??= importKey(key.jwk, algorithm);
    return await key.imported;
  } catch (cause) {
    throw issuersError("TOKEN_SIGNATURE", "Cannot verify identity token: the key that its issuer publishes cannot be used", {
      cause,
      ...(cause instanceof Error ? { found: cause.message.slice(0, 200) } : {}),
    });
  }
}

async function importKey(jwk: JWK, algorithm: string): Promise<KeyObject> {
  const imported = await importJWK(jwk, algorithm);
  if (imported instanceof Uint8Array) throw new TypeError("the key is a shared secret");
  const key = KeyObject.from(imported);
  const bits = key.asymmetricKeyDetails?.modulusLength;
  if (jwk.kty === "RSA" && (bits === undefined || bits < rsaBits.minimum || bits > rsaBits.maximum))
    throw new TypeError(`the RSA key has ${bits} bits, expected ${rsaBits.minimum} to ${rsaBits.maximum}`);
  return key;
}

/** RFC 7515 §5.2 step 8: the signature over the header and payload as they were sent. */
function isSigned(token: UnverifiedToken, algorithm: Algorithm, key: KeyObject): boolean {
  const dot = token.compact.lastIndexOf(".");
  let signature: Uint8Array;
  try {
    signature = parseBase64Url(token.compact.slice(dot + 1));
  } catch (cause) {
    if (!isSigillumError(cause)) throw cause;
    return false;
  }
  const input = encodeUtf8(token.compact.slice(0, dot));
  // RFC 7518 §3.4: r and s side by side; §3.5: a salt as long as the hash.
  const padding = algorithm.pss === true ? constants.RSA_PKCS1_PSS_PADDING : constants.RSA_PKCS1_PADDING;
  const options =
    algorithm.kty === "RSA"
      ? { key, padding, ...(algorithm.pss === true ? { saltLength: constants.RSA_PSS_SALTLEN_DIGEST } : {}) }
      : { key, dsaEncoding: "ieee-p1363" as const };
  return verify(algorithm.hash ?? null, input, options, signature);
}

function readKey(key: JsonObject): SetKey | undefined {
  const text = (name: string): string | undefined => {
    const value = key.value(name);
    return typeof value === "string" ? value : undefined;
  };
  const kty = text("kty");
  const use = text("use");
  if ((use !== undefined && use !== "sig") || (kty !== "RSA" && kty !== "EC" && kty !== "OKP")) return undefined;
  const [keyId, crv, algorithm] = [text("kid"), text("crv"), text("alg")];
  // Only public members are taken over: a provider that publishes a private key does not make us hold it.
  const members = ["n", "e", "x", "y"].flatMap((name) => {
    const value = text(name);
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    kty,
    ...(keyId === undefined ? {} : { keyId }),
    ...(crv === undefined ? {} : { crv }),
    ...(algorithm === undefined ? {} : { algorithm }),
    jwk: { kty, ...(crv === undefined ? {} : { crv }), ...Object.fromEntries(members) },
    imported: undefined,
  };
}
