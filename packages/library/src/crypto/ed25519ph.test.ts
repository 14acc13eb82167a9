import assert from "node:assert/strict";
import { createHash, createPublicKey, verify as nodeVerify } from "node:crypto";
import { describe, it } from "node:test";
import fc from "fast-check";
import { concatBytes, encodeUtf8, parseHex } from "../encoding/index.ts";
import { flipLastBit, generateEd25519phSigner, generateSigner } from "../testing/index.ts";
import { digest } from "./digest.ts";
import { edwardsOrder, isEdwardsSignature, littleEndianInteger } from "./edwards.ts";
import { isValidSignature, isValidSignatureOverDigest, parsePublicKey, rawPublicKey, type SignatureScheme } from "./index.ts";
import { ed25519SpkiPrefix } from "./spki.ts";

const ph: SignatureScheme = { type: "ed25519", hash: "sha512" };

// RFC 8032 §7.3, TEST abc.
const vector = {
  key: parsePublicKey(
    concatBytes(ed25519SpkiPrefix, parseHex("ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf")),
  ),
  message: encodeUtf8("abc"),
  signature: parseHex(
    "98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae4131f85042463c2a355a2003d062adf5aaa10b8c61e636062aaad11c2a26083406",
  ),
};

function order(value: bigint): Uint8Array {
  return parseHex(value.toString(16).padStart(64, "0")).toReversed();
}

describe("Ed25519ph", () => {
  it("accepts the signature of RFC 8032 §7.3, and it alone", () => {
    const { key, message, signature } = vector;
    assert.equal(isValidSignature(key, ph, message, signature), true);
    assert.equal(isValidSignatureOverDigest(key, ph, digest("sha512", message), signature), true);
    for (let i = 0; i < signature.length; i += 7) {
      const changed = signature.map((octet, at) => (at === i ? octet ^ 1 : octet));
      assert.equal(isValidSignature(key, ph, message, changed), false);
    }
    for (const bad of [
      signature.subarray(0, 63),
      concatBytes(signature, Uint8Array.of(0)),
      new Uint8Array(0),
      new Uint8Array(64),
    ])
      assert.equal(isValidSignature(key, ph, message, bad), false);
    assert.equal(isValidSignature(key, ph, encodeUtf8("abd"), signature), false);
  });

  it("accepts what a signer made whose products the platform computed, by message and by digest", async () => {
    for (let i = 0; i < 20; i++) {
      const signer = generateEd25519phSigner();
      const message = encodeUtf8(`message ${i}`);
      const signature = await signer.sign(message);
      assert.equal(isValidSignature(signer.publicKey, ph, message, signature), true);
      assert.equal(isValidSignatureOverDigest(signer.publicKey, ph, digest("sha512", message), signature), true);
      assert.equal(isValidSignature(signer.publicKey, ph, message, flipLastBit(signature)), false);
    }
  });

  it("refuses S that is not below the order, though it is the same number modulo it", async () => {
    const signer = generateEd25519phSigner();
    const message = encodeUtf8("message");
    const signature = await signer.sign(message);
    const s = littleEndianInteger(signature.subarray(32));
    const higher = concatBytes(signature.subarray(0, 32), order(s + edwardsOrder));
    assert.equal(isValidSignature(signer.publicKey, ph, message, higher), false);
  });

  it("is not pure Ed25519, and pure Ed25519 is not it", async () => {
    const message = encodeUtf8("message");
    const [pure, prehashed] = [generateSigner("ed25519"), generateEd25519phSigner()];
    assert.equal(isValidSignature(pure.publicKey, ph, message, await pure.sign(message)), false);
    assert.equal(
      isValidSignature(prehashed.publicKey, { type: "ed25519", hash: "none" }, message, await prehashed.sign(message)),
      false,
    );
  });

  it("is verified and not signed with", () => {
    assert.throws(() => generateSigner("ed25519", { hash: "sha512" }), { code: "CRYPTO_SCHEME_UNSUPPORTED" });
  });
});

describe("isEdwardsSignature", () => {
  // The same equation with the number of pure Ed25519, which the platform verifies too.
  function isPure(key: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
    const hash = createHash("sha512")
      .update(concatBytes(signature.subarray(0, 32), key, message))
      .digest();
    return isEdwardsSignature(key, littleEndianInteger(new Uint8Array(hash)), signature);
  }

  it("says of pure Ed25519 what the platform says", async () => {
    const signer = generateSigner("ed25519");
    const key = rawPublicKey(signer.publicKey);
    const handle = createPublicKey({ key: Buffer.from(signer.publicKey.spki), format: "der", type: "spki" });
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 40 }), fc.nat(63), fc.nat(255), async (message, at, mask) => {
        const honest = await signer.sign(message);
        const signature = honest.map((octet, i) => (i === at ? octet ^ mask : octet));
        assert.equal(isPure(key, message, signature), nodeVerify(undefined, message, handle, signature));
      }),
      { numRuns: 60 },
    );
  });

  it("refuses encodings that are of no point, or not the one encoding of a point", () => {
    const p = (1n << 255n) - 19n;
    const top = 1n << 255n;
    const identity = concatBytes(order(1n), order(0n));
    // [0]B = R + [k]A holds with A and R the neutral element.
    assert.equal(isEdwardsSignature(order(1n), 5n, identity), true);
    for (const bad of [order(p + 1n), order(top | 1n), order(2n), order(p), new Uint8Array(31), new Uint8Array(0)]) {
      assert.equal(isEdwardsSignature(bad, 0n, identity), false);
      assert.equal(isEdwardsSignature(bad, 5n, identity), false);
    }
    assert.equal(isEdwardsSignature(order(1n), 5n, concatBytes(order(p + 1n), order(0n))), false);
    assert.equal(isEdwardsSignature(order(1n), 5n, identity.subarray(1)), false);
  });
});
