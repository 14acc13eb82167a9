import assert from "node:assert/strict";
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { describe, it } from "node:test";
import { isKeyDetails, isPkcs1KeyDetails, type KeyDetails, keyDetailsOf, schemeOfKeyDetails } from "./key-details.ts";
import { type PublicKey, parsePublicKey } from "./public-key.ts";
import { defaultScheme, type SignatureScheme } from "./scheme.ts";

const parse = ({ publicKey }: { publicKey: KeyObject }): PublicKey =>
  parsePublicKey(new Uint8Array(publicKey.export({ format: "der", type: "spki" })));
const ec = (namedCurve: string): PublicKey => parse(generateKeyPairSync("ec", { namedCurve }));
const rsa = parse(generateKeyPairSync("rsa", { modulusLength: 2048 }));
const ed25519 = parse(generateKeyPairSync("ed25519"));
const mlDsa = (type: "ml-dsa-44" | "ml-dsa-65" | "ml-dsa-87"): PublicKey => parse(generateKeyPairSync(type));
const [p256, p384, p521] = [ec("P-256"), ec("P-384"), ec("P-521")];

const named: readonly (readonly [KeyDetails, PublicKey, SignatureScheme])[] = [
  ["PKIX_ECDSA_P256_SHA_256", p256, defaultScheme(p256)],
  ["PKIX_ECDSA_P384_SHA_384", p384, defaultScheme(p384)],
  ["PKIX_ECDSA_P384_SHA_256", p384, { type: "ecdsa-p384", hash: "sha256" }],
  ["PKIX_ECDSA_P521_SHA_512", p521, defaultScheme(p521)],
  ["PKIX_ECDSA_P521_SHA_256", p521, { type: "ecdsa-p521", hash: "sha256" }],
  ["PKIX_ED25519", ed25519, defaultScheme(ed25519)],
  ["PKIX_ED25519_PH", ed25519, { type: "ed25519", hash: "sha512" }],
  ["PKIX_RSA_PKCS1V15_2048_SHA256", rsa, defaultScheme(rsa)],
  ["ML_DSA_44", mlDsa("ml-dsa-44"), { type: "ml-dsa-44", hash: "none" }],
  ["ML_DSA_65", mlDsa("ml-dsa-65"), { type: "ml-dsa-65", hash: "none" }],
  ["ML_DSA_87", mlDsa("ml-dsa-87"), { type: "ml-dsa-87", hash: "none" }],
  ["PKIX_RSA_PSS_2048_SHA256", rsa, { type: "rsa", hash: "sha256", padding: "pss" }],
];

describe("PublicKeyDetails", () => {
  for (const [name, key, scheme] of named) {
    it(`names ${name} and reads it back`, () => {
      assert.equal(keyDetailsOf(scheme, key), name);
      assert.deepEqual(schemeOfKeyDetails(name), scheme);
    });
  }

  it("reads the deprecated names and those of other sizes", () => {
    for (const name of [
      "PKCS1_RSA_PKCS1V5",
      "PKIX_RSA_PKCS1V5",
      "PKIX_RSA_PKCS1V15_3072_SHA256",
      "PKIX_RSA_PKCS1V15_4096_SHA256",
    ])
      assert.equal(schemeOfKeyDetails(name)?.padding, "pkcs1");
    for (const name of ["PKCS1_RSA_PSS", "PKIX_RSA_PSS", "PKIX_RSA_PSS_3072_SHA256", "PKIX_RSA_PSS_4096_SHA256"])
      assert.equal(schemeOfKeyDetails(name)?.padding, "pss");
    assert.deepEqual(schemeOfKeyDetails("PKIX_ECDSA_P256_HMAC_SHA_256"), { type: "ecdsa-p256", hash: "sha256" });
    assert.deepEqual(
      [isPkcs1KeyDetails("PKCS1_RSA_PKCS1V5"), isPkcs1KeyDetails("PKCS1_RSA_PSS"), isPkcs1KeyDetails("PKIX_RSA_PSS")],
      [true, true, false],
    );
  });

  it("knows names that it has no scheme for, and tells them from strangers", () => {
    for (const name of ["PUBLIC_KEY_DETAILS_UNSPECIFIED", "LMS_SHA256", "LMOTS_SHA256"]) {
      assert.deepEqual([isKeyDetails(name), schemeOfKeyDetails(name)], [true, undefined]);
    }
    for (const name of ["PKIX_ECDSA_P224", "toString", ""])
      assert.deepEqual([isKeyDetails(name), schemeOfKeyDetails(name)], [false, undefined]);
  });

  it("has no name for other combinations", () => {
    const odd: readonly (readonly [SignatureScheme, PublicKey])[] = [
      [{ type: "ecdsa-p256", hash: "sha512" }, p256],
      [{ type: "rsa", hash: "sha512", padding: "pss" }, rsa],
      [{ type: "ed25519", hash: "sha256" }, ed25519],
      [defaultScheme(p256), p384],
      [defaultScheme(rsa), parse(generateKeyPairSync("rsa", { modulusLength: 2304 }))],
    ];
    for (const [scheme, key] of odd) assert.throws(() => keyDetailsOf(scheme, key), { code: "CRYPTO_KEY_DETAILS_UNKNOWN" });
  });
});
