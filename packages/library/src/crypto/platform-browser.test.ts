// The browser's platform says what Node's says. The room's own tests of reading keys and verifying signatures, which compare with node:crypto
// and with the vectors of the standards, run on it too.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { join } from "node:path";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type Curve, curves, octetsOf } from "./curve.ts";
import * as browser from "./platform-browser.ts";
import type { HashAlgorithm, Platform } from "./platform-interface.ts";
import * as node from "./platform-node.ts";

const platforms: readonly [Platform, Platform] = [browser, node];
const [ofBrowser, ofNode] = platforms;
const hashes: readonly HashAlgorithm[] = ["sha1", "sha256", "sha384", "sha512"];
const names = { "ecdsa-p256": "P-256", "ecdsa-p384": "P-384", "ecdsa-p521": "P-521" } as const;

function pairOf({ type }: Curve): ReturnType<typeof generateKeyPairSync> {
  return generateKeyPairSync("ec", { namedCurve: names[type] });
}

function spkiOf(pair: ReturnType<typeof generateKeyPairSync>): Uint8Array {
  return new Uint8Array(pair.publicKey.export({ format: "der", type: "spki" }));
}

describe("the platform of a browser", () => {
  it("digests as Node does, whole and in parts", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.constantFrom(...hashes), fc.nat(300), (bytes, algorithm, cut) => {
        const expected = ofNode.digestOf(algorithm, bytes);
        assert.deepEqual(ofBrowser.digestOf(algorithm, bytes), expected);
        const hasher = ofBrowser.createHasher(algorithm);
        hasher.update(bytes.subarray(0, cut));
        hasher.update(bytes.subarray(cut));
        assert.deepEqual(hasher.digest(), expected);
        assert.deepEqual(ofBrowser.blake2b512(bytes), ofNode.blake2b512(bytes));
        const octets = Buffer.from(bytes).toString("latin1");
        assert.equal(ofBrowser.sha256Latin1(octets), ofNode.sha256Latin1(octets));
        assert.equal(ofBrowser.octetString(bytes), octets);
        assert.equal(ofNode.octetString(bytes), octets);
      }),
    );
  });

  for (const curve of curves) {
    it(`verifies on ${curve.name} what Node verifies, over every digest, and nothing else`, () => {
      const pair = pairOf(curve);
      const spki = spkiOf(pair);
      const keys = platforms.map((platform) => platform.importPublicKey(spki));
      fc.assert(
        fc.property(
          fc.uint8Array({ maxLength: 40 }),
          fc.constantFrom("sha256" as const, "sha384" as const, "sha512" as const),
          fc.nat(80),
          fc.constantFrom(0, 0, 1, 128, 255),
          (message, hash, at, mask) => {
            const honest = new Uint8Array(sign(hash, message, pair.privateKey));
            const signature = honest.map((octet, i) => (i === at ? octet ^ mask : octet));
            const answers = platforms.map(({ verify }, i) => {
              const key = keys[i];
              assert.ok(key !== undefined);
              return verify(key, hash, undefined, message, signature);
            });
            assert.equal(answers[0], answers[1]);
            if (mask === 0) assert.equal(answers[0], true);
          },
        ),
        { numRuns: 24 },
      );
    });

    it(`multiplies the base point of ${curve.name} as Node does`, () => {
      for (const scalar of [1n, 2n, curve.n - 1n, BigInt(`0x${randomBytes(31).toString("hex")}`)]) {
        const octets = octetsOf(scalar, curve.octets);
        assert.deepEqual(
          ofBrowser.multiplyBasePoint(curve.type, octets),
          new Uint8Array(ofNode.multiplyBasePoint(curve.type, octets)),
        );
      }
    });

    it(`imports no point beside ${curve.name}, and none that is not reduced`, () => {
      const spki = spkiOf(pairOf(curve));
      const beside = spki.map((octet, i) => (i === spki.length - 1 ? octet ^ 1 : octet));
      const unreduced = spki.slice();
      unreduced.set(octetsOf(curve.p, curve.octets), curve.spkiPrefix.length);
      for (const bad of [beside, unreduced])
        for (const { importPublicKey } of platforms) assert.throws(() => importPublicKey(bad));
    });
  }

  it("does the public operation of RSA as Node does, and refuses what is not below the modulus", () => {
    const pair = generateKeyPairSync("rsa", { modulusLength: 2048, publicExponent: 3 });
    const spki = spkiOf(pair);
    const signature = new Uint8Array(sign("sha256", Buffer.from("message"), pair.privateKey));
    const [plain, expected] = platforms.map((platform) => platform.rsaPublicOperation(platform.importPublicKey(spki), signature));
    assert.deepEqual(plain, expected);
    for (const platform of platforms)
      assert.throws(() =>
        platform.rsaPublicOperation(
          platform.importPublicKey(spki),
          signature.map(() => 0xff),
        ),
      );
  });

  it("signs nothing, and says so", async () => {
    assert.equal(ofBrowser.signs, false);
    assert.throws(() => browser.importPrivateKey(), /signs nothing/);
    await assert.rejects(browser.sign(), /signs nothing/);
  });

  it("passes the room's tests of digests, keys and signatures", () => {
    const files = ["digest", "public-key", "signature", "ecdsa-signature"].map((name) =>
      join(import.meta.dirname, `${name}.test.ts`),
    );
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const args = ["--conditions=browser", "--conditions=@sigillum/source", "--test", "--test-isolation=none", ...files];
    const { status, stdout } = spawnSync(process.execPath, args, { encoding: "utf8", env });
    assert.equal(status, 0, stdout);
    assert.match(stdout, /^ℹ pass [1-9]\d+$/m);
    assert.match(stdout, /^ℹ fail 0$/m);
  });
});
