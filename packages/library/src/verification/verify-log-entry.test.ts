// For each thing that a log vouches for one bundle that breaks it alone.
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { type Bundle, type LogEntry, signatureBytes } from "../bundle/index.ts";
import { equalBytes } from "../encoding/index.ts";
import { encodeLogEntryBody, parseLogEntryBody } from "../log-entry/index.ts";
import {
  assertRefused as assertRefusedBy,
  defaultPeriod,
  fixtureIdentity,
  flipLastBit,
  generateSigner,
  MemoryLog,
  MemorySigstore,
  type Recipe,
  signingTimeMs,
  type VerifyEdits,
  verifyRecipe,
} from "../testing/index.ts";
import type { TransparencyLog, TrustedRoot } from "../trusted-root/index.ts";
import type { Expectations } from "./expectations.ts";
import type { Verified } from "./verified.ts";

const identity: Expectations = { identity: fixtureIdentity };

let sigstore: MemorySigstore;
before(async () => {
  sigstore = await MemorySigstore.create();
});

const verify = (recipe: Recipe, edits?: VerifyEdits): Promise<Verified> => verifyRecipe(sigstore, recipe, edits);
const assertRefused = (code: string, recipe: Recipe, edits?: VerifyEdits): Promise<void> =>
  assertRefusedBy(sigstore, code, recipe, edits);

describe("verifyBundle refuses by what the log vouches for", () => {
  it("LOG_UNKNOWN: no log of the root has the id", () =>
    assertRefused("LOG_UNKNOWN", {}, { trustedRoot: (root) => ({ ...root, tlogs: root.tlogs.slice(1) }) }));
  it("LOG_WINDOW: the promised time is after the log's period", () =>
    assertRefused(
      "LOG_WINDOW",
      {},
      { trustedRoot: withLogs((log) => ({ ...log, validFor: { ...log.validFor, endMs: signingTimeMs - 1 } })) },
    ));
  it("LOG_WINDOW: the timestamp of an entry of Rekor v2 is before the log's period", () =>
    assertRefused(
      "LOG_WINDOW",
      { log: "v2" },
      { trustedRoot: withLogs((log) => ({ ...log, validFor: { startMs: signingTimeMs + 1 } })) },
    ));
  it("LOG_NAME_UNUSABLE: the log's address gives no name", () =>
    assertRefused("LOG_NAME_UNUSABLE", {}, { trustedRoot: withLogs((log) => ({ ...log, baseUrl: "" })) }));
  it("SET_INVALID: the promise is of another entry", async () => {
    const { bundle } = await sigstore.sign({});
    await assertRefused("SET_INVALID", { promise: () => bundle.tlogEntries[0]?.promise });
  });
  for (const [field, edit] of Object.entries({
    integratedTime: (entry: LogEntry): LogEntry => ({ ...entry, integratedTimeS: (entry.integratedTimeS ?? 0) + 1 }),
    logIndex: (entry: LogEntry): LogEntry => ({ ...entry, logIndex: entry.logIndex + 1 }),
  })) {
    it(`SET_INVALID: the promise is for another ${field}, with a timestamp beside it`, () =>
      assertRefused("SET_INVALID", { timestamp: true, entry: edit }));
  }
  it("INTEGRATED_TIME_MISSING: a promise without its time", () =>
    assertRefused("INTEGRATED_TIME_MISSING", { timestamp: true, entry: ({ integratedTimeS: _, ...entry }) => entry }));
  for (const log of ["v1", "v2"] as const) {
    it(`INCLUSION_PROOF_MISSING: an entry of ${log} without proof`, () =>
      assertRefused("INCLUSION_PROOF_MISSING", { log, proof: () => undefined }));
    it(`CHECKPOINT_MISSING: a proof without checkpoint, in ${log}`, () =>
      assertRefused("CHECKPOINT_MISSING", { log, proof: ({ checkpoint: _, ...proof }) => proof }));
    it(`CHECKPOINT_ROOT_MISMATCH: a changed hash of the proof, in ${log}`, () =>
      assertRefused("CHECKPOINT_ROOT_MISMATCH", {
        log,
        proof: (proof) => ({ ...proof, hashes: proof.hashes.map((hash, i) => (i === 0 ? flipLastBit(hash) : hash)) }),
      }));
    it(`CHECKPOINT_ROOT_MISMATCH: the proof states another root, in ${log}`, () =>
      assertRefused("CHECKPOINT_ROOT_MISMATCH", {
        log,
        proof: (proof) => ({ ...proof, rootHash: flipLastBit(proof.rootHash) }),
      }));
    it(`CHECKPOINT_ROOT_MISMATCH: the log signed another root, in ${log}`, () =>
      assertRefused("CHECKPOINT_ROOT_MISMATCH", {
        log,
        checkpoint: (checkpoint) => ({ ...checkpoint, root: flipLastBit(checkpoint.root) }),
      }));
    it(`CHECKPOINT_SIZE_MISMATCH: the proof is for another size, in ${log}`, () =>
      assertRefused("CHECKPOINT_SIZE_MISMATCH", { log, proof: (proof) => ({ ...proof, treeSize: proof.treeSize + 1 }) }));
    it(`CHECKPOINT_SIGNATURE_INVALID: the note's text was changed, in ${log}`, () =>
      assertRefused("CHECKPOINT_SIGNATURE_INVALID", { log, note: (note) => note.replace("\n\n", "\nTimestamp: 1\n\n") }));
    it(`CHECKPOINT_NOT_SIGNED_BY_KEY: another log of the root signed it, in ${log}`, () =>
      assertRefused("CHECKPOINT_NOT_SIGNED_BY_KEY", {
        log,
        noteSigner: log === "v1" ? sigstore.logV2.signer : sigstore.logV1.signer,
      }));
    it(`CHECKPOINT_NOT_SIGNED_BY_KEY: the line has another name, in ${log}`, () =>
      assertRefused("CHECKPOINT_NOT_SIGNED_BY_KEY", { log, noteName: "other.sigstore.test" }));
    it(`CHECKPOINT_ORIGIN_MISMATCH: the log's key signed for another origin, in ${log}`, () =>
      assertRefused("CHECKPOINT_ORIGIN_MISMATCH", {
        log,
        checkpoint: (checkpoint) => ({ ...checkpoint, origin: "other.sigstore.test" }),
      }));
    it(`INCLUSION_PROOF_LENGTH: one hash too many, in ${log}`, () =>
      assertRefused("INCLUSION_PROOF_LENGTH", {
        log,
        proof: (proof) => ({ ...proof, hashes: [...proof.hashes, proof.rootHash] }),
      }));
  }
  it("INCLUSION_INDEX_OUT_OF_RANGE: the proof's index is not below the size", () =>
    assertRefused("INCLUSION_INDEX_OUT_OF_RANGE", { proof: (proof) => ({ ...proof, logIndex: proof.treeSize }) }));
  it("CHECKPOINT_ROOT_MISMATCH: the proof is of another leaf", () =>
    assertRefused("CHECKPOINT_ROOT_MISMATCH", {
      proof: (proof) => ({ ...proof, logIndex: proof.logIndex - 1, hashes: proof.hashes }),
    }));
  it("LOG_INDEX_MISMATCH: an entry of Rekor v2 states another index than its proof", () =>
    assertRefused("LOG_INDEX_MISMATCH", { log: "v2", entry: (entry) => ({ ...entry, logIndex: entry.logIndex + 1 }) }));
  it("NOTE_MALFORMED: a checkpoint without signature", () =>
    assertRefused("NOTE_MALFORMED", { note: (note) => note.slice(0, note.indexOf("\n\n") + 2) }));
  it("THRESHOLD_LOG_ENTRIES: no log entry", () => assertRefused("THRESHOLD_LOG_ENTRIES", { log: "none", timestamp: true }));
  it("THRESHOLD_LOG_ENTRIES: one log counts once", () =>
    assertRefused(
      "THRESHOLD_LOG_ENTRIES",
      { bundle: (bundle) => ({ ...bundle, tlogEntries: [...bundle.tlogEntries, ...bundle.tlogEntries] }) },
      { expectations: { ...identity, thresholds: { logEntries: 2 } } },
    ));
  it("a second entry that does not verify refuses, though one was enough", async () => {
    const { bundle } = await sigstore.sign({});
    await assertRefused("ENTRY_SIGNATURE_MISMATCH", {
      signer: generateSigner(),
      bundle: (own) => ({
        ...own,
        tlogEntries: [...own.tlogEntries, ...bundle.tlogEntries.map((entry) => ({ ...entry, body: entryLike(entry, own) }))],
      }),
    });
  });
});

