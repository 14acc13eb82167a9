// Which of several paths is taken, which failure is told, and limits where they are said to be.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { formatRfc3339 } from "../encoding/index.ts";
import {
  createChain,
  defaultPeriod,
  flipLastBit,
  generateSigner,
  issue,
  issueLeaf,
  type MemoryChain,
  randomSerial,
  signingTimeMs,
} from "../testing/index.ts";
import { type Certificate, encodeName, keyUsageExtension, pathLimits, timestampLeafExtensions, verifyPath } from "./index.ts";

const minute = 60_000;

async function leafOf(chain: MemoryChain): Promise<Certificate> {
  return issueLeaf({
    publicKey: generateSigner().publicKey,
    san: { type: "email", value: "dev@sigstore.test" },
    claims: { issuer: "https://issuer.test" },
    notBeforeMs: signingTimeMs - minute,
    ctLogs: [],
    chain,
  });
}

const question = { timeMs: signingTimeMs, purpose: "codeSigning" } as const;

describe("verifyPath", () => {
  it("tries as many signatures as the limit says", async () => {
    const chain = await createChain("codeSigning", "ca");
    const leaf = await leafOf(chain);
    const decoys: Certificate[] = [];
    for (let i = 0; i < pathLimits.maxSignatures; i++) decoys.push((await createChain("codeSigning", "ca")).issuing);
    const anchors = [...decoys.slice(1), chain.issuing];
    assert.equal(verifyPath({ ...question, leaf, intermediates: [], anchors }).length, 2);
    assert.throws(() => verifyPath({ ...question, leaf, intermediates: [], anchors: [...decoys, chain.issuing] }), {
      code: "X509_PATH_TOO_LONG",
    });
  });

  it("tells of the path that came furthest, whichever was tried first", async () => {
    const expired = await createChain("codeSigning", "ca", { startMs: defaultPeriod.startMs, endMs: signingTimeMs - 1000 });
    const leaf = await leafOf(expired);
    // The same authority once more, under a root that nobody has.
    const orphan = { ...expired.issuing, issuer: encodeName({ commonName: "nobody" }), der: flipLastBit(expired.issuing.der) };
    for (const intermediates of [
      [expired.issuing, orphan],
      [orphan, expired.issuing],
    ])
      assert.throws(() => verifyPath({ ...question, leaf, intermediates, anchors: [expired.root] }), { code: "X509_EXPIRED" });
    assert.throws(() => verifyPath({ ...question, leaf, intermediates: [orphan], anchors: [expired.root] }), {
      code: "X509_NO_PATH",
    });
  });

  it("tells of the first of two paths that came as far", async () => {
    const early = await createChain("codeSigning", "ca", { startMs: defaultPeriod.startMs, endMs: signingTimeMs - 1000 });
    const leaf = await leafOf(early);
    const again = { ...early.issuing, notAfterMs: signingTimeMs - 2000, der: flipLastBit(early.issuing.der) };
    const refuses = (anchors: readonly Certificate[], endMs: number): void =>
      assert.throws(() => verifyPath({ ...question, leaf, intermediates: [], anchors }), {
        code: "X509_EXPIRED",
        expected: `not after ${formatRfc3339(endMs)}`,
      });
    refuses([early.issuing, again], signingTimeMs - 1000);
    refuses([again, early.issuing], signingTimeMs - 2000);
  });

  it("looks at as many certificates as the limit says", async () => {
    const chain = await createChain("codeSigning", "ca");
    const leaf = await leafOf(chain);
    const anchors = (count: number): Certificate[] => [...new Array(count - 1).fill(chain.root), chain.issuing];
    verifyPath({ ...question, leaf, intermediates: [], anchors: anchors(pathLimits.maxCandidates) });
    assert.throws(() => verifyPath({ ...question, leaf, intermediates: [], anchors: anchors(pathLimits.maxCandidates + 1) }), {
      code: "X509_PATH_TOO_LONG",
    });
  });

  it("takes a timestamp authority whose certificate has no key usage, or nonRepudiation alone", async () => {
    const chain = await createChain("timeStamping", "tsa");
    const { issuing, root } = chain;
    const { spki } = chain.issuingSigner.publicKey;
    const honest = timestampLeafExtensions({ spki, issuerSpki: root.spki });
    const { issuer, subject, notBeforeMs, notAfterMs } = issuing;
    const verify = async (extensions: readonly Uint8Array[]): Promise<unknown> => {
      const fields = { serial: randomSerial(), issuer, subject, notBeforeMs, notAfterMs, spki, extensions };
      const leaf = await issue(fields, chain.rootSigner);
      return verifyPath({ ...question, leaf, intermediates: [], anchors: [root], purpose: "timeStamping" });
    };
    await verify(honest.slice(1));
    await verify([keyUsageExtension(["nonRepudiation"]), ...honest.slice(1)]);
    await assert.rejects(verify([keyUsageExtension(["keyAgreement"]), ...honest.slice(1)]), { code: "X509_KEY_USAGE" });
  });
});
