// Trees of more leaves than 32 bits count, up to 2^53 - 1: a leaf's proof is made here from the definition (RFC 9162 §2.1.3.1), in big integers,
// over hashes that nobody knows the leaves of.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { before, describe, it } from "node:test";
import { encodeBundle, parseBundle } from "../bundle/index.ts";
import type { Checkpoint } from "../checkpoint/index.ts";
import { sha256 } from "../crypto/index.ts";
import { isSigillumError } from "../encoding/index.ts";
import { assertRefused, fixtureArtifact, fixtureIdentity, flipLastBit, MemorySigstore, type Recipe } from "../testing/index.ts";
import { type Verified, verifyBundle } from "./index.ts";

interface Proof {
  readonly root: Uint8Array;
  readonly hashes: readonly Uint8Array[];
}

function prove(leaf: Uint8Array, index: bigint, size: bigint): Proof {
  if (size === 1n) return { root: leaf, hashes: [] };
  let left = 1n;
  while (left * 2n < size) left *= 2n;
  const sibling = new Uint8Array(randomBytes(32));
  const inner = index < left ? prove(leaf, index, left) : prove(leaf, index - left, size - left);
  const root = index < left ? node(inner.root, sibling) : node(sibling, inner.root);
  return { root, hashes: [...inner.hashes, sibling] };
}

function node(left: Uint8Array, right: Uint8Array): Uint8Array {
  return sha256(Uint8Array.of(1), left, right);
}

/** A recipe whose log has `size` leaves, the bundle's at `index`. */
function inTree(log: "v1" | "v2", index: number, size: number, spoil: (proof: Proof) => Proof = (proof) => proof): Recipe {
  let made: Proof = { root: new Uint8Array(32), hashes: [] };
  return {
    log,
    bodyBytes(body) {
      made = prove(sha256(Uint8Array.of(0), body), BigInt(index), BigInt(size));
      return body;
    },
    checkpoint: (honest): Checkpoint => ({ ...honest, treeSize: size, root: made.root }),
    proof: (honest) => ({ ...honest, logIndex: index, treeSize: size, hashes: spoil(made).hashes }),
    entry: (honest) => (log === "v2" ? { ...honest, logIndex: index } : honest),
  };
}

let sigstore: MemorySigstore;
before(async () => {
  sigstore = await MemorySigstore.create();
});

async function verify(recipe: Recipe): Promise<Verified> {
  const text = encodeBundle((await sigstore.sign(recipe)).bundle);
  const expectations = { identity: fixtureIdentity };
  return verifyBundle({
    bundle: parseBundle(text),
    artifact: { bytes: fixtureArtifact },
    trustedRoot: sigstore.trustedRoot,
    expectations,
  });
}

describe("verifyBundle in a tree of many leaves", () => {
  for (const size of [2 ** 31 - 1, 2 ** 31, 2 ** 31 + 1, 2 ** 32, 2 ** 32 + 1, 2 ** 40 + 12_345, 2 ** 53 - 1]) {
    for (const log of ["v1", "v2"] as const) {
      it(`verifies the first, the last and others of ${size} in Rekor ${log}`, async () => {
        for (const index of [0, 1, 2 ** 30, 2 ** 31 - 2, Math.floor(size / 2), Math.floor(size / 3), size - 2, size - 1]) {
          const [entry] = (await verify(inTree(log, index, size))).logEntries;
          assert.deepEqual([entry?.inclusion?.leafIndex, entry?.inclusion?.treeSize], [index, size]);
        }
      });
    }
  }

  it("refuses what 32 bits would take for the same: an index, and a size, 2^32 away", async () => {
    const [index, size] = [5, 2 ** 32 + 100];
    const aliased: Recipe = { ...inTree("v1", index, size) };
    const moved = aliased.proof;
    for (const change of [{ logIndex: index + 2 ** 32 }, { treeSize: 100 }, { logIndex: 2 ** 31 + index }]) {
      const recipe: Recipe = {
        ...aliased,
        proof: (honest) => ({ ...(moved?.(honest) ?? honest), ...change }),
      };
      await assert.rejects(verify(recipe), (error) => isSigillumError(error) && error.kind === "verification");
    }
  });

  it("refuses the outermost hash changed, one hash too many and one too few", async () => {
    const spoiled = (spoil: (hashes: readonly Uint8Array[]) => readonly Uint8Array[]): Recipe =>
      inTree("v2", 2 ** 52, 2 ** 53 - 1, (proof) => ({ ...proof, hashes: spoil(proof.hashes) }));
    const changed = spoiled((hashes) => hashes.map((hash, i) => (i === hashes.length - 1 ? flipLastBit(hash) : hash)));
    await assertRefused(sigstore, "CHECKPOINT_ROOT_MISMATCH", changed);
    await assertRefused(
      sigstore,
      "INCLUSION_PROOF_LENGTH",
      spoiled((hashes) => hashes.slice(1)),
    );
    await assertRefused(
      sigstore,
      "INCLUSION_PROOF_LENGTH",
      spoiled((hashes) => [...hashes, new Uint8Array(32)]),
    );
  });
});
