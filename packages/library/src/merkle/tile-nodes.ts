// One tile with the inner nodes above its hashes. A tile stores 256 hashes; the levels between them and the next tile are
// computed, and kept, because proofs ask for the same ones again and again.
import { merkleError } from "./errors.ts";
import { type Hash, hashLength, nodeHash, requireHash } from "./hash.ts";
import { tileHeight, tileWidth } from "./tile-path.ts";

// Nodes of heights 0..7 of a full tile stand one height after another: 256 + 128 + … + 2 = 510.
const nodeCount = 2 * tileWidth - 2;
const heightStart: readonly number[] = Array.from(
  { length: tileHeight },
  (_, height) => 2 * tileWidth - 2 * (tileWidth >> height),
);

/** The hashes of a tile and the nodes above them, computed when first asked for. It can grow by `append` while it is partial. */
export class TileNodes {
  readonly #nodes: Uint8Array = new Uint8Array(nodeCount * hashLength);
  readonly #known: Uint8Array = new Uint8Array(nodeCount);
  #width = 0;

  /** Take up the bytes of a tile: as many hashes as it holds, at most 256. Nothing about the hashes can be checked here. */
  static from(bytes: Uint8Array): TileNodes {
    const width = bytes.length / hashLength;
    if (!Number.isInteger(width) || width > tileWidth) {
      throw merkleError(
        "TILE_LENGTH",
        `Cannot read tile: ${bytes.length} bytes are not 0 to ${tileWidth} hashes of ${hashLength} bytes`,
        {
          found: String(bytes.length),
          expected: `a multiple of ${hashLength}, at most ${tileWidth * hashLength}`,
        },
      );
    }
    const tile = new TileNodes();
    tile.#nodes.set(bytes);
    tile.#known.fill(1, 0, width);
    tile.#width = width;
    return tile;
  }

  /** How many hashes the tile has. */
  get width(): number {
    return this.#width;
  }

  /** The tile as it is stored: its first `width` hashes (a copy). */
  bytes(width: number = this.#width): Uint8Array {
    if (width > this.#width) throw new TypeError(`A tile of width ${this.#width} has no ${width} hashes`);
    return this.#nodes.slice(0, width * hashLength);
  }

  /** Add a hash to a tile that is not full; the nodes that it completes are computed. */
  append(hash: Hash): void {
    if (this.#width >= tileWidth) throw new TypeError("A full tile takes no more hashes");
    requireHash(hash, "a hash of a tile");
    let index = this.#width++;
    this.#set(0, index, hash);
    for (let height = 1; height < tileHeight && index % 2 === 1; height++) {
      index = (index - 1) / 2;
      this.#set(height, index, nodeHash(this.#node(height - 1, 2 * index), this.#node(height - 1, 2 * index + 1)));
    }
  }

  /**
   * The root of the complete subtree `index` at `height` (0 to 7) above the tile's hashes. The caller must know that the tile's
   * width covers it. The result is a view that later calls do not change.
   */
  node(height: number, index: number): Hash {
    if ((index + 1) * 2 ** height > this.#width) {
      throw merkleError(
        "TILE_LENGTH",
        `Cannot read node ${index} at height ${height} of a tile: it has only ${this.#width} hashes`,
        {
          found: String(this.#width),
          expected: `at least ${(index + 1) * 2 ** height}`,
        },
      );
    }
    return this.#node(height, index);
  }

  /** The root of a full tile, which is one hash of the tile above it. */
  root(): Hash {
    return nodeHash(this.node(tileHeight - 1, 0), this.node(tileHeight - 1, 1));
  }

  /** A copy that grows apart from this one. */
  clone(): TileNodes {
    const copy = new TileNodes();
    copy.#nodes.set(this.#nodes);
    copy.#known.set(this.#known);
    copy.#width = this.#width;
    return copy;
  }

  #node(height: number, index: number): Hash {
    if (this.#known[position(height, index)] === 0) {
      this.#set(height, index, nodeHash(this.#node(height - 1, 2 * index), this.#node(height - 1, 2 * index + 1)));
    }
    return this.#view(height, index);
  }

  #view(height: number, index: number): Hash {
    const start = position(height, index) * hashLength;
    return this.#nodes.subarray(start, start + hashLength);
  }

  #set(height: number, index: number, hash: Hash): void {
    const at = position(height, index);
    this.#nodes.set(hash, at * hashLength);
    this.#known[at] = 1;
  }
}

function position(height: number, index: number): number {
  return (heightStart[height] ?? nodeCount) + index;
}