describe("verifyBundle and logs that share a key id", () => {
  it("takes the log whose period holds the promised time", async () => {
    const trustedRoot = (root: TrustedRoot): TrustedRoot => ({
      ...root,
      tlogs: root.tlogs.flatMap((log) => [{ ...log, validFor: { startMs: 0, endMs: 1 } }, log]),
    });
    const verified = await verify({}, { trustedRoot });
    assert.equal(verified.logEntries[0]?.log.validFor.startMs, defaultPeriod.startMs);
  });
  it("takes a checkpoint under the host with its port, without it, and under the whole address", async () => {
    for (const baseUrl of [
      "http://rekor.sigstore.test:3000",
      "https://rekor.sigstore.test/",
      "rekor.sigstore.test",
      "https://rekor.sigstore.test/log1",
    ]) {
      await verify({}, { trustedRoot: withLogs((log) => ({ ...log, baseUrl })) });
    }
    const noteName = "rekor.sigstore.test/log1";
    const checkpoint: Recipe["checkpoint"] = (honest) => ({ ...honest, origin: noteName });
    await verify({ noteName, checkpoint }, { trustedRoot: withLogs((log) => ({ ...log, baseUrl: `https://${noteName}` })) });
  });
  it("takes the key id that the root states for checkpoints", async () => {
    const log = new MemoryLog(1, "rekor.sigstore.test");
    await assertRefused(
      "CHECKPOINT_NOT_SIGNED_BY_KEY",
      {},
      { trustedRoot: withLogs((own) => ({ ...own, checkpointKeyId: log.logId.slice(0, 4) })) },
    );
    await verify({}, { trustedRoot: withLogs((own) => ({ ...own, checkpointKeyId: own.logId.slice(0, 4) })) });
  });
});

// Another entry's body with this bundle's digest and certificate: only the signature differs.
function entryLike(entry: LogEntry, bundle: Bundle): Uint8Array {
  const body = parseHashedRekord(entry);
  assert.ok(body.kind === "hashedrekord" && "certificate" in bundle.material);
  assert.ok(!equalBytes(body.signature, signatureBytes(bundle)));
  return encodeLogEntryBody({ ...body, verifier: { type: "certificate", der: bundle.material.certificate.der } });
}

function parseHashedRekord({ body }: LogEntry): Parameters<typeof encodeLogEntryBody>[0] {
  const parsed = parseLogEntryBody(body ?? new Uint8Array(0));
  assert.ok(parsed.kind === "hashedrekord");
  return parsed;
}

function withLogs(edit: (log: TransparencyLog) => TransparencyLog): (root: TrustedRoot) => TrustedRoot {
  return (root) => ({ ...root, tlogs: root.tlogs.map(edit) });
}
