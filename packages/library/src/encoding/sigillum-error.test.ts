import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { defineErrors, type ErrorTable, isSigillumError, quote, SigillumError } from "./sigillum-error.ts";

const make = defineErrors({ TEA_COLD: { kind: "verification", means: "The tea is cold." } });

describe("defineErrors", () => {
  it("makes an error with the code, its kind and the fields", () => {
    const cause = new Error("a window was open");
    const error = make("TEA_COLD", "Cannot drink tea: it has 20 degrees, not 60", { cause, found: "20", expected: "60" });
    assert.ok(error instanceof SigillumError);
    assert.deepEqual(
      [error.code, error.kind, error.found, error.expected, error.cause],
      ["TEA_COLD", "verification", "20", "60", cause],
    );
    assert.equal(error.message, "Cannot drink tea: it has 20 degrees, not 60");
  });

  it("leaves out what was not given", () => {
    const error = make("TEA_COLD", "Cannot drink tea: it is cold");
    assert.deepEqual([error.found, error.expected, "cause" in error], [undefined, undefined, false]);
  });

  it("is a TypeError for a code outside the table", () => {
    const loose = defineErrors<ErrorTable>({});
    assert.throws(() => loose("TEA_COLD", ""), TypeError);
  });
});

describe("isSigillumError", () => {
  it("goes by shape, not by class", () => {
    assert.equal(isSigillumError(make("TEA_COLD", "")), true);
    assert.equal(isSigillumError(Object.assign(new Error("x"), { code: "TEA_COLD", kind: "state" })), true);
  });

  it("refuses other errors and other values", () => {
    const system = Object.assign(new Error("x"), { code: "ENOENT" });
    const odd = Object.assign(new Error("x"), { code: "ENOENT", kind: "file" });
    for (const value of [system, odd, new Error("x"), null, undefined, "TEA_COLD", {}])
      assert.equal(isSigillumError(value), false);
  });
});

describe("quote", () => {
  it("shortens to the length asked for", () => {
    assert.equal(quote("a".repeat(100), 10), `"${"a".repeat(9)}…"`);
    assert.equal(quote("a".repeat(10), 10), `"${"a".repeat(10)}"`);
  });

  it("escapes what could steer a terminal or turn the reading direction", () => {
    assert.equal(quote('\u001b[2J"\u009b\u202e\u2066'), '"\\u001b[2J\\"\\u009b\\u202e\\u2066"');
  });
});
