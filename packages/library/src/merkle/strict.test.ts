// Numbers and hashes that no tree has are refused at every door of this room, under their own code.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  consistencyProof,
  emptyRoot,
  inclusionProof,
  inclusionRoot,
  leafHash,
  TileEdge,
  TileNodes,
  TileProver,
  TreeEdge,
  tilePath,
  tileWidth,
  treeRoot,
  verifyConsistency,
} from "./index.ts";

const leaf = leafHash(Uint8Array.of(1));
const short = leaf.subarray(1);
const noTree = { code: "TREE_SIZE_INVALID" };
const noHash = { code: "MERKLE_HASH_LENGTH" };
const numbers = [-1, 1.5, Number.NaN, 2 ** 53, Number.POSITIVE_INFINITY];
const readTile = (): Uint8Array => leaf;

describe("numbers that no tree has", () => {
  for (const number of numbers) {
    it(`${number}`, async () => {
      const roots = { root1: leaf, root2: leaf, proof: [] };
      assert.throws(() => verifyConsistency({ ...roots, size1: number, size2: 2 }), noTree);
      assert.throws(() => verifyConsistency({ ...roots, size1: 1, size2: number }), noTree);
      const claim = { leafHash: leaf, proof: [] };
      assert.throws(() => inclusionRoot({ ...claim, leafIndex: number, treeSize: 1 }), noTree);
      assert.throws(() => inclusionRoot({ ...claim, leafIndex: 0, treeSize: number }), noTree);
      assert.throws(() => new TileProver(number, readTile), noTree);
      assert.throws(() => TileEdge.from(number, readTile), noTree);
      assert.throws(() => TreeEdge.from(number, []), noTree);
      await assert.rejects(inclusionProof(number, 1, readTile), noTree);
      await assert.rejects(inclusionProof(0, number, readTile), noTree);
      await assert.rejects(consistencyProof(number, 1, readTile), noTree);
      await assert.rejects(consistencyProof(1, number, readTile), noTree);
      await assert.rejects(treeRoot(number, readTile), noTree);
    });
  }

  it("the size after the largest", () => {
    const full = TreeEdge.from(
      Number.MAX_SAFE_INTEGER,
      Array.from({ length: 53 }, () => leaf),
    );
    assert.throws(() => full.append(leaf), noTree);
    const nodes = new TileNodes();
    while (nodes.width < tileWidth) nodes.append(leaf);
    const tiled = TileEdge.from(Number.MAX_SAFE_INTEGER, () => nodes);
    assert.throws(() => tiled.append(leaf), noTree);
  });
});

describe("hashes of another length", () => {
  it("are refused", () => {
    const claim = { size1: 0, size2: 1, proof: [] };
    assert.throws(() => verifyConsistency({ ...claim, root1: short, root2: leaf }), noHash);
    assert.throws(() => verifyConsistency({ ...claim, root1: emptyRoot, root2: short }), noHash);
    assert.throws(() => new TreeEdge().append(short), noHash);
    assert.throws(() => new TileNodes().append(short), noHash);
    assert.throws(() => new TileEdge().append(short), noHash);
  });
});

describe("tiles", () => {
  it("hold as many hashes as a tile has, and give no more than they hold", () => {
    const nodes = new TileNodes();
    nodes.append(leaf);
    assert.equal(nodes.bytes(1).length, 32);
    assert.throws(() => nodes.bytes(2), TypeError);
    while (nodes.width < tileWidth) nodes.append(leaf);
    assert.throws(() => nodes.append(leaf), /full tile/);
    assert.equal(nodes.width, tileWidth);
  });

  it("are open only while they hold something", () => {
    const edge = new TileEdge();
    assert.equal(edge.openTile(0), undefined);
    for (let i = 0; i < tileWidth; i++) edge.append(leaf);
    assert.deepEqual([edge.openTile(0), edge.openTile(1)?.width, edge.openTile(9)], [undefined, 1, undefined]);
  });

  it("have levels that the format knows", () => {
    for (const level of [...numbers, 64]) assert.throws(() => tilePath({ level, index: 0, width: 1 }), /No tile has level/);
    assert.equal(tilePath({ level: 0, index: 0, width: 256 }), "tile/0/000");
  });
});
