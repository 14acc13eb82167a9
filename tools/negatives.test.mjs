import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { framesOf, tableOf, writeDataSet } from "./negatives.mjs";

const about = { rule: "8.1", wrong: "a | b", code: "X" };
const made = { bundle: "{}", trustedRoot: "{}", artifact: new Uint8Array([1]), signer: { san: "a", issuer: "b" } };

describe("negatives", () => {
  it("writes the layout of sigstore-conformance", () => {
    const directory = mkdtempSync(join(tmpdir(), "sigillum-negatives-"));
    try {
      writeDataSet(directory, [
        { name: "one", ...about, made },
        { name: "two", ...about, made: { ...made, signer: { key: "PEM" } } },
      ]);
      const has = (...path) => existsSync(join(directory, ...path));
      assert.ok(
        ["bundle.sigstore.json", "trusted_root.json", "artifact", "identity", "issuer"].every((file) => has("one_fail", file)),
      );
      assert.deepEqual(
        [has("one_fail", "key.pub"), has("two_fail", "key.pub"), has("two_fail", "identity")],
        [false, true, false],
      );
      assert.match(readFileSync(join(directory, "README.md"), "utf8"), /\| `two_fail` \| 8\.1 \| a \\\| b \| X \|/);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it("has a table of one line a case", () => {
    assert.equal(tableOf([{ name: "one", ...about }]).split("\n").length, 3);
  });

  it("reads our own functions from a stack, leaving others out", () => {
    const stack =
      "Error: x\n    at throwIt (file:///a/packages/library/src/ct/verify.ts:5:7)\n    at Object.run (file:///a/packages/library/src/testing/x.ts:1:1)\n    at new Parser (file:///a/packages/library/src/encoding/json.ts:9:9)\n    at node:internal/x:1:1";
    assert.deepEqual(framesOf(stack), [
      { owner: "throwIt", file: "packages/library/src/ct/verify.ts" },
      { owner: "Parser", file: "packages/library/src/encoding/json.ts" },
    ]);
  });

  it("has a switch or a reason for every case", async () => {
    const { negativeCases } = await import("../test/conformance/negatives/cases.ts");
    const switches = JSON.parse(readFileSync(join(import.meta.dirname, "../test/conformance/negatives/switches.json"), "utf8"));
    assert.deepEqual(Object.keys(switches).sort(), negativeCases.map(({ name }) => name).sort());
    for (const [name, found] of Object.entries(switches))
      assert.ok(found.none === undefined ? found.file && found.code : found.none !== "", name);
  });
});
