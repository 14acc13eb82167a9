// The tree as it was published: everything that readers may see, at one size and under one checkpoint.
import { sha256 } from "@sigillum/library/crypto";
import { concatBytes, encodeHex, equalBytes } from "@sigillum/library/encoding";
import {
  consistencyProof,
  entryBundlePath,
  type Hash,
  hashLength,
  inclusionProof,
  inclusionRoot,
  leafHash,
  nodeHash,
  parseTilePath,
  type TileNodes,
  type TilePath,
  TileProver,
  tilePath,
  tileWidth,
  treeRoot,
  widthOfTile,
} from "@sigillum/library/merkle";
import { logError } from "./errors.ts";
import type { TileStore } from "./tile-store.ts";
import { openTileAt, type TreeState } from "./tree-state.ts";

/** An entry as it is stored. */
export interface StoredEntry {
  readonly record: Uint8Array;
  readonly leaf: Uint8Array;
  readonly timeMs: number;
}

/** An inclusion proof against the published tree. */
export interface PublishedProof {
  readonly index: number;
  readonly size: number;
  readonly root: Hash;
  readonly hashes: readonly Hash[];
  /** The signed checkpoint of that size and root. */
  readonly checkpoint: string;
  /** The same with the lines of cosigners. */
  readonly cosignedCheckpoint: string;
}

/** What a published tree is made of. */
export interface PublishedTreeParts {
  readonly state: TreeState;
  /** The signed checkpoint; empty while a log that is being opened is checked. */
  readonly checkpoint: string;
  /** Signature lines of cosigners over it. */
  readonly cosignatures: readonly string[];
  readonly origin: string;
  readonly tiles: TileStore;
  leafOfRecord(record: Uint8Array): Uint8Array;
  splitBundle(bundle: Uint8Array): Uint8Array[];
}

class TileNotInMemory extends Error {}

/** Leaves whose proofs are alike from some height on: entries of one batch stand side by side and are all answered with one tree. */
const blockHeight = 4;
const blockWidth = 2 ** blockHeight;
/** Blocks of one tree whose way to the root is kept. */
const maxBlocks = 64;

/** A complete block of leaves: its root, and its path, which was verified to lead from there to the root of the tree. */
interface Block {
  readonly root: Hash;
  readonly path: readonly Hash[];
}

/** A tree at one size. It never changes; the next batch publishes another. */
export class PublishedTree {
  readonly state: TreeState;
  readonly checkpoint: string;
  readonly cosignedCheckpoint: string;
  readonly #origin: string;
  readonly #tiles: TileStore;
  readonly #leafOfRecord: (record: Uint8Array) => Uint8Array;
  readonly #splitBundle: (bundle: Uint8Array) => Uint8Array[];
  readonly #prover: TileProver;
  readonly #blocks: Map<number, Block> = new Map();

  constructor(parts: PublishedTreeParts) {
    this.state = parts.state;
    this.checkpoint = parts.checkpoint;
    this.cosignedCheckpoint = parts.checkpoint + parts.cosignatures.join("");
    this.#origin = parts.origin;
    this.#tiles = parts.tiles;
    this.#leafOfRecord = (record) => parts.leafOfRecord(record);
    this.#splitBundle = (bundle) => parts.splitBundle(bundle);
    this.#prover = new TileProver(parts.state.size, (level, index) => this.#nodesInMemory(level, index));
  }

  /** The proof of an entry, verified before it is returned: from `known`, the entry's leaf hash, or from the leaf as it is stored. */
  async proof(index: number, known?: Hash): Promise<PublishedProof> {
    const { size, root } = this.state;
    const { checkpoint, cosignedCheckpoint } = this;
    const hashes = (known === undefined ? undefined : this.#proofInBlock(index, known)) ?? (await this.#wholeProof(index, known));
    return { index, size, root, hashes, checkpoint, cosignedCheckpoint };
  }

  async #wholeProof(index: number, known: Hash | undefined): Promise<Hash[]> {
    const proof = await this.inclusionProof(index, this.state.size);
    this.#requireRoot(index, known ?? leafHash((await this.entry(index)).leaf), proof);
    return proof;
  }

