import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { compareBytes, concatBytes, encodeHex, equalBytes, parseHex } from "./bytes.ts";

const octets = fc.uint8Array({ maxLength: 40 });

describe("concatBytes", () => {
  it("joins in order into a new array", () => {
    const one = Uint8Array.of(1);
    const joined = concatBytes(one, new Uint8Array(0), Uint8Array.of(2, 3));
    assert.deepEqual(joined, Uint8Array.of(1, 2, 3));
    assert.notEqual(concatBytes(one).buffer, one.buffer);
    assert.deepEqual(concatBytes(), new Uint8Array(0));
  });
});

describe("equalBytes and compareBytes", () => {
  it("agree with Buffer", () => {
    fc.assert(
      fc.property(octets, octets, (a, b) => {
        assert.equal(equalBytes(a, b), Buffer.compare(a, b) === 0);
        assert.equal(Math.sign(compareBytes(a, b)), Buffer.compare(a, b));
        assert.equal(equalBytes(a, a.slice()), true);
      }),
    );
  });

  it("tell a prefix from the whole", () => {
    assert.equal(equalBytes(Uint8Array.of(1), Uint8Array.of(1, 0)), false);
    assert.ok(compareBytes(Uint8Array.of(1), Uint8Array.of(1, 0)) < 0);
  });
});

describe("hexadecimal", () => {
  it("reads what it wrote, in either case", () => {
    fc.assert(
      fc.property(octets, (bytes) => {
        assert.equal(encodeHex(bytes), Buffer.from(bytes).toString("hex"));
        assert.deepEqual(parseHex(encodeHex(bytes)), bytes);
        assert.deepEqual(parseHex(encodeHex(bytes).toUpperCase()), bytes);
      }),
    );
  });

  it("parseHex refuses an odd length and other characters", () => {
    for (const text of ["0", "abc", "0g", "g0", " 00 ", "0x", "００", "+1", "1.0e"])
      assert.throws(() => parseHex(text), { code: "HEX_MALFORMED" }, text);
  });
});
