import assert from "node:assert/strict";
import { ECDH, generateKeyPairSync, type KeyObject } from "node:crypto";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  concatBytes,
  derBitString,
  derInteger,
  derNull,
  derOctetString,
  derOid,
  derSequence,
  encodePem,
  isSigillumError,
  parseHex,
} from "../encoding/index.ts";
import { GenerationCache } from "./generation-cache.ts";
import {
  encodePublicKeyPem,
  type KeyType,
  parsePkcs1PublicKey,
  parsePublicKey,
  parsePublicKeyPem,
  rawPublicKey,
} from "./public-key.ts";

const spkiOf = (key: KeyObject): Uint8Array => new Uint8Array(key.export({ format: "der", type: "spki" }));
const ec = (namedCurve: string): KeyObject => generateKeyPairSync("ec", { namedCurve }).publicKey;
const p256 = spkiOf(ec("P-256"));
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const rsaOid = derOid("1.2.840.113549.1.1.1");
const ecOid = derOid("1.2.840.10045.2.1");
const p256Oid = derOid("1.2.840.10045.3.1.7");

const good: readonly (readonly [KeyType, Uint8Array, number | undefined, number])[] = [
  ["ecdsa-p256", p256, undefined, 65],
  ["ecdsa-p384", spkiOf(ec("P-384")), undefined, 97],
  ["ecdsa-p521", spkiOf(ec("P-521")), undefined, 133],
  ["ed25519", spkiOf(generateKeyPairSync("ed25519").publicKey), undefined, 32],
  ["rsa", spkiOf(rsa.publicKey), 2048, 270],
];

function modulusOf(bits: number): Uint8Array {
  const octets = new Uint8Array(Math.ceil(bits / 8)).fill(0xff);
  octets[0] = 0xff >> (8 * octets.length - bits);
  return octets;
}

function rsaSpki(
  modulus: Uint8Array | bigint,
  exponent: number | bigint | Uint8Array = 65_537,
  parameters: Uint8Array = derNull(),
): Uint8Array {
  return derSequence(derSequence(rsaOid, parameters), derBitString(derSequence(derInteger(modulus), derInteger(exponent))));
}

function ecSpki(curve: Uint8Array, point: Uint8Array, unusedBits = 0): Uint8Array {
  return derSequence(derSequence(ecOid, curve), derBitString(point, unusedBits));
}

const point = rawPublicKey(parsePublicKey(p256));
const pointIn = (form: "compressed" | "hybrid"): Uint8Array =>
  new Uint8Array(Buffer.from(ECDH.convertKey(Buffer.from(point), "prime256v1", undefined, undefined, form)));
const offCurve = p256.slice();
offCurve[90] = (offCurve[90] ?? 0) ^ 1;
const beyondField = concatBytes(p256.subarray(0, 27), new Uint8Array(64).fill(0xff));
const explicit = spkiOf(generateKeyPairSync("ec", { namedCurve: "P-256", paramEncoding: "explicit" }).publicKey);

