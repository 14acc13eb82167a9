import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  concatBytes,
  encodeHex,
  isSigillumError,
  maxProtobufFields,
  parseHex,
  parseProtobuf,
  protobufField,
  protobufVarint,
} from "./index.ts";

describe("protobuf", () => {
  test("the examples of the encoding guide: 08 96 01, and 12 07 testing", () => {
    assert.equal(encodeHex(protobufVarint(1, 150)), "089601");
    assert.equal(encodeHex(protobufField(2, "testing")), "120774657374696e67");
    const message = parseProtobuf(parseHex("089601120774657374696e67"));
    assert.equal(message.varint(1), 150n);
    assert.equal(message.string(2), "testing");
  });

  test("parseProtobuf reads over fixed fields and unknown ones, and gives empty values for what is absent", () => {
    const message = parseProtobuf(parseHex("0d00000000" + "110000000000000000" + "1a0161"));
    assert.equal(message.string(3), "a");
    assert.equal(message.bytes(7), undefined);
    assert.equal(message.varint(7), 0n);
    assert.equal(message.has(3), true);
    assert.deepEqual(message.allBytes(7), []);
  });

  test("parseProtobuf takes the last of a scalar and merges messages", () => {
    const inner = (value: string): Uint8Array => protobufField(1, protobufField(1, value));
    const message = parseProtobuf(concatBytes(protobufVarint(2, 1), protobufVarint(2, 2), inner("a"), inner("b")));
    assert.equal(message.varint(2), 2n);
    assert.equal(message.message(1)?.string(1), "b");
    assert.equal(message.message(1)?.allBytes(1).length, 2);
  });

  test("what was written is read back", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 2 ** 29 - 1 }),
        fc.uint8Array(),
        fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
        (field, bytes, number) => {
          assert.deepEqual(parseProtobuf(protobufField(field, bytes)).bytes(field), bytes);
          assert.equal(parseProtobuf(protobufVarint(field, number)).varint(field), number);
        },
      ),
    );
  });

  for (const [name, hex] of [
    ["a number that is cut off", "0896"],
    ["a number of eleven octets", `08${"ff".repeat(10)}01`],
    ["a string that is cut off", "120774"],
    ["a length beyond memory", `12${"ff".repeat(9)}01`],
    ["a fixed field that is cut off", "0d0000"],
    ["a group", "0b0c"],
    ["the field number zero", "0001"],
    ["too many fields", "0801".repeat(maxProtobufFields + 1)],
  ] as const)
    test(`parseProtobuf refuses ${name}`, () =>
      assert.throws(() => parseProtobuf(parseHex(hex)), { code: "PROTOBUF_MALFORMED" }));

  test("parseProtobuf throws nothing but our errors", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          parseProtobuf(bytes).message(1)?.string(1);
        } catch (error) {
          assert.ok(isSigillumError(error));
        }
      }),
    );
  });
});
