import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { encodeHex, parseHex } from "./bytes.ts";
import { DerReader, derText, isDerSetOfSorted, parseDer } from "./der-reader.ts";
import {
  derBitString,
  derBoolean,
  derInteger,
  derOctetString,
  derSequence,
  derSetOf,
  derTagged,
  derUtf8String,
} from "./der-writer.ts";
import { isSigillumError } from "./sigillum-error.ts";

const reader = (hex: string) => new DerReader(parseHex(hex));

describe("parseDer", () => {
  it("gives the tag and views of contents and whole", () => {
    const bytes = parseHex("3003020105");
    const value = parseDer(bytes);
    assert.deepEqual([value.tag, encodeHex(value.contents), encodeHex(value.bytes)], [0x30, "020105", "3003020105"]);
    assert.equal(value.contents.buffer, bytes.buffer);
  });

  it("reads long lengths in their shortest form", () => {
    for (const length of [0, 127, 128, 255, 256, 65_535, 65_536])
      assert.equal(parseDer(derOctetString(new Uint8Array(length))).contents.length, length);
  });

  const refused: readonly (readonly [string, string, string])[] = [
    ["nothing", "", "DER_TRUNCATED"],
    ["a tag alone", "30", "DER_TRUNCATED"],
    ["contents cut off", "300302", "DER_TRUNCATED"],
    ["a length cut off", "3082", "DER_TRUNCATED"],
    ["a length of two octets cut off", "308201", "DER_TRUNCATED"],
    ["a byte after the value", "300000", "DER_TRAILING_BYTES"],
    ["an indefinite length", "30800000", "DER_LENGTH_MALFORMED"],
    ["a long form under 128", "30810100", "DER_LENGTH_MALFORMED"],
    ["a long form of 127", `04817f${"00".repeat(127)}`, "DER_LENGTH_MALFORMED"],
    ["a leading zero in the length", `04820080${"00".repeat(128)}`, "DER_LENGTH_MALFORMED"],
    ["a length of five octets", "30850000000000", "DER_LENGTH_MALFORMED"],
    ["a length of 127 octets", "30ff00", "DER_LENGTH_MALFORMED"],
    ["a high tag number", "1f810000", "DER_TAG_UNSUPPORTED"],
    ["a high context tag", "bf210100", "DER_TAG_UNSUPPORTED"],
    ["end of contents", "0000", "DER_TAG_UNSUPPORTED"],
    ["a constructed OCTET STRING", "2403040100", "DER_TAG_UNSUPPORTED"],
    ["a primitive SEQUENCE", "1000", "DER_TAG_UNSUPPORTED"],
    ["a constructed UTF8String", "2c030c0161", "DER_TAG_UNSUPPORTED"],
  ];
  for (const [name, hex, code] of refused) it(`refuses ${name}`, () => assert.throws(() => parseDer(parseHex(hex)), { code }));

  it("throws nothing but our errors on random bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 30 }), (bytes) => {
        try {
          walk(new DerReader(bytes), 0);
        } catch (error) {
          assert.ok(isSigillumError(error), String(error));
        }
      }),
      { numRuns: 2000 },
    );
  });
});

function walk(level: DerReader, depth: number): void {
  while (!level.atEnd) {
    const value = level.next();
    if ((value.tag & 0x20) !== 0 && depth < 20) walk(DerReader.inside(value), depth + 1);
    else if (value.tag === 6) new DerReader(value.bytes).oid("oid");
    else if (value.tag === 2) new DerReader(value.bytes).integer("integer");
    else if (value.tag === 3) new DerReader(value.bytes).bits("bits");
    else if (value.tag === 0x17 || value.tag === 0x18) new DerReader(value.bytes).time("time");
    else if (value.tag === 0x0c || value.tag === 0x13) derText(value, "text");
  }
}

