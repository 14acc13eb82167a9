// How much evidence is demanded: thresholds, each just met and just missed, and witnesses; and the algorithms that a key may sign with.
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import type { LogEntry } from "../bundle/index.ts";
import { cosignCheckpoint, cosignerKey, encodeSignatureLine, type NoteKey, parseSignedNote } from "../checkpoint/index.ts";
import { digest, type HashAlgorithm, type PublicKey, type Signer } from "../crypto/index.ts";
import {
  assertRefused as assertRefusedBy,
  authorityOf,
  createChain,
  fixtureArtifact,
  fixtureIdentity,
  flipLastBit,
  generateEd25519phSigner,
  generateSigner,
  type MemoryChain,
  MemoryCtLog,
  MemoryLog,
  MemorySigstore,
  type Recipe,
  signingTimeMs,
  stamp,
  type VerifyEdits,
  verifyRecipe,
} from "../testing/index.ts";
import type { TrustedRoot } from "../trusted-root/index.ts";
import type { Artifact, Expectations, Thresholds } from "./expectations.ts";
import type { Verified } from "./verified.ts";

let sigstore: MemorySigstore;
let secondTsa: MemoryChain;
const secondCtLog = new MemoryCtLog();
const secondLog = new MemoryLog(2, "log2026-2.rekor.sigstore.test");
before(async () => {
  sigstore = await MemorySigstore.create();
  secondTsa = await createChain("timeStamping", "second tsa");
});

const verify = (recipe: Recipe, edits?: VerifyEdits): Promise<Verified> => verifyRecipe(sigstore, recipe, edits);
const assertRefused = (code: string, recipe: Recipe, edits?: VerifyEdits): Promise<void> =>
  assertRefusedBy(sigstore, code, recipe, edits);

function demanding(thresholds: Partial<Thresholds>, more: Partial<Expectations> = {}): Expectations {
  return { identity: fixtureIdentity, thresholds, ...more };
}

function withSecond(root: TrustedRoot): TrustedRoot {
  return {
    ...root,
    tlogs: [...root.tlogs, secondLog.trusted()],
    ctlogs: [...root.ctlogs, secondCtLog.trusted("https://ct2.sigstore.test")],
    timestampAuthorities: [...root.timestampAuthorities, authorityOf(secondTsa, "https://tsa2.sigstore.test")],
  };
}

/** Every kind of evidence twice: logged in two logs, stamped by two authorities, promised by two CT logs. */
async function twice(expectations: Expectations, trustedRoot = withSecond): Promise<Verified> {
  const recipe: Recipe = { log: "v2", ctLogs: [sigstore.ctLog, secondCtLog] };
  const { bundle } = await sigstore.sign(recipe);
  const [entry] = bundle.tlogEntries;
  assert.ok(entry?.body !== undefined && "messageSignature" in bundle.content);
  const second = await secondLog.add(entry.body, signingTimeMs);
  const stamped = await stamp(secondTsa, bundle.content.messageSignature.signature, signingTimeMs);
  const whole = { ...bundle, tlogEntries: [entry, second], timestamps: [...bundle.timestamps, stamped] };
  return verifyRecipe(sigstore, { bundle: () => whole }, { expectations, trustedRoot });
}

