// The arithmetic of signatures against Node's own, both ways, and what neither may take.
import assert from "node:assert/strict";
import { constants, createHash, generateKeyPairSync, type KeyObject, sign, verify } from "node:crypto";
import { describe, it } from "node:test";
import { type Curve, curves, type EcPrivateKey, ecPublicKey, hasEcdsaSignature, parsePoint, signEcdsa } from "./ecdsa.ts";
import { ed25519Key, hasEd25519Signature, signEd25519 } from "./ed25519.ts";
import { fromBytes, hasPkcs1Signature, hasPssSignature, type RsaPrivateKey, signPkcs1, signPss, toBytes } from "./rsa.ts";

const message = new TextEncoder().encode("what is signed");
const other = new TextEncoder().encode("what is not");
const number = (text: unknown): bigint => fromBytes(Buffer.from(String(text), "base64url"));

function rsaKey(key: KeyObject): RsaPrivateKey {
  const { n, e, d, p, q } = key.export({ format: "jwk" });
  return { kind: "rsa", modulus: number(n), exponent: number(e), private: number(d), primes: [number(p), number(q)] };
}

function changed(bytes: Uint8Array, at: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}

describe("RSA", () => {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const key = rsaKey(privateKey);

  for (const name of ["sha256", "sha384", "sha512"] as const) {
    it(`PKCS #1 v1.5 with ${name} agrees with Node`, () => {
      const theirs = sign(name, message, privateKey);
      assert.equal(hasPkcs1Signature(key, name, message, theirs), true);
      assert.equal(hasPkcs1Signature(key, name, other, theirs), false);
      assert.equal(hasPkcs1Signature(key, name, message, changed(theirs, 100)), false);
      assert.equal(hasPkcs1Signature(key, name, message, theirs.subarray(1)), false);
      assert.equal(verify(name, message, publicKey, signPkcs1(key, name, message) ?? new Uint8Array()), true);
      assert.deepEqual(signPkcs1({ ...key, primes: [] }, name, message), signPkcs1(key, name, message));
    });

    it(`PSS with ${name} agrees with Node, whatever the salt's length`, () => {
      const padding = constants.RSA_PKCS1_PSS_PADDING;
      for (const saltLength of [0, 20, 64]) {
        const theirs = sign(name, message, { key: privateKey, padding, saltLength });
        assert.equal(hasPssSignature(key, name, message, theirs), true);
        assert.equal(hasPssSignature(key, name, other, theirs), false);
        assert.equal(hasPssSignature(key, name, message, changed(theirs, 3)), false);
      }
      assert.equal(verify(name, message, { key: publicKey, padding }, signPss(key, name, message) ?? new Uint8Array()), true);
    });
  }

  it("takes no signature past the modulus, and no key of a size or an exponent that is no key's", () => {
    const theirs = sign("sha256", message, privateKey);
    const past = toBytes(fromBytes(theirs) + key.modulus, 257);
    assert.equal(hasPkcs1Signature(key, "sha256", message, past), false);
    assert.equal(hasPkcs1Signature({ ...key, exponent: 1n }, "sha256", message, theirs), false);
    assert.equal(hasPkcs1Signature({ ...key, exponent: 1n << 40n }, "sha256", message, theirs), false);
    assert.equal(hasPkcs1Signature({ ...key, modulus: 35n }, "sha256", message, Uint8Array.of(1)), false);
  });
});

describe("ECDSA", () => {
  for (const [curve, name] of [
    [curves["P-256"], "sha256"],
    [curves["P-384"], "sha384"],
    [curves["P-521"], "sha512"],
  ] as const satisfies readonly (readonly [Curve, string])[]) {
    it(`on ${curve.name} agrees with Node`, () => {
      const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: curve.name });
      const { x, y, d } = privateKey.export({ format: "jwk" });
      const key: EcPrivateKey = { kind: "ec", curve, x: number(x), y: number(y), private: number(d) };
      assert.deepEqual(ecPublicKey(curve, key.private), { kind: "ec", curve, x: key.x, y: key.y });
      const hash = createHash(name).update(message).digest();
      const theirs = sign(name, message, { key: privateKey, dsaEncoding: "ieee-p1363" });
      const [r, s] = [fromBytes(theirs.subarray(0, curve.bytes)), fromBytes(theirs.subarray(curve.bytes))];
      assert.equal(hasEcdsaSignature(key, hash, r, s), true);
      assert.equal(hasEcdsaSignature(key, createHash(name).update(other).digest(), r, s), false);
      assert.equal(hasEcdsaSignature(key, hash, r, s + 1n), false);
      assert.equal(hasEcdsaSignature(key, hash, r + curve.n, s), false);
      assert.equal(hasEcdsaSignature(key, hash, 0n, s), false);
      assert.equal(hasEcdsaSignature(key, hash, r, 0n), false);
      assert.equal(hasEcdsaSignature({ ...key, y: key.y + 1n }, hash, r, s), false);
      const [a, b] = signEcdsa(key, name, hash);
      const ours = Buffer.concat([toBytes(a, curve.bytes), toBytes(b, curve.bytes)]);
      assert.equal(verify(name, message, { key: publicKey, dsaEncoding: "ieee-p1363" }, ours), true);
    });
  }

  it("signs as RFC 6979 §A.2.5 does", () => {
    const secret = 0xc9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721n;
    const point = ecPublicKey(curves["P-256"], secret);
    assert.ok(point !== undefined);
    const hash = createHash("sha256").update("sample").digest();
    const [r, s] = signEcdsa({ ...point, private: secret }, "sha256", hash);
    assert.equal(r, 0xefd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716n);
    assert.equal(s, 0xf7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8n);
  });

  it("takes no point off the curve, and no secret out of range", () => {
    assert.equal(parsePoint(curves["P-256"], new Uint8Array(65).fill(4)), undefined);
    assert.equal(parsePoint(curves["P-256"], new Uint8Array(64)), undefined);
    assert.equal(ecPublicKey(curves["P-256"], 0n), undefined);
    assert.equal(ecPublicKey(curves["P-256"], curves["P-256"].n), undefined);
  });
});

describe("Ed25519", () => {
  it("agrees with Node", () => {
    const { privateKey, publicKey } = generateKeyPairSync("ed25519");
    const { x, d } = privateKey.export({ format: "jwk" });
    const key = ed25519Key(Buffer.from(String(d), "base64url"));
    assert.deepEqual(Buffer.from(key.bytes), Buffer.from(String(x), "base64url"));
    const ours = signEd25519(key, message);
    assert.deepEqual(Buffer.from(ours), sign(null, message, privateKey));
    assert.equal(verify(null, message, publicKey, ours), true);
    assert.equal(hasEd25519Signature(key, message, ours), true);
    assert.equal(hasEd25519Signature(key, other, ours), false);
    for (const at of [0, 31, 32, 63]) assert.equal(hasEd25519Signature(key, message, changed(ours, at)), false);
    assert.equal(hasEd25519Signature(key, message, ours.subarray(1)), false);
  });

  it("takes no S past the order, which would give a second signature", () => {
    const key = ed25519Key(new Uint8Array(32).fill(7));
    const ours = signEd25519(key, message);
    const order = 2n ** 252n + 27742317777372353535851937790883648493n;
    const s = fromBytes(ours.slice(32).reverse()) + order;
    const second = Uint8Array.from([...ours.subarray(0, 32), ...toBytes(s, 32).reverse()]);
    assert.equal(hasEd25519Signature(key, message, second), false);
  });
});
