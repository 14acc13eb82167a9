// Proofs out of tiles: RFC 9162 §2.1.3.1 and §2.1.4.1. A proof is first written down as ranges of leaves, then each range is
// hashed from the tiles; so the reader may be synchronous, or the tiles may be fetched before.
import { merkleError } from "./errors.ts";
import { type Hash, requireTreeNumber } from "./hash.ts";
import { readNodes, type TileReader } from "./tile-edge.ts";
import type { TileNodes } from "./tile-nodes.ts";
import { type TileCoordinates, tileHeight, tileWidth, widthOfTile } from "./tile-path.ts";
import { foldRoot } from "./tree-edge.ts";
import { splitPoint } from "./tree-math.ts";

/** Fetches the bytes of one tile; as TileReader, but may take its time. */
export type AsyncTileReader = (
  level: number,
  index: number,
  width: number,
) => Uint8Array | TileNodes | Promise<Uint8Array | TileNodes>;

// Leaves `start` (inclusive) to `end` (exclusive); `start` is a multiple of the power of two not below the length.
interface LeafRange {
  readonly start: number;
  readonly end: number;
}

// The complete subtree `index` on `height`: leaves index·2^height to (index+1)·2^height.
interface TreeNode {
  readonly height: number;
  readonly index: number;
}

/** The proof that leaf `index` is in the tree of `size` leaves, leaf to root. It is only as true as the tiles. */
export function inclusionProofSync(index: number, size: number, readTile: TileReader): Hash[] {
  return new TileProver(size, readTile).inclusionProof(index);
}

/** The proof that the tree of `size2` leaves extends that of `size1`. It is only as true as the tiles. */
export function consistencyProofSync(size1: number, size2: number, readTile: TileReader): Hash[] {
  return new TileProver(size2, readTile).consistencyProof(size1);
}

/** As inclusionProofSync, with all tiles that it needs fetched at once. */
export async function inclusionProof(index: number, size: number, readTile: AsyncTileReader): Promise<Hash[]> {
  const ranges = inclusionRanges(index, size);
  return hashRanges(ranges, size, readTile);
}

/** As consistencyProofSync, with all tiles that it needs fetched at once. */
export async function consistencyProof(size1: number, size2: number, readTile: AsyncTileReader): Promise<Hash[]> {
  const ranges = consistencyRanges(size1, size2);
  return hashRanges(ranges, size2, readTile);
}

/** The root of the tree of `size` leaves, from its tiles, with all that it needs fetched at once. */
export async function treeRoot(size: number, readTile: AsyncTileReader): Promise<Hash> {
  requireTreeNumber(size, "a tree size");
  const [root] = await hashRanges([{ start: 0, end: size }], size, readTile);
  return root ?? foldRoot([]);
}

/** Makes proofs against one tree size, and keeps the tiles and right-edge hashes that they share. */
export class TileProver {
  readonly #size: number;
  readonly #hasher: RangeHasher;

  /** `readTile` must give the tiles of a tree with at least `size` leaves. */
  constructor(size: number, readTile: TileReader) {
    requireTreeNumber(size, "a tree size");
    this.#size = size;
    this.#hasher = new RangeHasher(size, readTile);
  }