describe("verifyBundle and thresholds", () => {
  it("takes two of everything where two are demanded", async () => {
    const verified = await twice(demanding({ logEntries: 2, scts: 2, observedTimes: 2, timestamps: 2 }));
    assert.deepEqual([verified.logEntries.length, verified.times.length, verified.identity?.scts.length], [2, 2, 2]);
  });

  for (const [name, code] of [
    ["logEntries", "THRESHOLD_LOG_ENTRIES"],
    ["scts", "CT_THRESHOLD"],
    ["observedTimes", "THRESHOLD_OBSERVED_TIMES"],
    ["timestamps", "THRESHOLD_TIMESTAMPS"],
  ] as const) {
    it(`${code}: one of ${name} more than there are`, async () => {
      await assert.rejects(twice(demanding({ [name]: 3 })), { code });
      await assertRefused(code, { log: "v2" }, { expectations: demanding({ [name]: 2 }) });
    });
  }

  it("THRESHOLD_LOG_ENTRIES: a log that the root lists for two periods is one log", async () => {
    const trustedRoot = (root: TrustedRoot): TrustedRoot => ({
      ...root,
      tlogs: root.tlogs.flatMap((log) => [
        { ...log, validFor: { startMs: 0, endMs: signingTimeMs } },
        { ...log, validFor: { startMs: signingTimeMs + 1 } },
      ]),
    });
    const { bundle } = await sigstore.sign({});
    const [entry] = bundle.tlogEntries;
    assert.ok(entry?.body !== undefined);
    const later = await sigstore.logV1.add(entry.body, signingTimeMs + 1000);
    const recipe: Recipe = { bundle: () => ({ ...bundle, tlogEntries: [entry, later] }) };
    assert.equal((await verify(recipe, { trustedRoot })).logEntries.length, 2);
    await assertRefused("THRESHOLD_LOG_ENTRIES", recipe, { trustedRoot, expectations: demanding({ logEntries: 2 }) });
  });

  it("THRESHOLD_OBSERVED_TIMES: an authority that the root lists under two addresses is one source", async () => {
    const addresses = (root: TrustedRoot): TrustedRoot => ({
      ...root,
      timestampAuthorities: [
        authorityOf(sigstore.tsa, "https://a.sigstore.test", { startMs: 0, endMs: signingTimeMs }),
        authorityOf(sigstore.tsa, "https://b.sigstore.test", { startMs: signingTimeMs + 1, endMs: signingTimeMs + 60_000 }),
      ],
    });
    const { bundle } = await sigstore.sign({ log: "v2" });
    assert.ok("messageSignature" in bundle.content);
    const later = await stamp(sigstore.tsa, bundle.content.messageSignature.signature, signingTimeMs + 1000);
    const recipe: Recipe = { bundle: () => ({ ...bundle, timestamps: [...bundle.timestamps, later] }) };
    assert.equal((await verify(recipe, { trustedRoot: addresses })).times.length, 2);
    await assertRefused("THRESHOLD_OBSERVED_TIMES", recipe, {
      trustedRoot: addresses,
      expectations: demanding({ observedTimes: 2 }),
    });
  });

  it("two authorities without an address are two sources", async () => {
    const nameless = (root: TrustedRoot): TrustedRoot => {
      const second = withSecond(root);
      return { ...second, timestampAuthorities: second.timestampAuthorities.map((authority) => ({ ...authority, uri: "" })) };
    };
    await twice(demanding({ observedTimes: 2 }), nameless);
  });

  it("takes a timestamp over an envelope as it is stored from whoever says so, over exactly that, and checks all else of it", async () => {
    const envelope = new TextEncoder().encode('{"payload":"","payloadType":"","signatures":[]}');
    const { bundle } = await sigstore.sign({ timestamp: true });
    const stamped = (timestamps: readonly Uint8Array[]): Recipe => ({ bundle: () => ({ ...bundle, timestamps }) });
    const over = demanding({ timestamps: 1 }, { acceptTimestampOver: envelope });
    const trustedRoot = withSecond;
    const good = stamped([await stamp(secondTsa, envelope, signingTimeMs)]);
    await verify(good, { expectations: over, trustedRoot });
    await verify(stamped(bundle.timestamps), { expectations: over, trustedRoot });
    await assertRefused("TIMESTAMP_IMPRINT_MISMATCH", good, { expectations: demanding({ timestamps: 1 }), trustedRoot });
    const other = demanding({ timestamps: 1 }, { acceptTimestampOver: flipLastBit(envelope) });
    await assertRefused("TIMESTAMP_IMPRINT_MISMATCH", good, { expectations: other, trustedRoot });
    const stranger = await createChain("timeStamping", "stranger");
    assert.ok("messageSignature" in bundle.content);
    // what is wrong is told of the timestamp over what it is over
    for (const bytes of [envelope, bundle.content.messageSignature.signature]) {
      const unknown = stamped([await stamp(stranger, bytes, signingTimeMs)]);
      await assertRefused("TIMESTAMP_UNKNOWN_AUTHORITY", unknown, { expectations: over, trustedRoot });
    }
  });
  it("counts a log's promise and an authority's timestamp as two sources of time, and as one timestamp", async () => {
    await verify({ timestamp: true }, { expectations: demanding({ observedTimes: 2, timestamps: 1 }) });
    await assertRefused("THRESHOLD_TIMESTAMPS", {}, { expectations: demanding({ timestamps: 1 }) });
  });

  it("are a TypeError where they can mean nothing", async () => {
    for (const [name, value] of [
      ["logEntries", -1],
      ["scts", 1.5],
      ["observedTimes", 0],
      ["timestamps", Number.NaN],
      ["witnesses", 1],
    ] as const)
      await assert.rejects(verify({}, { expectations: demanding({ [name]: value }) }), TypeError);
  });
});

