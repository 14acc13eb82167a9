// Verifying what a Sigstore in memory signs, as tests of the room verification do again and again.
import assert from "node:assert/strict";
import { isSigillumError } from "../encoding/index.ts";
import type { TrustedRoot } from "../trusted-root/index.ts";
import { type Artifact, type Expectations, type Verified, verifyBundle } from "../verification/index.ts";
import { fixtureArtifact, fixtureIdentity, type MemorySigstore, type Recipe } from "./memory-sigstore.ts";

/** What is other than usual when a bundle is verified. */
export interface VerifyEdits {
  readonly artifact?: Artifact;
  readonly expectations?: Expectations;
  readonly trustedRoot?: (root: TrustedRoot) => TrustedRoot;
}

/** Make a bundle by a recipe and verify it: for the usual identity, with the artifact's bytes and the Sigstore's own root. */
export async function verifyRecipe(sigstore: MemorySigstore, recipe: Recipe, edits: VerifyEdits = {}): Promise<Verified> {
  const { bundle } = await sigstore.sign(recipe);
  return verifyBundle({
    bundle,
    artifact: edits.artifact ?? { bytes: fixtureArtifact },
    trustedRoot: edits.trustedRoot?.(sigstore.trustedRoot) ?? sigstore.trustedRoot,
    expectations: edits.expectations ?? { identity: fixtureIdentity },
  });
}

/** Assert that a bundle is refused with this code, and no other way. */
export async function assertRefused(
  sigstore: MemorySigstore,
  code: string,
  recipe: Recipe,
  edits: VerifyEdits = {},
): Promise<void> {
  await assert.rejects(verifyRecipe(sigstore, recipe, edits), (error) => {
    assert.ok(isSigillumError(error), `not one of our errors: ${error instanceof Error ? error.stack : error}`);
    assert.equal(error.code, code, error.message);
    return true;
  });
}

/** The bytes with the last bit changed. */
export function flipLastBit(bytes: Uint8Array): Uint8Array {
  return bytes.map((byte, i) => (i === bytes.length - 1 ? byte ^ 1 : byte));
}
