import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { concatBytes, encodeUtf8 } from "../encoding/index.ts";
import { flipLastBit, generateSigner } from "../testing/index.ts";
import { defaultScheme, isValidSignature, isValidSignatureOverDigest, parsePublicKey, rawPublicKey, sha256 } from "./index.ts";
import { importMlDsa } from "./public-key.ts";
import { mlDsaForms } from "./spki.ts";

const message = encodeUtf8("message");

describe("ML-DSA", () => {
  for (const form of mlDsaForms) {
    const { type, octets, spkiPrefix } = form;
    const signer = generateSigner(type);
    const { publicKey } = signer;

    it(`${type} verifies a message, in pure form`, async () => {
      const signature = await signer.sign(message);
      const scheme = defaultScheme(publicKey);
      assert.deepEqual([publicKey.type, scheme], [type, { type, hash: "none" }]);
      assert.equal(isValidSignature(publicKey, scheme, message, signature), true);
      assert.equal(isValidSignature(publicKey, scheme, message, flipLastBit(signature)), false);
      assert.equal(isValidSignature(publicKey, scheme, encodeUtf8("massage"), signature), false);
      for (const bad of [signature.subarray(1), concatBytes(signature, Uint8Array.of(0)), new Uint8Array(0)])
        assert.equal(isValidSignature(publicKey, scheme, message, bad), false);
      assert.throws(() => isValidSignatureOverDigest(publicKey, scheme, sha256(message), signature), {
        code: "CRYPTO_DIGEST_ONLY_UNSUPPORTED",
      });
      assert.throws(() => isValidSignature(publicKey, { type, hash: "sha512" }, message, signature), {
        code: "CRYPTO_SCHEME_MISMATCH",
      });
    });

    it(`${type} has a key in one form`, () => {
      assert.equal(rawPublicKey(publicKey).length, octets);
      assert.equal(parsePublicKey(publicKey.spki), publicKey);
      const octetsShort = publicKey.spki.subarray(0, -1);
      assert.throws(() => parsePublicKey(octetsShort), { code: "PUBLIC_KEY_MALFORMED" });
      assert.throws(() => parsePublicKey(concatBytes(publicKey.spki, Uint8Array.of(0))), { code: "PUBLIC_KEY_TRAILING_BYTES" });
      const shorter = concatBytes(spkiPrefix, publicKey.spki.subarray(spkiPrefix.length));
      shorter[spkiPrefix.length - 1] = 1; // a bit string with unused bits
      assert.throws(() => parsePublicKey(shorter), { code: "PUBLIC_KEY_MALFORMED" });
    });

    it(`${type} asks for a newer platform where the platform refuses it`, () => {
      const refuse = (): never => {
        throw new Error("unsupported");
      };
      assert.throws(() => importMlDsa(publicKey.spki, form, refuse), { code: "PUBLIC_KEY_NEEDS_NEWER_PLATFORM" });
    });
  }
});
