// The cases of sigstore-conformance and real bundles of CPython releases. A refusal counts only with the code of the check that is
// meant to refuse: a crash, or a refusal for another reason, is a failure.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseBundle } from "@sigillum/library/bundle";
import { parsePublicKeyPem, sha256 } from "@sigillum/library/crypto";
import { isSigillumError, parseHex, parseUtf8 } from "@sigillum/library/encoding";
import { parseTrustedRoot } from "@sigillum/library/trusted-root";
import { type Artifact, type Expectations, type Verified, verifyBundle } from "@sigillum/library/verification";
import { beaconIdentity, hasData, missingData, readData, readLine } from "./shared-data.ts";

// The code of each case that must be refused. Where a case breaks several checks, it is that of the first in our order.
const expectedCodes: Readonly<Record<string, string>> = {
  "bundle-empty-certificate-chain_fail": "BUNDLE_CHAIN_EMPTY",
  "bundle-from-wrong-instance_fail": "LOG_UNKNOWN",
  "bundle-malformed-json_fail": "BUNDLE_JSON",
  "bundle-unknown-version_fail": "BUNDLE_MEDIA_TYPE",
  "bundle-with-root-cert_fail": "BUNDLE_ROOT_CERTIFICATE",
  "checkpoint-bad-keyhint_fail": "CHECKPOINT_NOT_SIGNED_BY_KEY",
  "dsse-invalid-sig_fail": "SIGNATURE_INVALID",
  "dsse-mismatch-envelope_fail": "ENTRY_PAYLOAD_HASH_MISMATCH",
  "inclusion-proof-corrupted-hash_fail": "CHECKPOINT_ROOT_MISMATCH",
  "incorrect-public-key_fail": "ENTRY_VERIFIER_MISMATCH",
  "intoto-expired-certificate_fail": "X509_NOT_YET_VALID",
  "intoto-missing-inclusion-proof_fail": "BUNDLE_PROOF_MISSING",
  "intoto-set-outside-signing-cert-validity_fail": "X509_EXPIRED",
  "invalid-checkpoint-signature_fail": "CHECKPOINT_SIGNATURE_INVALID",
  "invalid-ct-key_fail": "CT_UNKNOWN_LOG",
  "invalid-inclusion-proof_fail": "BUNDLE_CHECKPOINT_MISSING",
  "managed-key-no-key_fail": "PUBLIC_KEY_EXPECTED",
  "managed-key-wrong-key_fail": "PEM_MALFORMED",
  "rekor2-checkpoint-missing-log-signature_fail": "NOTE_MALFORMED",
  "rekor2-checkpoint-missing-origin_fail": "CHECKPOINT_MALFORMED",
  "rekor2-checkpoint-missing-root-hash_fail": "CHECKPOINT_MALFORMED",
  "rekor2-checkpoint-no-matching-signature_fail": "CHECKPOINT_NOT_SIGNED_BY_KEY",
  "rekor2-dsse-mismatch-envelope_fail": "ENTRY_DIGEST_MISMATCH",
  "rekor2-dsse-mismatch-sig_fail": "ENTRY_SIGNATURE_MISMATCH",
  "rekor2-no-inclusion-proof_fail": "BUNDLE_PROOF_MISSING",
  "rekor2-timestamp-outside-trust-root-tsa-validity_fail": "TIMESTAMP_OUTSIDE_AUTHORITY_VALIDITY",
  "rekor2-timestamp-outside-tsa-cert-validity_fail": "X509_EXPIRED",
  "rekor2-timestamp-untrusted-tsa-with-embedded-cert_fail": "TIMESTAMP_UNKNOWN_AUTHORITY",
  // Its token is written with line breaks inside the base64, which we refuse before the time in it is looked at.
  "rekor2-timestamp-with-incorrect-time_fail": "BUNDLE_FIELD_VALUE",
  "signature-mismatch_fail": "SIGNATURE_INVALID",
  "wrong-hashedrekord-artifact_fail": "ENTRY_DIGEST_MISMATCH",
  "wrong-hashedrekord-entry_fail": "ENTRY_DIGEST_MISMATCH",
  "wrong-material_fail": "ARTIFACT_DIGEST_MISMATCH",
};

