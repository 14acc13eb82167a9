import assert from "node:assert/strict";
import { createECDH, generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { describe, it } from "node:test";
import fc from "fast-check";
import { concatBytes, derInteger, derSequence, encodeUtf8, parseHex } from "../encoding/index.ts";
import { addPoints, type Curve, curveOf, curves, integerOf, invert, modulo, octetsOf, type Point } from "./curve.ts";
import { digest, sha256 } from "./digest.ts";
import { fixedMessages } from "./ecdsa-digest.ts";
import type { HashAlgorithm } from "./platform-interface.ts";
import { type PublicKey, parsePublicKey } from "./public-key.ts";
import { isValidSignature, isValidSignatureOverDigest } from "./signature.ts";

// A signer by the textbook (FIPS 186-5 §6.4.1), which can sign any number, and so reach the special cases of the detour.
const nodeNames = { "ecdsa-p256": "prime256v1", "ecdsa-p384": "secp384r1", "ecdsa-p521": "secp521r1" } as const;

function times(curve: Curve, scalar: bigint): Point {
  const exchange = createECDH(nodeNames[curve.type]);
  exchange.setPrivateKey(octetsOf(scalar, curve.octets));
  const point = new Uint8Array(exchange.getPublicKey());
  return { x: integerOf(point.subarray(1, 1 + curve.octets)), y: integerOf(point.subarray(1 + curve.octets)) };
}

function keyOf(curve: Curve, d: bigint): PublicKey {
  const { x, y } = times(curve, d);
  return parsePublicKey(concatBytes(curve.spkiPrefix, octetsOf(x, curve.octets), octetsOf(y, curve.octets)));
}

const scalar = (curve: Curve): bigint => modulo(integerOf(new Uint8Array(randomBytes(curve.octets + 8))), curve.n - 1n) + 1n;
const der = (r: bigint, s: bigint): Uint8Array => derSequence(derInteger(r), derInteger(s));

function textbookSign(curve: Curve, d: bigint, e: bigint, k: bigint): { r: bigint; s: bigint } {
  const r = modulo(times(curve, k).x, curve.n);
  return { r, s: modulo(invert(k, curve.n) * (e + r * d), curve.n) };
}

/** FIPS 186-5 §6.4.2 step by step, by doubling and adding: slow, and sharing nothing with the detour but the addition. */
function textbookVerify(curve: Curve, q: Point, e: bigint, r: bigint, s: bigint): boolean {
  const w = invert(s, curve.n);
  const [u, v] = [modulo(e * w, curve.n), modulo(r * w, curve.n)];
  const [left, right] = [u === 0n ? undefined : times(curve, u), multiply(curve, q, v)];
  const sum = left === undefined ? right : right === undefined ? left : addPoints(curve, left, right);
  return sum !== undefined && modulo(sum.x, curve.n) === r;
}

function multiply(curve: Curve, point: Point, factor: bigint): Point | undefined {
  let sum: Point | undefined;
  let power: Point | undefined = point;
  for (let left = factor; left > 0n && power !== undefined; left >>= 1n) {
    if ((left & 1n) === 1n) sum = sum === undefined ? power : addPoints(curve, sum, power);
    power = addPoints(curve, power, power);
  }
  return sum;
}

describe("invert", () => {
  it("inverts modulo every prime in use, near the ends as well", () => {
    for (const modulus of curves.flatMap((curve) => [curve.p, curve.n])) {
      const near = fc.nat(1000).map(BigInt);
      const half = fc.nat(1000).map((offset) => (modulus >> 1n) + BigInt(offset));
      const power = fc
        .tuple(fc.nat(520), fc.integer({ min: -3, max: 3 }))
        .map(([bit, offset]) => (1n << BigInt(bit)) + BigInt(offset));
      const any = fc.bigInt({ min: 1n, max: modulus - 1n });
      fc.assert(
        fc.property(
          fc.oneof(
            any,
            near.map((n) => n + 1n),
            near.map((n) => modulus - 1n - n),
            half,
            power,
          ),
          (raw) => {
            const value = modulo(raw, modulus);
            fc.pre(value !== 0n);
            assert.equal(modulo(invert(value, modulus) * value, modulus), 1n);
          },
        ),
        { numRuns: 300 },
      );
    }
  });
});

describe("addPoints", () => {
  for (const curve of curves) {
    it(`agrees with the platform on ${curve.name}`, () => {
      for (let i = 0; i < 5; i++) {
        const [a, b] = [scalar(curve), scalar(curve)];
        assert.deepEqual(addPoints(curve, times(curve, a), times(curve, b)), times(curve, modulo(a + b, curve.n)));
        assert.deepEqual(addPoints(curve, times(curve, a), times(curve, a)), times(curve, modulo(2n * a, curve.n)));
        assert.equal(addPoints(curve, times(curve, a), times(curve, curve.n - a)), undefined);
      }
    });
  }
});

describe("isValidSignatureOverDigest with ECDSA", () => {
  for (const curve of curves) {
    for (const hash of ["sha256", "sha384", "sha512"] as const) {
      it(`says what isValidSignature says: ${curve.name} with ${hash}`, () => {
        for (let i = 0; i < 6; i++) agreeOnVariants(curve, hash);
      });
    }
  }

  // RFC 6979 §A.2.5: P-256, message "sample"; with SHA-512 the digest is cut to 256 bits.
  const rfc6979 = parsePublicKey(
    parseHex(
      "3059301306072a8648ce3d020106082a8648ce3d0301070342000460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb67903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299",
    ),
  );
  const vectors: readonly (readonly [HashAlgorithm, bigint, bigint])[] = [
    [
      "sha256",
      0xefd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716n,
      0xf7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8n,
    ],
    [
      "sha512",
      0x8496a60b5e9b47c825488827e0495b0e3fa109ec4568fd3f8d1097678eb97f00n,
      0x2362ab1adbe2b8adf9cb9edab740ea6049c028114f2460f96554f61fae3302fen,
    ],
  ];
  for (const [hash, r, s] of vectors) {
    it(`accepts the signature of RFC 6979 with ${hash}, and its twin with -s`, () => {
      const scheme = { type: "ecdsa-p256", hash } as const;
      const ofSample = digest(hash, encodeUtf8("sample"));
      assert.equal(isValidSignatureOverDigest(rfc6979, scheme, ofSample, der(r, s)), true);
      assert.equal(isValidSignatureOverDigest(rfc6979, scheme, ofSample, der(r, curveOf("ecdsa-p256").n - s)), true);
      assert.equal(isValidSignatureOverDigest(rfc6979, scheme, digest(hash, encodeUtf8("test")), der(r, s)), false);
    });
  }

  for (const curve of curves) {
    // The digest has 256 bits, so the special numbers are met only on P-256 by choice of r; elsewhere by choice of e beyond 256 bits.
    const hash = curve.name === "P-256" ? "sha256" : curve.name === "P-384" ? "sha384" : "sha512";
    const scheme = { type: curve.type, hash } as const;
    const digestOctets = hash === "sha256" ? 32 : hash === "sha384" ? 48 : 64;

    it(`meets the special cases of the detour on ${curve.name}`, () => {
      const [first, second] = fixedMessages();
      assert.ok(first !== undefined && second !== undefined && first.number !== second.number);
      // What tG is to be beside Q = dG: t = 0, t = d (doubling), t = -d (infinity, so that the second message is used).
      for (const multiple of [0n, 1n, -1n]) {
        const { d, e, r, s, key } = chosen(curve, first.number, multiple, 8 * digestOctets);
        const bytes = octetsOf(e, digestOctets);
        assert.equal(modulo((e - first.number) * invert(r, curve.n), curve.n), modulo(multiple * d, curve.n));
        assert.equal(textbookVerify(curve, times(curve, d), e, r, s), true);
        assert.equal(isValidSignatureOverDigest(key, scheme, bytes, der(r, s)), true, `t = ${multiple}d`);
        assert.equal(
          isValidSignatureOverDigest(key, scheme, bytes, der(r, modulo(s + 1n, curve.n))),
          false,
          `t = ${multiple}d, s altered`,
        );
        // The same t with another k: r/s are a pair that no k made.
        assert.equal(
          isValidSignatureOverDigest(keyOf(curve, modulo(d + 1n, curve.n)), scheme, bytes, der(r, s)),
          false,
          `t = ${multiple}d, another key`,
        );
      }
    });
  }

  it("agrees with the textbook for numbers that no message is known for, 0 and beyond the order among them", () => {
    const curve = curveOf("ecdsa-p256");
    const scheme = { type: "ecdsa-p256", hash: "sha256" } as const;
    const d = scalar(curve);
    const key = keyOf(curve, d);
    for (const e of [0n, 1n, curve.n, curve.n + 5n, (1n << 256n) - 1n, scalar(curve)]) {
      const { r, s } = textbookSign(curve, d, e, scalar(curve));
      assert.equal(isValidSignatureOverDigest(key, scheme, octetsOf(e, 32), der(r, s)), true);
      for (const [a, b, c] of [
        [e, r, s - 1n],
        [e, r - 1n, s],
        [e ^ 2n, r, s],
      ] as const) {
        assert.equal(
          isValidSignatureOverDigest(key, scheme, octetsOf(a, 32), der(b, c)),
          textbookVerify(curve, times(curve, d), a, b, c),
        );
      }
    }
  });

  it("gives false, and no error, for signatures that are no signatures", () => {
    const curve = curveOf("ecdsa-p256");
    const key = keyOf(curve, scalar(curve));
    const { n } = curve;
    const bad = [
      new Uint8Array(0),
      parseHex("3000"),
      der(0n, 0n),
      der(0n, 1n),
      der(1n, 0n),
      der(n, 1n),
      der(1n, n),
      der(-1n, 1n),
      der(n + 1n, 1n),
      der(1n, 1n),
      der(n - 1n, n - 1n),
      new Uint8Array(randomBytes(70)),
      new Uint8Array(64),
    ];
    for (const signature of bad) {
      assert.equal(isValidSignatureOverDigest(key, { type: "ecdsa-p256", hash: "sha256" }, sha256(), signature), false);
      assert.equal(isValidSignature(key, { type: "ecdsa-p256", hash: "sha256" }, new Uint8Array(0), signature), false);
    }
  });
});

/** A key and a signature valid for a number e, such that (e - fixed)/r = multiple · d. Resigned until e fits a digest. */
function chosen(
  curve: Curve,
  fixed: bigint,
  multiple: bigint,
  digestBits: number,
): { d: bigint; e: bigint; r: bigint; s: bigint; key: PublicKey } {
  for (;;) {
    const [d, k] = [scalar(curve), scalar(curve)];
    const r = modulo(times(curve, k).x, curve.n);
    const e = modulo(fixed + multiple * d * r, curve.n);
    const { s } = textbookSign(curve, d, e, k);
    if (s !== 0n && e < 1n << BigInt(digestBits)) return { d, e, r, s, key: keyOf(curve, d) };
  }
}

function agreeOnVariants(curve: Curve, hash: "sha256" | "sha384" | "sha512"): void {
  const pair = generateKeyPairSync("ec", { namedCurve: curve.name });
  const key = parsePublicKey(new Uint8Array(pair.publicKey.export({ format: "der", type: "spki" })));
  const other = keyOf(curve, scalar(curve));
  const message = new Uint8Array(randomBytes(50));
  const signature = new Uint8Array(sign(hash, message, pair.privateKey));
  const altered = signature.slice();
  altered[signature.length - 1] = (altered[signature.length - 1] ?? 0) ^ 1;
  const scheme = { type: curve.type, hash };
  const cases: readonly (readonly [boolean, PublicKey, Uint8Array, Uint8Array])[] = [
    [true, key, message, signature],
    [false, key, message, altered],
    [false, key, message.subarray(1), signature],
    [false, other, message, signature],
    [false, key, message, concatBytes(signature, Uint8Array.of(0))],
    [false, key, message, signature.subarray(0, -1)],
  ];
  for (const [expected, k, m, s] of cases) {
    assert.equal(isValidSignature(k, scheme, m, s), expected);
    assert.equal(isValidSignatureOverDigest(k, scheme, digest(hash, m), s), expected);
  }
}
