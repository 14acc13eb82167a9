// Each negative case is refused with exactly its code, by the file and by its digest; each rule and each code of a verifier has a case.
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { bundleErrors } from "@sigillum/library/bundle";
import { verificationErrors } from "@sigillum/library/verification";
import { codeOf, createSigstores, type Sigstores, signed } from "./case.ts";
import { negativeCases } from "./cases.ts";

let sigstores: Sigstores;
before(async () => {
  sigstores = await createSigstores();
});

describe("negative bundles", () => {
  it("are at least 150, each with a name of its own", () => {
    assert.ok(negativeCases.length >= 150, `${negativeCases.length}`);
    assert.equal(new Set(negativeCases.map(({ name }) => name)).size, negativeCases.length);
    for (const { name } of negativeCases) assert.match(name, /^[a-z0-9.-]+$/);
  });

  it("are changed from bundles that verify", async () => {
    for (const content of ["message", "envelope"] as const) {
      for (const log of ["v1", "v2"] as const) {
        for (const managed of [true, false]) {
          const made = await signed({ content, log, managed })(sigstores);
          assert.deepEqual([codeOf(made), codeOf(made, "digest")], ["", ""], `${content} ${log} ${managed}`);
        }
      }
    }
  });

  // What only an option of ours can bring about, which the command line of the conformance suite does not have.
  const needOptions = new Set([
    "ARTIFACT_DIGEST_UNAVAILABLE",
    "THRESHOLD_TIMESTAMPS",
    "THRESHOLD_WITNESSES",
    "THRESHOLD_LOG_ENTRIES",
  ]);
  // Other formats than the bundle.
  const otherFormats = new Set(["BUNDLE_DETACHED", "BUNDLE_PEP740", "BUNDLE_LIST", "BUNDLE_LIST_TOO_LONG", "BUNDLE_TOO_LARGE"]);
  it("produce every code of the rooms bundle and verification that a bundle can bring about", () => {
    const produced = new Set(negativeCases.map(({ code }) => code));
    const parsedBefore = new Set(["CHECKPOINT_MISSING"]);
    for (const code of [...Object.keys(bundleErrors), ...Object.keys(verificationErrors)])
      assert.ok(produced.has(code) || needOptions.has(code) || otherFormats.has(code) || parsedBefore.has(code), code);
  });

  for (const { name, code, make } of negativeCases) {
    it(`${name}: ${code}`, async () => {
      const made = await make(sigstores);
      assert.deepEqual([codeOf(made, "path"), codeOf(made, "digest")], [code, code]);
    });
  }
});
