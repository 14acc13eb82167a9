// What verifyBundle says, to the field: what was proved and nothing else, the cause that matters of several, and the hashes that a key may use.
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { digest, type HashAlgorithm, sha256 } from "../crypto/index.ts";
import { derTagged, encodeHex, encodeUtf8 } from "../encoding/index.ts";
import {
  assertRefused as assertRefusedBy,
  authorityOf,
  createChain,
  defaultPeriod,
  fixtureArtifact,
  fixtureIdentity,
  flipLastBit,
  generateEd25519phSigner,
  generateSigner,
  MemorySigstore,
  type Recipe,
  signingTimeMs,
  stamp,
  type VerifyEdits,
  verifyRecipe,
} from "../testing/index.ts";
import type { TrustedRoot } from "../trusted-root/index.ts";
import { encodeExtension, encodeName, extensionOids } from "../x509/index.ts";
import type { Artifact, Expectations } from "./expectations.ts";
import type { Verified } from "./verified.ts";
import { verifyCertificate } from "./verify-certificate.ts";

let sigstore: MemorySigstore;
let other: MemorySigstore;
before(async () => {
  sigstore = await MemorySigstore.create();
  other = await MemorySigstore.create();
});

const verify = (recipe: Recipe, edits?: VerifyEdits): Promise<Verified> => verifyRecipe(sigstore, recipe, edits);
const assertRefused = (code: string, recipe: Recipe, edits?: VerifyEdits): Promise<void> =>
  assertRefusedBy(sigstore, code, recipe, edits);
const byDigest = (algorithm: HashAlgorithm): Artifact => ({ digest: digest(algorithm, fixtureArtifact), algorithm });

describe("verifyBundle says", () => {
  it("nothing of what was not proved", async () => {
    const [message, envelope] = [await verify({ log: "v2" }), await verify({ content: "envelope" })];
    assert.deepEqual([Object.hasOwn(message, "statement"), Object.hasOwn(envelope, "statement")], [false, true]);
    assert.deepEqual([Object.hasOwn(message, "publicKey"), Object.hasOwn(message, "identity")], [false, true]);
    const [v2, v1] = [message.logEntries[0], envelope.logEntries[0]];
    assert.ok(v1 !== undefined && v2 !== undefined);
    assert.deepEqual([Object.hasOwn(v2, "integratedTimeS"), v1.integratedTimeS], [false, signingTimeMs / 1000]);
    const promised = await verify(
      { proof: () => undefined },
      { expectations: { identity: fixtureIdentity, acceptPromiseWithoutProof: true } },
    );
    assert.equal(Object.hasOwn(promised.logEntries[0] ?? {}, "inclusion"), false);
    assert.deepEqual(v1.inclusion?.witnesses, []);
  });

  it("which of root and proof is wrong", async () => {
    const told = async (recipe: Recipe): Promise<string> => {
      try {
        await verify(recipe);
      } catch (error) {
        return error instanceof Error ? error.message : "";
      }
      return "";
    };
    assert.match(
      await told({ proof: (proof) => ({ ...proof, rootHash: flipLastBit(proof.rootHash) }) }),
      /the proof states root/,
    );
    const changed: Recipe = { proof: (proof) => ({ ...proof, hashes: proof.hashes.map(flipLastBit) }) };
    assert.match(await told(changed), /the proof leads to root/);
  });
});

describe("verifyBundle and several authorities", () => {
  const [before1, before2] = [signingTimeMs - 1000, signingTimeMs - 2000];
  function roots(...list: TrustedRoot["certificateAuthorities"]): VerifyEdits {
    return { trustedRoot: (root) => ({ ...root, certificateAuthorities: list }) };
  }

  it("tells of the one that came furthest, whichever stands first", async () => {
    const late = authorityOf(sigstore.ca, "late", { startMs: defaultPeriod.startMs, endMs: before1 });
    const namesake = authorityOf(other.ca, "namesake");
    const stranger = authorityOf(await createChain("codeSigning", "stranger"), "stranger");
    for (const list of [
      [late, namesake, stranger],
      [stranger, namesake, late],
      [namesake, late, stranger],
    ])
      await assertRefused("CA_WINDOW", {}, roots(...list));
    for (const list of [
      [namesake, stranger],
      [stranger, namesake],
    ])
      await assertRefused("X509_SIGNATURE_INVALID", {}, roots(...list));
  });

  it("tells of the first of two that came as far", async () => {
    const [first, second] = [before1, before2].map((endMs) =>
      authorityOf(sigstore.ca, String(endMs), { startMs: defaultPeriod.startMs, endMs }),
    );
    assert.ok(first !== undefined && second !== undefined);
    await assert.rejects(verify({}, roots(first, second)), /certificate authority \d+9000,/);
    await assert.rejects(verify({}, roots(second, first)), /certificate authority \d+8000,/);
  });

  it("verifies a certificate at its beginning where there is no time to judge it at", async () => {
    const { bundle } = await sigstore.sign({});
    assert.ok("certificate" in bundle.material);
    assert.equal(verifyCertificate(bundle.material.certificate, sigstore.trustedRoot, [], 1).path.length, 3);
  });
});

