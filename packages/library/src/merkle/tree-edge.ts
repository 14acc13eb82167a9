// The right edge of a tree: the roots of the complete subtrees that make up its size, largest first. This is all a log needs
// to append to a tree and to know its root ("compact range").
import { merkleError } from "./errors.ts";
import { emptyRoot, type Hash, nodeHash, requireHash, requireTreeNumber } from "./hash.ts";
import { countBits, half, isOdd } from "./tree-math.ts";

/** Fold hashes of subtrees, largest first, into one root; of none it is the empty root. */
export function foldRoot(hashes: readonly Hash[]): Hash {
  let root = hashes.at(-1);
  if (root === undefined) return emptyRoot;
  for (let i = hashes.length - 2; i >= 0; i--) root = nodeHash(hashes[i] ?? emptyRoot, root);
  return root;
}

/** A growing tree of which only the right edge is kept. Invariant: one hash for each set bit of `size`, largest subtree first. */
export class TreeEdge {
  #size = 0;
  #hashes: Hash[] = [];

  /** Take up a tree at `size` with the edge that `hashes` gave then. Only the number and length of the hashes are checked. */
  static from(size: number, hashes: readonly Hash[]): TreeEdge {
    requireTreeNumber(size, "the size of a tree edge");
    const expected = countBits(size);
    if (hashes.length !== expected) {
      throw merkleError(
        "TREE_EDGE_MISMATCH",
        `Cannot take up a tree of size ${size}: got ${hashes.length} hashes, expected ${expected}`,
        {
          found: String(hashes.length),
          expected: String(expected),
        },
      );
    }
    for (const hash of hashes) requireHash(hash, "a hash of a tree edge");
    const edge = new TreeEdge();
    edge.#size = size;
    edge.#hashes = [...hashes];
    return edge;
  }

  /** The number of leaves. */
  get size(): number {
    return this.#size;
  }

  /** The roots of the complete subtrees, largest (leftmost) first. */
  get hashes(): readonly Hash[] {
    return this.#hashes;
  }

  /** Add one leaf by its hash. */
  append(leafHash: Hash): void {
    requireHash(leafHash, "a leaf hash");
    requireTreeNumber(this.#size + 1, "the size of a tree edge");
    let hash = leafHash;
    for (let size = this.#size; isOdd(size); size = half(size)) hash = nodeHash(this.#hashes.pop() ?? emptyRoot, hash);
    this.#hashes.push(hash);
    this.#size += 1;
  }

  /** The root of the tree as it is now. */
  root(): Hash {
    return foldRoot(this.#hashes);
  }
}
