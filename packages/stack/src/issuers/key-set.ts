// The keys of an issuer (RFC 7517), and the one among them that signed a token.
//
// jose reads and judges the keys; the signature itself is checked by node:crypto at once, here or in a thread. WebCrypto, which jose uses,
// sends each check through the thread pool, and that takes three times as long as the check.
import { KeyObject } from "node:crypto";
import { JsonObject, type JsonValue, quote } from "@sigillum/library/encoding";
import { importJWK, type JWK } from "jose";
import { issuersError } from "./errors.ts";
import type { UnverifiedToken } from "./token.ts";
import { isTokenSigned, knownAlgorithms, type TokenSignatureCheck } from "./token-signature.ts";

/** More keys than this in one set are refused. */
export const maxKeys = 100;

/** RFC 7518 §3.3: a key of 2048 bits or larger must be used; beyond the upper bound one check would take too long. */
const rsaBits: { readonly minimum: number; readonly maximum: number } = { minimum: 2048, maximum: 8192 };

interface SetKey {
  readonly keyId?: string;
  readonly kty: string;
  readonly crv?: string;
  readonly algorithm?: string;
  readonly jwk: JWK;
  /** In PEM, once it was judged. */
  imported: Promise<string> | undefined;
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

  /** Verifies the signature of a token with `check`; its claims are not looked at. */
  async verifySignature(token: UnverifiedToken, check: TokenSignatureCheck = isTokenSigned): Promise<void> {
    const key = this.#find(token);
    if (key === undefined) {
      const found = token.keyId === undefined ? "no kid" : quote(token.keyId);
      const expected = this.#keys.map((item) => item.keyId ?? "a key without kid").join(", ");
      throw issuersError(
        "TOKEN_KEY_UNKNOWN",
        `Cannot verify identity token: its issuer publishes no ${token.algorithm} key for ${found}`,
        { found, expected },
      );
    }
    const publicKey = await importedKey(key, token.algorithm);
    if (await check({ compact: token.compact, algorithm: token.algorithm, publicKey })) return;
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

async function importedKey(key: SetKey, algorithm: string): Promise<string> {
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

async function importKey(jwk: JWK, algorithm: string): Promise<string> {
  const imported = await importJWK(jwk, algorithm);
  if (imported instanceof Uint8Array) throw new TypeError("the key is a shared secret");
  const key = KeyObject.from(imported);
  const bits = key.asymmetricKeyDetails?.modulusLength;
  if (jwk.kty === "RSA" && (bits === undefined || bits < rsaBits.minimum || bits > rsaBits.maximum))
    throw new TypeError(`the RSA key has ${bits} bits, expected ${rsaBits.minimum} to ${rsaBits.maximum}`);
  return key.export({ type: "spki", format: "pem" }).toString();
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