describe("verifyBundle and names", () => {
  it("reads past a name of another kind", async () => {
    const directory = derTagged(0xa4, encodeName({ commonName: "x" }));
    const names = derTagged(0x30, directory);
    const certificate: Recipe["certificate"] = (fields) => ({
      ...fields,
      extensions: fields.extensions.map((own, i) => (i === 4 ? encodeExtension(extensionOids.subjectAltName, true, names) : own)),
    });
    const anyone = { description: "anyone", matches: (text: string): boolean => text.length >= 0 };
    await assertRefused(
      "SUBJECT_ALT_NAME_MISMATCH",
      { certificate },
      { expectations: { identity: { san: anyone, issuer: fixtureIdentity.issuer } } },
    );
  });
});

describe("verifyBundle and periods of logs", () => {
  it("holds a promised entry to its log at the promised time, and not at a later timestamp", async () => {
    const { bundle } = await sigstore.sign({});
    assert.ok("messageSignature" in bundle.content);
    const later = await stamp(sigstore.tsa, bundle.content.messageSignature.signature, signingTimeMs + 5000);
    const trustedRoot = (root: TrustedRoot): TrustedRoot => ({
      ...root,
      tlogs: root.tlogs.map((log) => ({ ...log, validFor: { ...log.validFor, endMs: signingTimeMs + 1000 } })),
    });
    await verify({ bundle: () => ({ ...bundle, timestamps: [later] }) }, { trustedRoot });
  });
});

describe("verifyBundle and hashes", () => {
  const managed = (signer: { readonly publicKey: Extract<Expectations, { publicKey: unknown }>["publicKey"] }): VerifyEdits => ({
    expectations: { publicKey: signer.publicKey },
  });

  for (const [type, hash] of [
    ["ecdsa-p384", "sha256"],
    ["ecdsa-p384", "sha384"],
    ["ecdsa-p521", "sha256"],
    ["ecdsa-p521", "sha512"],
  ] as const) {
    it(`takes ${type} with ${hash} under an envelope, where nothing names the hash`, async () => {
      const signer = generateSigner(type, { hash });
      await verify({ signer, managed: true, content: "envelope" }, managed(signer));
    });
  }

  it("takes the entry's hash where the bundle states no digest, and the stated one where there is no entry", async () => {
    for (const signer of [
      generateSigner("ecdsa-p384"),
      generateSigner("rsa", { hash: "sha384" }),
      generateSigner("rsa", { hash: "sha512" }),
    ]) {
      await verify({ signer, managed: true, messageDigest: () => undefined }, managed(signer));
      const expectations: Expectations = { publicKey: signer.publicKey, thresholds: { logEntries: 0 } };
      await verify({ signer, managed: true, log: "none" }, { expectations });
    }
  });

  for (const [name, make] of Object.entries({
    "P-384": () => generateSigner("ecdsa-p384"),
    "P-521": () => generateSigner("ecdsa-p521"),
    Ed25519ph: () => generateEd25519phSigner(),
  })) {
    it(`rebuilds the body of an entry of Rekor v2 by ${name}`, async () => {
      const signer = make();
      await verify({ signer, managed: true, log: "v2", entry: ({ body: _, ...entry }) => entry }, managed(signer));
    });
  }

  it("ENTRY_BODY_MISSING: no body can be rebuilt for a key that signs no digest", () => {
    const signer = generateSigner("ml-dsa-44");
    return assertRefused(
      "ENTRY_BODY_MISSING",
      {
        signer,
        managed: true,
        log: "none",
        bundle: (bundle) => ({
          ...bundle,
          tlogEntries: [{ logIndex: 1, logId: sigstore.logV2.logId, kind: "hashedrekord", version: "0.0.2" }],
        }),
      },
      managed(signer),
    );
  });

  it("SUBJECT_MISMATCH: of a digest alone, subjects by another algorithm say nothing", async () => {
    const subject = (...digests: { [name: string]: string }[]): Recipe => ({
      content: "envelope",
      payload: (payload) => {
        const statement = JSON.parse(new TextDecoder().decode(payload));
        return encodeUtf8(JSON.stringify({ ...statement, subject: digests.map((own) => ({ digest: own })) }));
      },
    });
    const sha512 = encodeHex(digest("sha512", fixtureArtifact));
    await assertRefused("SUBJECT_MISMATCH", subject({ sha512 }), { artifact: byDigest("sha256") });
    await verify(subject({ sha512 }), { artifact: byDigest("sha512") });
    await verify(subject({ sha512 }));
    await verify(subject({ sha384: "00" }, { sha512 }, { sha256: encodeHex(sha256(fixtureArtifact)) }), {
      artifact: byDigest("sha256"),
    });
  });
});
