import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { compile } from "../../rego/index.ts";
import { Budget, encodeJson } from "../../values/index.ts";
import { regoBuiltins } from "../index.ts";
import { YamlReader } from "./reader.ts";

const read = (text: string): string => encodeJson(new YamlReader(text, new Budget()).stream());

describe("YamlReader", () => {
  it("reads what YAML has", () => {
    const cases: readonly (readonly [text: string, json: string])[] = [
      ["", "null"],
      ["a: 1\nb:\n- x\n- y: 2\n  z: 3\n-\n", '{"a":1,"b":["x",{"y":2,"z":3},null]}'],
      ["a: {b: [1, 2, {c: d}], e}\n", '{"a":{"b":[1,2,{"c":"d"}],"e":null}}'],
      ["- - 1\n  - 2\n- - 3\n", "[[1,2],[3]]"],
      ["on: push\noff: x\ny: yes\n", '{"off":"x","on":"push","y":"yes"}'],
      ["a: true\nb: FALSE\nc: ~\nd: null\n", '{"a":true,"b":false,"c":null,"d":null}'],
      ["a: 0x1f\nb: 0o17\nc: 017\nd: 1_000\ne: -1.5e3\nf: 1.0\n", '{"a":31,"b":15,"c":15,"d":1000,"e":-1500,"f":1}'],
      ["a: 2023-01-01\nb: 12e03x\n", '{"a":"2023-01-01","b":"12e03x"}'],
      ["a: 'it''s'\nb: \"x\\n\\u00e9\\x41\"\n", '{"a":"it\'s","b":"x\\néA"}'],
      [
        "a: |\n  one\n   two\n\n  three\nb: >-\n  one\n  two\n\n  three\n",
        '{"a":"one\\n two\\n\\nthree\\n","b":"one two\\nthree"}',
      ],
      ["a: |+\n  x\n\nb: 1\n", '{"a":"x\\n\\n","b":1}'],
      ["a: one\n  two\n\n  three # no\n", '{"a":"one two\\nthree"}'],
      ["base: &b\n  on: 1\nother:\n  <<: *b\n  y: 2\n", '{"base":{"on":1},"other":{"on":1,"y":2}}'],
      ["a: &t x\nb: *t\n", '{"a":"x","b":"x"}'],
      ["a: 1\nb: 9\na: 2\n", '{"a":2,"b":9}'],
      ['1: a\n"1": b\n', '{"1":"b"}'],
      ["? a\n: b\n? c\n", '{"a":"b","c":null}'],
      ["%YAML 1.2\n---\na: !!str 1\nb: !!int '2'\n...\n", '{"a":"1","b":2}'],
      ["--- # first\na: 1\n---\nb: 2\n", '{"a":1}'],
      ["\"a\": 1\n'b c': x:y\nurl: http://x/#y\n", '{"a":1,"b c":"x:y","url":"http://x/#y"}'],
      ['{"json": ["ok", -1.25, {"a":null}]}', '{"json":["ok",-1.25,{"a":null}]}'],
      ["a: [x: 1, y]\n", '{"a":[{"x":1},"y"]}'],
      ["__proto__: 1\n", '{"__proto__":1}'],
    ];
    for (const [text, json] of cases) assert.equal(read(text), json, JSON.stringify(text));
  });

  it("refuses what is no YAML, with the line", () => {
    const cases: readonly (readonly [text: string, message: RegExp])[] = [
      ["  test:\ntest1: hello\n", /line 2: did not find expected <document start>/],
      ["a: 1\n---\n\tb: 2\n", /line 3: found character that cannot start any token/],
      ["[1,2,3", /line 1: did not find expected ',' or '\]'/],
      ["foo:\n   - qux: bar\n   - baz: {", /did not find expected ',' or '}'/],
      ["a: b: c\n", /mapping values are not allowed/],
      ["a: 'x\n", /unexpected end of stream/],
      ["a: *none\n", /unknown anchor 'none'/],
      ["a: @x\n", /cannot start any token/],
      ["null: a\n", /unsupported map key/],
      ["? [1]\n: v\n", /invalid map key/],
      ["a: .nan\n", /unsupported value/],
      ["a: 1\n  b: 2\n", /mapping values are not allowed/],
      ["- a\nb: 1\n", /did not find expected/],
      ['a: "\\q"\n', /unknown escape/],
      ["<<: 1\n", /map merge requires/],
    ];
    for (const [text, message] of cases) assert.throws(() => read(text), { message }, JSON.stringify(text));
  });

  it("is bounded in depth", () => {
    assert.throws(() => read("[".repeat(5000)), { code: "POLICY_DEPTH_EXCEEDED" });
    assert.throws(() => read("- ".repeat(5000)), { code: "POLICY_DEPTH_EXCEEDED" });
  });
});

describe("yaml.marshal", () => {
  it("writes what it reads again", () => {
    const policy = compile([], { dialect: "v0", builtins: regoBuiltins });
    const value =
      '{"a": [1, [2, {"b": "true"}], [], {}], "c d": "x: y", "e": "", "f": "l1\\nl2\\n", "n": null, "y": "yes", "t": " x"}';
    const [result] = policy.query(`v = ${value}; text = yaml.marshal(v); yaml.unmarshal(text) = v`);
    assert.ok(result !== undefined);
    assert.equal(
      result.bindings.get("text"),
      'a:\n  - 1\n  - - 2\n    - b: "true"\n  - []\n  - {}\nc d: \'x: y\'\ne: ""\nf: |\n  l1\n  l2\n"n": null\nt: \' x\'\n"y": "yes"\n',
    );
  });
});
