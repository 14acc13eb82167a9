// The right edge of a tree kept as tiles: what a tiled log appends to. Every append gives the hashes of the tiles, the inner
// nodes for proofs and the root with about one node hash a leaf.
import { merkleError } from "./errors.ts";
import { type Hash, requireTreeNumber } from "./hash.ts";
import { TileNodes } from "./tile-nodes.ts";
import { type TileCoordinates, tileHeight, tileWidth, widthOfTile } from "./tile-path.ts";
import { foldRoot } from "./tree-edge.ts";

/** A tile to be stored: where it stands, its bytes, and its nodes (which stay fixed when the tile is full). */
export interface Tile extends TileCoordinates {
  readonly bytes: Uint8Array;
  readonly nodes: TileNodes;
}

/** Reads the bytes of one tile; may give more hashes than `width` (a full tile for a partial one), never fewer. */
export type TileReader = (level: number, index: number, width: number) => Uint8Array | TileNodes;

/** A growing tree of which the open tile of each level is kept. */
export class TileEdge {
  #size = 0;
  // The open tile of each level: its width is floor(size / 256^level) mod 256, which may be 0.
  #open: TileNodes[] = [];
  #filled: Tile[] = [];
  #takenSize = 0;

  /** Take up a tree at `size` from its stored tiles. That they belong to that tree is not checked: compare `root()` with a checkpoint. */
  static from(size: number, readTile: TileReader): TileEdge {
    requireTreeNumber(size, "the size of a tiled tree");
    const edge = new TileEdge();
    edge.#size = size;
    edge.#takenSize = size;
    for (let level = 0; tileWidth ** level <= size; level++) {
      const index = Math.floor(size / tileWidth ** (level + 1));
      const width = widthOfTile(level, index, size);
      // The reader may have given more than the tree had then: only `width` hashes belong to it.
      edge.#open.push(
        width === 0
          ? new TileNodes()
          : TileNodes.from(readNodes(readTile(level, index, width), { level, index, width }).bytes(width)),
      );
    }
    return edge;
  }

  /** The number of leaves. */
  get size(): number {
    return this.#size;
  }

  /** Add one leaf by its hash. */
  append(leafHash: Hash): void {
    requireTreeNumber(this.#size + 1, "the size of a tiled tree");
    let hash = leafHash;
    for (let level = 0; ; level++) {
      const nodes = this.#open[level] ?? new TileNodes();
      this.#open[level] = nodes;
      nodes.append(hash);
      if (nodes.width < tileWidth) break;
      const index = Math.floor(this.#size / tileWidth ** (level + 1));
      this.#filled.push({ level, index, width: tileWidth, bytes: nodes.bytes(), nodes });
      this.#open[level] = new TileNodes();
      hash = nodes.root();
    }
    this.#size += 1;
  }

  /** The root of the tree as it is now. */
  root(): Hash {
    const peaks: Hash[] = [];
    for (let level = this.#open.length - 1; level >= 0; level--) {
      const nodes = this.#open[level];
      if (nodes === undefined) continue;
      for (let height = tileHeight - 1; height >= 0; height--) {
        const complete = nodes.width >> height;
        if (complete % 2 === 1) peaks.push(nodes.node(height, complete - 1));
      }
    }
    return foldRoot(peaks);
  }

  /** The open tile of a level with its nodes, for proofs against the newest tree; undefined when that level has none. */
  openTile(level: number): TileNodes | undefined {
    const nodes = this.#open[level];
    return nodes === undefined || nodes.width === 0 ? undefined : nodes;
  }

  /** Every tile that changed since the last call: those that became full, in order, then the open one of each level that grew. */
  takeTiles(): Tile[] {
    const tiles = this.#filled;
    this.#filled = [];
    for (const [level, nodes] of this.#open.entries()) {
      const grown = Math.floor(this.#size / tileWidth ** level) > Math.floor(this.#takenSize / tileWidth ** level);
      if (!grown || nodes.width === 0) continue;
      const index = Math.floor(this.#size / tileWidth ** (level + 1));
      tiles.push({ level, index, width: nodes.width, bytes: nodes.bytes(), nodes });
    }
    this.#takenSize = this.#size;
    return tiles;
  }

  /** A copy that grows apart from this one: to try a batch and keep the old state until it is durable. */
  clone(): TileEdge {
    const copy = new TileEdge();
    copy.#size = this.#size;
    copy.#takenSize = this.#takenSize;
    copy.#open = this.#open.map((nodes) => nodes.clone());
    copy.#filled = [...this.#filled];
    return copy;
  }
}

/** The nodes of a tile as a reader gave it; refuses fewer hashes than its width, takes more. */
export function readNodes(tile: Uint8Array | TileNodes, at: TileCoordinates): TileNodes {
  const nodes = tile instanceof TileNodes ? tile : TileNodes.from(tile);
  if (nodes.width < at.width) {
    throw merkleError(
      "TILE_LENGTH",
      `Cannot read tile ${at.level}/${at.index}: it has ${nodes.width} hashes, expected ${at.width}`,
      {
        found: String(nodes.width),
        expected: String(at.width),
      },
    );
  }
  return nodes;
}
