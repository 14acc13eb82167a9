import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { parseHex } from "./bytes.ts";
import { canonicalText, encodeJcs } from "./jcs.ts";
import { type JsonValue, parseJson } from "./json.ts";
import { parseUtf8 } from "./utf8.ts";

// RFC 8785 appendix B: the bits of a double, and how it is written.
const numbers: readonly (readonly [string, string])[] = [
  ["0000000000000000", "0"],
  ["8000000000000000", "0"],
  ["0000000000000001", "5e-324"],
  ["8000000000000001", "-5e-324"],
  ["7fefffffffffffff", "1.7976931348623157e+308"],
  ["ffefffffffffffff", "-1.7976931348623157e+308"],
  ["4340000000000000", "9007199254740992"],
  ["c340000000000000", "-9007199254740992"],
  ["4430000000000000", "295147905179352830000"],
  ["44b52d02c7e14af5", "9.999999999999997e+22"],
  ["44b52d02c7e14af6", "1e+23"],
  ["44b52d02c7e14af7", "1.0000000000000001e+23"],
  ["444b1ae4d6e2ef4e", "999999999999999700000"],
  ["444b1ae4d6e2ef4f", "999999999999999900000"],
  ["444b1ae4d6e2ef50", "1e+21"],
  ["3eb0c6f7a0b5ed8c", "9.999999999999997e-7"],
  ["3eb0c6f7a0b5ed8d", "0.000001"],
  ["41b3de4355555553", "333333333.3333332"],
  ["41b3de4355555554", "333333333.33333325"],
  ["41b3de4355555555", "333333333.3333333"],
  ["41b3de4355555556", "333333333.3333334"],
  ["41b3de4355555557", "333333333.33333343"],
  ["becbf647612f3696", "-0.0000033333333333333333"],
  ["43143ff3c1cb0959", "1424953923781206.2"],
];

function double(bits: string): number {
  return new DataView(parseHex(bits).buffer).getFloat64(0);
}

describe("encodeJcs", () => {
  for (const [bits, text] of numbers)
    it(`writes the double ${bits} as RFC 8785 does`, () => assert.equal(canonicalText(double(bits)), text));

  it("is a TypeError for numbers that JSON lacks", () => {
    for (const bits of ["7fffffffffffffff", "7ff0000000000000"]) assert.throws(() => encodeJcs(double(bits)), TypeError);
  });

  it("gives the sample of RFC 8785 §3.2.2", () => {
    const text =
      '{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],"string":"\\u20ac$\\u000F\\u000aA\'\\u0042\\u0022\\u005c\\\\\\"\\/","literals":[null,true,false]}';
    const expected =
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}';
    assert.equal(parseUtf8(encodeJcs(parseJson(text))), expected);
  });

  it("sorts names by UTF-16 code units, as RFC 8785 §3.2.3", () => {
    const text =
      '{"\\u20ac":"Euro Sign","\\r":"Carriage Return","\\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One","\\ud83d\\ude00":"Emoji: Grinning Face","\\u0080":"Control","\\u00f6":"Latin Small Letter O With Diaeresis"}';
    const values = canonicalText(parseJson(text)).matchAll(/:"([^"]*)"/g);
    assert.deepEqual(
      Array.from(values, (match) => match[1]),
      [
        "Carriage Return",
        "One",
        "Control",
        "Latin Small Letter O With Diaeresis",
        "Euro Sign",
        "Emoji: Grinning Face",
        "Hebrew Letter Dalet With Dagesh",
      ],
    );
  });

  it("reads back as the same value, and is its own canonical form", () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: "binary" }), (value) => {
        const parsed = parseJson(JSON.stringify(value));
        const text = canonicalText(parsed);
        assert.deepEqual(parseJson(text), parsed);
        assert.equal(canonicalText(parseJson(text)), text);
      }),
      { numRuns: 300 },
    );
  });

  it("is a TypeError for a lone surrogate and for what is no JSON", () => {
    const sparse: { [name: string]: JsonValue } = JSON.parse("{}");
    Object.assign(sparse, { a: undefined });
    for (const value of ["\ud800", { "\udc00": 1 }, sparse]) assert.throws(() => encodeJcs(value), TypeError);
  });
});
