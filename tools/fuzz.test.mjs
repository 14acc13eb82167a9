import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fuzzTarget, judge, mutate, randomSource } from "./fuzz.mjs";

const ours = Object.assign(new Error("Cannot read"), { code: "X", kind: "malformed" });
const seeds = [new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8])];
const soon = () => performance.now() + 60;

describe("fuzz", () => {
  it("changes inputs the same way from the same seed", () => {
    const run = (seed) => {
      const random = randomSource(seed);
      return Array.from({ length: 20 }, () => Buffer.from(mutate(seeds[0], seeds[0], random)).toString("hex")).join();
    };
    assert.equal(run(5), run(5));
    assert.notEqual(run(5), run(6));
  });

  it("takes returning and our own errors, and finds everything else", () => {
    assert.equal(judge({ run: () => undefined }, seeds[0]), undefined);
    const throwing = (error) => ({
      run() {
        throw error;
      },
    });
    assert.equal(judge(throwing(ours), seeds[0]), undefined);
    for (const error of [new TypeError("x"), "text", undefined]) assert.match(judge(throwing(error), seeds[0]), /^throws/);
  });

  it("finds a rare crash, and what is slow each time", () => {
    const crash = { name: "crash", seeds, run: (input) => assert.ok(input[0] !== 0) };
    assert.equal(fuzzTarget(crash, soon(), randomSource(1)).finds.length, 1);
    const slow = {
      name: "slow",
      seeds,
      run() {
        for (const end = performance.now() + 60; performance.now() < end; );
      },
    };
    assert.match(fuzzTarget(slow, soon() + 600, randomSource(1)).finds[0].problem, /^takes/);
  });

  it("keeps inputs with a new outcome as seeds", () => {
    const codes = {
      name: "codes",
      seeds,
      run: (input) => {
        throw Object.assign(new Error("x"), { code: `C${input.length % 5}`, kind: "malformed" });
      },
    };
    const { outcomes, inputs, finds } = fuzzTarget(codes, soon(), randomSource(1));
    assert.ok(outcomes >= 3 && inputs > 10);
    assert.deepEqual(finds, []);
  });
});
