// Our client by the command line of sigstore-conformance: every folder in both modes, as upstream's suite calls it.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { sha256 } from "@sigillum/library/crypto";
import { encodeHex, parseUtf8 } from "@sigillum/library/encoding";
import { run } from "./client/run.ts";
import { beaconIdentity, conformanceData, hasData, missingData, readData, readLine } from "./shared-data.ts";

function callFor(name: string, mode: string): string[] {
  const at = (...path: string[]): string => join(conformanceData, ...path);
  const folder = ["bundle-verify", name];
  const artifact = hasData(...folder, "artifact") ? [...folder, "artifact"] : ["a.txt"];
  const signer = hasData(...folder, "key.pub")
    ? ["--key", at(...folder, "key.pub")]
    : [
        ...["--certificate-identity", readLine(beaconIdentity.san, ...folder, "identity")],
        ...["--certificate-oidc-issuer", readLine(beaconIdentity.issuer, ...folder, "issuer")],
      ];
  const root = hasData(...folder, "trusted_root.json") ? ["--trusted-root", at(...folder, "trusted_root.json")] : [];
  const input = mode === "path" ? at(...artifact) : `sha256:${encodeHex(sha256(readData(...artifact)))}`;
  return ["verify-bundle", "--bundle", at(...folder, "bundle.sigstore.json"), ...signer, ...root, input];
}

describe("sigstore-conformance command line", { skip: missingData }, () => {
  if (missingData !== undefined) {
    it("has its data", { skip: missingData }, () => {});
    return;
  }
  const [, ...rows] = parseUtf8(readData("cases.tsv")).trim().split("\n");
  for (const row of rows) {
    const [name = "", , expect] = row.split("\t");
    for (const mode of ["path", "digest"]) {
      it(`test_verify[${mode.toUpperCase()}-${name}]`, async () => {
        const { status, message } = await run(callFor(name, mode));
        assert.equal(status, expect === "pass" ? 0 : 1, message);
        if (status !== 0) assert.match(message ?? "", /^[A-Z][A-Z0-9_]+: Cannot /, "refused by a check, not by a crash");
      });
    }
  }

  it("runs as an executable, from another working directory", () => {
    const cwd = mkdtempSync(join(tmpdir(), "sigillum-conformance-"));
    try {
      const entrypoint = join(import.meta.dirname, "client/sigillum-conformance.cjs");
      for (const [name, status] of [
        ["happy-path-v0.1", 0],
        ["wrong-material_fail", 1],
      ] as const) {
        const result = spawnSync(process.execPath, [entrypoint, ...callFor(name, "path")], { cwd, encoding: "utf8" });
        assert.equal(result.status, status, result.stderr);
      }
    } finally {
      rmSync(cwd, { recursive: true });
    }
  });
});
