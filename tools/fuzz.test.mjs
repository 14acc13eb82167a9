import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fuzzTarget, judge, mutate, randomSource } from "./fuzz.mjs";

const ours = Object.assign(new Error("Cannot read"), { code: "X", kind: "malformed" });
const seeds = [new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8])];
// By the number of inputs and not by time: how many fit into a while depends on who else uses the machine.
const fuzz = (target, most) => fuzzTarget(target, Number.POSITIVE_INFINITY, randomSource(1), most);

describe("fuzz", () => {
  it("changes inputs the same way from the same seed", () => {
    const run = (seed) => {
      const random = randomSource(seed);
      return Array.from({ length: 20 }, () => Buffer.from(mutate(seeds[0], seeds[0], random)).toString("hex")).join();
    };
    assert.equal(run(5), run(5));
    assert.notEqual(run(5), run(6));
  });

  it("takes returning and our own errors, now or later, and finds everything else", async () => {
    assert.equal(await judge({ run: () => undefined }, seeds[0]), undefined);
    const throwing = (error) => ({
      run() {
        throw error;
      },
    });
    const rejecting = (error) => ({ run: () => Promise.reject(error) });
    for (const failing of [throwing, rejecting]) {
      assert.equal(await judge(failing(ours), seeds[0]), undefined);
      for (const error of [new TypeError("x"), "text", undefined]) assert.match(await judge(failing(error), seeds[0]), /^throws/);
    }
  });

  it("finds a rare crash, and what is slow each time", async () => {
    const crash = { name: "crash", seeds, run: (input) => assert.ok(input[0] !== 0) };
    assert.equal((await fuzz(crash, 2000)).finds.length, 1);
    const slow = {
      name: "slow",
      seeds,
      run() {
        // Of the processor's time: what another program takes is not its fault.
        for (const before = process.cpuUsage(); process.cpuUsage(before).user < 60_000; );
      },
    };
    assert.match((await fuzz(slow, 1)).finds[0].problem, /^takes/);
  });

  it("keeps inputs with a new outcome as seeds", async () => {
    const codes = {
      name: "codes",
      seeds,
      run: (input) => {
        throw Object.assign(new Error("x"), { code: `C${input.length % 5}`, kind: "malformed" });
      },
    };
    const { outcomes, inputs, finds } = await fuzz(codes, 200);
    assert.ok(outcomes >= 3);
    assert.equal(inputs, 200);
    assert.deepEqual(finds, []);
  });
});
