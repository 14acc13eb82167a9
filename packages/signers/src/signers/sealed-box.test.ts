import assert from "node:assert/strict";
import { createPrivateKey, type createPublicKey, generateKeyPairSync } from "node:crypto";
import { describe, it } from "node:test";
import { encodeUtf8, parseHex } from "@sigillum/library/encoding";
import { openSealedBox, sealBox } from "./index.ts";

const rawOf = (key: ReturnType<typeof createPublicKey>): Uint8Array =>
  new Uint8Array(key.export({ format: "der", type: "spki" })).subarray(-32);

describe("sealed boxes", () => {
  it("open for the holder of the key alone, and not when a bit was changed", async () => {
    const [mine, other] = [generateKeyPairSync("x25519"), generateKeyPairSync("x25519")];
    const message = encodeUtf8("a secret of some length, over more than one block of the stream: ".repeat(5));
    const box = await sealBox(message, rawOf(mine.publicKey));
    assert.equal(box.length, message.length + 48);
    assert.deepEqual(await openSealedBox(box, mine.privateKey), message);
    assert.equal(await openSealedBox(box, other.privateKey), undefined);
    for (const at of [0, 31, 32, 47, 48, box.length - 1]) {
      const changed = Uint8Array.from(box);
      changed[at] = (changed[at] ?? 0) ^ 1;
      assert.equal(await openSealedBox(changed, mine.privateKey), undefined, `octet ${at}`);
    }
    assert.equal(await openSealedBox(box.subarray(0, 31), mine.privateKey), undefined);
    assert.notDeepEqual(await sealBox(message, rawOf(mine.publicKey)), box);
  });

  it("are not closed for what is no key", async () => {
    await assert.rejects(sealBox(encodeUtf8("x"), new Uint8Array(31)), TypeError);
    await assert.rejects(sealBox(encodeUtf8("x"), new Uint8Array(32)), /derive|diffie|failed/iu); // the point zero
  });

  it("opens what libsodium closed (by PyNaCl 1.6.2)", async () => {
    const seed = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    const privateKey = createPrivateKey({
      key: Buffer.from(`302e020100300506032b656e04220420${seed}`, "hex"),
      format: "der",
      type: "pkcs8",
    });
    const box = parseHex(
      "b2e0999c0dfaa3675ea4a67e1b3184bd5300c14c15d567f7da9744b712ee995556412469e460bd3486d3e12c783e6ed6253629687a71eab07a62d4ad9de3c5bbb82ec5",
    );
    assert.deepEqual(await openSealedBox(box, privateKey), encodeUtf8("closed by libsodium"));
  });
});
