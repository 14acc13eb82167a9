import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isValidSignature, isValidSignatureOverDigest, sha256 } from "../crypto/index.ts";
import { encodeUtf8 } from "../encoding/index.ts";
import { createEphemeralSigner } from "./ephemeral.ts";

describe("createEphemeralSigner", () => {
  it("signs a digest as it would sign the message", async () => {
    for (let i = 0; i < 50; i++) {
      const signer = createEphemeralSigner();
      const message = encodeUtf8(`message ${i}`);
      const signature = await signer.signDigest(sha256(message));
      assert.ok(isValidSignature(signer.publicKey, signer.scheme, message, signature));
      assert.ok(isValidSignatureOverDigest(signer.publicKey, signer.scheme, sha256(message), await signer.sign(message)));
      assert.ok(!isValidSignature(signer.publicKey, signer.scheme, encodeUtf8("another"), signature));
    }
  });
  it("signs digests at the ends of their range", async () => {
    const signer = createEphemeralSigner();
    // Above the curve's order, and next to zero.
    for (const digest of [new Uint8Array(32).fill(0xff), Uint8Array.from({ length: 32 }, (_, i) => (i === 31 ? 1 : 0))]) {
      assert.ok(isValidSignatureOverDigest(signer.publicKey, signer.scheme, digest, await signer.signDigest(digest)));
    }
  });
  it("refuses what is no SHA-256 digest", async () => {
    await assert.rejects(createEphemeralSigner().signDigest(new Uint8Array(20)), TypeError);
    await assert.rejects(createEphemeralSigner().signDigest(new Uint8Array(32)), TypeError);
  });
});
