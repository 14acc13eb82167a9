// The suite tuf-conformance itself, where a checkout of it is at hand: SIGILLUM_TUF_CONFORMANCE names its folder, and
// SIGILLUM_TUF_PYTHON a Python with its dependencies. Its cases are ported to `packages/library/src/tuf/conformance`, which needs neither.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { TufSimulator } from "@sigillum/library/testing";
import { run } from "./tuf/client/run.ts";

const suite = process.env["SIGILLUM_TUF_CONFORMANCE"];
const python = process.env["SIGILLUM_TUF_PYTHON"] ?? "python3";
const entrypoint = join(import.meta.dirname, "tuf/client/sigillum-tuf-conformance.cjs");
const missing = suite === undefined ? "SKIPPED: no checkout of tuf-conformance (set SIGILLUM_TUF_CONFORMANCE)" : false;

describe("tuf-conformance", () => {
  it("passes whole, with no expected failure", { skip: missing, timeout: 1_200_000 }, () => {
    assert.ok(!existsSync(`${entrypoint}.xfails`), "there is no list of expected failures");
    const result = spawnSync(python, ["-m", "pytest", "-q", join(suite ?? "", "tuf_conformance"), "--entrypoint", entrypoint], {
      cwd: tmpdir(),
      encoding: "utf8",
    });
    assert.equal(result.status, 0, result.stdout.slice(-4000) + result.stderr.slice(-2000));
    const [, passed = "0"] = /([0-9]+) passed/.exec(result.stdout) ?? [];
    console.log(`tuf-conformance: ${passed} passed`);
    assert.ok(Number(passed) >= 110, result.stdout.slice(-500));
    assert.doesNotMatch(result.stdout, /xfailed|skipped/);
  });

  it("finds the command line that it calls: init, refresh, download, exit status", async () => {
    const directory = await mkdtemp(join(tmpdir(), "sigillum-tuf-client-"));
    try {
      const repo = await TufSimulator.create();
      const rootPath = join(directory, "initial.json");
      await writeFile(rootPath, repo.newest("root"));
      const common = ["--metadata-dir", join(directory, "metadata")];
      assert.equal((await run([...common, "init", rootPath])).status, 0);
      assert.deepEqual(new Uint8Array(await readFile(join(directory, "metadata", "root.json"))), repo.newest("root"));
      const refused = await run([...common, "--metadata-url", "http://127.0.0.1:9/", "refresh"]);
      assert.equal(refused.status, 1);
      assert.match(refused.message ?? "", /^HTTP_UNREACHABLE: /);
      await writeFile(rootPath, "{}");
      assert.equal((await run([...common, "init", rootPath])).status, 1);
      assert.equal((await run([...common, "dance"])).status, 2);
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
