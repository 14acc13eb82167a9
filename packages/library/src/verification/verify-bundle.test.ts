// For each check one bundle that breaks it alone, made with our own authorities and logs: everything made after the break is made
// honestly from it, so that switching the check off lets the bundle through.
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { encodeStatement } from "../attestation/index.ts";
import { type Bundle, type LogEntry, signatureBytes } from "../bundle/index.ts";
import { sha256 } from "../crypto/index.ts";
import { encodeHex, encodeUtf8, equalBytes, isSigillumError } from "../encoding/index.ts";
import { encodeLogEntryBody, parseLogEntryBody } from "../log-entry/index.ts";
import { nodeHash } from "../merkle/index.ts";
import {
  authorityOf,
  createChain,
  defaultPeriod,
  fixtureArtifact,
  fixtureIdentity,
  generateSigner,
  MemoryCtLog,
  MemoryLog,
  MemorySigstore,
  type Recipe,
  signingTimeMs,
  stamp,
} from "../testing/index.ts";
import type { TransparencyLog, TrustedRoot } from "../trusted-root/index.ts";
import { extendedKeyUsageExtension, keyPurposes, keyUsageExtension, subjectAltNameExtension } from "../x509/index.ts";
import type { Artifact, Expectations } from "./expectations.ts";
import type { Verified } from "./verified.ts";
import { verifyBundle } from "./verify-bundle.ts";

const identity: Expectations = { identity: fixtureIdentity };
const artifact: Artifact = { bytes: fixtureArtifact };
const digestOnly: Artifact = { digest: sha256(fixtureArtifact), algorithm: "sha256" };
const minute = 60_000;

let sigstore: MemorySigstore;
let other: MemorySigstore;
before(async () => {
  sigstore = await MemorySigstore.create();
  other = await MemorySigstore.create();
});

interface Edits {
  readonly artifact?: Artifact;
  readonly expectations?: Expectations;
  readonly trustedRoot?: (root: TrustedRoot) => TrustedRoot;
}

async function verify(recipe: Recipe, edits: Edits = {}): Promise<Verified> {
  const { bundle } = await sigstore.sign(recipe);
  return verifyBundle({
    bundle,
    artifact: edits.artifact ?? artifact,
    trustedRoot: edits.trustedRoot?.(sigstore.trustedRoot) ?? sigstore.trustedRoot,
    expectations: edits.expectations ?? identity,
  });
}

async function assertRefused(code: string, recipe: Recipe, edits: Edits = {}): Promise<void> {
  await assert.rejects(verify(recipe, edits), (error) => {
    assert.ok(isSigillumError(error), `not one of our errors: ${error instanceof Error ? error.stack : error}`);
    assert.equal(error.code, code, error.message);
    return true;
  });
}

const flip = (bytes: Uint8Array): Uint8Array => bytes.map((byte, i) => (i === bytes.length - 1 ? byte ^ 1 : byte));