  /** The proof that leaf `index` is in the tree, leaf to root. */
  inclusionProof(index: number): Hash[] {
    return inclusionRanges(index, this.#size).map((range) => this.#hasher.hash(range));
  }

  /** The proof that the tree extends the one of `size1` leaves. */
  consistencyProof(size1: number): Hash[] {
    return consistencyRanges(size1, this.#size).map((range) => this.#hasher.hash(range));
  }
}

class RangeHasher {
  readonly #size: number;
  readonly #readTile: TileReader;
  readonly #tiles: Map<string, TileNodes> = new Map();
  readonly #edges: Map<number, Hash> = new Map();

  constructor(size: number, readTile: TileReader) {
    this.#size = size;
    this.#readTile = readTile;
  }

  hash(range: LeafRange): Hash {
    // A range that ends with the tree is shared by the proofs of all leaves left of it.
    const known = range.end === this.#size ? this.#edges.get(range.start) : undefined;
    if (known !== undefined) return known;
    const hash = foldRoot(completeNodes(range).map((node) => this.#node(node)));
    if (range.end === this.#size) this.#edges.set(range.start, hash);
    return hash;
  }

  #node(node: TreeNode): Hash {
    const tile = tileOf(node, this.#size);
    let nodes = this.#tiles.get(tileKey(tile));
    if (nodes === undefined) {
      nodes = readNodes(this.#readTile(tile.level, tile.index, tile.width), tile);
      this.#tiles.set(tileKey(tile), nodes);
    }
    const height = node.height % tileHeight;
    return nodes.node(height, node.index - tile.index * (tileWidth >> height));
  }
}

async function hashRanges(ranges: readonly LeafRange[], size: number, readTile: AsyncTileReader): Promise<Hash[]> {
  const wanted = new Map(
    ranges
      .flatMap(completeNodes)
      .map((node) => tileOf(node, size))
      .map((tile) => [tileKey(tile), tile]),
  );
  const fetched = new Map<string, Uint8Array | TileNodes>();
  const fetchOne = async (tile: TileCoordinates): Promise<void> => {
    fetched.set(tileKey(tile), await readTile(tile.level, tile.index, tile.width));
  };
  await Promise.all([...wanted.values()].map(fetchOne));
  const hasher = new RangeHasher(size, (level, index) => fetched.get(tileKey({ level, index })) ?? new Uint8Array(0));
  return ranges.map((range) => hasher.hash(range));
}

function tileKey(tile: { readonly level: number; readonly index: number }): string {
  return `${tile.level}/${tile.index}`;
}

// RFC 9162 §2.1.3.1: PATH(m, D[n]), as the ranges of leaves whose hashes it consists of, from the leaf up.
function inclusionRanges(index: number, size: number): LeafRange[] {
  requireTreeNumber(index, "a leaf index");
  requireTreeNumber(size, "a tree size");
  if (index >= size) throw outOfRange(`leaf index ${index}`, `a tree of size ${size}`);
  const ranges: LeafRange[] = [];
  let start = 0;
  let end = size;
  while (end - start > 1) {
    const middle = start + splitPoint(end - start);
    if (index < middle) {
      ranges.push({ start: middle, end });
      end = middle;
    } else {
      ranges.push({ start, end: middle });
      start = middle;
    }
  }
  return ranges.reverse();
}

// RFC 9162 §2.1.4.1: SUBPROOF(m, D[n], true), as ranges from the deepest up.
function consistencyRanges(size1: number, size2: number): LeafRange[] {
  requireTreeNumber(size1, "a tree size");
  requireTreeNumber(size2, "a tree size");
  if (size1 > size2) throw outOfRange(`first size ${size1}`, `second size ${size2}`);
  if (size1 === 0 || size1 === size2) return [];
  const ranges: LeafRange[] = [];
  let start = 0;
  let end = size2;
  while (end !== size1) {
    const middle = start + splitPoint(end - start);
    if (size1 <= middle) {
      ranges.push({ start: middle, end });
      end = middle;
    } else {
      ranges.push({ start, end: middle });
      start = middle;
    }
  }
  // The subtree that ends the first tree is sent, unless it is the whole first tree, whose root the verifier has.
  if (start > 0) ranges.push({ start, end });
  return ranges.reverse();
}

// A range starts at a multiple of its largest complete subtree, so these are the set bits of its length, largest first.
function completeNodes({ start, end }: LeafRange): TreeNode[] {
  const nodes: TreeNode[] = [];
  let at = start;
  while (at < end) {
    let height = 0;
    let width = 1;
    while (width * 2 <= end - at) {
      width *= 2;
      height++;
    }
    nodes.push({ height, index: at / width });
    at += width;
  }
  return nodes;
}

function tileOf(node: TreeNode, size: number): TileCoordinates {
  const level = Math.floor(node.height / tileHeight);
  const index = Math.floor(node.index / (tileWidth >> (node.height % tileHeight)));
  return { level, index, width: widthOfTile(level, index, size) };
}

function outOfRange(what: string, bound: string): Error {
  return merkleError("PROOF_OUT_OF_RANGE", `Cannot make a proof: ${what} is beyond ${bound}`, { found: what, expected: bound });
}