describe("DerReader", () => {
  it("reads a structure field by field", () => {
    const r = DerReader.sequence(
      parseHex("3023020105" + "0101ff" + "06032a0304" + "04020102" + "0303000102" + "170d3235303130323033303430355a"),
      "structure",
    );
    assert.equal(r.smallInteger("version"), 5);
    assert.equal(r.boolean("flag"), true);
    assert.equal(r.oid("type"), "1.2.3.4");
    assert.deepEqual(r.octetString("hash"), Uint8Array.of(1, 2));
    assert.deepEqual(r.bitString("bits"), Uint8Array.of(1, 2));
    assert.equal(r.time("time"), Date.UTC(2025, 0, 2, 3, 4, 5));
    r.end("structure");
  });

  it("keeps optional fields apart", () => {
    const r = reader("a103020107" + "8001ff" + "3000");
    assert.equal(r.optional(0x02), undefined);
    assert.equal(r.optionalTagged(0xa0), undefined);
    assert.equal(r.optionalTagged(0xa1)?.smallInteger("x"), 7);
    assert.equal(r.peekTag(), 0x80);
    assert.deepEqual(r.optional(0x80)?.contents, Uint8Array.of(255));
    assert.deepEqual(r.rest(), parseHex("3000"));
    assert.equal(r.sequence("last").atEnd, true);
    assert.equal(r.peekTag(), undefined);
  });

  it("names the field, what was found and what was expected", () => {
    assert.throws(() => reader("0500").oid("signature algorithm"), {
      code: "DER_TAG_UNEXPECTED",
      message: "Cannot parse DER: signature algorithm is NULL, not OBJECT IDENTIFIER",
      found: "NULL",
      expected: "OBJECT IDENTIFIER",
    });
    assert.throws(() => reader("").tagged(0xa0, "version"), {
      code: "DER_TAG_UNEXPECTED",
      message: "Cannot parse DER: version is nothing, not [0]",
    });
    assert.throws(() => reader("").next(), { code: "DER_TAG_UNEXPECTED" });
    assert.throws(() => reader("020100").end("extensions"), {
      code: "DER_TRAILING_BYTES",
      message: "Cannot parse DER: 3 bytes follow extensions",
    });
  });

  it("reads a view inside a larger buffer without reaching past it", () => {
    const r = new DerReader(parseHex("ffff3003020105ffff"), 2, 7);
    assert.equal(r.sequence("s").smallInteger("x"), 5);
    assert.equal(r.atEnd, true);
    assert.throws(() => new DerReader(parseHex("3003020105"), 0, 4).next(), { code: "DER_TRUNCATED" });
    assert.throws(() => reader("30030203050000").sequence("s").next(), { code: "DER_TRUNCATED" });
  });

  const integers: readonly (readonly [string, string])[] = [
    ["empty", "0200"],
    ["padded with zeros", "0202007f"],
    ["padded with ones", "0202ff80"],
  ];
  for (const [name, hex] of integers)
    it(`refuses an integer that is ${name}`, () =>
      assert.throws(() => reader(hex).integer("n"), { code: "DER_INTEGER_MALFORMED" }));

  it("smallInteger and enumerated refuse negative and large values", () => {
    assert.equal(reader("0206ffffffffffff".replace("0206", "020700")).smallInteger("n"), 2 ** 48 - 1);
    assert.equal(reader("0a0103").enumerated("reason"), 3);
    assert.equal(reader("0a020080").enumerated("reason"), 128);
    for (const hex of ["0201ff", "020701000000000000"])
      assert.throws(() => reader(hex).smallInteger("n"), { code: "DER_INTEGER_MALFORMED" });
    for (const hex of ["0a01ff", "0a020001", "0a00"])
      assert.throws(() => reader(hex).enumerated("n"), { code: "DER_INTEGER_MALFORMED" });
  });

  it("unsignedInteger drops the sign octet and refuses negatives", () => {
    assert.deepEqual(reader("02020080").unsignedInteger("n"), Uint8Array.of(128));
    assert.deepEqual(reader("020100").unsignedInteger("n"), Uint8Array.of(0));
    assert.throws(() => reader("020180").unsignedInteger("n"), { code: "DER_INTEGER_MALFORMED" });
  });

  it("reads BIT STRINGs of any length, refuses unused bits that are set", () => {
    assert.deepEqual(reader("0307040a3b5f291cd0").bits("b"), { unusedBits: 4, octets: parseHex("0a3b5f291cd0") }); // X.690 §8.6.4.2
    assert.deepEqual(reader("030100").bitString("b"), new Uint8Array(0));
    for (const hex of ["0300", "030101", "03020880", "03020800", "03020101", "0302047f"])
      assert.throws(() => reader(hex).bits("b"), { code: "DER_BIT_STRING_MALFORMED" }, hex);
    assert.throws(() => reader("03020780").bitString("b"), { code: "DER_BIT_STRING_MALFORMED" });
  });

  it("holds BOOLEAN and NULL to their one form", () => {
    assert.equal(reader("010100").boolean("b"), false);
    for (const hex of ["010101", "0100", "0102ffff"])
      assert.throws(() => reader(hex).boolean("b"), { code: "DER_VALUE_MALFORMED" }, hex);
    reader("0500").null("n");
    assert.throws(() => reader("050100").null("n"), { code: "DER_VALUE_MALFORMED" });
  });

  it("holds character strings to their alphabets", () => {
    assert.equal(reader("0c03e282ac").text("t"), "€");
    assert.equal(reader("13024120").text("t"), "A ");
    assert.equal(reader("160140").text("t"), "@");
    assert.throws(() => reader("130140").text("t"), { code: "DER_VALUE_MALFORMED" });
    assert.throws(() => reader("160180").text("t"), { code: "DER_VALUE_MALFORMED" });
    assert.throws(() => reader("0c01ff").text("t"), { code: "UTF8_MALFORMED" });
    assert.throws(() => reader("140141").text("t"), { code: "DER_TAG_UNEXPECTED" });
  });

  it("reads both kinds of time and nothing else as one", () => {
    assert.equal(reader("180f32303530303130313030303030305a").time("t"), Date.UTC(2050, 0, 1));
    assert.throws(() => reader("170b323530313032303330345a").time("t"), { code: "DER_TIME_MALFORMED" });
    assert.throws(() => reader("0c0141").time("t"), { code: "DER_TAG_UNEXPECTED" });
  });

  it("isDerSetOfSorted tells DER's order", () => {
    const [a, b] = [derInteger(1), derOctetString(Uint8Array.of(1))];
    assert.equal(isDerSetOfSorted(parseDer(derSetOf(b, a))), true);
    assert.equal(isDerSetOfSorted(parseDer(derTagged(0x31, b, a))), false);
  });

  it("reads back what the writers wrote", () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: 1n << 300n }),
        fc.uint8Array({ maxLength: 300 }),
        fc.string({ unit: "binary" }),
        fc.boolean(),
        (n, bytes, text, flag) => {
          const r = DerReader.sequence(
            derSequence(derInteger(n), derOctetString(bytes), derBitString(bytes), derUtf8String(text), derBoolean(flag)),
            "all",
          );
          assert.equal(BigInt(`0x${encodeHex(r.unsignedInteger("n"))}`), n);
          assert.deepEqual(r.octetString("o"), bytes);
          assert.deepEqual(r.bitString("b"), bytes);
          assert.equal(r.text("t"), text);
          assert.equal(r.boolean("f"), flag);
          r.end("all");
        },
      ),
    );
  });
});
