import assert from "node:assert/strict";
import {
  constants,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  generatePrimeSync,
  type KeyObject,
  privateEncrypt,
  publicEncrypt,
  randomBytes,
  sign,
} from "node:crypto";
import { describe, it } from "node:test";
import fc from "fast-check";
import { concatBytes, encodeUtf8, parseHex } from "../encoding/index.ts";
import { digest, sha256 } from "./digest.ts";
import { parsePublicKey } from "./public-key.ts";
import { defaultScheme, type SignatureScheme } from "./scheme.ts";
import { isValidSignature, isValidSignatureOverDigest } from "./signature.ts";

const message = encodeUtf8("message");
const rsaPair = generateKeyPairSync("rsa", { modulusLength: 2048 });
const rsa = parsePublicKey(new Uint8Array(rsaPair.publicKey.export({ format: "der", type: "spki" })));
const rsaScheme = (hash: "sha256" | "sha384" | "sha512", padding: "pkcs1" | "pss"): SignatureScheme => ({
  type: "rsa",
  hash,
  padding,
});
const p256Pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
const p256 = parsePublicKey(new Uint8Array(p256Pair.publicKey.export({ format: "der", type: "spki" })));
// RFC 8032 §7.1 TEST 3
const ed25519 = parsePublicKey(
  parseHex("302a300506032b6570032100fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025"),
);
const edSignature = parseHex(
  "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
);

function signRsa(hash: string, padding: "pkcs1" | "pss", saltLength: number): Uint8Array {
  const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength };
  return new Uint8Array(sign(hash, message, { key: rsaPair.privateKey, ...(padding === "pss" ? pss : {}) }));
}

function flip(bytes: Uint8Array, at: number): Uint8Array {
  const copy = bytes.slice();
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}

/** OpenSSL rounds odd sizes down, so this key is put together here. */
function rsaOf2049Bits(): { readonly publicKey: KeyObject; readonly privateKey: KeyObject } {
  const e = 65_537n;
  for (;;) {
    const [p, q] = [generatePrimeSync(1025, { bigint: true }), generatePrimeSync(1024, { bigint: true })];
    const n = p * q;
    const d = inverse(e, (p - 1n) * (q - 1n));
    if (n >> 2048n !== 1n || d === undefined) continue;
    const numbers = { n, e, d, p, q, dp: d % (p - 1n), dq: d % (q - 1n), qi: inverse(q, p) ?? 0n };
    const jwk = Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, base64urlOf(value)]));
    const privateKey = createPrivateKey({ key: { kty: "RSA", ...jwk }, format: "jwk" });
    return { privateKey, publicKey: createPublicKey(privateKey) };
  }
}

function base64urlOf(value: bigint): string {
  const hex = value.toString(16);
  return Buffer.from(hex.padStart(hex.length + (hex.length % 2), "0"), "hex").toString("base64url");
}

function inverse(value: bigint, modulus: bigint): bigint | undefined {
  let [a, b, x, y] = [modulus, value % modulus, 0n, 1n];
  while (b !== 0n) [a, b, x, y] = [b, a % b, y, x - (a / b) * y];
  return a === 1n ? ((x % modulus) + modulus) % modulus : undefined;
}

/** A signature made by hand: the private operation on an encoded message. */
function signEncoded(encoded: Uint8Array): Uint8Array {
  return new Uint8Array(privateEncrypt({ key: rsaPair.privateKey, padding: constants.RSA_NO_PADDING }, encoded));
}

/** What stands inside a signature: the public operation. */
function encodedIn(signature: Uint8Array): Uint8Array {
  return new Uint8Array(publicEncrypt({ key: rsaPair.publicKey, padding: constants.RSA_NO_PADDING }, signature));
}

