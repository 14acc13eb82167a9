// Bundles that verify, and those refused by who is expected to have signed, by thresholds or by time.
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import type { LogEntry } from "../bundle/index.ts";
import { sha256 } from "../crypto/index.ts";
import { type encodeLogEntryBody, parseLogEntryBody } from "../log-entry/index.ts";
import { nodeHash } from "../merkle/index.ts";
import {
  assertRefused as assertRefusedBy,
  authorityOf,
  createChain,
  defaultPeriod,
  fixtureArtifact,
  fixtureIdentity,
  flipLastBit,
  generateSigner,
  MemorySigstore,
  type Recipe,
  signingTimeMs,
  stamp,
  type VerifyEdits,
  verifyRecipe,
} from "../testing/index.ts";
import type { TrustedRoot } from "../trusted-root/index.ts";
import type { Artifact, Expectations } from "./expectations.ts";
import type { Verified } from "./verified.ts";

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

const verify = (recipe: Recipe, edits?: VerifyEdits): Promise<Verified> => verifyRecipe(sigstore, recipe, edits);
const assertRefused = (code: string, recipe: Recipe, edits?: VerifyEdits): Promise<void> =>
  assertRefusedBy(sigstore, code, recipe, edits);

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
    assertRefused("TIMESTAMP_IMPRINT_MISMATCH", { timestamp: true, stamped: flipLastBit }));
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

function parseHashedRekord({ body }: LogEntry): Parameters<typeof encodeLogEntryBody>[0] {
  const parsed = parseLogEntryBody(body ?? new Uint8Array(0));
  assert.ok(parsed.kind === "hashedrekord");
  return parsed;
}
