// Real attestations of GitHub and provenance of npm, as the command line of GitHub and sigstore-go carry them for their own tests, by the root
// of the public instance: bundles alone, several a line, of versions 0.1 and 0.3, over real artifacts.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { parseBundles } from "@sigillum/library/bundle";
import { parseHex } from "@sigillum/library/encoding";
import { parseTrustedRoot } from "@sigillum/library/trusted-root";
import { type Artifact, type Expectations, type Verified, verifyBundle } from "@sigillum/library/verification";
import { findPeer } from "../../tools/peers-list.mjs";
import { missingData, readData } from "./shared-data.ts";

const github = findPeer("github-attestations");
const sigstoreGo = findPeer("sigstore-go-data");
const missing = missingData ?? (github.missing === undefined ? undefined : `SKIPPED: ${github.missing}`);
const missingGo = missingData ?? (sigstoreGo.missing === undefined ? undefined : `SKIPPED: ${sigstoreGo.missing}`);
const issuer = "https://token.actions.githubusercontent.com";
const releaseOfSigstoreJs = "https://github.com/sigstore/sigstore-js/.github/workflows/release.yml@refs/heads/main";

interface Real {
  readonly file: string;
  readonly artifact: string;
  readonly san: string;
  readonly issuer: string;
  readonly bundles: number;
}

const cases: readonly Real[] = [
  {
    file: "reusable-workflow-attestation.sigstore.json",
    artifact: "reusable-workflow-artifact",
    // A reusable workflow: the name is that of the workflow that was called.
    san: "https://github.com/github/artifact-attestations-workflows/.github/workflows/attest.yml@09b495c3f12c7881b3cc17209a327792065c1a1d",
    issuer,
    bundles: 1,
  },
  {
    file: "custom-issuer.sigstore.json",
    artifact: "custom-issuer-artifact",
    san: "https://github.com/too-legit/attest/.github/workflows/integration.yml@refs/heads/main",
    issuer: `${issuer}/hammer-time`,
    bundles: 1,
  },
  ...["sigstore-js-2.1.0-bundle.json", "sigstore-js-2.1.0-bundle-v0.1.json"].map((file) => ({
    file,
    artifact: "sigstore-js-2.1.0.tgz",
    san: releaseOfSigstoreJs,
    issuer,
    bundles: 1,
  })),
  {
    file: "sigstore-js-2.1.0_with_2_bundles.jsonl",
    artifact: "sigstore-js-2.1.0.tgz",
    san: releaseOfSigstoreJs,
    issuer,
    bundles: 2,
  },
];

function verify(file: string, artifact: Artifact, expectations: Expectations): Verified[] {
  const trustedRoot = parseTrustedRoot(readData("trust", "production", "trusted_root.json"));
  return parseBundles(readFileSync(file)).map((bundle) => verifyBundle({ bundle, artifact, trustedRoot, expectations }));
}

describe("attestations of GitHub and provenance of npm", { skip: missing }, () => {
  if (missing !== undefined) {
    it("has its data", { skip: missing }, () => {});
    return;
  }
  const at = (name: string): string => join(github.path ?? "", name);
  for (const { file, artifact, san, issuer, bundles } of cases) {
    const identity = { san, issuer };
    it(`verifies ${file}, for its signer and its artifact alone`, () => {
      const bytes = readFileSync(at(artifact));
      const verified = verify(at(file), { bytes }, { identity });
      assert.deepEqual(
        verified.map(({ statement }) => statement?.predicateType),
        Array.from({ length: bundles }, () => "https://slsa.dev/provenance/v1"),
      );
      const other = { bytes: readFileSync(at(file)) };
      assert.throws(() => verify(at(file), other, { identity }), { code: "SUBJECT_MISMATCH" });
      assert.throws(() => verify(at(file), { bytes }, { identity: { ...identity, issuer: `${issuer}/` } }), {
        code: "ISSUER_MISMATCH",
      });
      assert.throws(() => verify(at(file), { bytes }, { identity: { ...identity, san: `${san}.` } }), {
        code: "SUBJECT_ALT_NAME_MISMATCH",
      });
    });
  }

  it("refuses one of GitHub's own instance by the public root, and names the timestamp's authority", () => {
    const anyone = { description: "anyone", matches: (): boolean => true };
    const artifact = { bytes: readFileSync(at("github_provenance_demo-0.0.12-py3-none-any.whl")) };
    const file = at("github_provenance_demo-0.0.12-py3-none-any-bundle.jsonl");
    assert.throws(() => verify(file, artifact, { identity: { san: anyone, issuer: anyone } }), {
      code: "TIMESTAMP_UNKNOWN_AUTHORITY",
      message: /GitHub/,
    });
  });

  it("refuses what has no material", () => {
    const file = at("github_provenance_demo-0.0.12-py3-none-any-bundle-missing-verification-material.jsonl");
    assert.throws(() => parseBundles(readFileSync(file)), { code: "BUNDLE_FIELD_MISSING" });
  });
});

describe("provenance of npm in sigstore-go's data", { skip: missingGo }, () => {
  if (missingGo !== undefined) {
    it("has its data", { skip: missingGo }, () => {});
    return;
  }
  it("verifies by a SHA-512 digest, as npm states it", () => {
    const file = join(sigstoreGo.path ?? "", "bundles", "sigstore.js@2.0.0-provenance.sigstore.json");
    const [bundle] = parseBundles(readFileSync(file));
    assert.ok(bundle !== undefined && "dsseEnvelope" in bundle.content);
    const stated: { subject: { digest: { sha512: string } }[] } = JSON.parse(
      new TextDecoder().decode(bundle.content.dsseEnvelope.payload),
    );
    const digest = parseHex(stated.subject[0]?.digest.sha512 ?? "");
    const identity = { san: releaseOfSigstoreJs, issuer };
    const [verified] = verify(file, { digest, algorithm: "sha512" }, { identity });
    assert.equal(verified?.statement?.subject[0]?.name, "pkg:npm/sigstore@2.0.0");
    const other = digest.map((octet, i) => (i === 0 ? octet ^ 1 : octet));
    assert.throws(() => verify(file, { digest: other, algorithm: "sha512" }, { identity }), { code: "SUBJECT_MISMATCH" });
  });
});