interface Witness {
  readonly signer: Signer;
  readonly key: NoteKey;
}

function witness(name: string): Witness {
  const signer = generateSigner("ed25519");
  return { signer, key: cosignerKey(name, signer.publicKey) };
}

describe("verifyBundle and witnesses", () => {
  const [first, second, third] = [witness("one.witness.test"), witness("two.witness.test/w2"), witness("three.witness.test")];

  async function cosigned(by: readonly Witness[], edit: (line: string) => string = (line) => line): Promise<Recipe> {
    const { bundle } = await sigstore.sign({ log: "v2" });
    const [entry] = bundle.tlogEntries;
    assert.ok(entry?.proof?.checkpoint !== undefined);
    const { proof } = entry;
    const { text } = parseSignedNote(proof.checkpoint ?? "");
    let checkpoint = proof.checkpoint ?? "";
    for (const { key, signer } of by)
      checkpoint += edit(encodeSignatureLine(await cosignCheckpoint(text, signingTimeMs / 1000 + 5, key.name, signer)));
    const withLines: LogEntry = { ...entry, proof: { ...proof, checkpoint } };
    return { bundle: () => ({ ...bundle, tlogEntries: [withLines] }) };
  }

  const expecting = (least: number, ...witnesses: Witness[]): VerifyEdits => ({
    expectations: demanding({ witnesses: least }, { witnesses: witnesses.map(({ key }) => key) }),
  });

  it("counts those that are expected, and says when they cosigned", async () => {
    const verified = await verify(await cosigned([first, second]), expecting(2, first, second, third));
    const timestampMs = signingTimeMs + 5000;
    assert.deepEqual(verified.logEntries[0]?.inclusion?.witnesses, [
      { name: first.key.name, timestampMs },
      { name: second.key.name, timestampMs },
    ]);
  });

  it("reports those that are expected though none is demanded, and ignores the lines of others", async () => {
    const verified = await verify(await cosigned([first, third]), expecting(0, first));
    assert.deepEqual(
      verified.logEntries[0]?.inclusion?.witnesses.map(({ name }) => name),
      [first.key.name],
    );
    await verify(await cosigned([first]), {});
  });

  it("THRESHOLD_WITNESSES: one fewer than demanded", async () => {
    await assertRefused("THRESHOLD_WITNESSES", await cosigned([first]), expecting(2, first, second));
    await assertRefused("THRESHOLD_WITNESSES", await cosigned([second, third]), expecting(1, first));
    await assertRefused("THRESHOLD_WITNESSES", { log: "v2" }, expecting(1, first));
  });

  it("THRESHOLD_WITNESSES: one key under two names is one witness", async () => {
    const again: Witness = { signer: first.signer, key: cosignerKey("again.witness.test", first.signer.publicKey) };
    await assertRefused("THRESHOLD_WITNESSES", await cosigned([first, again]), expecting(2, first, again, second));
    await assert.rejects(verify(await cosigned([first, again]), expecting(2, first, again)), TypeError);
  });

  it("COSIGNATURE_INVALID: the line of an expected witness does not verify, though none is demanded", async () => {
    const { bundle } = await sigstore.sign({ log: "v2" });
    const other = parseSignedNote(bundle.tlogEntries[0]?.proof?.checkpoint ?? "").text;
    const foreign = encodeSignatureLine(await cosignCheckpoint(other, 1, first.key.name, first.signer));
    const recipe = await cosigned([first], () => foreign);
    await assertRefused("COSIGNATURE_INVALID", recipe, expecting(0, first));
    await verify(recipe, expecting(0, second));
  });

  it("THRESHOLD_WITNESSES: an entry with a promise alone has no checkpoint to cosign", () =>
    assertRefused(
      "THRESHOLD_WITNESSES",
      { proof: () => undefined },
      {
        expectations: demanding({ witnesses: 1 }, { witnesses: [first.key], acceptPromiseWithoutProof: true }),
      },
    ));
});

