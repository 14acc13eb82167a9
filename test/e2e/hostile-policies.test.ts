// Hostile policies and documents in both languages, tried in a process of its own: each ends as it should, in under a second of the
// processor's time, which other work on the machine does not lengthen as it does the clock's, and all of them in little memory.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { hostileCases } from "./hostile-policies.ts";

const heapMb = 256;

interface Line {
  readonly end: string | true;
  readonly cpuMs: number;
  readonly residentMb: number;
}

describe("hostile policies and documents", () => {
  const lines = new Map<string, Line>();

  before(() => {
    const program = join(import.meta.dirname, "hostile-policies.ts");
    const args = ["--conditions=@sigillum/source", `--max-old-space-size=${heapMb}`, program];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
    assert.equal(status, 0, stderr);
    for (const line of stdout.trim().split("\n")) {
      const [language, name, end, cpuMs, residentMb]: [string, string, string | true, number, number] = JSON.parse(line);
      lines.set(`${language}: ${name}`, { end, cpuMs, residentMb });
    }
  });

  for (const { language, name, ends } of hostileCases) {
    it(`${language}: ${name} ends in time`, () => {
      const line = lines.get(`${language}: ${name}`);
      assert.equal(line?.end, ends);
      assert.ok(line !== undefined && line.cpuMs < 1000, `took ${line?.cpuMs} ms of the processor's time`);
      assert.ok(line.residentMb < 2 * heapMb, `the process takes ${line.residentMb} MiB`);
    });
  }

  it("touch no prototype", () => {
    assert.equal(lines.get(": prototypes")?.end, true);
  });
});
