// Each negative case is refused with exactly its code, by the file and by its digest; each rule and each code of a verifier has a case.
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { attestationErrors } from "@sigillum/library/attestation";
import { bundleErrors } from "@sigillum/library/bundle";
import { checkpointErrors } from "@sigillum/library/checkpoint";
import { ctErrors } from "@sigillum/library/ct";
import { logEntryErrors } from "@sigillum/library/log-entry";
import { merkleErrors } from "@sigillum/library/merkle";
import { timestampErrors } from "@sigillum/library/timestamp";
import { trustedRootErrors } from "@sigillum/library/trusted-root";
import { verificationErrors } from "@sigillum/library/verification";
import { x509Errors } from "@sigillum/library/x509";
import { createSigstores, type Sigstores, signed } from "./case.ts";
import { negativeCases } from "./cases.ts";
import { withIntoto } from "./intoto.ts";
import { codeOf } from "./verdict.ts";

// The codes that no bundle brings about on the command line of the conformance suite, by the reason. Each has a test beside its code.
const elsewhere: Readonly<Record<string, readonly string[]>> = {
  "only where an option of ours demands more": [
    ...["ARTIFACT_DIGEST_UNAVAILABLE", "THRESHOLD_TIMESTAMPS", "THRESHOLD_WITNESSES", "THRESHOLD_LOG_ENTRIES", "CT_THRESHOLD"],
    ...["COSIGNATURE_INVALID", "COSIGNATURE_MISSING", "TIMESTAMP_NONCE_MISMATCH"],
  ],
  "the reader of bundles refuses it before, under its own code": [
    ...["CHECKPOINT_MISSING", "MERKLE_HASH_LENGTH", "TREE_SIZE_INVALID", "ENTRY_TOO_LARGE", "ENVELOPE_UNSIGNED"],
    ...["X509_CERTIFICATE_MALFORMED", "X509_CERTIFICATE_TOO_LARGE", "X509_DUPLICATE_EXTENSION", "X509_NAME_MALFORMED"],
    ...["X509_ALGORITHM_UNSUPPORTED", "X509_PUBLIC_KEY_UNSUPPORTED", "ENVELOPE_MALFORMED", "ENVELOPE_TOO_LARGE"],
    ...["NOTE_KEY_MALFORMED", "NOTE_KEY_UNSUPPORTED"],
  ],
  "a file of many megabytes": ["BUNDLE_TOO_LARGE", "TRUSTED_ROOT_TOO_LARGE"],
  "another format than the bundle": ["BUNDLE_DETACHED", "BUNDLE_PEP740", "BUNDLE_LIST", "BUNDLE_LIST_TOO_LONG"],
  "nothing that a verifier of bundles does": [
    ...["CONSISTENCY_FIRST_ROOT_MISMATCH", "CONSISTENCY_PROOF_LENGTH", "CONSISTENCY_SECOND_ROOT_MISMATCH"],
    ...["CONSISTENCY_SIZE_ORDER", "INCLUSION_ROOT_MISMATCH", "PROOF_OUT_OF_RANGE", "TILE_LENGTH", "TILE_PATH_MALFORMED"],
    ...["TREE_EDGE_MISMATCH", "X509_REQUEST_MALFORMED", "X509_REQUEST_SIGNATURE_INVALID", "X509_NOT_ENCODABLE"],
    ...["X509_SUBJECT_ALT_NAME", "CT_ENTRY_MALFORMED", "CT_EXTENSIONS_MALFORMED", "CT_SIGNATURE_MALFORMED"],
    ...["CT_TREE_HEAD_MALFORMED", "CT_TREE_HEAD_SIGNATURE_INVALID", "CT_CHAIN_MALFORMED", "CT_CHAIN_ORDER", "CT_POISON"],
    ...["TIMESTAMP_REQUEST_MALFORMED", "TIMESTAMP_HASH_WEAK", "TIMESTAMP_HASH_UNSUPPORTED", "TIMESTAMP_DIGEST_LENGTH"],
    ...["TIMESTAMP_POLICY_UNSUPPORTED", "ENTRY_ID_MALFORMED", "ENTRY_REQUEST_MALFORMED", "ENTRY_SIGNATURE_INVALID"],
    ...["SIGNING_CONFIG_JSON", "SIGNING_CONFIG_MEDIA_TYPE", "SIGNING_CONFIG_FIELD", "SIGNING_CONFIG_WINDOW"],
    ...["SIGNING_CONFIG_URL", "SIGNING_CONFIG_TOO_LARGE", "SIGNING_CONFIG_SELECTOR", "SIGNING_CONFIG_COUNT"],
    ...["SIGNING_CONFIG_NO_CA", "SIGNING_CONFIG_NO_LOG", "SIGNING_CONFIG_NO_TSA"],
  ],
};

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

  it("produce every code of a verifier that a bundle can bring about", () => {
    const produced = new Set(negativeCases.map(({ code }) => code));
    const rooms = {
      ...bundleErrors,
      ...verificationErrors,
      ...checkpointErrors,
      ...ctErrors,
      ...logEntryErrors,
      ...merkleErrors,
    };
    const tables = { ...rooms, ...timestampErrors, ...trustedRootErrors, ...x509Errors, ...attestationErrors };
    const without = Object.keys(tables).filter((code) => !produced.has(code));
    assert.deepEqual(without.sort(), Object.values(elsewhere).flat().sort());
  });

  it("are refused, intoto entries among them, only for what is wrong: the same entry verifies", async () => {
    for (const version of ["0.0.1", "0.0.2"] as const) assert.equal(codeOf(await withIntoto(version)(sigstores)), "");
  });

  for (const { name, code, make } of negativeCases) {
    it(`${name}: ${code}`, async () => {
      const made = await make(sigstores);
      assert.deepEqual([codeOf(made, "path"), codeOf(made, "digest")], [code, code]);
    });
  }
});
