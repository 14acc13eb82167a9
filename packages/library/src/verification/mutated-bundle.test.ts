// A bundle of which one character was changed never verifies, and is refused with one of our errors.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { encodeBundle, parseBundle } from "../bundle/index.ts";
import { isSigillumError } from "../encoding/index.ts";
import { fixtureIdentity, MemorySigstore, type Recipe } from "../testing/index.ts";
import { verifyBundle } from "./verify-bundle.ts";

// Without timestamps: a token has bytes that nobody signs, as the version of its syntax.
const recipes: Readonly<Record<string, Recipe>> = { message: {}, envelope: { content: "envelope" } };

describe("verifyBundle and a changed character", () => {
  for (const [name, recipe] of Object.entries(recipes)) {
    it(`refuses it anywhere in a bundle with a ${name}`, async () => {
      const sigstore = await MemorySigstore.create();
      const { bundle, artifact } = await sigstore.sign(recipe);
      const text = encodeBundle(bundle);
      const question = {
        artifact: { bytes: artifact },
        trustedRoot: sigstore.trustedRoot,
        expectations: { identity: fixtureIdentity },
      };
      verifyBundle({ bundle: parseBundle(text), ...question });
      // No "-" and "_": a field whose only "+" or "/" becomes one of them is the same bytes in the other alphabet.
      const character = fc.constantFrom(...'AZaz09+/= .\\"{}[],:');
      fc.assert(
        fc.property(fc.nat(text.length - 1), character, (index, other) => {
          fc.pre(text[index] !== other);
          const changed = text.slice(0, index) + other + text.slice(index + 1);
          assert.throws(() => verifyBundle({ bundle: parseBundle(changed), ...question }), isSigillumError);
        }),
        { numRuns: 400 },
      );
    });
  }
});
