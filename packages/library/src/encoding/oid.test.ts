import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { encodeHex, parseHex } from "./bytes.ts";
import { encodeOid, parseOid } from "./oid.ts";

const arc = fc.bigInt({ min: 0n, max: 1n << 130n });
const anyOid = fc
  .tuple(fc.constantFrom("0", "1", "2"), fc.integer({ min: 0, max: 39 }), fc.array(arc, { maxLength: 6 }))
  .map(([top, second, rest]) => [top, second, ...rest].join("."));

describe("object identifiers", () => {
  const vectors: readonly (readonly [string, string])[] = [
    ["2.100.3", "813403"], // X.690 §8.19.5
    ["1.2.840.113549.1.1.11", "2a864886f70d01010b"],
    ["1.3.6.1.4.1.57264.1.24", "2b0601040183bf300118"],
    ["2.5.29.15", "551d0f"],
    ["0.0", "00"],
    ["0.39", "27"],
    ["1.0", "28"],
    ["1.39", "4f"],
    ["2.0", "50"],
    ["2.999", "8837"],
    ["2.25.329800735698586629295641978511506172918", "6983f09da7ebcfdee0c7a1a7b2c0948cc8f9d776"],
  ];
  for (const [dotted, hex] of vectors) {
    it(`reads and writes ${dotted}`, () => {
      assert.equal(encodeHex(encodeOid(dotted)), hex);
      assert.equal(parseOid(parseHex(hex)), dotted);
    });
  }

  it("reads what it wrote", () => {
    fc.assert(fc.property(anyOid, (dotted) => assert.equal(parseOid(encodeOid(dotted)), dotted)));
  });

  it("writes what it read: no identifier has two encodings", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 8 }), (contents) => {
        let dotted: string;
        try {
          dotted = parseOid(contents);
        } catch (error) {
          assert.equal(error instanceof Error && "code" in error ? error.code : error, "OID_MALFORMED");
          return;
        }
        assert.deepEqual(encodeOid(dotted), contents);
      }),
      { numRuns: 1000 },
    );
  });

  const refused: readonly (readonly [string, string])[] = [
    ["an empty one", ""],
    ["a padded arc", "2a8001"],
    ["a padded first arc", "802a"],
    ["a cut-off arc", "2a86"],
    ["one too long", `2a${"01".repeat(128)}`],
  ];
  for (const [name, hex] of refused)
    it(`parseOid refuses ${name}`, () => assert.throws(() => parseOid(parseHex(hex)), { code: "OID_MALFORMED" }));

  for (const dotted of ["", "1", "3.1", "1.40", "1.02", "1.2.", "1..2", "a.b", "1.-2"])
    it(`encodeOid is a TypeError for ${JSON.stringify(dotted)}`, () => assert.throws(() => encodeOid(dotted), TypeError));
});
