import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";

const OLD = `data:text/javascript,Object.defineProperty(process, "versions", { value: { node: "20.20.2" } })`;

describe("run.mjs", () => {
  const root = mkdtempSync(join(tmpdir(), "run-"));
  after(() => rmSync(root, { recursive: true, force: true }));
  mkdirSync(join(root, "tools"));
  cpSync(join(import.meta.dirname, "run.mjs"), join(root, "tools/run.mjs"));
  writeFileSync(
    join(root, "script.ts"),
    "const given: string[] = process.argv.slice(2);\nconsole.log(given.join());\nprocess.exitCode = 3;\n",
  );
  const run = (...flags) =>
    spawnSync(process.execPath, [...flags, join(root, "tools/run.mjs"), "script.ts", "a", "b"], { cwd: root, encoding: "utf8" });

  it("runs a TypeScript file and passes on its arguments and its exit code", () => {
    const { status, stdout } = run();
    assert.deepEqual([status, stdout], [3, "a,b\n"]);
  });

  it("says in one line what it needs on an older Node without the checkout's own", () => {
    const { status, stdout, stderr } = run(`--import=${OLD}`);
    assert.deepEqual([status, stdout], [1, ""]);
    assert.match(stderr, /^Sigillum needs Node 22\.18 or newer and found 20\.20\.2: run "npm ci", .*\n$/);
  });

  it("takes the checkout's own Node where the one that started it is older", {
    skip: process.platform === "win32" ? "a link is enough elsewhere" : false,
  }, () => {
    mkdirSync(join(root, "node_modules/.bin"), { recursive: true });
    symlinkSync(process.execPath, join(root, "node_modules/.bin/node"));
    assert.deepEqual([run(`--import=${OLD}`).status, run(`--import=${OLD}`).stdout], [3, "a,b\n"]);
  });
});
