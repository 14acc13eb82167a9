// How the project itself is kept, as others judge it: zizmor reads the workflows, OpenSSF Scorecard the checkout.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { findPeer } from "../../tools/peers-list.mjs";

const root = join(import.meta.dirname, "../..");
const workflows = join(root, ".github");

const zizmor = findPeer("zizmor");
describe("zizmor", { skip: zizmor.missing }, () => {
  const findings = (path: string): string[] => {
    const { stdout, stderr } = spawnSync(
      zizmor.path ?? "",
      ["--offline", "--no-progress", "--persona=pedantic", "--format=json", path],
      { encoding: "utf8" },
    );
    const found: unknown = JSON.parse(stdout === "" ? "null" : stdout);
    assert.ok(Array.isArray(found), stderr);
    return found.map(({ ident }) => String(ident));
  };

  it("finds nothing in the workflows", () => {
    assert.deepEqual(findings(workflows), []);
  });

  it("finds an action that is pinned by a tag", () => {
    const directory = mkdtempSync(join(tmpdir(), "sigillum-workflows-"));
    try {
      const text = readFileSync(join(workflows, "workflows/ci.yml"), "utf8");
      writeFileSync(join(directory, "ci.yml"), text.replace(/actions\/checkout@[0-9a-f]{40}/, "actions/checkout@v7"));
      assert.deepEqual(findings(join(directory, "ci.yml")), ["unpinned-uses"]);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});

const scorecard = findPeer("scorecard");
const full = [
  "Binary-Artifacts",
  "Dangerous-Workflow",
  "Dependency-Update-Tool",
  "Pinned-Dependencies",
  "SAST",
  "Security-Policy",
  "Token-Permissions",
];
describe("OpenSSF Scorecard", { skip: scorecard.missing }, () => {
  const scores = (change: (copy: string) => void): Record<string, string> => {
    const copy = mkdtempSync(join(tmpdir(), "sigillum-scorecard-"));
    try {
      const tracked = spawnSync("git", ["ls-files", "-z"], { cwd: root, encoding: "utf8" }).stdout.split("\0");
      for (const path of tracked.filter((each) => each !== "" && existsSync(join(root, each))))
        cpSync(join(root, path), join(copy, path));
      change(copy);
      const args = ["--local", copy, "--format=json", "--show-details", `--checks=${full.join(",")}`];
      const { stdout, stderr } = spawnSync(scorecard.path ?? "", args, { encoding: "utf8", timeout: 120_000 });
      assert.notEqual(stdout, "", stderr);
      const report: { checks: { name: string; score: number; details?: string[] }[] } = JSON.parse(stdout);
      const told = report.checks.map(({ name, score, details }): [string, string] => [
        name,
        score === 10 ? "10" : `${score}: ${details?.join("; ")}`,
      ]);
      return Object.fromEntries(told);
    } finally {
      rmSync(copy, { recursive: true, force: true });
    }
  };

  it("gives the checkout full marks in what can be seen without its host", () => {
    assert.deepEqual(
      scores(() => undefined),
      Object.fromEntries(full.map((name) => [name, "10"])),
    );
  });

  it("takes marks away where an action is pinned by a tag", () => {
    const marks = scores((copy) => {
      const file = join(copy, ".github/workflows/ci.yml");
      writeFileSync(file, readFileSync(file, "utf8").replace(/actions\/checkout@[0-9a-f]{40}/, "actions/checkout@v7"));
    });
    assert.match(marks["Pinned-Dependencies"] ?? "", /^\d: .*not pinned by hash/);
  });
});