const refused: readonly (readonly [string, Uint8Array, string])[] = [
  ["nothing", new Uint8Array(0), "PUBLIC_KEY_MALFORMED"],
  ["bytes that are no DER", Uint8Array.of(1, 2, 3), "PUBLIC_KEY_MALFORMED"],
  ["a private key", new Uint8Array(rsa.privateKey.export({ format: "der", type: "pkcs8" })), "PUBLIC_KEY_MALFORMED"],
  ["a PKCS #1 key", new Uint8Array(rsa.publicKey.export({ format: "der", type: "pkcs1" })), "PUBLIC_KEY_MALFORMED"],
  ["trailing bytes", concatBytes(p256, Uint8Array.of(0)), "PUBLIC_KEY_TRAILING_BYTES"],
  ["trailing bytes after an RSA key", concatBytes(spkiOf(rsa.publicKey), Uint8Array.of(0)), "PUBLIC_KEY_TRAILING_BYTES"],
  ["an outer length not in its shortest form", concatBytes(parseHex("308159"), p256.subarray(2)), "PUBLIC_KEY_MALFORMED"],
  ["explicit curve parameters", explicit, "PUBLIC_KEY_CURVE_EXPLICIT"],
  ["an implicit curve", ecSpki(derNull(), point), "PUBLIC_KEY_CURVE_EXPLICIT"],
  ["no curve", derSequence(derSequence(ecOid), derBitString(point)), "PUBLIC_KEY_CURVE_EXPLICIT"],
  ["P-224", spkiOf(ec("P-224")), "PUBLIC_KEY_CURVE_UNKNOWN"],
  ["secp256k1", spkiOf(ec("secp256k1")), "PUBLIC_KEY_CURVE_UNKNOWN"],
  ["a compressed point", ecSpki(p256Oid, pointIn("compressed")), "PUBLIC_KEY_POINT_COMPRESSED"],
  ["a hybrid point", ecSpki(p256Oid, pointIn("hybrid")), "PUBLIC_KEY_POINT_COMPRESSED"],
  ["a point off the curve", offCurve, "PUBLIC_KEY_POINT_INVALID"],
  ["coordinates beyond the field", beyondField, "PUBLIC_KEY_POINT_INVALID"],
  ["the point at infinity", ecSpki(p256Oid, Uint8Array.of(0)), "PUBLIC_KEY_POINT_INVALID"],
  ["a point one octet short", ecSpki(p256Oid, point.subarray(0, 64)), "PUBLIC_KEY_POINT_INVALID"],
  ["a point of P-256 said to be on P-384", ecSpki(derOid("1.3.132.0.34"), point), "PUBLIC_KEY_POINT_INVALID"],
  [
    "parameters after the curve",
    derSequence(derSequence(ecOid, p256Oid, derNull()), derBitString(point)),
    "PUBLIC_KEY_MALFORMED",
  ],
  ["a field after the point", derSequence(derSequence(ecOid, p256Oid), derBitString(point), derNull()), "PUBLIC_KEY_MALFORMED"],
  ["unused bits in the point", ecSpki(p256Oid, concatBytes(point.subarray(0, 64), Uint8Array.of(0)), 1), "PUBLIC_KEY_MALFORMED"],
  [
    "an Ed25519 key with parameters",
    derSequence(derSequence(derOid("1.3.101.112"), derNull()), derBitString(new Uint8Array(32))),
    "PUBLIC_KEY_MALFORMED",
  ],
  [
    "an Ed25519 key of 31 octets",
    derSequence(derSequence(derOid("1.3.101.112")), derBitString(new Uint8Array(31))),
    "PUBLIC_KEY_MALFORMED",
  ],
  ["Ed448", spkiOf(generateKeyPairSync("ed448").publicKey), "PUBLIC_KEY_ALGORITHM_UNKNOWN"],
  ["X25519", spkiOf(generateKeyPairSync("x25519").publicKey), "PUBLIC_KEY_ALGORITHM_UNKNOWN"],
  [
    "an RSA key for PSS alone",
    spkiOf(generateKeyPairSync("rsa-pss", { modulusLength: 2048 }).publicKey),
    "PUBLIC_KEY_ALGORITHM_UNKNOWN",
  ],
  ["RSA of 1024 bits", rsaSpki(modulusOf(1024)), "PUBLIC_KEY_RSA_TOO_SMALL"],
  ["RSA of 2047 bits", rsaSpki(modulusOf(2047)), "PUBLIC_KEY_RSA_TOO_SMALL"],
  ["RSA of 16385 bits", rsaSpki(modulusOf(16_385)), "PUBLIC_KEY_RSA_TOO_LARGE"],
  ["RSA with exponent 1", rsaSpki(modulusOf(2048), 1), "PUBLIC_KEY_RSA_EXPONENT"],
  ["RSA with an even exponent", rsaSpki(modulusOf(2048), 65_536), "PUBLIC_KEY_RSA_EXPONENT"],
  ["RSA with exponent 2^32 + 1", rsaSpki(modulusOf(2048), 2 ** 32 + 1), "PUBLIC_KEY_RSA_EXPONENT"],
  ["RSA without parameters", rsaSpki(modulusOf(2048), 65_537, new Uint8Array(0)), "PUBLIC_KEY_MALFORMED"],
  ["RSA with other parameters", rsaSpki(modulusOf(2048), 65_537, derOctetString()), "PUBLIC_KEY_MALFORMED"],
  [
    "a field after the RSA parameters",
    derSequence(derSequence(rsaOid, derNull(), derNull()), derBitString(derSequence(derInteger(modulusOf(2048)), derInteger(3)))),
    "PUBLIC_KEY_MALFORMED",
  ],
  [
    "a field after the RSA key",
    derSequence(derSequence(rsaOid, derNull()), derBitString(derSequence(derInteger(modulusOf(2048)), derInteger(3))), derNull()),
    "PUBLIC_KEY_MALFORMED",
  ],
  ["RSA with a negative modulus", rsaSpki(-(1n << 2047n)), "PUBLIC_KEY_MALFORMED"],
];

