import assert from "node:assert/strict";
import { generateKeyPairSync, type KeyObject, verify } from "node:crypto";
import { describe, it } from "node:test";
import { concatBytes, encodeUtf8, isSigillumError } from "../encoding/index.ts";
import type { SignatureScheme } from "./scheme.ts";
import { isValidSignature } from "./signature.ts";
import { createSigner } from "./signer.ts";

const message = encodeUtf8("message");
const pkcs8 = (key: KeyObject): Uint8Array => new Uint8Array(key.export({ format: "der", type: "pkcs8" }));
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
const p256 = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;

const keys: readonly (readonly [string, KeyObject, Partial<SignatureScheme>, SignatureScheme])[] = [
  ["P-256", p256, {}, { type: "ecdsa-p256", hash: "sha256" }],
  ["P-256 with SHA-384", p256, { hash: "sha384" }, { type: "ecdsa-p256", hash: "sha384" }],
  ["P-384", generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey, {}, { type: "ecdsa-p384", hash: "sha384" }],
  ["P-521", generateKeyPairSync("ec", { namedCurve: "P-521" }).privateKey, {}, { type: "ecdsa-p521", hash: "sha512" }],
  ["Ed25519", generateKeyPairSync("ed25519").privateKey, {}, { type: "ed25519", hash: "none" }],
  ["RSA", rsa, {}, { type: "rsa", hash: "sha256", padding: "pkcs1" }],
  ["RSA-PSS", rsa, { padding: "pss" }, { type: "rsa", hash: "sha256", padding: "pss" }],
];

describe("createSigner", () => {
  for (const [name, key, partial, scheme] of keys) {
    it(`signs with ${name}`, async () => {
      const signer = createSigner(pkcs8(key), partial);
      assert.deepEqual(signer.scheme, scheme);
      const signature = await signer.sign(message);
      assert.equal(Object.getPrototypeOf(signature), Uint8Array.prototype);
      assert.equal(isValidSignature(signer.publicKey, signer.scheme, message, signature), true);
      assert.equal(isValidSignature(signer.publicKey, signer.scheme, encodeUtf8("massage"), signature), false);
    });
  }

  it("writes ECDSA signatures that node:crypto verifies", async () => {
    assert.equal(verify("sha256", message, p256, await createSigner(pkcs8(p256)).sign(message)), true);
  });

  it("refuses what is no PKCS #8 key, without repeating any of it", () => {
    const bad = [
      new Uint8Array(0),
      Uint8Array.of(1, 2, 3),
      pkcs8(p256).subarray(1),
      new Uint8Array(p256.export({ format: "der", type: "sec1" })),
    ];
    for (const bytes of bad) {
      assert.throws(
        () => createSigner(bytes),
        (error) => isSigillumError(error) && error.code === "PRIVATE_KEY_MALFORMED" && error.cause === undefined,
      );
    }
  });

  it("refuses keys of a kind or size that is not supported", () => {
    assert.throws(() => createSigner(pkcs8(generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey)), {
      code: "PUBLIC_KEY_RSA_TOO_SMALL",
    });
    assert.throws(() => createSigner(pkcs8(generateKeyPairSync("ec", { namedCurve: "secp256k1" }).privateKey)), {
      code: "PUBLIC_KEY_CURVE_UNKNOWN",
    });
    assert.throws(() => createSigner(pkcs8(generateKeyPairSync("ed448").privateKey)), { code: "PUBLIC_KEY_ALGORITHM_UNKNOWN" });
  });

  it("refuses a scheme that does not fit the key", () => {
    assert.throws(() => createSigner(pkcs8(p256), { type: "rsa" }), { code: "CRYPTO_SCHEME_MISMATCH" });
    assert.throws(() => createSigner(pkcs8(rsa), { hash: "sha1" }), { code: "CRYPTO_SCHEME_UNSUPPORTED" });
  });

  it("does not keep hold of the bytes it was given", async () => {
    const bytes = concatBytes(pkcs8(p256));
    const signer = createSigner(bytes);
    bytes.fill(0);
    assert.equal(isValidSignature(signer.publicKey, signer.scheme, message, await signer.sign(message)), true);
  });
});
