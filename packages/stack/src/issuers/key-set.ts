// The keys of an issuer (RFC 7517), and the one among them that signed a token.
import { JsonObject, type JsonValue, quote } from "@sigillum/library/encoding";
import { type CryptoKey, compactVerify, errors, importJWK, type JWK } from "jose";
import { issuersError } from "./errors.ts";
import type { UnverifiedToken } from "./token.ts";

/** More keys than this in one set are refused. */
export const maxKeys = 100;

/** Algorithms that are ever accepted; those with a shared secret, and none, never are. */
export const knownAlgorithms: ReadonlyMap<string, { readonly kty: string; readonly crv?: string }> = new Map([
  ["RS256", { kty: "RSA" }],
  ["RS384", { kty: "RSA" }],
  ["RS512", { kty: "RSA" }],
  ["PS256", { kty: "RSA" }],
  ["PS384", { kty: "RSA" }],
  ["PS512", { kty: "RSA" }],
  ["ES256", { kty: "EC", crv: "P-256" }],
  ["ES384", { kty: "EC", crv: "P-384" }],
  ["ES512", { kty: "EC", crv: "P-521" }],
  ["EdDSA", { kty: "OKP", crv: "Ed25519" }],
  ["Ed25519", { kty: "OKP", crv: "Ed25519" }],
]);

interface SetKey {
  readonly keyId?: string;
  readonly kty: string;
  readonly crv?: string;
  readonly algorithm?: string;
  readonly jwk: JWK;
  readonly imported: Map<string, Promise<CryptoKey | Uint8Array>>;
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
      throw issuersError("ISSUER_INVALID", `Cannot use issuer ${quote(issuer)}: its key set has ${keys.length} keys`, {
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
    if (key === undefined) {
      const found = token.keyId === undefined ? "no kid" : quote(token.keyId);
      const expected = this.#keys.map((item) => item.keyId ?? "a key without kid").join(", ");
      throw issuersError(
        "TOKEN_KEY_UNKNOWN",
        `Cannot verify identity token: its issuer publishes no ${token.algorithm} key for ${found}`,
        { found, expected },
      );
    }
    try {
      let imported = key.imported.get(token.algorithm);
      if (imported === undefined) {
        imported = importJWK(key.jwk, token.algorithm);
        key.imported.set(token.algorithm, imported);
      }
      await compactVerify(token.compact, await imported, { algorithms: [token.algorithm] });
    } catch (cause) {
      if (cause instanceof errors.JWSSignatureVerificationFailed) {
        throw issuersError("TOKEN_SIGNATURE", "Cannot verify identity token: its signature is not by the key of its issuer", {
          cause,
        });
      }
      if (
        cause instanceof errors.JOSEError ||
        cause instanceof TypeError ||
        (cause instanceof Error && cause.name === "DataError")
      ) {
        throw issuersError(
          "TOKEN_SIGNATURE",
          "Cannot verify identity token: its signature cannot be checked with the key of its issuer",
          { cause },
        );
      }
      throw cause;
    }
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
    imported: new Map(),
  };
}
