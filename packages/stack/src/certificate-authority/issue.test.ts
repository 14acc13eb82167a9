import assert from "node:assert/strict";
import { before, beforeEach, describe, it } from "node:test";
import { type Signer, sha256 } from "@sigillum/library/crypto";
import { leafIndexExtension, precertificateEntry, signSct } from "@sigillum/library/ct";
import { type Certificate, parseCertificate } from "@sigillum/library/x509";
import { ephemeralSigner } from "@sigillum/signers/signers";
import type { Principal } from "../issuers/index.ts";
import { createAuthorityChain } from "../keyring/index.ts";
import { type IssuingOptions, issueCertificate } from "./index.ts";

const startMs = Date.UTC(2026, 10, 24, 2);
const clock = { nowMs: () => startMs + 1000 };
const principal: Principal = {
  issuer: "https://accounts.example.com",
  subject: "user-1",
  subjectAltName: { type: "email", value: "dev@example.com" },
  challenges: ["dev@example.com"],
  extensions: {},
};

describe("issueCertificate", () => {
  const signer = ephemeralSigner();
  const log = ephemeralSigner();
  const stranger = ephemeralSigner();
  const logId = sha256(log.publicKey.spki);
  const { publicKey } = ephemeralSigner();
  let chain: Certificate[];
  let logged = 0;
  let logSigner: Signer;
  const options = (more: Partial<IssuingOptions> = {}): IssuingOptions => ({
    chain,
    signer,
    submitPrecertificate: (submitted, entry) => {
      logged += 1;
      const [precertificate, issuer] = submitted.map((der) => parseCertificate(der));
      assert.ok(precertificate !== undefined && issuer !== undefined);
      // What the authority says the leaf holds is what a log finds in the precertificate.
      assert.deepEqual(entry, precertificateEntry(precertificate, issuer.spki));
      return signSct({
        timestamped: { timestampMs: startMs, entry, extensions: leafIndexExtension(0) },
        logId,
        signer: logSigner,
      });
    },
    ctLogs: [{ logId, publicKey: log.publicKey }],
    lifetimeMs: 600_000,
    clock,
    ...more,
  });
  before(async () => {
    const fields = { organization: "Example", rootName: "root", name: "intermediate", startMs };
    chain = await createAuthorityChain(fields, ephemeralSigner("ecdsa-p384"), signer);
  });
  beforeEach(() => {
    logged = 0;
    logSigner = log;
  });

  it("logs nothing for an identity that no certificate can hold", async () => {
    const beyondAscii: Principal = { ...principal, subjectAltName: { type: "uri", value: "https://example.com/ü" } };
    await assert.rejects(issueCertificate(options(), beyondAscii, publicKey.spki), { code: "CA_IDENTITY_NOT_ENCODABLE" });
    assert.equal(logged, 0);
  });

  it("logs nothing when its key does not sign", async () => {
    const pulled = { ...signer, sign: () => Promise.reject(new Error("token pulled")) };
    await assert.rejects(issueCertificate(options({ signer: pulled }), principal, publicKey.spki), { code: "CA_SIGNING_FAILED" });
    assert.equal(logged, 0);
  });

  it("verifies every SCT of a log elsewhere", async () => {
    await issueCertificate(options(), principal, publicKey.spki);
    logSigner = stranger;
    await assert.rejects(issueCertificate(options(), principal, publicKey.spki), { code: "CA_CT_SCT_INVALID" });
    await assert.rejects(issueCertificate(options({ ctLogs: [] }), principal, publicKey.spki), { code: "CA_CT_SCT_INVALID" });
  });

  it("verifies the first SCT of its own log for each issuer", async () => {
    const verifiedLogs = new Set<string>();
    logSigner = stranger;
    await assert.rejects(issueCertificate(options({ verifiedLogs }), principal, publicKey.spki), { code: "CA_CT_SCT_INVALID" });
    assert.equal(verifiedLogs.size, 0);
    logSigner = log;
    await issueCertificate(options({ verifiedLogs }), principal, publicKey.spki);
    assert.equal(verifiedLogs.size, 1);
  });
});
