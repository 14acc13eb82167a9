import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { encodeJson, isPolicyError, ObjectValue, parseJson, SetValue } from "./index.ts";

describe("parseJson", () => {
  it("loses nothing", () => {
    const text = '{"a":9007199254740993,"b":1.10,"c":[1e400,-0.0,"\\u00e9"],"d":null}';
    assert.equal(encodeJson(parseJson(text)), '{"a":9007199254740993,"b":1.10,"c":[1e400,-0.0,"é"],"d":null}');
  });

  it("reads what JSON.parse reads and writes what JSON.stringify writes", () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: "grapheme" }), (value) => {
        const text = JSON.stringify(value);
        assert.deepEqual(JSON.parse(encodeJson(parseJson(text))), JSON.parse(text));
      }),
    );
  });

  it("refuses what is not JSON", () => {
    for (const bad of [
      "",
      "{",
      "[1,]",
      '{"a" 1}',
      '{"a":1,}',
      "tru",
      '"\u0001"',
      '"\\x"',
      '"abc',
      "1 2",
      "'a'",
      "[1",
      "01",
      "{1:2}",
    ])
      assert.throws(() => parseJson(bad), { code: "POLICY_JSON_SYNTAX" });
    assert.throws(() => parseJson(new Uint8Array([0x22, 0xff, 0x22])), { code: "POLICY_JSON_SYNTAX" });
  });

  it("refuses a name that stands twice, unless it is to read as Go does", () => {
    assert.throws(() => parseJson('{"a":1,"a":2}'), { code: "POLICY_JSON_DUPLICATE_NAME" });
    assert.equal(encodeJson(parseJson('{"a":1,"a":2}', { lenient: true })), '{"a":2}');
  });

  it("refuses half a surrogate pair, unless it is to read as Go does", () => {
    assert.throws(() => parseJson('"\\ud800"'), { code: "POLICY_JSON_LONE_SURROGATE" });
    assert.equal(parseJson('"\\ud800"', { lenient: true }), "\ufffd");
  });

  it("has limits", () => {
    assert.throws(() => parseJson("[".repeat(100_000)), { code: "POLICY_JSON_TOO_DEEP" });
    assert.throws(() => parseJson("[[1]]", { maxDepth: 1 }), { code: "POLICY_JSON_TOO_DEEP" });
    assert.throws(() => parseJson("[1, 2]", { maxLength: 5 }), { code: "POLICY_JSON_TOO_LARGE" });
  });

  it("throws nothing but our errors", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[{}[\]",:0-9a-z\\.eE+-]{0,30}$/), (text) => {
        try {
          parseJson(text);
        } catch (error) {
          assert.ok(isPolicyError(error));
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe("encodeJson", () => {
  it("writes sets as arrays and keys as texts", () => {
    assert.equal(encodeJson(SetValue.of([2, 1])), "[1,2]");
    assert.equal(encodeJson(ObjectValue.of([[1, "<&>"]]), { escapeHtml: true }), '{"1":"\\u003c\\u0026\\u003e"}');
  });

  it("indents", () => {
    assert.equal(
      encodeJson(parseJson('{"a":[1,2],"b":{},"c":[]}'), { indent: "  " }),
      '{\n  "a": [\n    1,\n    2\n  ],\n  "b": {},\n  "c": []\n}',
    );
  });
});