describe("verifyBundle accepts", () => {
  const recipes: Readonly<Record<string, Recipe>> = {
    "a message in Rekor v1": {},
    "a message in Rekor v1 with a timestamp": { timestamp: true },
    "a message in Rekor v2": { log: "v2" },
    "an envelope in Rekor v1": { content: "envelope" },
    "an envelope in Rekor v2": { content: "envelope", log: "v2" },
    "an entry of Rekor v1 without promise and with a timestamp": { timestamp: true, promise: () => undefined },
    "an entry of Rekor v2 without body": { log: "v2", entry: ({ body: _, ...entry }) => entry },
    "an envelope's entry of Rekor v2 without body": { content: "envelope", log: "v2", entry: ({ body: _, ...entry }) => entry },
    "a message without the hint of its digest": { messageDigest: () => undefined },
    "a checkpoint with lines of unknown witnesses": {
      log: "v2",
      note: (note) => `${note}— witness.example/w1 3xwKNQAAAABpVbkA\n— log2026-1.rekor.sigstore.test AAAAAAAA\n`,
    },
  };
  for (const [name, recipe] of Object.entries(recipes)) {
    for (const [mode, given] of Object.entries({ bytes: artifact, digest: digestOnly })) {
      it(`${name}, by ${mode}`, async () => {
        const verified = await verify(recipe, { artifact: given });
        assert.equal(verified.identity?.san, fixtureIdentity.san);
        assert.equal(verified.identity?.issuer, fixtureIdentity.issuer);
        assert.equal(verified.logEntries.length, 1);
        assert.deepEqual(new Set(verified.times.map(({ timeMs }) => timeMs)), new Set([signingTimeMs]));
        assert.equal(verified.statement !== undefined, recipe.content === "envelope");
      });
    }
  }

  for (const type of ["ecdsa-p384", "rsa"] as const) {
    it(`a key of type ${type}, by digest too`, async () => {
      const signer = generateSigner(type, type === "rsa" ? {} : { hash: "sha256" });
      for (const log of ["v1", "v2"] as const) await verify({ signer, log }, { artifact: digestOnly });
    });
  }

  it("a managed key, with no time demanded", async () => {
    const signer = generateSigner();
    const verified = await verify(
      { signer, managed: true, log: "v2", timestamp: false },
      { expectations: { publicKey: signer.publicKey } },
    );
    assert.equal(verified.publicKey, signer.publicKey);
    assert.deepEqual(verified.times, []);
  });

  it("an authority that has a decoy of the same name before it", async () => {
    const decoy = await createChain("codeSigning", "ca");
    const trustedRoot = (root: TrustedRoot): TrustedRoot => ({
      ...root,
      certificateAuthorities: [authorityOf(decoy, "https://decoy.test"), ...root.certificateAuthorities],
    });
    const verified = await verify({}, { trustedRoot });
    assert.equal(verified.identity?.authority.uri, "https://ca.sigstore.test");
  });

  it("a log whose leaf index is beyond 2^32", async () => {
    const leafIndex = 2 ** 33 + 5;
    const hashes = Array.from({ length: 34 }, (_, i) => sha256(Uint8Array.of(i)));
    const { bundle } = await sigstore.sign({});
    const [entry] = bundle.tlogEntries;
    assert.ok(entry?.body !== undefined);
    // A tree of 2^34 leaves: 34 levels, the bit of each says on which side the proof's hash stands.
    let root = sha256(Uint8Array.of(0), entry.body);
    for (const [level, hash] of hashes.entries())
      root = Math.floor(leafIndex / 2 ** level) % 2 === 1 ? nodeHash(hash, root) : nodeHash(root, hash);
    const verified = await verify({
      signer: generateSigner(),
      checkpoint: (checkpoint) => ({ ...checkpoint, treeSize: 2 ** 34, root }),
      body: () => parseHashedRekord(entry),
      proof: (proof) => ({ ...proof, logIndex: leafIndex, hashes }),
      bundle: (own) => ({ ...own, material: bundle.material, content: bundle.content }),
    });
    assert.equal(verified.logEntries[0]?.inclusion?.leafIndex, leafIndex);
  });

  it("a promise without proof, where the caller accepts it", async () => {
    const recipe: Recipe = { proof: () => undefined };
    const verified = await verify(recipe, { expectations: { identity: fixtureIdentity, acceptPromiseWithoutProof: true } });
    assert.equal(verified.logEntries[0]?.inclusion, undefined);
  });

  it("an identity and an issuer by a matcher", async () => {
    const san = { description: "anybody at sigstore.test", matches: (text: string) => text.endsWith("@sigstore.test") };
    const verified = await verify(
      {},
      { expectations: { identity: { san, issuer: { description: "any issuer", matches: () => true } } } },
    );
    assert.equal(verified.identity?.san, fixtureIdentity.san);
  });

  for (const type of ["uri", "otherName"] as const) {
    it(`a subject alternative name of type ${type}`, async () => {
      const verified = await verify(
        { san: { type, value: "https://name" } },
        { expectations: { identity: { san: "https://name", issuer: fixtureIdentity.issuer } } },
      );
      assert.equal(verified.identity?.sanType, type);
    });
  }

  it("times at both ends of a period", async () => {
    const exact = { startMs: signingTimeMs, endMs: signingTimeMs };
    await verify({}, { trustedRoot: (root) => ({ ...root, tlogs: root.tlogs.map((log) => ({ ...log, validFor: exact })) }) });
    await verify(
      {},
      {
        trustedRoot: (root) => ({
          ...root,
          certificateAuthorities: root.certificateAuthorities.map((ca) => ({ ...ca, validFor: exact })),
        }),
      },
    );
  });
});