interface Case {
  readonly name: string;
  readonly mustVerify: boolean;
}

function readCases(): Case[] {
  const [, ...rows] = parseUtf8(readData("cases.tsv")).trim().split("\n");
  return rows.map((row) => {
    const [name = "", , expect] = row.split("\t");
    return { name, mustVerify: expect === "pass" };
  });
}

function verifyCase(name: string, artifactOf: (bytes: Uint8Array) => Artifact): Verified {
  const folder = ["bundle-verify", name];
  const own = (file: string): boolean => hasData(...folder, file);
  const expectations: Expectations = own("key.pub")
    ? { publicKey: parsePublicKeyPem(readLine("", ...folder, "key.pub")) }
    : {
        identity: {
          san: readLine(beaconIdentity.san, ...folder, "identity"),
          issuer: readLine(beaconIdentity.issuer, ...folder, "issuer"),
        },
      };
  return verifyBundle({
    bundle: parseBundle(readData(...folder, "bundle.sigstore.json")),
    artifact: artifactOf(own("artifact") ? readData(...folder, "artifact") : readData("a.txt")),
    trustedRoot: parseTrustedRoot(
      own("trusted_root.json") ? readData(...folder, "trusted_root.json") : readData("trust", "production", "trusted_root.json"),
    ),
    expectations,
  });
}

const modes: Readonly<Record<string, (bytes: Uint8Array) => Artifact>> = {
  artifact: (bytes) => ({ bytes }),
  digest: (bytes) => ({ digest: sha256(bytes), algorithm: "sha256" }),
};

describe("sigstore-conformance bundle-verify", { skip: missingData }, () => {
  if (missingData !== undefined) {
    it("has its data", { skip: missingData }, () => {});
    return;
  }
  const cases = readCases();
  it("has the cases that the table of codes is for", () => {
    assert.equal(cases.length, 47);
    assert.deepEqual(
      cases
        .filter(({ mustVerify }) => !mustVerify)
        .map(({ name }) => name)
        .sort(),
      Object.keys(expectedCodes).sort(),
    );
  });
  for (const { name, mustVerify } of cases) {
    for (const [mode, artifactOf] of Object.entries(modes)) {
      it(`${mustVerify ? "verifies" : "refuses"} ${name} by ${mode}`, () => {
        if (mustVerify) {
          const { logEntries } = verifyCase(name, artifactOf);
          assert.equal(logEntries.length, 1);
          return;
        }
        assert.throws(
          () => verifyCase(name, artifactOf),
          (error) => {
            assert.ok(isSigillumError(error), `not one of our errors: ${error}`);
            assert.equal(error.code, expectedCodes[name], error.message);
            return true;
          },
        );
      });
    }
  }
});

const releases = [
  "3.10.1",
  "3.10.10",
  "3.10.15",
  "3.10.7",
  "3.11.3",
  "3.12.0",
  "3.12.9",
  "3.14.0a1",
  "3.7.14",
  "3.7.16",
  "3.8.17",
  "3.9.16",
];

describe("CPython release bundles", { skip: missingData }, () => {
  if (missingData !== undefined) {
    it("has its data", { skip: missingData }, () => {});
    return;
  }
  for (const release of releases) {
    it(`verifies ${release} by digest`, () => {
      const folder = ["cpython-releases", release];
      const san = readLine("", ...folder, "identity");
      const verified = verifyBundle({
        bundle: parseBundle(readData(...folder, "bundle.sigstore.json")),
        artifact: { digest: parseHex(readLine("", ...folder, "digest").replace("sha256:", "")), algorithm: "sha256" },
        trustedRoot: parseTrustedRoot(readData("trust", "production", "trusted_root.json")),
        expectations: { identity: { san, issuer: readLine("", ...folder, "issuer") } },
      });
      assert.equal(verified.identity?.san, san);
    });
  }
});
