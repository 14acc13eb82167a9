// The byte budget of CUE is held against the heap: what is alive when a limit stops an evaluation, or at its end, is not much more than
// what was counted, whatever grows.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { growing } from "./cue-memory.ts";

describe("the bytes that CUE counts", () => {
  const lines = new Map<string, { readonly end: string; readonly counted: number; readonly alive: number }>();

  before(() => {
    const program = join(import.meta.dirname, "cue-memory.ts");
    const args = ["--conditions=@sigillum/source", "--expose-gc", "--max-old-space-size=256", program];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
    assert.equal(status, 0, stderr);
    for (const line of stdout.trim().split("\n")) {
      const [name, end, counted, alive]: [string, string, number, number] = JSON.parse(line);
      lines.set(name, { end, counted, alive });
    }
  });

  for (const name of Object.keys(growing))
    it(`are about those that are alive: ${name}`, () => {
      const line = lines.get(name);
      assert.ok(line !== undefined);
      assert.ok(line.end === "" || /^POLICY_(STEPS|BYTES)_EXCEEDED$/.test(line.end), line.end);
      assert.ok(line.alive < 1.25 * line.counted + (1 << 20), `${line.alive} bytes are alive, ${line.counted} were counted`);
      assert.ok(line.alive < 128 << 20, `${line.alive} bytes are alive`);
    });
});
