import assert from "node:assert/strict";
import { test } from "node:test";
import { boundYoungGeneration, youngGenerationLook } from "./young-generation.ts";

test("youngGenerationLook lets it grow below the bound alone, and says so once", () => {
  const MiB = 1024 * 1024;
  let bytes = 0;
  const factors: number[] = [];
  const look = youngGenerationLook({ bytes: () => bytes, setGrowthFactor: (factor) => factors.push(factor) });
  const after = (size: number): number[] => {
    bytes = size;
    look();
    return factors.splice(0);
  };
  assert.deepEqual(after(MiB), []);
  assert.deepEqual(after(32 * MiB - 1), []);
  assert.deepEqual(after(32 * MiB), [1]);
  assert.deepEqual(after(48 * MiB), []);
  assert.deepEqual(after(2 * MiB), [2]);
  assert.deepEqual(after(16 * MiB), []);
});

test("boundYoungGeneration keeps no process, and what it took is given back", () => {
  const before = process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
  const letGo = boundYoungGeneration();
  assert.equal(process.getActiveResourcesInfo().filter((name) => name === "Timeout").length, before);
  letGo();
});
