// Every proof of every tree up to 2,000 entries, and around each edge of a tile, against the recursive definitions of RFC 9162 §2.1 over ranges.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  consistencyProofSync,
  emptyRoot,
  type Hash,
  inclusionProofSync,
  leafHash,
  nodeHash,
  TileEdge,
  TileNodes,
  TileProver,
  tilePath,
  tileWidth,
  treeRoot,
  verifyConsistency,
  verifyInclusion,
  widthOfTile,
} from "@sigillum/library/merkle";

const largest = 65_537;
const leaves: readonly Hash[] = Array.from({ length: largest }, (_, at) =>
  leafHash(Uint8Array.of(at & 255, (at >> 8) & 255, at >> 16)),
);

// The naive reference: no tiles, no edges, only ranges; remembered because ranges return.
const remembered = new Map<number, Hash>();
function naiveRoot(start: number, end: number): Hash {
  if (end === start) return emptyRoot;
  if (end - start === 1) return leaves[start] ?? assert.fail();
  const key = start * 2 ** 20 + end;
  const known = remembered.get(key);
  if (known !== undefined) return known;
  const split = start + naiveSplit(end - start);
  const root = nodeHash(naiveRoot(start, split), naiveRoot(split, end));
  remembered.set(key, root);
  return root;
}

function naivePath(index: number, start: number, end: number): Hash[] {
  if (end - start === 1) return [];
  const split = start + naiveSplit(end - start);
  return index < split
    ? [...naivePath(index, start, split), naiveRoot(split, end)]
    : [...naivePath(index, split, end), naiveRoot(start, split)];
}

function naiveSubproof(size: number, start: number, end: number, whole: boolean): Hash[] {
  if (start + size === end) return whole ? [] : [naiveRoot(start, end)];
  const half = naiveSplit(end - start);
  return size <= half
    ? [...naiveSubproof(size, start, start + half, whole), naiveRoot(start + half, end)]
    : [...naiveSubproof(size - half, start + half, end, false), naiveRoot(start, start + half)];
}

function naiveSplit(size: number): number {
  let split = 1;
  while (split * 2 < size) split *= 2;
  return split;
}

function requireEqual(found: readonly Hash[], expected: readonly Hash[], what: () => string): void {
  if (found.length === expected.length && found.every((hash, at) => Buffer.compare(hash, expected[at] ?? emptyRoot) === 0))
    return;
  assert.deepEqual(found, expected, what());
}

/** The tiles of the tree of `largest` leaves, from one growing edge. */
function allTiles(): ReadonlyMap<string, Uint8Array> {
  const edge = new TileEdge();
  const tiles = new Map<string, Uint8Array>();
  for (const leaf of leaves) {
    edge.append(leaf);
    if (edge.size % tileWidth === 0) for (const tile of edge.takeTiles()) tiles.set(tilePath(tile), tile.bytes);
  }
  for (const tile of edge.takeTiles()) tiles.set(tilePath(tile), tile.bytes);
  return tiles;
}

describe("every proof equals the naive reference", () => {
  const tiles = allTiles();
  const nodes = new Map<string, TileNodes>();
  // A tile of a smaller tree is the beginning of the one in a larger tree.
  const tileOf =
    (size: number) =>
    (level: number, index: number): TileNodes => {
      const width = widthOfTile(level, index, size);
      const name = `${level}/${index}/${width}`;
      const known = nodes.get(name);
      if (known !== undefined) return known;
      const stored =
        tiles.get(tilePath({ level, index, width: tileWidth })) ??
        tiles.get(tilePath({ level, index, width: widthOfTile(level, index, largest) }));
      const made = TileNodes.from((stored ?? assert.fail(name)).subarray(0, width * 32));
      nodes.set(name, made);
      return made;
    };

  const checkSize = (size: number, step: number): number => {
    const prover = new TileProver(size, tileOf(size));
    const root = naiveRoot(0, size);
    let count = 0;
    for (let index = 0; index < size; index += step) {
      requireEqual(prover.inclusionProof(index), naivePath(index, 0, size), () => `inclusion of ${index} in ${size}`);
      requireEqual(
        prover.consistencyProof(index + 1),
        naiveSubproof(index + 1, 0, size, true),
        () => `consistency of ${index + 1} with ${size}`,
      );
      count += 2;
    }
    // The verifiers are independent of the reference: some proofs of each size go through them.
    for (const index of [0, size >> 1, size - 1]) {
      verifyInclusion({
        leafHash: leaves[index] ?? emptyRoot,
        leafIndex: index,
        treeSize: size,
        proof: prover.inclusionProof(index),
        root,
      });
      verifyConsistency({
        size1: index + 1,
        root1: naiveRoot(0, index + 1),
        size2: size,
        root2: root,
        proof: prover.consistencyProof(index + 1),
      });
    }
    return count;
  };

  test("for all sizes from 1 to 2,000: every inclusion and every consistency proof", () => {
    let count = 0;
    for (let size = 1; size <= 2000; size += 1) {
      count += checkSize(size, 1);
      nodes.clear();
    }
    assert.equal(count, 2000 * 2001);
  });

  for (const size of [255, 256, 257, 511, 512, 513, 65_279, 65_280, 65_281, 65_535, 65_536, 65_537]) {
    test(`at the edge of a tile: every proof of the tree of ${size}`, async () => {
      nodes.clear();
      assert.equal(checkSize(size, 1), 2 * size);
      const read = (level: number, index: number, width: number): Uint8Array => tileOf(size)(level, index).bytes(width);
      assert.deepEqual(await treeRoot(size, read), naiveRoot(0, size));
      requireEqual(inclusionProofSync(size - 1, size, read), naivePath(size - 1, 0, size), () => "from bytes");
      requireEqual(consistencyProofSync(size - 1, size, read), naiveSubproof(size - 1, 0, size, true), () => "from bytes");
    });
  }
});
