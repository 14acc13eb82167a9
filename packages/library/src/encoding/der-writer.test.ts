import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { encodeHex, parseHex } from "./bytes.ts";
import {
  derBitString,
  derBoolean,
  derEnumerated,
  derGeneralizedTime,
  derIa5String,
  derInteger,
  derNull,
  derOctetString,
  derOid,
  derPrintableString,
  derSequence,
  derSetOf,
  derTagged,
  derUtcTime,
  derUtf8String,
  derX509Time,
} from "./der-writer.ts";
import { encodeUtf8 } from "./utf8.ts";

const extension = (oid: string, value: Uint8Array, critical = false): Uint8Array =>
  derSequence(derOid(oid), ...(critical ? [derBoolean(true)] : []), derOctetString(value));
const sct = "1.3.6.1.4.1.11129.2.4.2";
const issuer = "https://accounts.google.com";

// The table of certificate extensions that was checked with OpenSSL, python-cryptography and sigstore-js.
const vectors: readonly (readonly [string, Uint8Array, string])[] = [
  ["OID of Fulcio's extension 1", derOid("1.3.6.1.4.1.57264.1.1"), "060a2b0601040183bf300101"],
  ["OID of Fulcio's extension 24", derOid("1.3.6.1.4.1.57264.1.24"), "060a2b0601040183bf300118"],
  ["OID of Fulcio's arc 2", derOid("1.3.6.1.4.1.57264.2"), "06092b0601040183bf3002"],
  ["KeyUsage of a leaf", extension("2.5.29.15", derBitString(Uint8Array.of(0x80), 7), true), "300e0603551d0f0101ff040403020780"],
  ["KeyUsage of a CA", extension("2.5.29.15", derBitString(Uint8Array.of(0x06), 1), true), "300e0603551d0f0101ff040403020106"],
  [
    "BasicConstraints of a CA with path length 0",
    extension("2.5.29.19", derSequence(derBoolean(true), derInteger(0)), true),
    "30120603551d130101ff040830060101ff020100",
  ],
  [
    "ExtendedKeyUsage for code signing",
    extension("2.5.29.37", derSequence(derOid("1.3.6.1.5.5.7.3.3"))),
    "30130603551d25040c300a06082b06010505070303",
  ],
  [
    "ExtendedKeyUsage for time stamping",
    extension("2.5.29.37", derSequence(derOid("1.3.6.1.5.5.7.3.8")), true),
    "30160603551d250101ff040c300a06082b06010505070308",
  ],
  ["CT poison", extension("1.3.6.1.4.1.11129.2.4.3", derNull(), true), "3013060a2b06010401d6790204030101ff04020500"],
  [
    "Fulcio's issuer, raw",
    extension("1.3.6.1.4.1.57264.1.1", encodeUtf8(issuer)),
    "3029060a2b0601040183bf300101041b68747470733a2f2f6163636f756e74732e676f6f676c652e636f6d",
  ],
  [
    "Fulcio's issuer, UTF8String",
    extension("1.3.6.1.4.1.57264.1.8", derUtf8String(issuer)),
    "302b060a2b0601040183bf300108041d0c1b68747470733a2f2f6163636f756e74732e676f6f676c652e636f6d",
  ],
  [
    "SAN with an email address",
    extension("2.5.29.17", derSequence(derTagged(0x81, encodeUtf8("dev@example.com"))), true),
    "301d0603551d110101ff04133011810f646576406578616d706c652e636f6d",
  ],
  [
    "SAN with otherName",
    extension(
      "2.5.29.17",
      derSequence(derTagged(0xa0, derOid("1.3.6.1.4.1.57264.1.7"), derTagged(0xa0, derUtf8String("alice!example.com")))),
      true,
    ),
    "302f0603551d110101ff04253023a021060a2b0601040183bf300107a0130c11616c696365216578616d706c652e636f6d",
  ],
  [
    "SCT list around a dummy",
    extension(sct, derOctetString(parseHex("00050003000000"))),
    "3017060a2b06010401d6790204020409040700050003000000",
  ],
];

describe("DER writers", () => {
  for (const [name, bytes, hex] of vectors) it(`write ${name}`, () => assert.equal(encodeHex(bytes), hex));

  it("write integers in their shortest form", () => {
    const values: readonly (readonly [number | bigint, string])[] = [
      [0, "020100"],
      [127, "02017f"],
      [128, "02020080"],
      [255, "020200ff"],
      [256, "02020100"],
      [-1, "0201ff"],
      [-128, "020180"],
      [-129, "0202ff7f"],
      [2 ** 53 - 1, "02071fffffffffffff"],
      [1n << 64n, "0209010000000000000000"],
    ];
    for (const [value, hex] of values) assert.equal(encodeHex(derInteger(value)), hex);
    assert.throws(() => derInteger(2 ** 53), TypeError);
    assert.throws(() => derInteger(0.5), TypeError);
    assert.equal(encodeHex(derEnumerated(3)), "0a0103");
    assert.throws(() => derEnumerated(1.5), TypeError);
  });

  it("derInteger writes a magnitude as it writes the number", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (magnitude) => {
        assert.deepEqual(derInteger(magnitude), derInteger(magnitude.length === 0 ? 0n : BigInt(`0x${encodeHex(magnitude)}`)));
      }),
    );
  });

  it("write lengths in their shortest form", () => {
    const heads: readonly (readonly [number, string])[] = [
      [127, "047f"],
      [128, "048180"],
      [255, "0481ff"],
      [256, "04820100"],
      [65_535, "0482ffff"],
      [65_536, "0483010000"],
      [1 << 24, "048401000000"],
    ];
    for (const [length, head] of heads) {
      const der = derOctetString(new Uint8Array(length));
      assert.equal(encodeHex(der.subarray(0, head.length / 2)), head);
      assert.equal(der.length, length + head.length / 2);
    }
  });

  it("derSetOf sorts and leaves its arguments alone", () => {
    assert.equal(
      encodeHex(derSetOf(derOctetString(), derInteger(2), derInteger(1), derNull())),
      "310a" + "020101" + "020102" + "0400" + "0500",
    );
  });

  it("write character strings and refuse what their alphabets lack", () => {
    assert.equal(encodeHex(derPrintableString("US")), "13025553");
    assert.equal(encodeHex(derIa5String("a@b")), "1603614062");
    assert.throws(() => derPrintableString("a@b"), TypeError);
    assert.throws(() => derIa5String("ä"), TypeError);
  });

  it("write times", () => {
    const ms = Date.UTC(2026, 10, 24, 2, 0, 0, 250);
    assert.equal(encodeHex(derUtcTime(ms)), `170d${Buffer.from("261124020000Z").toString("hex")}`);
    assert.equal(encodeHex(derGeneralizedTime(ms)), `1812${Buffer.from("20261124020000.25Z").toString("hex")}`);
    assert.deepEqual(derX509Time(ms), derUtcTime(ms));
    assert.equal(
      encodeHex(derX509Time(Date.UTC(2050, 0, 1, 0, 0, 0, 9))),
      `180f${Buffer.from("20500101000000Z").toString("hex")}`,
    );
  });
});