describe("parsePublicKey", () => {
  for (const [type, spki, bits, rawLength] of good) {
    it(`reads ${type}`, () => {
      const key = parsePublicKey(spki);
      assert.deepEqual([key.type, key.spki, key.bits], [type, spki, bits]);
      assert.equal(rawPublicKey(key).length, rawLength);
    });
  }

  it("reads RSA of 2048 and of 16384 bits", () => {
    assert.equal(parsePublicKey(rsaSpki(modulusOf(2048))).bits, 2048);
    assert.equal(parsePublicKey(rsaSpki(modulusOf(16_384), 3)).bits, 16_384);
  });

  for (const [name, spki, code] of refused) it(`refuses ${name}`, () => assert.throws(() => parsePublicKey(spki), { code }));

  it("keeps a copy, and gives the same key for bytes that come up again and again", () => {
    const fresh = spkiOf(ec("P-256"));
    const bytes = fresh.slice();
    const first = parsePublicKey(bytes);
    bytes.fill(0);
    assert.deepEqual(first.spki, fresh);
    const second = parsePublicKey(fresh);
    assert.deepEqual(second.spki, fresh);
    assert.equal(parsePublicKey(fresh), second);
    const other = spkiOf(ec("P-256"));
    assert.deepEqual(parsePublicKey(other).spki, other);
    assert.equal(parsePublicKey(fresh.slice()), second);
  });

  it("accepts no altered key under another name, and throws nothing but our errors", () => {
    const altered = fc.tuple(fc.constantFrom(...good.map(([, spki]) => spki)), fc.nat(300), fc.integer({ min: 1, max: 255 }));
    fc.assert(
      fc.property(altered, ([spki, at, mask]) => {
        const bytes = spki.slice();
        bytes[at % bytes.length] = (bytes[at % bytes.length] ?? 0) ^ mask;
        try {
          assert.deepEqual(parsePublicKey(bytes).spki, bytes);
        } catch (error) {
          assert.ok(isSigillumError(error) && error.code.startsWith("PUBLIC_KEY_"), String(error));
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe("parsePublicKeyPem", () => {
  it("reads what encodePublicKeyPem and OpenSSL write", () => {
    const key = parsePublicKey(p256);
    assert.deepEqual(parsePublicKeyPem(encodePublicKeyPem(key)).spki, p256);
    assert.equal(
      encodePublicKeyPem(parsePublicKey(spkiOf(rsa.publicKey))),
      rsa.publicKey.export({ format: "pem", type: "spki" }),
    );
  });

  const blocks: readonly (readonly [string, string])[] = [
    ["RSA PUBLIC KEY", String(rsa.publicKey.export({ format: "pem", type: "pkcs1" }))],
    ["PRIVATE KEY", String(rsa.privateKey.export({ format: "pem", type: "pkcs8" }))],
    ["CERTIFICATE", encodePem("CERTIFICATE", p256)],
    ["several blocks", encodePem("PUBLIC KEY", p256) + encodePem("PUBLIC KEY", p256)],
  ];
  for (const [found, pem] of blocks) {
    it(`refuses ${found}`, () =>
      assert.throws(
        () => parsePublicKeyPem(pem),
        (error) => isSigillumError(error) && error.code === "PUBLIC_KEY_PEM_LABEL" && error.message.includes(found),
      ));
  }
});

describe("parsePkcs1PublicKey", () => {
  it("reads the key that the SubjectPublicKeyInfo holds", () => {
    const key = parsePkcs1PublicKey(new Uint8Array(rsa.publicKey.export({ format: "der", type: "pkcs1" })));
    assert.deepEqual(key.spki, spkiOf(rsa.publicKey));
    assert.deepEqual(rawPublicKey(key), new Uint8Array(rsa.publicKey.export({ format: "der", type: "pkcs1" })));
  });

  it("refuses a small key and what is no RSAPublicKey", () => {
    assert.throws(() => parsePkcs1PublicKey(derSequence(derInteger(modulusOf(1024)), derInteger(3))), {
      code: "PUBLIC_KEY_RSA_TOO_SMALL",
    });
    for (const der of [p256, new Uint8Array(0), derSequence(derInteger(modulusOf(2048)), derInteger(3), derInteger(1))])
      assert.throws(() => parsePkcs1PublicKey(der), { code: "PUBLIC_KEY_MALFORMED" });
  });
});

describe("GenerationCache", () => {
  it("keeps what is used and stays within its bound", () => {
    const cache = new GenerationCache<number>(8);
    cache.set("kept", 1);
    for (let i = 0; i < 100; i++) {
      assert.equal(cache.get("kept"), 1);
      cache.set(`n${i}`, i);
      assert.ok(cache.size <= 8);
    }
    assert.equal(cache.get("n0"), undefined);
    assert.equal(cache.get("n99"), 99);
  });
});