  #requireRoot(index: number, hash: Hash, proof: readonly Hash[]): void {
    const { size, root } = this.state;
    const found = inclusionRoot({ leafHash: hash, leafIndex: index, treeSize: size, proof });
    if (!equalBytes(found, root)) throw this.#rootMismatch(`entry ${index} at size ${size}`, found, root);
  }

  /**
   * The proof of an entry in a complete block whose tile is in memory, else undefined. From the leaf to the root of the block it was verified
   * now, from there to the root of the tree when an entry of the block was first asked for.
   */
  #proofInBlock(index: number, leaf: Hash): Hash[] | undefined {
    const number = Math.floor(index / blockWidth);
    if (!Number.isSafeInteger(index) || index < 0 || (number + 1) * blockWidth > this.state.size) return undefined;
    const tileIndex = Math.floor(index / tileWidth);
    const nodes = openTileAt(this.state, 0, tileIndex) ?? this.#tiles.hotNodes(0, tileIndex);
    if (nodes === undefined) return undefined;
    const hashes: Hash[] = [];
    let at = index % tileWidth;
    let found = leaf;
    for (let height = 0; height < blockHeight; height += 1) {
      const sibling = nodes.node(height, at % 2 === 0 ? at + 1 : at - 1);
      found = at % 2 === 0 ? nodeHash(found, sibling) : nodeHash(sibling, found);
      hashes.push(sibling);
      at = Math.floor(at / 2);
    }
    const known = this.#blocks.get(number);
    if (known === undefined) return this.#proofOfNewBlock(index, leaf, { number, root: found });
    if (equalBytes(found, known.root)) return hashes.concat(known.path);
    throw this.#rootMismatch(`entry ${index} at size ${this.state.size}`, found, known.root);
  }

  #proofOfNewBlock(index: number, leaf: Hash, { number, root }: { number: number; root: Hash }): Hash[] | undefined {
    const proof = inMemory(() => this.#prover.inclusionProof(index));
    if (proof === undefined) return undefined;
    this.#requireRoot(index, leaf, proof);
    if (this.#blocks.size >= maxBlocks) this.#blocks.clear();
    // `root` follows from the leaf by the hashes that the proof begins with.
    this.#blocks.set(number, { root, path: proof.slice(blockHeight) });
    return proof;
  }

  /** The proof of an entry in this tree or an earlier one. */
  async inclusionProof(index: number, size: number): Promise<Hash[]> {
    requireBelow(size, this.state.size + 1, "tree size");
    requireBelow(index, size, "entry");
    const known = size === this.state.size ? inMemory(() => this.#prover.inclusionProof(index)) : undefined;
    return known ?? inclusionProof(index, size, (level, at) => this.#nodesAt(level, at));
  }

  /** The proof that the tree of `size2` entries extends that of `size1`. */
  async consistencyProof(size1: number, size2: number): Promise<Hash[]> {
    requireBelow(size2, this.state.size + 1, "tree size");
    requireBelow(size1, size2 + 1, "tree size");
    const known = size2 === this.state.size ? inMemory(() => this.#prover.consistencyProof(size1)) : undefined;
    return known ?? consistencyProof(size1, size2, (level, at) => this.#nodesAt(level, at));
  }

  /** The root of this tree or an earlier one. */
  async rootAt(size: number): Promise<Hash> {
    requireBelow(size, this.state.size + 1, "tree size");
    return size === this.state.size ? this.state.root : treeRoot(size, (level, at) => this.#nodesAt(level, at));
  }

  /** An entry; it hashes to its leaf in this tree. Its time is not part of the tree and was not checked. */
  async entry(index: number): Promise<StoredEntry> {
    const { size, openRecords, openTimesMs } = this.state;
    requireBelow(index, size, "entry");
    const bundleIndex = Math.floor(index / tileWidth);
    const open = bundleIndex === Math.floor(size / tileWidth);
    const { records, timesMs } = open ? { records: openRecords, timesMs: openTimesMs } : await this.#tiles.bundle(bundleIndex);
    const record = records[index % tileWidth];
    const timeMs = timesMs[index % tileWidth];
    if (record === undefined || timeMs === undefined) {
      throw logError("LOG_STATE_CORRUPT", `Cannot read entry ${index}: its bundle ends before it`);
    }
    const leaf = this.#leafOfRecord(record);
    if (!open) this.#requireLeaf(index, leaf, await this.#nodesAt(0, bundleIndex));
    return { record, leaf, timeMs };
  }

  /** A tile or bundle by its path, of any width up to that in this tree; undefined when the tree has none such. */
  async tile(path: string): Promise<Uint8Array | undefined> {
    const tile = parseTilePath(path);
    const level = tile.kind === "tile" ? tile.level : 0;
    const width = widthOfTile(level, tile.index, this.state.size);
    if (tile.width > width) return undefined;
    if (width === tileWidth) return this.#fullTile(tile);
    if (tile.kind === "tile") return openTileAt(this.state, level, tile.index)?.bytes(tile.width);
    return concatBytes(...this.state.openRecords.slice(0, tile.width));
  }

  #nodesInMemory(level: number, index: number): TileNodes {
    const nodes = openTileAt(this.state, level, index) ?? this.#tiles.hotNodes(level, index);
    if (nodes === undefined) throw new TileNotInMemory();
    return nodes;
  }

  // Tiles in memory are right: the open ones lead to the root, and what comes from the disk is held against the tile above it.
  async #nodesAt(level: number, index: number): Promise<TileNodes> {
    const known = openTileAt(this.state, level, index) ?? this.#tiles.hotNodes(level, index);
    if (known !== undefined) return known;
    const nodes = await this.#tiles.storedNodes(level, index);
    const above = await this.#nodesAt(level + 1, Math.floor(index / tileWidth));
    const [found, expected] = [nodeHash(nodes.node(7, 0), nodes.node(7, 1)), above.node(0, index % tileWidth)];
    if (!equalBytes(found, expected)) throw this.#rootMismatch(tilePath({ level, index, width: tileWidth }), found, expected);
    this.#tiles.keepNodes(level, index, nodes);
    return nodes;
  }

  #requireLeaf(index: number, leaf: Uint8Array, nodes: TileNodes): void {
    const [found, expected] = [leafHash(leaf), nodes.node(0, index % tileWidth)];
    if (!equalBytes(found, expected)) throw this.#rootMismatch(`entry ${index}`, found, expected);
  }

  async #checkBundle(bundleIndex: number, bytes: Uint8Array): Promise<void> {
    const records = this.#splitBundle(bytes);
    if (records.length !== tileWidth)
      throw logError(
        "LOG_STATE_CORRUPT",
        `Cannot read entry bundle ${bundleIndex}: it has ${records.length} entries, expected ${tileWidth}`,
      );
    const nodes = await this.#nodesAt(0, bundleIndex);
    for (const [position, record] of records.entries())
      this.#requireLeaf(bundleIndex * tileWidth + position, this.#leafOfRecord(record), nodes);
  }

  // A partial tile of a width that was published once is the beginning of the full one.
  async #fullTile(tile: TilePath): Promise<Uint8Array | undefined> {
    const { index, width } = tile;
    if (tile.kind === "tile") {
      const path = tilePath({ ...tile, width: tileWidth });
      const bytes = await this.#tiles.file(path, async (found) => {
        const { level } = tile;
        const right = (await this.#nodesAt(level, index)).bytes();
        if (!equalBytes(found, right)) throw this.#rootMismatch(path, sha256(found), sha256(right));
      });
      return width === tileWidth ? bytes : bytes?.subarray(0, width * hashLength);
    }
    const bytes = await this.#tiles.file(entryBundlePath(index, tileWidth), (found) => this.#checkBundle(index, found));
    if (width === tileWidth || bytes === undefined) return bytes;
    return concatBytes(...this.#splitBundle(bytes).slice(0, width));
  }

  #rootMismatch(what: string, found: Hash, expected: Hash): Error {
    const fields = { found: encodeHex(found), expected: encodeHex(expected) };
    const message = `Cannot use log ${this.#origin}: ${what} leads to ${fields.found}, recorded is ${fields.expected}`;
    return logError("LOG_ROOT_MISMATCH", message, fields);
  }
}

/** What `prove` gives, or undefined when a tile that it needs is not in memory. */
function inMemory<T>(prove: () => T): T | undefined {
  try {
    return prove();
  } catch (error) {
    if (error instanceof TileNotInMemory) return undefined;
    throw error;
  }
}

function requireBelow(value: number, bound: number, what: string): void {
  if (Number.isSafeInteger(value) && value >= 0 && value < bound) return;
  throw logError("LOG_INDEX_OUT_OF_RANGE", `Cannot read log: ${what} ${value} is not below ${bound}`, {
    found: String(value),
    expected: `below ${bound}`,
  });
}
