import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  consistencyProof,
  consistencyProofSync,
  emptyRoot,
  type Hash,
  inclusionProof,
  inclusionProofSync,
  leafHash,
  TileEdge,
  TileNodes,
  TreeEdge,
  tilePath,
  treeRoot,
  verifyConsistency,
  verifyInclusion,
} from "./index.ts";

const leaves: readonly Hash[] = Array.from({ length: 2000 }, (_, i) => leafHash(Uint8Array.of(i & 255, i >> 8)));

// A tiled tree whose tiles are kept by path, every width that was taken.
function storedTree(sizes: readonly number[]): {
  readonly tiles: Map<string, Uint8Array>;
  readonly roots: Map<number, Hash>;
  readonly edge: TileEdge;
} {
  const tiles = new Map<string, Uint8Array>();
  const known = new Map<number, Hash>();
  const edge = new TileEdge();
  const plain = new TreeEdge();
  for (const size of sizes) {
    while (edge.size < size) {
      const leaf = leaves[edge.size % leaves.length] ?? assert.fail();
      edge.append(leaf);
      plain.append(leaf);
    }
    for (const tile of edge.takeTiles()) tiles.set(tilePath(tile), tile.bytes);
    assert.deepEqual(edge.root(), plain.root());
    known.set(size, plain.root());
  }
  return { tiles, roots: known, edge };
}

function readerOf(tiles: ReadonlyMap<string, Uint8Array>) {
  return (level: number, index: number, width: number): Uint8Array =>
    tiles.get(tilePath({ level, index, width })) ?? assert.fail(`no tile ${level}/${index}.p/${width}`);
}

describe("tiles", () => {
  test("widths and contents around 255, 256, 257 and 65,535, 65,536, 65,537", async () => {
    const sizes = [255, 256, 257, 511, 512, 65_535, 65_536, 65_537, 70_000];
    const { tiles, roots: known, edge } = storedTree(sizes);
    const read = readerOf(tiles);
    for (const size of sizes) {
      const root = known.get(size) ?? assert.fail();
      assert.deepEqual(await treeRoot(size, read), root);
      for (const index of [0, 1, 254, 255, 256, 257, 511, size >> 1, size - 2, size - 1].filter((i) => i < size)) {
        const proof = inclusionProofSync(index, size, read);
        verifyInclusion({
          leafHash: leaves[index % leaves.length] ?? assert.fail(),
          leafIndex: index,
          treeSize: size,
          proof,
          root,
        });
      }
      for (const size1 of sizes.filter((other) => other <= size)) {
        verifyConsistency({
          size1,
          root1: known.get(size1) ?? assert.fail(),
          size2: size,
          root2: root,
          proof: await consistencyProof(size1, size, read),
        });
      }
      assert.deepEqual(TileEdge.from(size, read).root(), root);
    }
    assert.equal(tiles.get("tile/1/000.p/1")?.length, 32);
    assert.equal(tiles.get("tile/0/273.p/112")?.length, 112 * 32);
    assert.equal(tiles.get("tile/1/001.p/17")?.length, 17 * 32);
    assert.equal(tiles.get("tile/2/000.p/1")?.length, 32);
    assert.equal(tiles.get("tile/0/000.p/255")?.length, 255 * 32);
    assert.equal([...tiles.keys()].filter((path) => path.startsWith("tile/0/") && !path.includes(".p/")).length, 273);
    assert.equal(edge.size, 70_000);
  });

  test("TileEdge.from continues as the one that never stopped, and a clone grows apart", () => {
    const { tiles, edge } = storedTree([700]);
    const again = TileEdge.from(700, readerOf(tiles));
    const clone = edge.clone();
    const before = edge.root();
    for (const leaf of leaves.slice(0, 600)) {
      again.append(leaf);
      clone.append(leaf);
    }
    assert.deepEqual(again.root(), clone.root());
    assert.deepEqual(
      again.takeTiles().map((tile) => [tilePath(tile), tile.bytes]),
      clone.takeTiles().map((tile) => [tilePath(tile), tile.bytes]),
    );
    assert.deepEqual(edge.root(), before);
    assert.deepEqual(edge.takeTiles(), []);
  });

  test("a full tile serves for a partial one that was deleted", () => {
    const { tiles, roots: known } = storedTree([300, 512]);
    const full = (level: number, index: number): Uint8Array =>
      tiles.get(tilePath({ level, index, width: 256 })) ?? tiles.get("tile/1/000.p/2") ?? assert.fail();
    const proof = inclusionProofSync(299, 300, full);
    verifyInclusion({
      leafHash: leaves[299] ?? assert.fail(),
      leafIndex: 299,
      treeSize: 300,
      proof,
      root: known.get(300) ?? assert.fail(),
    });
    assert.deepEqual(TileEdge.from(300, full).root(), known.get(300));
  });

  test("the reader that takes its time is asked for each tile once, and all at the same time", async () => {
    const { tiles } = storedTree([70_000]);
    const asked: string[] = [];
    let answer: () => void = () => assert.fail();
    const gate = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const proof = inclusionProof(69_000, 70_000, async (level, index, width) => {
      asked.push(tilePath({ level, index, width }));
      await gate;
      return readerOf(tiles)(level, index, width);
    });
    assert.deepEqual(asked.toSorted(), ["tile/0/269", "tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"]);
    answer();
    assert.deepEqual(await proof, inclusionProofSync(69_000, 70_000, readerOf(tiles)));
  });

  test("a tile that is too short or no whole number of hashes is refused", async () => {
    assert.throws(() => inclusionProofSync(0, 5, () => new Uint8Array(4 * 32)), { code: "TILE_LENGTH" });
    assert.throws(() => inclusionProofSync(0, 5, () => new Uint8Array(5 * 32 + 1)), { code: "TILE_LENGTH" });
    assert.throws(() => TileNodes.from(new Uint8Array(257 * 32)), { code: "TILE_LENGTH" });
    assert.throws(() => TileNodes.from(new Uint8Array(3 * 32)).node(1, 1), { code: "TILE_LENGTH" });
    assert.throws(() => TileEdge.from(5, () => new Uint8Array(4 * 32)), { code: "TILE_LENGTH" });
    await assert.rejects(
      treeRoot(5, async () => new Uint8Array(0)),
      { code: "TILE_LENGTH" },
    );
  });

  test("proofs beyond the tree are refused", async () => {
    const none = (): Uint8Array => assert.fail("no tile is needed");
    assert.throws(() => inclusionProofSync(5, 5, none), { code: "PROOF_OUT_OF_RANGE" });
    assert.throws(() => consistencyProofSync(6, 5, none), { code: "PROOF_OUT_OF_RANGE" });
    await assert.rejects(inclusionProof(0, 0, none), { code: "PROOF_OUT_OF_RANGE" });
    await assert.rejects(consistencyProof(-1, 5, none), { code: "TREE_SIZE_INVALID" });
    assert.deepEqual(consistencyProofSync(0, 5, none), []);
    assert.deepEqual(await consistencyProof(5, 5, none), []);
    assert.deepEqual(await treeRoot(0, none), emptyRoot);
  });
});
