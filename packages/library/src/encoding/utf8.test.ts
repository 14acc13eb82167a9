import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { encodeHex, parseHex } from "./bytes.ts";
import { encodeUtf8, parseUtf8 } from "./utf8.ts";

describe("UTF-8", () => {
  it("reads what it wrote", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => assert.equal(parseUtf8(encodeUtf8(text)), text)));
    assert.equal(encodeHex(encodeUtf8("€😀")), "e282acf09f9880");
  });

  it("keeps a byte order mark", () => assert.equal(parseUtf8(parseHex("efbbbf61")), "\ufeffa"));

  const malformed: readonly (readonly [string, string])[] = [
    ["an overlong slash", "c0af"],
    ["an encoded surrogate", "eda080"],
    ["a cut-off sequence", "e282"],
    ["a lone continuation", "80"],
    ["a value beyond Unicode", "f4908080"],
    ["an octet that never occurs", "ff"],
  ];
  for (const [name, hex] of malformed)
    it(`parseUtf8 refuses ${name}`, () => assert.throws(() => parseUtf8(parseHex(hex)), { code: "UTF8_MALFORMED" }));

  it("encodeUtf8 does not replace a lone surrogate", () => assert.throws(() => encodeUtf8("a\ud800"), TypeError));
});
