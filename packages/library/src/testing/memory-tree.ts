// RFC 9162 §2.1 word for word, and slow: it shares nothing with the room merkle but the two hashes.
import { emptyRoot, type Hash, leafHash, nodeHash } from "../merkle/index.ts";

/** A Merkle tree in memory. */
export class MemoryTree {
  readonly #leaves: Hash[] = [];

  /** The number of leaves. */
  get size(): number {
    return this.#leaves.length;
  }

  /** Append a leaf; returns its index. */
  append(leaf: Uint8Array): number {
    return this.#leaves.push(leafHash(leaf)) - 1;
  }

  /** The root of the whole tree. */
  root(): Hash {
    return treeHash(this.#leaves);
  }

  /** The inclusion proof of a leaf in the whole tree. */
  inclusionProof(index: number): Hash[] {
    return path(index, this.#leaves);
  }
}

function treeHash(leaves: readonly Hash[]): Hash {
  const [first] = leaves;
  if (first === undefined) return emptyRoot;
  if (leaves.length === 1) return first;
  const k = split(leaves.length);
  return nodeHash(treeHash(leaves.slice(0, k)), treeHash(leaves.slice(k)));
}

function path(index: number, leaves: readonly Hash[]): Hash[] {
  if (leaves.length <= 1) return [];
  const k = split(leaves.length);
  if (index < k) return [...path(index, leaves.slice(0, k)), treeHash(leaves.slice(k))];
  return [...path(index - k, leaves.slice(k)), treeHash(leaves.slice(0, k))];
}

// The largest power of two below n.
function split(n: number): number {
  let k = 1;
  while (k * 2 < n) k *= 2;
  return k;
}
