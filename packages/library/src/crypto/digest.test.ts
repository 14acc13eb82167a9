import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { describe, it } from "node:test";
import fc from "fast-check";
import { encodeHex, encodeUtf8 } from "../encoding/index.ts";
import { blake2b512, createHasher, digest, digestLength, sha256, sha256Latin1 } from "./digest.ts";
import type { HashAlgorithm } from "./platform-interface.ts";

// FIPS 180-4's example message "abc".
const vectors: Readonly<Record<HashAlgorithm, string>> = {
  sha1: "a9993e364706816aba3e25717850c26c9cd0d89d",
  sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
  sha384: "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
  sha512:
    "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
};
const algorithms: readonly HashAlgorithm[] = ["sha1", "sha256", "sha384", "sha512"];

describe("digest", () => {
  for (const algorithm of algorithms) {
    it(`gives ${algorithm} of the standard's example, in one part or several`, () => {
      assert.equal(encodeHex(digest(algorithm, encodeUtf8("abc"))), vectors[algorithm]);
      assert.equal(encodeHex(digest(algorithm, encodeUtf8("a"), new Uint8Array(0), encodeUtf8("bc"))), vectors[algorithm]);
      const hasher = createHasher(algorithm);
      hasher.update(encodeUtf8("ab"));
      hasher.update(encodeUtf8("c"));
      assert.equal(encodeHex(hasher.digest()), vectors[algorithm]);
      assert.equal(digestLength(algorithm), digest(algorithm).length);
    });
  }

  it("gives plain arrays, which own their memory", () => {
    for (const bytes of [sha256(), digest("sha1"), createHasher("sha256").digest()]) {
      assert.equal(Object.getPrototypeOf(bytes), Uint8Array.prototype);
      assert.equal(bytes.buffer.byteLength, bytes.length);
    }
  });

  it("gives the same for parts too large to join", () => {
    const [a, b] = [new Uint8Array(randomBytes(20_000)), new Uint8Array(randomBytes(7))];
    assert.deepEqual(sha256(a, b), new Uint8Array(createHash("sha256").update(a).update(b).digest()));
  });

  it("sha256Latin1 agrees with sha256, for tree nodes and for every other length", () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ minLength: 65, maxLength: 65 }), fc.uint8Array({ maxLength: 200 })), (bytes) => {
        const text = Buffer.from(bytes).toString("latin1");
        assert.equal(Buffer.from(sha256Latin1(text), "latin1").toString("hex"), encodeHex(sha256(bytes)));
      }),
    );
  });
});

it("blake2b512 gives RFC 7693's example", () => {
  assert.equal(
    encodeHex(blake2b512(encodeUtf8("abc"))),
    "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d17d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923",
  );
});
