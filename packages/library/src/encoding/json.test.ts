import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { parseHex } from "./bytes.ts";
import { type JsonValue, parseJson } from "./json.ts";
import { isSigillumError } from "./sigillum-error.ts";
import { encodeUtf8 } from "./utf8.ts";

describe("parseJson", () => {
  it("agrees with JSON.parse on what JSON.stringify writes", () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: "binary" }), fc.constantFrom(undefined, 1, "\t"), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        assert.equal(JSON.stringify(parseJson(text)), JSON.stringify(JSON.parse(text)));
        assert.equal(JSON.stringify(parseJson(encodeUtf8(text))), JSON.stringify(JSON.parse(text)));
      }),
      { numRuns: 500 },
    );
  });

  it("accepts nothing that JSON.parse refuses, and throws nothing but our errors", () => {
    const pieces = fc.constantFrom(
      ...'{}[]:,"\\ueE+-.019 \n',
      "true",
      "null",
      "fals",
      '"a"',
      "\\ud83d",
      "\\u00",
      "\u0001",
      "1e400",
      "\ufeff",
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 12 }), (parts) => {
        const text = parts.join("");
        let value: JsonValue;
        try {
          value = parseJson(text);
        } catch (error) {
          assert.ok(isSigillumError(error), String(error));
          return;
        }
        assert.equal(JSON.stringify(value), JSON.stringify(JSON.parse(text)));
      }),
      { numRuns: 5000 },
    );
  });

  it("makes objects without a prototype, so that no name is special", () => {
    const value = parseJson('{"__proto__":{"a":1},"constructor":2,"toString":3}');
    assert.equal(Object.getPrototypeOf(value), null);
    assert.deepEqual(Object.keys(value ?? {}), ["__proto__", "constructor", "toString"]);
  });

  const syntax = [
    "",
    " ",
    "{",
    "[",
    "]",
    '{"a"}',
    '{"a":}',
    '{"a":1,}',
    "[1,]",
    "[,1]",
    "{1:2}",
    "01",
    "-",
    "1.",
    ".5",
    "+1",
    "1e",
    "1e+",
    "0x1",
    "NaN",
    "Infinity",
    "1e400",
    "tru",
    "nul",
    "'a'",
    '"a',
    '"\\',
    '"\\x"',
    '"\\u12"',
    '"\\u12g4"',
    '"\u0000"',
    '"a\nb"',
    "1 2",
    "//",
    "\ufeff1",
    "\u00a01",
    "[1 2]",
    '{"a":1 "b":2}',
    '"\\"',
    "{]",
    "[}",
  ];
  for (const text of syntax)
    it(`refuses ${JSON.stringify(text)}`, () => assert.throws(() => parseJson(text), { code: "JSON_SYNTAX" }));

  it("says where and what", () => {
    assert.throws(() => parseJson('{"a":tru}'), {
      message: 'Cannot parse JSON: found "tru}" at offset 5, expected a value',
      found: '"tru}"',
      expected: "a value",
    });
    assert.throws(() => parseJson('"a'), { message: 'Cannot parse JSON: found the end at offset 2, expected "\\""' });
  });

  for (const text of [
    '{"a":1,"a":1}',
    '{"a":1,"\\u0061":2}',
    '{"":1,"":1}',
    '{"__proto__":1,"__proto__":1}',
    '[{"b":{"a":1,"a":1}}]',
  ]) {
    it(`refuses the name that stands twice in ${text}`, () =>
      assert.throws(() => parseJson(text), { code: "JSON_DUPLICATE_NAME" }));
  }

  for (const text of ['"\\ud800"', '"\\udc00\\ud800"', '"\\ud83d"', '{"\\ud800":1}', '"\ud800"', '"\\ud83dx\\ude00"']) {
    it(`refuses the lone surrogate of ${JSON.stringify(text)}`, () =>
      assert.throws(() => parseJson(text), { code: "JSON_LONE_SURROGATE" }));
  }
  it("joins the halves of a surrogate pair", () => assert.equal(parseJson('"\\ud83d\\ude00"'), "😀"));
  it("refuses bytes that are not UTF-8", () => assert.throws(() => parseJson(parseHex("22ff22")), { code: "UTF8_MALFORMED" }));

  it("holds to its limits", () => {
    assert.deepEqual(parseJson("[[1]]", { maxDepth: 2 }), [[1]]);
    assert.throws(() => parseJson("[[1]]", { maxDepth: 1 }), { code: "JSON_TOO_DEEP" });
    assert.throws(() => parseJson('{"a":{"b":[]}}', { maxDepth: 2 }), { code: "JSON_TOO_DEEP" });
    assert.throws(() => parseJson("[".repeat(100_000)), { code: "JSON_TOO_DEEP" });
    assert.equal(parseJson("12", { maxBytes: 2 }), 12);
    assert.throws(() => parseJson("123", { maxBytes: 2 }), { code: "JSON_TOO_LARGE" });
    assert.throws(() => parseJson(encodeUtf8('"€"'), { maxBytes: 4 }), { code: "JSON_TOO_LARGE" });
  });

  it("hands large integers on as text when asked to", () => {
    const text = "[9007199254740991,9007199254740992,-9007199254740993,123456789012345678901234567890,1e30,1.5]";
    assert.deepEqual(parseJson(text, { largeIntegersAsText: true }), [
      9007199254740991,
      "9007199254740992",
      "-9007199254740993",
      "123456789012345678901234567890",
      1e30,
      1.5,
    ]);
    assert.equal(parseJson("9007199254740993"), 9007199254740992);
  });
});