describe("verifyBundle and algorithms", () => {
  const managed = (publicKey: PublicKey): Expectations => ({ publicKey });
  const byDigest = (algorithm: HashAlgorithm): Artifact => ({
    digest: digest(algorithm, fixtureArtifact),
    algorithm,
  });
  const signers: Readonly<Record<string, () => Signer>> = {
    "P-256 with SHA-256": () => generateSigner("ecdsa-p256"),
    "P-384 with SHA-256": () => generateSigner("ecdsa-p384", { hash: "sha256" }),
    "P-384 with SHA-384": () => generateSigner("ecdsa-p384"),
    "P-521 with SHA-512": () => generateSigner("ecdsa-p521"),
    "RSA PKCS #1": () => generateSigner("rsa"),
    "RSA PSS": () => generateSigner("rsa", { padding: "pss" }),
    Ed25519ph: () => generateEd25519phSigner(),
  };
  for (const [name, make] of Object.entries(signers)) {
    const logs = name === "RSA PSS" ? (["v2"] as const) : (["v1", "v2"] as const);
    for (const log of logs) {
      it(`${name}, in ${log}, by message and by digest`, async () => {
        const signer = make();
        const algorithm = signer.scheme.hash === "none" ? "sha256" : signer.scheme.hash;
        const edits = { expectations: managed(signer.publicKey) };
        const recipe: Recipe = { signer, log, managed: true };
        await verify(recipe, edits);
        await verify(recipe, { ...edits, artifact: byDigest(algorithm) });
        await assertRefused("SIGNATURE_INVALID", { ...recipe, signature: flipLastBit }, edits);
        await assertRefused(
          "SIGNATURE_INVALID",
          { ...recipe, signature: flipLastBit },
          { ...edits, artifact: byDigest(algorithm) },
        );
        const unusable = algorithm === "sha512" ? "sha384" : "sha512";
        const hintless: Recipe = { ...recipe, messageDigest: () => undefined };
        await assertRefused("ARTIFACT_DIGEST_UNAVAILABLE", hintless, { ...edits, artifact: byDigest(unusable) });
      });
    }
  }

  it("RSA PKCS #1 with SHA-512, as the entry says", async () => {
    const signer = generateSigner("rsa", { hash: "sha512" });
    await verify({ signer, managed: true }, { expectations: managed(signer.publicKey) });
  });

  for (const type of ["ed25519", "ml-dsa-44", "ml-dsa-65", "ml-dsa-87"] as const) {
    it(`${type} under an envelope`, async () => {
      const signer = generateSigner(type);
      const edits = { expectations: managed(signer.publicKey) };
      await verify({ signer, managed: true, content: "envelope" }, edits);
      await assertRefused("SIGNATURE_INVALID", { signer, managed: true, content: "envelope", signature: flipLastBit }, edits);
    });
    it(`${type} over an artifact whose bytes are there, and not over a digest`, async () => {
      const signer = generateSigner(type);
      const recipe: Recipe = { signer, managed: true, log: "none" };
      const expectations: Expectations = { publicKey: signer.publicKey, thresholds: { logEntries: 0 } };
      await verify(recipe, { expectations });
      await assertRefused("CRYPTO_DIGEST_ONLY_UNSUPPORTED", recipe, { expectations, artifact: byDigest("sha256") });
    });
  }
});
