// Verification as a browser's bundler takes it: one script under the condition `browser`, run where nothing of Node is within reach. Chromium
// runs every case there is: test/conformance/browser.test.ts.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createContext, runInContext } from "node:vm";
import { bundleForBrowser } from "../../../../tools/build.mjs";
import { encodeBundle } from "../bundle/index.ts";
import { encodePublicKeyPem } from "../crypto/index.ts";
import { encodeBase64 } from "../encoding/index.ts";
import { fixtureArtifact, fixtureIdentity, generateSigner, MemorySigstore, type Recipe } from "../testing/index.ts";
import { encodeTrustedRoot } from "../trusted-root/index.ts";

const program = `
import { parseBundle } from "../bundle/index.ts";
import { parsePublicKeyPem } from "../crypto/index.ts";
import { isSigillumError, parseBase64 } from "../encoding/index.ts";
import { parseTrustedRoot } from "../trusted-root/index.ts";
import { verifyBundle } from "./index.ts";
export function judge(text) {
  const { bundle, root, artifact, identity, key } = JSON.parse(text);
  const expectations = key === undefined ? { identity } : { publicKey: parsePublicKeyPem(key) };
  try {
    verifyBundle({ bundle: parseBundle(bundle), artifact: { bytes: parseBase64(artifact) }, trustedRoot: parseTrustedRoot(root), expectations });
    return "verified";
  } catch (error) {
    if (isSigillumError(error)) return error.code;
    return String(error.stack);
  }
}
`;

const script: string = await bundleForBrowser({ contents: program, resolveDir: import.meta.dirname, name: "sigillum" });
const context = createContext({ TextEncoder, TextDecoder });
runInContext(script, context);

function judge(question: object): unknown {
  return runInContext(`sigillum.judge(${JSON.stringify(JSON.stringify(question))})`, context);
}

describe("verifyBundle in a browser", () => {
  it("is one script without anything of Node", () => {
    assert.doesNotMatch(script, /node:|require\(|process\.|\bBuffer\./);
  });

  const recipes: Readonly<Record<string, Recipe>> = {
    "a message": { timestamp: true },
    "an envelope in Rekor v2": { content: "envelope", log: "v2" },
    "a message by P-384": { signer: generateSigner("ecdsa-p384") },
    "a message by P-521 in Rekor v2": { signer: generateSigner("ecdsa-p521"), log: "v2" },
    "a message by RSA": { signer: generateSigner("rsa") },
    "an envelope by Ed25519": { content: "envelope", signer: generateSigner("ed25519"), managed: true },
  };
  for (const [name, recipe] of Object.entries(recipes)) {
    it(`verifies ${name}, and not of another artifact`, async () => {
      const sigstore = await MemorySigstore.create();
      const { bundle, publicKey } = await sigstore.sign(recipe);
      const signer = recipe.managed === true ? { key: encodePublicKeyPem(publicKey) } : { identity: fixtureIdentity };
      const question = { bundle: encodeBundle(bundle), root: encodeTrustedRoot(sigstore.trustedRoot), ...signer };
      assert.equal(judge({ ...question, artifact: encodeBase64(fixtureArtifact) }), "verified");
      const refused = recipe.content === "envelope" ? "SUBJECT_MISMATCH" : "ARTIFACT_DIGEST_MISMATCH";
      assert.equal(judge({ ...question, artifact: encodeBase64(fixtureArtifact.subarray(1)) }), refused);
    });
  }
});
