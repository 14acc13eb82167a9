// Every bit of a bundle that verifies, flipped: none of them verifies. What is nobody's word, the hint of a managed key, apart.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { encodeBundle, parseBundle } from "@sigillum/library/bundle";
import { encodeUtf8, isSigillumError } from "@sigillum/library/encoding";
import { fixtureIdentity, MemorySigstore, type Recipe } from "@sigillum/library/testing";
import { type BundleQuestion, verifyBundle } from "@sigillum/library/verification";

const recipes: Readonly<Record<string, Recipe>> = {
  "a message in Rekor v1 with a timestamp": { timestamp: true },
  "an envelope in Rekor v2": { content: "envelope", log: "v2" },
  "a message by a managed key": { managed: true },
};

/** The places of the bits that make no difference. */
function verifyingFlips(text: Uint8Array, question: Omit<BundleQuestion, "bundle">): number[] {
  const places: number[] = [];
  const flipped = text.slice();
  for (const [at, octet] of text.entries()) {
    for (let bit = 0; bit < 8; bit++) {
      flipped[at] = octet ^ (1 << bit);
      try {
        verifyBundle({ bundle: parseBundle(flipped), ...question });
        places.push(at);
      } catch (error) {
        assert.ok(isSigillumError(error), `bit ${bit} of octet ${at}: ${error}`);
      }
    }
    flipped[at] = octet;
  }
  return places;
}

describe("verifyBundle and a flipped bit", () => {
  for (const [name, recipe] of Object.entries(recipes)) {
    it(`refuses it anywhere in ${name}`, async (t) => {
      const sigstore = await MemorySigstore.create();
      const { bundle, artifact, publicKey } = await sigstore.sign(recipe);
      const text = encodeUtf8(encodeBundle(bundle));
      const question = {
        artifact: { bytes: artifact },
        trustedRoot: sigstore.trustedRoot,
        expectations: recipe.managed === true ? { publicKey } : { identity: fixtureIdentity },
      };
      verifyBundle({ bundle: parseBundle(text), ...question });
      const hint = recipe.managed === true ? /"hint":\s*"([^"]*)"/d.exec(new TextDecoder("latin1").decode(text)) : null;
      const [start, end] = hint?.indices?.[1] ?? [0, 0];
      const elsewhere = verifyingFlips(text, question).filter((at) => at < start || at >= end);
      assert.deepEqual(elsewhere, []);
      t.diagnostic(`${8 * text.length} bits`);
    });
  }
});