describe("isValidSignature", () => {
  it("accepts the Ed25519 signature of RFC 8032, and it alone", () => {
    const scheme = defaultScheme(ed25519);
    assert.equal(isValidSignature(ed25519, scheme, parseHex("af82"), edSignature), true);
    assert.equal(isValidSignature(ed25519, scheme, parseHex("af83"), edSignature), false);
    for (const bad of [
      flip(edSignature, 0),
      flip(edSignature, 40),
      edSignature.subarray(1),
      concatBytes(edSignature, Uint8Array.of(0)),
      new Uint8Array(0),
    ]) {
      assert.equal(isValidSignature(ed25519, scheme, parseHex("af82"), bad), false);
    }
  });

  it("refuses an Ed25519 signature whose S is not below the group order (RFC 8032 §5.1.7)", () => {
    const order = (1n << 252n) + 27742317777372353535851937790883648493n;
    const s = BigInt(`0x${Buffer.from(edSignature.subarray(32)).reverse().toString("hex")}`) + order;
    const octets = Buffer.from(s.toString(16).padStart(64, "0"), "hex").reverse();
    assert.equal(
      isValidSignature(
        ed25519,
        defaultScheme(ed25519),
        parseHex("af82"),
        concatBytes(edSignature.subarray(0, 32), new Uint8Array(octets)),
      ),
      false,
    );
  });

  it("never throws for bad signature bytes", () => {
    const schemes = [
      [rsa, rsaScheme("sha256", "pkcs1")],
      [rsa, rsaScheme("sha256", "pss")],
      [p256, defaultScheme(p256)],
      [ed25519, defaultScheme(ed25519)],
    ] as const;
    fc.assert(
      fc.property(
        fc.constantFrom(...schemes),
        fc.oneof(fc.uint8Array({ maxLength: 100 }), fc.uint8Array({ minLength: 256, maxLength: 256 })),
        ([key, scheme], signature) => {
          assert.equal(isValidSignature(key, scheme, message, signature), false);
          if (key !== ed25519) assert.equal(isValidSignatureOverDigest(key, scheme, sha256(message), signature), false);
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe("isValidSignature and isValidSignatureOverDigest with RSA", () => {
  for (const hash of ["sha256", "sha384", "sha512"] as const) {
    for (const padding of ["pkcs1", "pss"] as const) {
      it(`agree on ${padding} with ${hash}`, () => {
        const scheme = rsaScheme(hash, padding);
        for (const saltLength of padding === "pss" ? [0, 20, 64] : [0]) {
          const signature = signRsa(hash, padding, saltLength);
          const other = rsaScheme(hash, padding === "pss" ? "pkcs1" : "pss");
          const cases = [
            [scheme, message, signature, true],
            [scheme, message, flip(signature, 100), false],
            [scheme, sha256(message), signature, false],
            [other, message, signature, false],
            [scheme, message, signature.subarray(1), false],
            [scheme, message, concatBytes(Uint8Array.of(0), signature), false],
          ] as const;
          for (const [s, m, sig, expected] of cases) {
            assert.equal(isValidSignature(rsa, s, m, sig), expected);
            assert.equal(isValidSignatureOverDigest(rsa, s, digest(hash, m), sig), expected);
          }
        }
      });
    }
  }

  it("refuse a pss signature without its leading zero octet", () => {
    const scheme = rsaScheme("sha256", "pss");
    let signature = signRsa("sha256", "pss", 32);
    while (signature[0] !== 0) signature = signRsa("sha256", "pss", 32); // the salt is random: one in 256
    assert.equal(isValidSignature(rsa, scheme, message, signature), true);
    assert.equal(isValidSignature(rsa, scheme, message, signature.subarray(1)), false);
    assert.equal(isValidSignatureOverDigest(rsa, scheme, sha256(message), signature.subarray(1)), false);
  });

  it("takes pkcs1 when no padding is named", () => {
    const signature = signRsa("sha256", "pkcs1", 0);
    assert.equal(isValidSignature(rsa, { type: "rsa", hash: "sha256" }, message, signature), true);
    assert.equal(isValidSignatureOverDigest(rsa, { type: "rsa", hash: "sha256" }, sha256(message), signature), true);
  });

  it("refuse a number that is not below the modulus", () => {
    const signature = new Uint8Array(256).fill(0xff);
    assert.equal(isValidSignatureOverDigest(rsa, rsaScheme("sha256", "pkcs1"), sha256(message), signature), false);
    assert.equal(isValidSignatureOverDigest(rsa, rsaScheme("sha256", "pss"), sha256(message), signature), false);
  });

  it("refuse encoded messages that differ in one octet of their frame", () => {
    for (const padding of ["pkcs1", "pss"] as const) {
      const encoded = encodedIn(signRsa("sha256", padding, 32));
      const places =
        padding === "pkcs1" ? [1, 2, 100, 256 - 52, 256 - 51, 256 - 40, 255] : [1, 100, 150, 200, 222, 223, 254, 255];
      assert.equal(isValidSignatureOverDigest(rsa, rsaScheme("sha256", padding), sha256(message), signEncoded(encoded)), true);
      for (const at of places) {
        const signature = signEncoded(flip(encoded, at));
        assert.equal(
          isValidSignatureOverDigest(rsa, rsaScheme("sha256", padding), sha256(message), signature),
          false,
          `${padding} octet ${at}`,
        );
        assert.equal(isValidSignature(rsa, rsaScheme("sha256", padding), message, signature), false);
      }
    }
  });

  it("refuse PSS with a bit set above the encoded message (RFC 8017 §9.1.2 step 6)", () => {
    for (let tries = 0; tries < 200; tries++) {
      const encoded = encodedIn(signRsa("sha256", "pss", 32));
      const raised = Uint8Array.of((encoded[0] ?? 0) | 0x80, ...encoded.subarray(1));
      const modulus = rsaPair.publicKey.export({ format: "jwk" }).n ?? "";
      if (Buffer.compare(raised, Buffer.from(modulus, "base64url")) >= 0) continue;
      assert.equal(isValidSignatureOverDigest(rsa, rsaScheme("sha256", "pss"), sha256(message), signEncoded(raised)), false);
      assert.equal(isValidSignature(rsa, rsaScheme("sha256", "pss"), message, signEncoded(raised)), false);
      return;
    }
    assert.fail("no encoded message left room for the bit below the modulus");
  });

  it("refuse the short padding of Bleichenbacher's forgery", () => {
    const full = encodedIn(signRsa("sha256", "pkcs1", 0));
    const info = full.subarray(256 - 51);
    const short = concatBytes(
      Uint8Array.of(0, 1, ...new Uint8Array(8).fill(0xff), 0),
      info,
      new Uint8Array(randomBytes(256 - 11 - 51)),
    );
    const signature = signEncoded(short);
    assert.equal(isValidSignatureOverDigest(rsa, rsaScheme("sha256", "pkcs1"), sha256(message), signature), false);
    assert.equal(isValidSignature(rsa, rsaScheme("sha256", "pkcs1"), message, signature), false);
  });

  it("agree for a modulus of 8k + 1 bits, where PSS has one octet less", () => {
    const pair = rsaOf2049Bits();
    assert.equal(parsePublicKey(new Uint8Array(pair.publicKey.export({ format: "der", type: "spki" }))).bits, 2049);
    const key = parsePublicKey(new Uint8Array(pair.publicKey.export({ format: "der", type: "spki" })));
    const signature = new Uint8Array(
      sign("sha256", message, { key: pair.privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }),
    );
    assert.equal(isValidSignature(key, rsaScheme("sha256", "pss"), message, signature), true);
    assert.equal(isValidSignatureOverDigest(key, rsaScheme("sha256", "pss"), sha256(message), signature), true);
    assert.equal(isValidSignatureOverDigest(key, rsaScheme("sha256", "pss"), sha256(), signature), false);
    for (let tries = 0; tries < 200; tries++) {
      const signed = sign("sha256", message, { key: pair.privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 });
      const encoded = publicEncrypt({ key: pair.publicKey, padding: constants.RSA_NO_PADDING }, signed);
      assert.equal(encoded[0], 0);
      encoded[0] = 1; // the octet that the encoded message does not have
      if (Buffer.compare(encoded, Buffer.from(pair.publicKey.export({ format: "jwk" }).n ?? "", "base64url")) >= 0) continue;
      const raised = new Uint8Array(privateEncrypt({ key: pair.privateKey, padding: constants.RSA_NO_PADDING }, encoded));
      assert.equal(isValidSignatureOverDigest(key, rsaScheme("sha256", "pss"), sha256(message), raised), false);
      assert.equal(isValidSignature(key, rsaScheme("sha256", "pss"), message, raised), false);
      return;
    }
    assert.fail("no encoded message left room for the octet below the modulus");
  });

  it("refuse PSS whose salt begins after another octet than 01 (RFC 8017 §9.1.2 step 10)", () => {
    const encoded = encodedIn(signRsa("sha256", "pss", 32));
    const separator = 256 - 1 - 32 - 32 - 1;
    encoded[separator] = (encoded[separator] ?? 0) ^ 2;
    assert.equal(isValidSignatureOverDigest(rsa, rsaScheme("sha256", "pss"), sha256(message), signEncoded(encoded)), false);
    assert.equal(isValidSignature(rsa, rsaScheme("sha256", "pss"), message, signEncoded(encoded)), false);
  });
});

describe("signature schemes", () => {
  const calls = [isValidSignature, isValidSignatureOverDigest];
  it("must fit the key", () => {
    const signature = new Uint8Array(64);
    const wrong: readonly (readonly [typeof p256, SignatureScheme])[] = [
      [p256, { type: "rsa", hash: "sha256" }],
      [rsa, { type: "ecdsa-p256", hash: "sha256" }],
      [p256, { type: "ecdsa-p384", hash: "sha256" }],
      [p256, { type: "ecdsa-p256", hash: "none" }],
      [p256, { type: "ecdsa-p256", hash: "sha256", padding: "pss" }],
      [rsa, { type: "rsa", hash: "none" }],
    ];
    for (const [key, scheme] of wrong)
      for (const call of calls) assert.throws(() => call(key, scheme, sha256(), signature), { code: "CRYPTO_SCHEME_MISMATCH" });
  });

  it("over SHA-1 are refused, and Ed25519 over any other digest than SHA-512", () => {
    for (const call of calls) {
      assert.throws(() => call(p256, { type: "ecdsa-p256", hash: "sha1" }, sha256(), edSignature), {
        code: "CRYPTO_SCHEME_UNSUPPORTED",
      });
      assert.throws(() => call(ed25519, { type: "ed25519", hash: "sha256" }, sha256(), edSignature), {
        code: "CRYPTO_SCHEME_MISMATCH",
      });
    }
  });

  it("of pure Ed25519 need the message", () => {
    assert.throws(() => isValidSignatureOverDigest(ed25519, defaultScheme(ed25519), sha256(), edSignature), {
      code: "CRYPTO_DIGEST_ONLY_UNSUPPORTED",
    });
  });

  it("need a digest of their own length", () => {
    for (const [key, scheme] of [
      [p256, defaultScheme(p256)],
      [rsa, defaultScheme(rsa)],
    ] as const) {
      assert.throws(() => isValidSignatureOverDigest(key, scheme, digest("sha384"), edSignature), {
        code: "CRYPTO_DIGEST_LENGTH",
      });
    }
  });

  it("are a TypeError with a key that parsePublicKey did not make", () => {
    assert.throws(
      () => isValidSignature({ type: "ed25519", spki: ed25519.spki }, defaultScheme(ed25519), message, edSignature),
      TypeError,
    );
  });
});
