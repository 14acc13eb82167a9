import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { encodeJson, isPolicyError, ObjectValue, parseJson, SetValue } from "./index.ts";
import { readNatively } from "./native-json.ts";

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

describe("parseJson by JavaScript's own reader", () => {
  // a space before it, and a text is not what JavaScript would write: each byte is then read here
  const outcome = (text: string): string => {
    try {
      return encodeJson(parseJson(text));
    } catch (error) {
      return isPolicyError(error) ? error.code : String(error);
    }
  };
  const number = fc.oneof(
    fc.constantFrom(
      "0",
      "-0",
      "-1",
      "1.0",
      "1.5",
      "1e2",
      "1e+21",
      "1e400",
      "1.10",
      "9007199254740993",
      "9007199254740992",
      "0.1e1",
    ),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
    fc.integer().map(String),
  );
  const string = fc.oneof(
    fc.constantFrom(
      '"a"',
      '"b"',
      '"__proto__"',
      '"\\u0061"',
      '"\\ud800"',
      '"\\ud83d\\ude00"',
      '"<&>"',
      '"\\u003c"',
      '":"',
      '"\\\\"',
      '"1"',
    ),
    fc.string({ unit: "grapheme", maxLength: 4 }).map((text) => JSON.stringify(text)),
  );
  const { value: made } = fc.letrec<{ value: string }>((tie) => ({
    value: fc.oneof(
      { depthSize: "small" },
      number,
      string,
      fc.constantFrom("true", "false", "null"),
      fc.array(tie("value"), { maxLength: 3 }).map((items) => `[${items.join(",")}]`),
      fc
        .array(fc.tuple(string, fc.constantFrom(":", ":", ":", " :", ": "), tie("value")), { maxLength: 3 })
        .map((fields) => `{${fields.map((field) => field.join("")).join(",")}}`),
    ),
  }));

  it("reads and refuses the same", () => {
    let read = 0;
    fc.assert(
      fc.property(made, (text) => {
        assert.equal(outcome(text), outcome(` ${text}`));
        if (outcome(text).startsWith("{")) read++;
      }),
      { numRuns: 2000 },
    );
    assert.ok(read > 100, `${read} objects`);
  });

  it("is what reads a text that JavaScript, or Go, would write so, however it is indented", () => {
    const document = { b: [1, "x", null, 5.5, { c: true }], a: { "<&>": "é\n" }, __proto__x: -2 };
    for (const indent of [undefined, 1, 2, 4, "\t"]) {
      const text = JSON.stringify(document, undefined, indent);
      const goes = text.replaceAll("<", "\\u003c").replaceAll(">", "\\u003e").replaceAll("&", "\\u0026");
      for (const each of [text, `${text}\n`, goes]) {
        const found = readNatively(each, 512);
        assert.ok(found instanceof ObjectValue, each);
        assert.deepEqual(found.extent, { values: 11, depth: 3 }, each);
        assert.equal(encodeJson(found), JSON.stringify({ __proto__x: -2, a: document.a, b: document.b }));
      }
    }
  });

  it("leaves other texts to the reader that loses nothing", () => {
    const others = [
      '{"a":1,"a":1}',
      '{"a":1.0}',
      '{"a":9007199254740993}',
      '{"a": 1}',
      ' {"a":1}',
      '{"b":1,"1":2}',
      '"\\ud800"',
      "1e400",
      "-0",
      "[1",
      '"\\u0061"',
    ];
    for (const text of others) assert.equal(readNatively(text, 512), undefined, text);
  });

  it("is measured alike, looked into or not", () => {
    const text = '{"a":[1,{"b":[]},"x"],"c":{"d":{}},"e":5.5}';
    const [whole, looked] = [parseJson(text), parseJson(` ${text}`)];
    assert.ok(whole instanceof ObjectValue && looked instanceof ObjectValue);
    assert.deepEqual(looked.extent, { values: 9, depth: 4 });
    assert.deepEqual(whole.extent, looked.extent);
    assert.deepEqual(ObjectValue.of([["z", whole]]).extent, { values: 10, depth: 5 });
    assert.deepEqual(ObjectValue.extentOf([whole, 1]), { values: 11, depth: 5 });
    assert.deepEqual(ObjectValue.extentOf(null), { values: 1, depth: 0 });
  });

  it("touches no prototype and gives what no name stands for", () => {
    const found = parseJson('{"__proto__":{"polluted":1},"a":1}');
    assert.ok(found instanceof ObjectValue);
    for (const name of ["constructor", "toString", "hasOwnProperty", 1, null]) {
      assert.equal(found.get(name), undefined);
      assert.equal(found.has(name), false);
    }
    const inner = found.get("__proto__");
    assert.ok(inner instanceof ObjectValue);
    assert.equal(inner.get("polluted"), 1);
    assert.equal(found.get("constructor"), undefined);
    assert.equal("polluted" in {}, false);
    assert.deepEqual(found.keys(), ["__proto__", "a"]);
    assert.equal(found.size, 2);
  });

  it("counts the same levels", () => {
    const nested = (levels: number): string => "[".repeat(levels) + "]".repeat(levels);
    assert.deepEqual(parseJson(nested(3), { maxDepth: 3 }), [[[]]]);
    for (const space of ["", " "])
      assert.throws(() => parseJson(space + nested(4), { maxDepth: 3 }), { code: "POLICY_JSON_TOO_DEEP" });
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
