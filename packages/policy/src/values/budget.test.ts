import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Budget, defineErrors, formatPosition, isPolicyError, PolicyError, quote, valuesErrors } from "./index.ts";

describe("Budget", () => {
  it("counts steps, depth and bytes apart", () => {
    const budget = new Budget({ steps: 2, depth: 1, bytes: 10 });
    budget.step(2);
    budget.enter();
    budget.leave();
    budget.enter();
    budget.allocate(10);
    assert.equal(budget.steps, 2);
    assert.equal(budget.bytes, 10);
    assert.throws(() => budget.step(), { code: "POLICY_STEPS_EXCEEDED", kind: "verification" });
    assert.throws(() => budget.enter(), { code: "POLICY_DEPTH_EXCEEDED" });
    assert.throws(() => budget.allocate(1), { code: "POLICY_BYTES_EXCEEDED" });
  });
});

describe("PolicyError", () => {
  it("is known by its shape", () => {
    const position = { file: "a.rego", line: 3, column: 1 };
    const make = defineErrors({ SOME_CODE: { kind: "malformed", means: "…" } });
    const error = make("SOME_CODE", "Cannot do: found 1", { found: "1", expected: "2", position });
    assert.ok(error instanceof PolicyError && isPolicyError(error));
    assert.deepEqual([error.found, error.expected, error.position], ["1", "2", position]);
    assert.equal(isPolicyError({ code: "A", kind: "state", message: "m" }), true);
    assert.equal(isPolicyError(new Error("no")), false);
    assert.equal(formatPosition(position), "a.rego:3");
  });

  it("quotes without control characters", () => {
    assert.equal(quote("a\u202eb\u0007"), '"a\\u202eb\\u0007"');
    assert.equal(quote("x".repeat(100)).length < 90, true);
  });

  it("has a sentence for each code", () => {
    for (const { means } of Object.values(valuesErrors)) assert.match(means, /\.$/);
  });
});
