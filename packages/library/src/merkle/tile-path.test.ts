import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isSigillumError } from "../encoding/index.ts";
import { entryBundlePath, parseTilePath, type TilePath, tilePath, widthOfTile } from "./index.ts";

test("tilePath and entryBundlePath write indexes in groups of three digits", () => {
  const paths = [0, 67, 1000, 1_234_067, 7_692_069, Number.MAX_SAFE_INTEGER].map((index) => entryBundlePath(index, 256));
  assert.deepEqual(paths, [
    "tile/entries/000",
    "tile/entries/067",
    "tile/entries/x001/000",
    "tile/entries/x001/x234/067",
    "tile/entries/x007/x692/069",
    "tile/entries/x009/x007/x199/x254/x740/991",
  ]);
  assert.equal(tilePath({ level: 0, index: 1067, width: 5 }), "tile/0/x001/067.p/5");
  assert.equal(tilePath({ level: 63, index: 0, width: 256 }), "tile/63/000");
});

test("parseTilePath gives back what tilePath wrote", () => {
  const index = fc.oneof(fc.nat(2000), fc.maxSafeNat());
  const path = fc.oneof(
    fc.record(
      { kind: fc.constant("tile" as const), level: fc.nat(63), index, width: fc.integer({ min: 1, max: 256 }) },
      { noNullPrototype: true },
    ),
    fc.record(
      { kind: fc.constant("entries" as const), index, width: fc.integer({ min: 1, max: 256 }) },
      { noNullPrototype: true },
    ),
  );
  fc.assert(
    fc.property(path, (at: TilePath) =>
      assert.deepEqual(parseTilePath(at.kind === "tile" ? tilePath(at) : entryBundlePath(at.index, at.width)), at),
    ),
  );
});

test("parseTilePath takes the highest level, and none above it", () => {
  assert.deepEqual(parseTilePath("tile/63/000"), { kind: "tile", level: 63, index: 0, width: 256 });
  assert.throws(() => parseTilePath("tile/64/000"), { code: "TILE_PATH_MALFORMED" });
});

test("parseTilePath refuses every other spelling", () => {
  const malformed = [
    "",
    "tile",
    "/tile/0/000",
    "tile/0/000/",
    "tile/00/000",
    "tile/01/000",
    "tile/64/000",
    "tile/-1/000",
    "tile/0/0",
    "tile/0/0000",
    "tile/0/x000/001",
    "tile/0/001/002",
    "tile/0/x001",
    "tile/0/x001/x002",
    "tile/0/000.p/0",
    "tile/0/000.p/256",
    "tile/0/000.p/01",
    "tile/0/000.p",
    "tile/0/000.p/5/",
    "tile/0/000.p/1000",
    "tile/entries/x000/000",
    "tile/entry/000",
    "tile/0/../000",
    "tile/0/x009/x007/x199/x254/x740/992",
    "tile/0/x001/x000/x000/x000/x000/x000/000",
    "tile/0/000\n",
  ];
  for (const path of malformed) assert.throws(() => parseTilePath(path), { code: "TILE_PATH_MALFORMED" }, path);
});

test("parseTilePath throws nothing but our errors", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(..."tile/entries0123x.p") }), (text) => {
      try {
        parseTilePath(text);
      } catch (error) {
        assert.ok(isSigillumError(error));
      }
    }),
  );
});

test("tilePath is a programmer's mistake with a level, width or index that no tile has", () => {
  assert.throws(() => tilePath({ level: 64, index: 0, width: 1 }), TypeError);
  assert.throws(() => tilePath({ level: 0, index: 0, width: 0 }), TypeError);
  assert.throws(() => entryBundlePath(0, 257), TypeError);
  assert.throws(() => entryBundlePath(-1, 256), { code: "TREE_SIZE_INVALID" });
});

test("widthOfTile gives the widths of a tree of 70,000 leaves", () => {
  const widths = [
    [0, 0],
    [0, 272],
    [0, 273],
    [0, 274],
    [1, 0],
    [1, 1],
    [2, 0],
    [3, 0],
  ].map(([level = 0, index = 0]) => widthOfTile(level, index, 70_000));
  assert.deepEqual(widths, [256, 256, 112, 0, 256, 17, 1, 0]);
  assert.equal(widthOfTile(4, 2 ** 13 - 1, 2 ** 53 - 1), 255);
});