function parseHashedRekord({ body }: LogEntry): Parameters<typeof encodeLogEntryBody>[0] {
  const parsed = parseLogEntryBody(body ?? new Uint8Array(0));
  assert.ok(parsed.kind === "hashedrekord");
  return parsed;
}

describe("verifyBundle refuses by what was signed", () => {
  it("PUBLIC_KEY_EXPECTED: a managed key where an identity is expected", () =>
    assertRefused("PUBLIC_KEY_EXPECTED", { managed: true }));
  it("IDENTITY_EXPECTED: a certificate where a key is expected", async () => {
    const signer = generateSigner();
    await assertRefused("IDENTITY_EXPECTED", { signer }, { expectations: { publicKey: signer.publicKey } });
  });
  it("SIGNATURE_INVALID: another managed key, though the bundle's hint and entry are of the right one", async () => {
    const expectations: Expectations = { publicKey: generateSigner().publicKey };
    await assertRefused("SIGNATURE_INVALID", { managed: true }, { expectations });
  });
  it("ENTRY_VERIFIER_MISMATCH: an entry of another managed key", async () => {
    const signer = generateSigner();
    const verifier = { type: "publicKey", der: generateSigner().publicKey.spki } as const;
    const body: Recipe["body"] = (entry) => (entry.kind === "hashedrekord" ? { ...entry, verifier } : entry);
    await assertRefused(
      "ENTRY_VERIFIER_MISMATCH",
      { managed: true, signer, body },
      { expectations: { publicKey: signer.publicKey } },
    );
  });
  it("ARTIFACT_DIGEST_MISMATCH: the hint alone is of another artifact", () =>
    assertRefused("ARTIFACT_DIGEST_MISMATCH", {
      messageDigest: (message) => message && { ...message, digest: flip(message.digest) },
    }));
  it("ARTIFACT_DIGEST_UNAVAILABLE: a digest by another algorithm was given", () =>
    assertRefused("ARTIFACT_DIGEST_UNAVAILABLE", {}, { artifact: { digest: new Uint8Array(64), algorithm: "sha512" } }));
  for (const [mode, given] of Object.entries({ bytes: artifact, digest: digestOnly })) {
    for (const log of ["v1", "v2"] as const) {
      it(`SIGNATURE_INVALID: over a message, by another key, logged in ${log} and stamped, by ${mode}`, async () => {
        const signature = await generateSigner().sign(fixtureArtifact);
        await assertRefused("SIGNATURE_INVALID", { log, signature: () => signature }, { artifact: given });
      });
      it(`SIGNATURE_INVALID: over an envelope, logged in ${log} and stamped, by ${mode}`, async () => {
        const signature = await generateSigner().sign(fixtureArtifact);
        await assertRefused("SIGNATURE_INVALID", { log, content: "envelope", signature: () => signature }, { artifact: given });
      });
    }
  }
  it("SIGNATURE_INVALID: a second envelope signature beside the good one", () =>
    assertRefused("SIGNATURE_INVALID", {
      content: "envelope",
      bundle: withSignatures((signatures) => [...signatures, ...signatures]),
    }));
  it("PAYLOAD_TYPE_UNEXPECTED: the payload is no statement by its type", () =>
    assertRefused("PAYLOAD_TYPE_UNEXPECTED", { content: "envelope", payloadType: "application/json" }));
  it("STATEMENT_TYPE_UNKNOWN: the payload's _type is unknown", () =>
    assertRefused("STATEMENT_TYPE_UNKNOWN", {
      content: "envelope",
      payload: (payload) => replaceText(payload, "Statement/v1", "Statement/v9"),
    }));
  for (const log of ["v1", "v2"] as const) {
    it(`SUBJECT_MISMATCH: no subject is the artifact, in ${log}`, () =>
      assertRefused("SUBJECT_MISMATCH", {
        content: "envelope",
        log,
        payload: () => statementAbout("sha256", encodeHex(sha256(encodeUtf8("other")))),
      }));
  }
  it("SUBJECT_MISMATCH: the digest stands under another algorithm", () =>
    assertRefused("SUBJECT_MISMATCH", {
      content: "envelope",
      payload: () => statementAbout("sha512", encodeHex(sha256(fixtureArtifact))),
    }));
});

