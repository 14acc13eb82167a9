// Real attestations of PyPI (PEP 740), as the source distribution of pypi-attestations carries them for its own tests:
//
//   pip download --no-deps --no-binary pypi-attestations pypi-attestations==0.0.30     then unpack it, and name its test/assets in
//   SIGILLUM_PYPI_ATTESTATIONS
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { parseBundles } from "@sigillum/library/bundle";
import { parseTrustedRoot } from "@sigillum/library/trusted-root";
import { type Verified, verifyBundle } from "@sigillum/library/verification";
import { missingData, readData } from "./shared-data.ts";

const assets = process.env["SIGILLUM_PYPI_ATTESTATIONS"] ?? "";
const missing =
  missingData ??
  (existsSync(assets)
    ? undefined
    : "SKIPPED: no attestations of PyPI (set SIGILLUM_PYPI_ATTESTATIONS to pypi-attestations' test/assets)");
const ending = /\.(?:publish\.attestation|slsa\.attestation|attestation|provenance|sigstore)$/;
const anyone = { description: "anyone", matches: (): boolean => true };

// One of them was made with the staging instance.
function verifyFile(name: string, artifact: string): Verified[] {
  const instance = name.startsWith("rfc8785-") ? "staging" : "production";
  const trustedRoot = parseTrustedRoot(readData("trust", instance, "trusted_root.json"));
  return parseBundles(readFileSync(join(assets, name))).map((bundle) =>
    verifyBundle({
      bundle,
      artifact: { bytes: readFileSync(join(assets, artifact)) },
      trustedRoot,
      expectations: { identity: { san: anyone, issuer: anyone } },
    }),
  );
}

describe("attestations of PyPI", { skip: missing }, () => {
  if (missing !== undefined) {
    it("has its data", { skip: missing }, () => {});
    return;
  }
  const files = readdirSync(assets).filter((name) => ending.test(name) && existsSync(join(assets, name.replace(ending, ""))));
  it("are there", () => assert.ok(files.length >= 10));
  for (const name of files) {
    it(`verifies ${name}, and not for another artifact`, () => {
      const artifact = name.replace(ending, "");
      for (const { statement } of verifyFile(name, artifact))
        assert.match(
          statement?.predicateType ?? "",
          /^https:\/\/(?:docs\.pypi\.org\/attestations\/publish|slsa\.dev\/provenance)\/v1$/,
        );
      assert.throws(() => verifyFile(name, name), { code: "SUBJECT_MISMATCH" });
    });
  }
});
