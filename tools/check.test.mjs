import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { closingCounts, countStep } from "./check.mjs";

describe("countStep", () => {
  it("takes the last closing line of a run", () => {
    const output = "1 passed, 1 failed\nmore\n12 passed, 3 failed\n";
    assert.deepEqual(countStep(1, output), { passed: 12, failed: 3 });
    assert.deepEqual(closingCounts("4 passed, 0 failed, 2 skipped"), { passed: 4, failed: 0, skipped: 2 });
    assert.equal(closingCounts("5 passed, 0 failed so far"), undefined);
  });

  it("counts a step without counts as one", () => {
    assert.deepEqual(countStep(0, "architecture: in order\n"), { passed: 1, failed: 0 });
    assert.deepEqual(countStep(1, ""), { passed: 0, failed: 1 });
    assert.deepEqual(countStep("SIGKILL", ""), { passed: 0, failed: 1 });
  });

  it("finds a failure in a run that exited badly though its line says none", () => {
    assert.deepEqual(countStep(1, "9 passed, 0 failed\n"), { passed: 9, failed: 1 });
  });
});