function withSignatures(edit: <T>(signatures: readonly T[]) => readonly T[]): (bundle: Bundle) => Bundle {
  return (bundle) => {
    assert.ok("dsseEnvelope" in bundle.content);
    const { dsseEnvelope } = bundle.content;
    return { ...bundle, content: { dsseEnvelope: { ...dsseEnvelope, signatures: edit(dsseEnvelope.signatures) } } };
  };
}

function replaceText(bytes: Uint8Array, from: string, to: string): Uint8Array {
  return encodeUtf8(new TextDecoder().decode(bytes).replace(from, to));
}

function statementAbout(algorithm: string, value: string): Uint8Array {
  return encodeStatement({
    type: "https://in-toto.io/Statement/v1",
    subject: [{ name: "artifact", digest: new Map([[algorithm, value]]) }],
    predicateType: "https://sigstore.test/p",
    predicate: {},
  });
}

describe("verifyBundle refuses by what the log entry says", () => {
  for (const log of ["v1", "v2"] as const) {
    it(`ENTRY_DIGEST_MISMATCH: an entry of another artifact, in ${log}`, () =>
      assertRefused("ENTRY_DIGEST_MISMATCH", {
        log,
        body: (body) => (body.kind === "hashedrekord" ? { ...body, digest: flip(body.digest) } : body),
      }));
    it(`ENTRY_SIGNATURE_MISMATCH: an entry of another signature, in ${log}`, () =>
      assertRefused("ENTRY_SIGNATURE_MISMATCH", {
        log,
        body: (body) => (body.kind === "hashedrekord" ? { ...body, signature: flip(body.signature) } : body),
      }));
    it(`ENTRY_VERIFIER_MISMATCH: an entry of another certificate, in ${log}`, async () => {
      const { bundle } = await sigstore.sign({});
      assert.ok("certificate" in bundle.material);
      const verifier = { type: "certificate", der: bundle.material.certificate.der } as const;
      await assertRefused("ENTRY_VERIFIER_MISMATCH", {
        log,
        body: (body) => (body.kind === "hashedrekord" ? { ...body, verifier } : body),
      });
    });
  }
  it("ENTRY_DIGEST_MISMATCH: an entry of Rekor v2 over another envelope", () =>
    assertRefused("ENTRY_DIGEST_MISMATCH", {
      log: "v2",
      content: "envelope",
      body: (body) => (body.kind === "hashedrekord" ? { ...body, digest: sha256(fixtureArtifact) } : body),
    }));
  it("ENTRY_PAYLOAD_HASH_MISMATCH: an entry of another payload", () =>
    assertRefused("ENTRY_PAYLOAD_HASH_MISMATCH", {
      content: "envelope",
      body: (body) => (body.kind === "dsse" ? { ...body, payloadHash: flip(body.payloadHash) } : body),
    }));
  it("ENTRY_SIGNATURE_MISMATCH: an entry of another signature of the envelope", () =>
    assertRefused("ENTRY_SIGNATURE_MISMATCH", {
      content: "envelope",
      body: withLogged((signed) => ({ ...signed, signature: flip(signed.signature) })),
    }));
  it("ENTRY_VERIFIER_MISMATCH: an entry of another signer of the envelope", () =>
    assertRefused("ENTRY_VERIFIER_MISMATCH", {
      content: "envelope",
      body: withLogged((signed) => ({ ...signed, verifier: { type: "publicKey", der: generateSigner().publicKey.spki } })),
    }));
  it("ENTRY_KEY_DETAILS_MISMATCH: an entry of Rekor v2 that names another kind of key", () =>
    assertRefused("ENTRY_KEY_DETAILS_MISMATCH", {
      log: "v2",
      body: (body) =>
        body.kind === "hashedrekord" && body.version === "0.0.2" ? { ...body, keyDetails: "PKIX_ECDSA_P384_SHA_256" } : body,
    }));
  it("ENTRY_KIND_MISMATCH: the bundle announces another version than the body has", () =>
    assertRefused("ENTRY_KIND_MISMATCH", { entry: (entry) => ({ ...entry, version: "0.0.2" }) }));
  it("ENTRY_KIND_UNKNOWN: a kind that we cannot compare", () => {
    const rename = (body: Uint8Array): Uint8Array => replaceText(body, '"kind":"hashedrekord"', '"kind":"rekord"');
    // The log in memory reads kind and version from the body, so the body is changed after it was logged, and logged again.
    return assertRefused("ENTRY_KIND_UNKNOWN", {
      entry: (entry) => ({ ...entry, kind: "rekord", body: rename(entry.body ?? new Uint8Array(0)) }),
    });
  });
  it("ENTRY_CONTENT_MISMATCH: an entry of an envelope beside a message signature", async () => {
    const { bundle } = await sigstore.sign({ content: "envelope" });
    const body = parseLogEntryBody(bundle.tlogEntries[0]?.body ?? new Uint8Array(0));
    assert.ok(body.kind === "dsse");
    await assertRefused("ENTRY_CONTENT_MISMATCH", { body: () => body });
  });
  it("ENTRY_BODY_MISSING: an entry of Rekor v1 without body", () =>
    assertRefused("ENTRY_BODY_MISSING", { entry: ({ body: _, ...entry }) => entry }));
});

