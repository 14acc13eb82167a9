import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { encodeHex, isSigillumError, parseHex } from "../encoding/index.ts";
import {
  consistencyProof,
  consistencyProofLength,
  consistencyProofSync,
  emptyRoot,
  type Hash,
  inclusionProof,
  inclusionProofLength,
  inclusionProofSync,
  inclusionRoot,
  leafHash,
  nodeHash,
  TileEdge,
  TileNodes,
  TileProver,
  TreeEdge,
  tilePath,
  treeRoot,
  verifyConsistency,
  verifyInclusion,
} from "./index.ts";

// The tree of RFC 6962's well-known test inputs; roots by size from transparency-log vectors, recomputed by several implementations.
const inputs = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
const roots = [
  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
  "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
  "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
  "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
  "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
  "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
  "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
  "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

const leaves: readonly Hash[] = Array.from({ length: 2000 }, (_, i) => leafHash(Uint8Array.of(i & 255, i >> 8)));

// The naive reference: the recursive definitions of RFC 6962 §2.1, over ranges, remembered because ranges return.
const remembered = new Map<number, Hash>();
function naiveRoot(start: number, end: number): Hash {
  if (end - start === 0) return emptyRoot;
  if (end - start === 1) return leaves[start] ?? assert.fail();
  const key = start * 10_000 + end;
  const known = remembered.get(key);
  if (known !== undefined) return known;
  const k = naiveSplit(end - start);
  const root = nodeHash(naiveRoot(start, start + k), naiveRoot(start + k, end));
  remembered.set(key, root);
  return root;
}

function naivePath(m: number, start: number, end: number): Hash[] {
  if (end - start === 1) return [];
  const k = naiveSplit(end - start);
  if (m < k) return [...naivePath(m, start, start + k), naiveRoot(start + k, end)];
  return [...naivePath(m - k, start + k, end), naiveRoot(start, start + k)];
}

function naiveSubproof(m: number, start: number, end: number, whole: boolean): Hash[] {
  if (m === end - start) return whole ? [] : [naiveRoot(start, end)];
  const k = naiveSplit(end - start);
  if (m <= k) return [...naiveSubproof(m, start, start + k, whole), naiveRoot(start + k, end)];
  return [...naiveSubproof(m - k, start + k, end, false), naiveRoot(start, start + k)];
}

function naiveSplit(n: number): number {
  let k = 1;
  while (k * 2 < n) k *= 2;
  return k;
}

describe("trees", () => {
  test("TreeEdge and TileEdge give the well-known roots", () => {
    const edge = new TreeEdge();
    const tiles = new TileEdge();
    assert.equal(encodeHex(emptyRoot), roots[0]);
    for (const [i, input] of inputs.entries()) {
      assert.equal(encodeHex(edge.root()), roots[i]);
      assert.equal(encodeHex(tiles.root()), roots[i]);
      edge.append(leafHash(parseHex(input)));
      tiles.append(leafHash(parseHex(input)));
    }
    assert.equal(encodeHex(edge.root()), roots[8]);
    assert.equal(encodeHex(tiles.root()), roots[8]);
    assert.equal(edge.size, 8);
  });

  test("TreeEdge.from continues where another stopped", () => {
    const edge = new TreeEdge();
    for (const leaf of leaves.slice(0, 300)) {
      const copy = TreeEdge.from(edge.size, edge.hashes);
      edge.append(leaf);
      copy.append(leaf);
      assert.deepEqual(copy.hashes, edge.hashes);
      assert.deepEqual(edge.root(), naiveRoot(0, edge.size));
    }
  });

  test("TreeEdge.from refuses the wrong number of hashes", () => {
    assert.throws(() => TreeEdge.from(3, [emptyRoot]), { code: "TREE_EDGE_MISMATCH" });
    assert.throws(() => TreeEdge.from(1, [new Uint8Array(31)]), { code: "MERKLE_HASH_LENGTH" });
    assert.throws(() => TreeEdge.from(2 ** 53, []), { code: "TREE_SIZE_INVALID" });
  });
});

describe("proofs against the naive reference", () => {
  test("every inclusion and consistency proof of all sizes to 300", () => {
    const edge = new TileEdge();
    for (let size = 1; size <= 300; size++) {
      edge.append(leaves[size - 1] ?? assert.fail());
      const root = edge.root();
      assert.deepEqual(root, naiveRoot(0, size));
      const full = TileNodes.from(concatenated(0, Math.min(size, 256)));
      const prover = new TileProver(size, (level, index) =>
        level === 0 && index === 0 ? full : (edge.openTile(level) ?? assert.fail()),
      );
      for (let index = 0; index < size; index++) {
        const proof = prover.inclusionProof(index);
        assert.deepEqual(proof, naivePath(index, 0, size));
        verifyInclusion({ leafHash: leaves[index] ?? assert.fail(), leafIndex: index, treeSize: size, proof, root });
        assert.equal(inclusionProofLength(index, size), proof.length);
      }
      for (let size1 = 1; size1 <= size; size1++) {
        const proof = prover.consistencyProof(size1);
        assert.deepEqual(proof, naiveSubproof(size1, 0, size, true));
        verifyConsistency({ size1, root1: naiveRoot(0, size1), size2: size, root2: root, proof });
        assert.equal(consistencyProofLength(size1, size), proof.length);
      }
    }
  });

  test("random proofs to size 2000, from stored tiles, synchronous and not", async () => {
    const sizes = fc.sample(fc.integer({ min: 1, max: 2000 }), { numRuns: 40, seed: 7 }).toSorted((a, b) => a - b);
    const tiles = new Map<string, Uint8Array>();
    const edge = new TileEdge();
    for (const size of sizes) {
      while (edge.size < size) edge.append(leaves[edge.size] ?? assert.fail());
      for (const tile of edge.takeTiles()) tiles.set(tilePath(tile), tile.bytes);
    }
    const read = (level: number, index: number, width: number): Uint8Array =>
      tiles.get(tilePath({ level, index, width })) ?? assert.fail();
    for (const size of sizes) {
      const index = (size * 7919) % size;
      const path = naivePath(index, 0, size);
      assert.deepEqual(inclusionProofSync(index, size, read), path);
      assert.deepEqual(await inclusionProof(index, size, async (...at) => read(...at)), path);
      const size1 = 1 + ((size * 104_729) % size);
      const subproof = naiveSubproof(size1, 0, size, true);
      assert.deepEqual(consistencyProofSync(size1, size, read), subproof);
      assert.deepEqual(await consistencyProof(size1, size, async (...at) => read(...at)), subproof);
      assert.deepEqual(await treeRoot(size, read), naiveRoot(0, size));
    }
  });

  test("a mutated proof never verifies and throws only our errors", () => {
    const property = fc.property(
      fc.integer({ min: 2, max: 300 }),
      fc.nat(),
      fc.nat(),
      fc.constantFrom("flip", "drop", "add", "swap", "index", "size", "short"),
      (size, pick, spot, how) => {
        const leafIndex = pick % size;
        const claim = {
          leafHash: leaves[leafIndex] ?? assert.fail(),
          leafIndex,
          treeSize: size,
          proof: naivePath(leafIndex, 0, size),
          root: naiveRoot(0, size),
        };
        const at = spot % claim.proof.length;
        const mutated = mutate(claim, at, how);
        assert.throws(() => verifyInclusion(mutated), isSigillumError);
      },
    );
    fc.assert(property, { numRuns: 500, seed: 11 });
  });
});

type Claim = Parameters<typeof verifyInclusion>[0];

function mutate(claim: Claim, at: number, how: string): Claim {
  const hash = claim.proof[at] ?? assert.fail();
  switch (how) {
    case "flip":
      return { ...claim, proof: claim.proof.with(at, hash.with(at % 32, (hash[at % 32] ?? 0) ^ 1)) };
    case "drop":
      return { ...claim, proof: claim.proof.toSpliced(at, 1) };
    case "add":
      return { ...claim, proof: claim.proof.toSpliced(at, 0, hash) };
    case "swap":
      return { ...claim, leafHash: hash };
    case "index":
      return { ...claim, leafIndex: claim.leafIndex + 1 };
    case "size":
      return { ...claim, treeSize: claim.leafIndex };
    default:
      return { ...claim, proof: claim.proof.with(at, hash.slice(1)) };
  }
}

function concatenated(start: number, end: number): Uint8Array {
  const bytes = new Uint8Array((end - start) * 32);
  for (let i = start; i < end; i++) bytes.set(leaves[i] ?? assert.fail(), (i - start) * 32);
  return bytes;
}

describe("sizes beyond 32 bits", () => {
  // Trees of these sizes cannot be built, but any hashes make a proof of some tree: its root by the recursive definition in BigInt.
  const sizes = [
    2 ** 31 - 1,
    2 ** 31,
    2 ** 31 + 1,
    2 ** 32 - 1,
    2 ** 32,
    2 ** 32 + 1,
    2 ** 40 - 1,
    2 ** 40,
    2 ** 40 + 5,
    2 ** 53 - 2,
    2 ** 53 - 1,
  ];

  test("verifyInclusion agrees with the definition in BigInt", () => {
    for (const size of sizes) {
      for (const index of [0, 1, 255, 2 ** 30, 2 ** 31 - 2, Math.floor(size / 2), Math.floor(size / 3), size - 2, size - 1]) {
        const proof = Array.from({ length: inclusionProofLength(index, size) }, (_, i) => leaves[i] ?? assert.fail());
        const leaf = leaves[99] ?? assert.fail();
        const rest = [...proof];
        const root = bigPath(BigInt(index), BigInt(size), leaf, rest);
        assert.equal(rest.length, 0);
        verifyInclusion({ leafHash: leaf, leafIndex: index, treeSize: size, proof, root });
        assert.throws(() => verifyInclusion({ leafHash: leaf, leafIndex: index, treeSize: size, proof: proof.slice(1), root }), {
          code: "INCLUSION_PROOF_LENGTH",
        });
      }
    }
  });

  test("verifyConsistency agrees with the definition in BigInt", () => {
    for (const size2 of sizes) {
      for (const size1 of [1, 2, 3, 255, 256, 2 ** 30, 2 ** 31 - 2, Math.floor(size2 / 2), Math.floor(size2 / 3), size2 - 1]) {
        const proof = Array.from({ length: consistencyProofLength(size1, size2) }, (_, i) => leaves[i] ?? assert.fail());
        const rest = [...proof];
        const [root1, root2] = bigSubproof(BigInt(size1), BigInt(size2), true, leaves[99] ?? assert.fail(), rest);
        assert.equal(rest.length, 0);
        verifyConsistency({ size1, root1, size2, root2, proof });
      }
    }
  });

  test("proofs are made from tiles of a tree beyond 2^40", () => {
    // Every tile of an imagined tree holds the same hashes: enough to see which tiles are asked for, and how long the proof is.
    const size = 2 ** 40 + 300;
    const asked: string[] = [];
    const read = (level: number, index: number, width: number): Uint8Array => {
      asked.push(tilePath({ level, index, width }));
      return concatenated(0, width);
    };
    assert.equal(inclusionProofSync(2 ** 40 + 299, size, read).length, inclusionProofLength(2 ** 40 + 299, size));
    assert.deepEqual(asked.toSorted(), ["tile/0/x004/x294/x967/297.p/44", "tile/1/x016/x777/216.p/1", "tile/5/000.p/1"]);
    assert.equal(consistencyProofSync(2 ** 39 + 3, size, read).length, consistencyProofLength(2 ** 39 + 3, size));
  });
});

function bigSplit(n: bigint): bigint {
  let k = 1n;
  while (k * 2n < n) k *= 2n;
  return k;
}

function bigPath(m: bigint, n: bigint, leaf: Hash, proof: Hash[]): Hash {
  if (n === 1n) return leaf;
  const k = bigSplit(n);
  const sibling = proof.pop() ?? assert.fail();
  return m < k ? nodeHash(bigPath(m, k, leaf, proof), sibling) : nodeHash(sibling, bigPath(m - k, n - k, leaf, proof));
}

function bigSubproof(m: bigint, n: bigint, whole: boolean, seed: Hash, proof: Hash[]): [Hash, Hash] {
  if (m === n) {
    const hash = whole ? seed : (proof.pop() ?? assert.fail());
    return [hash, hash];
  }
  const k = bigSplit(n);
  const sibling = proof.pop() ?? assert.fail();
  const [old, now] = m <= k ? bigSubproof(m, k, whole, seed, proof) : bigSubproof(m - k, n - k, false, seed, proof);
  return m <= k ? [old, nodeHash(now, sibling)] : [nodeHash(sibling, old), nodeHash(sibling, now)];
}

describe("verifyInclusion refuses", () => {
  const valid = {
    leafHash: leaves[5] ?? assert.fail(),
    leafIndex: 5,
    treeSize: 9,
    proof: naivePath(5, 0, 9),
    root: naiveRoot(0, 9),
  };

  test("an index that is not below the size", () => {
    assert.throws(() => verifyInclusion({ ...valid, leafIndex: 9 }), { code: "INCLUSION_INDEX_OUT_OF_RANGE" });
    assert.throws(() => verifyInclusion({ ...valid, leafIndex: 0, treeSize: 0 }), { code: "INCLUSION_INDEX_OUT_OF_RANGE" });
  });

  test("one hash too many and one too few", () => {
    assert.throws(() => verifyInclusion({ ...valid, proof: [...valid.proof, emptyRoot] }), { code: "INCLUSION_PROOF_LENGTH" });
    assert.throws(() => verifyInclusion({ ...valid, proof: valid.proof.slice(0, -1) }), { code: "INCLUSION_PROOF_LENGTH" });
  });

  test("another root, leaf or hash", () => {
    verifyInclusion(valid);
    assert.deepEqual(inclusionRoot(valid), valid.root);
    assert.throws(() => verifyInclusion({ ...valid, root: naiveRoot(0, 8) }), { code: "INCLUSION_ROOT_MISMATCH" });
    assert.throws(() => verifyInclusion({ ...valid, leafHash: emptyRoot }), { code: "INCLUSION_ROOT_MISMATCH" });
    assert.throws(() => verifyInclusion({ ...valid, proof: valid.proof.with(2, emptyRoot) }), {
      code: "INCLUSION_ROOT_MISMATCH",
    });
  });

  test("hashes that are not 32 bytes", () => {
    const short = new Uint8Array(31);
    assert.throws(() => verifyInclusion({ ...valid, root: short }), { code: "MERKLE_HASH_LENGTH" });
    assert.throws(() => verifyInclusion({ ...valid, leafHash: short }), { code: "MERKLE_HASH_LENGTH" });
    assert.throws(() => verifyInclusion({ ...valid, proof: valid.proof.with(0, short) }), { code: "MERKLE_HASH_LENGTH" });
  });

  test("inclusionProofLength takes a programmer's mistake as one", () => {
    for (const [index, size] of [
      [0, 0],
      [5, 5],
      [-1, 5],
      [0.5, 5],
      [0, Number.POSITIVE_INFINITY],
    ] as const) {
      assert.throws(() => inclusionProofLength(index, size), TypeError);
    }
    assert.throws(() => consistencyProofLength(7, 6), TypeError);
  });

  test("numbers that are no sizes", () => {
    for (const number of [-1, 0.5, Number.NaN, 2 ** 53]) {
      assert.throws(() => verifyInclusion({ ...valid, leafIndex: number }), { code: "TREE_SIZE_INVALID" });
      assert.throws(() => verifyInclusion({ ...valid, treeSize: number }), { code: "TREE_SIZE_INVALID" });
    }
  });
});

describe("verifyConsistency", () => {
  const valid = { size1: 6, root1: naiveRoot(0, 6), size2: 11, root2: naiveRoot(0, 11), proof: naiveSubproof(6, 0, 11, true) };

  test("takes equal trees and the empty one with an empty proof only", () => {
    verifyConsistency({ ...valid, size2: 6, root2: valid.root1, proof: [] });
    verifyConsistency({ ...valid, size1: 0, root1: emptyRoot, proof: [] });
    assert.throws(() => verifyConsistency({ ...valid, size1: 0, root1: emptyRoot }), { code: "CONSISTENCY_PROOF_LENGTH" });
    assert.throws(() => verifyConsistency({ ...valid, size1: 0, proof: [] }), { code: "CONSISTENCY_FIRST_ROOT_MISMATCH" });
    assert.throws(() => verifyConsistency({ ...valid, size2: 6, proof: [] }), { code: "CONSISTENCY_SECOND_ROOT_MISMATCH" });
    assert.throws(() => verifyConsistency({ size1: 0, root1: emptyRoot, size2: 0, root2: valid.root2, proof: [] }), {
      code: "CONSISTENCY_SECOND_ROOT_MISMATCH",
    });
  });

  test("refuses a first size above the second", () => {
    assert.throws(() => verifyConsistency({ ...valid, size1: 12 }), { code: "CONSISTENCY_SIZE_ORDER" });
  });

  test("refuses one hash too many and one too few", () => {
    assert.throws(() => verifyConsistency({ ...valid, proof: [...valid.proof, emptyRoot] }), {
      code: "CONSISTENCY_PROOF_LENGTH",
    });
    assert.throws(() => verifyConsistency({ ...valid, proof: valid.proof.slice(1) }), { code: "CONSISTENCY_PROOF_LENGTH" });
    assert.throws(() => verifyConsistency({ ...valid, proof: [] }), { code: "CONSISTENCY_PROOF_LENGTH" });
  });

  test("refuses another first root, another second root, and a short hash", () => {
    verifyConsistency(valid);
    assert.throws(() => verifyConsistency({ ...valid, root1: naiveRoot(0, 5) }), { code: "CONSISTENCY_FIRST_ROOT_MISMATCH" });
    assert.throws(() => verifyConsistency({ ...valid, root2: naiveRoot(0, 12) }), { code: "CONSISTENCY_SECOND_ROOT_MISMATCH" });
    assert.throws(() => verifyConsistency({ ...valid, root2: new Uint8Array(33) }), { code: "MERKLE_HASH_LENGTH" });
    assert.throws(() => verifyConsistency({ ...valid, proof: valid.proof.with(0, new Uint8Array(0)) }), {
      code: "MERKLE_HASH_LENGTH",
    });
    assert.throws(() => verifyConsistency({ ...valid, size2: 1.5 }), { code: "TREE_SIZE_INVALID" });
  });

  test("a first tree that is a power of two is proved by its root alone", () => {
    const proof = naiveSubproof(8, 0, 11, true);
    verifyConsistency({ size1: 8, root1: naiveRoot(0, 8), size2: 11, root2: naiveRoot(0, 11), proof });
    assert.throws(() => verifyConsistency({ size1: 8, root1: naiveRoot(0, 7), size2: 11, root2: naiveRoot(0, 11), proof }), {
      code: "CONSISTENCY_SECOND_ROOT_MISMATCH",
    });
  });
});
