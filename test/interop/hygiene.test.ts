// How the project itself is kept, as others judge it: zizmor reads the workflows, OpenSSF Scorecard the checkout.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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
  "License",
  "Pinned-Dependencies",
  "SAST",
  "Security-Policy",
  "Token-Permissions",
];
describe("OpenSSF Scorecard", { skip: scorecard.missing }, () => {
  it(`gives full marks to ${full.join(", ")}`, () => {
    const { stdout, stderr } = spawnSync(
      scorecard.path ?? "",
      ["--local", root, "--format=json", "--show-details", `--checks=${full.join(",")}`],
      { encoding: "utf8", timeout: 120_000 },
    );
    const report: { checks: { name: string; score: number; reason: string; details?: string[] }[] } = JSON.parse(stdout);
    const short = report.checks.filter(({ score }) => score !== 10);
    assert.deepEqual(short, [], stderr);
    assert.equal(report.checks.length > 0, true);
  });
});