type LoggedSignature = Extract<ReturnType<typeof parseLogEntryBody>, { kind: "dsse" }>["signatures"][number];

function withLogged(edit: (signed: LoggedSignature) => LoggedSignature): NonNullable<Recipe["body"]> {
  return (body) => (body.kind === "dsse" ? { ...body, signatures: body.signatures.map(edit) } : body);
}

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
        proof: (proof) => ({ ...proof, hashes: proof.hashes.map((hash, i) => (i === 0 ? flip(hash) : hash)) }),
      }));
    it(`CHECKPOINT_ROOT_MISMATCH: the proof states another root, in ${log}`, () =>
      assertRefused("CHECKPOINT_ROOT_MISMATCH", { log, proof: (proof) => ({ ...proof, rootHash: flip(proof.rootHash) }) }));
    it(`CHECKPOINT_ROOT_MISMATCH: the log signed another root, in ${log}`, () =>
      assertRefused("CHECKPOINT_ROOT_MISMATCH", {
        log,
        checkpoint: (checkpoint) => ({ ...checkpoint, root: flip(checkpoint.root) }),
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

// Another entry's body with this bundle's digest and certificate: only the signature differs.
function entryLike(entry: LogEntry, bundle: Bundle): Uint8Array {
  const body = parseHashedRekord(entry);
  assert.ok(body.kind === "hashedrekord" && "certificate" in bundle.material);
  assert.ok(!equalBytes(body.signature, signatureBytes(bundle)));
  return encodeLogEntryBody({ ...body, verifier: { type: "certificate", der: bundle.material.certificate.der } });
}

function withLogs(edit: (log: TransparencyLog) => TransparencyLog): (root: TrustedRoot) => TrustedRoot {
  return (root) => ({ ...root, tlogs: root.tlogs.map(edit) });
}

describe("verifyBundle refuses by time", () => {
  it("THRESHOLD_OBSERVED_TIMES: Rekor v2 without timestamp", () =>
    assertRefused("THRESHOLD_OBSERVED_TIMES", { log: "v2", timestamp: false }));
  it("THRESHOLD_OBSERVED_TIMES: an integrated time that nothing promises is none", () =>
    assertRefused("THRESHOLD_OBSERVED_TIMES", { entry: ({ promise: _, ...entry }) => entry }));
  it("THRESHOLD_OBSERVED_TIMES: two timestamps of one authority count once", async () => {
    const expectations = { ...identity, thresholds: { observedTimes: 2 } };
    await assertRefused(
      "THRESHOLD_OBSERVED_TIMES",
      { log: "v2", timestamps: (responses) => [...responses, ...responses] },
      { expectations },
    );
    await verify({ timestamp: true }, { expectations });
  });
  it("a threshold of no time with a certificate is a mistake of the program", () => {
    assert.rejects(verify({}, { expectations: { ...identity, thresholds: { observedTimes: 0 } } }), TypeError);
    return assert.rejects(verify({}, { expectations: { ...identity, thresholds: { logEntries: 0.5 } } }), TypeError);
  });
  it("X509_EXPIRED: the promised time is after the certificate", () =>
    assertRefused("X509_EXPIRED", { integratedTimeS: (signingTimeMs + 11 * minute) / 1000 }));
  it("X509_NOT_YET_VALID: the timestamp is before the certificate", () =>
    assertRefused("X509_NOT_YET_VALID", { log: "v2", stampTimeMs: signingTimeMs - 2 * minute }));
  it("X509_EXPIRED: one bad time refuses, though another is good", () =>
    assertRefused("X509_EXPIRED", { timestamp: true, stampTimeMs: signingTimeMs + 11 * minute }));
  it("X509_EXPIRED: the promised time is bad, though the timestamp is good", () =>
    assertRefused("X509_EXPIRED", { timestamp: true, integratedTimeS: (signingTimeMs + 11 * minute) / 1000 }));
  it("X509_EXPIRED: an authority's certificate had ended", async () => {
    const ca = await createChain("codeSigning", "short", { startMs: defaultPeriod.startMs, endMs: signingTimeMs - 1 });
    await assertRefused(
      "X509_EXPIRED",
      { ca },
      { trustedRoot: (root) => ({ ...root, certificateAuthorities: [authorityOf(ca, "https://short.test")] }) },
    );
  });
  it("CA_WINDOW: the root no longer believed the authority", () =>
    assertRefused(
      "CA_WINDOW",
      {},
      {
        trustedRoot: (root) => ({
          ...root,
          certificateAuthorities: root.certificateAuthorities.map((ca) => ({
            ...ca,
            validFor: { startMs: 0, endMs: signingTimeMs - 1 },
          })),
        }),
      },
    ));
  it("TIMESTAMP_IMPRINT_MISMATCH: a timestamp of another signature, though the log's time would do", () =>
    assertRefused("TIMESTAMP_IMPRINT_MISMATCH", { timestamp: true, stamped: flip }));
  it("TIMESTAMP_UNKNOWN_AUTHORITY: an authority that the root lacks", () =>
    assertRefused("TIMESTAMP_UNKNOWN_AUTHORITY", { timestamp: true, tsa: other.tsa }));
  it("TIMESTAMP_SIGNATURE_INVALID: another key signed for the authority", () =>
    assertRefused("TIMESTAMP_SIGNATURE_INVALID", { timestamp: true, stampSigner: generateSigner() }));
  it("TIMESTAMP_OUTSIDE_AUTHORITY_VALIDITY: another authority's period does not vouch for it", () =>
    assertRefused(
      "TIMESTAMP_OUTSIDE_AUTHORITY_VALIDITY",
      { log: "v2" },
      {
        trustedRoot: (root) => ({
          ...root,
          timestampAuthorities: [
            ...root.timestampAuthorities.map((tsa) => ({ ...tsa, validFor: { startMs: 0, endMs: 1 } })),
            authorityOf(other.tsa, "https://other.test"),
          ],
        }),
      },
    ));
  it("TIMESTAMP_RESPONSE_MALFORMED: a token that cannot be read", () =>
    assertRefused("TIMESTAMP_RESPONSE_MALFORMED", { timestamp: true, timestamps: () => [Uint8Array.of(0x30, 0)] }));
  it("TIMESTAMP_IMPRINT_MISMATCH: a second timestamp that does not verify refuses, though one was enough", async () => {
    const wrong = await stamp(sigstore.tsa, fixtureArtifact, signingTimeMs);
    await assertRefused("TIMESTAMP_IMPRINT_MISMATCH", { log: "v2", timestamps: (responses) => [...responses, wrong] });
  });
});

describe("verifyBundle refuses by certificate and identity", () => {
  it("CA_UNKNOWN: a root without authority", () =>
    assertRefused("CA_UNKNOWN", {}, { trustedRoot: (root) => ({ ...root, certificateAuthorities: [] }) }));
  it("X509_NO_PATH: the certificate is of an authority of another name", async () => {
    const ca = await createChain("codeSigning", "another");
    await assertRefused("X509_NO_PATH", { ca });
  });
  it("X509_SIGNATURE_INVALID: the certificate is of an authority of the same name", () =>
    assertRefused("X509_SIGNATURE_INVALID", { ca: other.ca }));
  it("X509_SIGNATURE_INVALID: another key signed the certificate", () =>
    assertRefused("X509_SIGNATURE_INVALID", { certificateSigner: generateSigner() }));
  it("X509_NO_PATH: an intermediate in the bundle is never trusted", async () => {
    const ca = await createChain("codeSigning", "another");
    await assertRefused("X509_NO_PATH", {
      ca,
      bundle: (bundle) => ({ ...bundle, version: "0.2", material: { chain: [leafOf(bundle), ca.issuing] } }),
    });
  });
  it("X509_EXTENDED_KEY_USAGE: the certificate is not for code signing", () =>
    assertRefused("X509_EXTENDED_KEY_USAGE", {
      certificate: withExtension(1, extendedKeyUsageExtension([keyPurposes.timeStamping])),
    }));
  it("X509_KEY_USAGE: the certificate's key may not sign", () =>
    assertRefused("X509_KEY_USAGE", { certificate: withExtension(0, keyUsageExtension(["keyAgreement"])) }));
  it("X509_EXTENDED_KEY_USAGE: the authority is for timestamps", async () => {
    const chain = await createChain("timeStamping", "tsa");
    await assertRefused(
      "X509_EXTENDED_KEY_USAGE",
      {},
      {
        trustedRoot: (root) => ({
          ...root,
          certificateAuthorities: [{ ...authorityOf(chain, "x"), chain: [chain.root] }, ...root.certificateAuthorities],
        }),
      },
    ).then(
      () => assert.fail("a second authority is good"),
      () => undefined,
    );
    await assertRefused(
      "X509_NOT_A_CA",
      { ca: chain },
      { trustedRoot: (root) => ({ ...root, certificateAuthorities: [authorityOf(chain, "https://tsa.test")] }) },
    );
  });
  it("CT_NO_SCT: no SCT", () => assertRefused("CT_NO_SCT", { scts: () => [] }));
  it("CT_NO_SCT is not demanded where the caller says so", async () => {
    await verify({ scts: () => [] }, { expectations: { ...identity, thresholds: { scts: 0 } } });
  });
  it("CT_UNKNOWN_LOG: an SCT of another log", () => assertRefused("CT_UNKNOWN_LOG", { ctLogs: [other.ctLog] }));
  it("CT_OUTSIDE_LOG_VALIDITY: an SCT from after the log's period", () =>
    assertRefused("CT_OUTSIDE_LOG_VALIDITY", { sctTimeMs: defaultPeriod.endMs + 1 }));
  it("CT_SCT_SIGNATURE_INVALID: an SCT whose signature is changed", () =>
    assertRefused("CT_SCT_SIGNATURE_INVALID", {
      scts: (scts) => scts.map((sct) => ({ ...sct, timestampMs: sct.timestampMs + 1 })),
    }));
  it("CT_SCT_SIGNATURE_INVALID: an SCT whose extensions are changed", () =>
    assertRefused("CT_SCT_SIGNATURE_INVALID", {
      scts: (scts) => scts.map((sct) => ({ ...sct, extensions: flip(sct.extensions) })),
    }));
  it("CT_SCT_SIGNATURE_INVALID: an SCT for another issuer", () =>
    assertRefused("CT_SCT_SIGNATURE_INVALID", { sctIssuer: generateSigner().publicKey }));
  it("CT_THRESHOLD: one log where two are demanded, and two SCTs of one log", async () => {
    const expectations: Expectations = { ...identity, thresholds: { scts: 2 } };
    await assertRefused("CT_THRESHOLD", {}, { expectations });
    await assertRefused("CT_THRESHOLD", { ctLogs: [sigstore.ctLog, sigstore.ctLog] }, { expectations });
    const second = new MemoryCtLog();
    const trustedRoot = (root: TrustedRoot): TrustedRoot => ({
      ...root,
      ctlogs: [...root.ctlogs, second.trusted("https://ct2.test")],
    });
    await verify({ ctLogs: [sigstore.ctLog, second] }, { expectations, trustedRoot });
  });
  it("SUBJECT_ALT_NAME_MISMATCH: another subject", () =>
    assertRefused(
      "SUBJECT_ALT_NAME_MISMATCH",
      {},
      { expectations: { identity: { ...fixtureIdentity, san: "dev@sigstore.tes" } } },
    ));
  it("SUBJECT_ALT_NAME_MISMATCH: an exact text is neither prefix nor pattern", () =>
    assertRefused("SUBJECT_ALT_NAME_MISMATCH", { san: { type: "email", value: "dev@sigstore.test.evil" } }));
  it("ISSUER_MISMATCH: another issuer", () =>
    assertRefused(
      "ISSUER_MISMATCH",
      {},
      { expectations: { identity: { ...fixtureIdentity, issuer: "https://issuer.sigstore.tes" } } },
    ));
  it("ISSUER_MISSING: a certificate that names none", () =>
    assertRefused("ISSUER_MISSING", {
      certificate: (fields) => ({
        ...fields,
        extensions: [...fields.extensions.slice(0, 4), subjectAltNameExtension({ type: "email", value: fixtureIdentity.san })],
      }),
    }));
  it("says who signed, and who was expected", async () => {
    const expectations: Expectations = { identity: { san: "eve@sigstore.test", issuer: fixtureIdentity.issuer } };
    await assert.rejects(verify({}, { expectations }), { found: '"dev@sigstore.test"', expected: '"eve@sigstore.test"' });
  });
});

function leafOf(bundle: Bundle): Extract<Bundle["material"], { certificate: unknown }>["certificate"] {
  assert.ok("certificate" in bundle.material);
  return bundle.material.certificate;
}

function withExtension(index: number, extension: Uint8Array): NonNullable<Recipe["certificate"]> {
  return (fields) => ({ ...fields, extensions: fields.extensions.map((own, i) => (i === index ? extension : own)) });
}

describe("verifyBundle and logs that share a key id", () => {
  it("takes the log whose period holds the promised time", async () => {
    const trustedRoot = (root: TrustedRoot): TrustedRoot => ({
      ...root,
      tlogs: root.tlogs.flatMap((log) => [{ ...log, validFor: { startMs: 0, endMs: 1 } }, log]),
    });
    const verified = await verify({}, { trustedRoot });
    assert.equal(verified.logEntries[0]?.log.validFor.startMs, defaultPeriod.startMs);
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
