// Arithmetic on tree sizes and indexes up to 2^53 - 1. JavaScript's shifts and masks work on 32 bits only and would be wrong
// from 2^31 on, so everything here divides.

/** Half of a number, rounded down: the parent's index, or a right shift by one. */
export function half(value: number): number {
  return Math.floor(value / 2);
}

/** Whether a number is odd: its lowest bit is set. */
export function isOdd(value: number): boolean {
  return value % 2 === 1;
}

/** How many bits of a number are set: the number of complete subtrees that make up a tree of that size. */
export function countBits(value: number): number {
  let count = 0;
  for (let rest = value; rest > 0; rest = half(rest)) if (isOdd(rest)) count++;
  return count;
}

/** The largest power of two that is smaller than `size` (RFC 9162 §2.1.1: k < n <= 2k). `size` must be at least 2. */
export function splitPoint(size: number): number {
  let k = 1;
  while (k * 2 < size) k *= 2;
  return k;
}

/** How many hashes an inclusion proof has for a leaf in a tree: what RFC 9162 §2.1.3.1 yields, without computing it. */
export function inclusionProofLength(leafIndex: number, treeSize: number): number {
  if (!Number.isSafeInteger(leafIndex) || !Number.isSafeInteger(treeSize) || leafIndex < 0 || leafIndex >= treeSize) {
    throw new TypeError(`No tree of size ${treeSize} has a leaf ${leafIndex}`);
  }
  let index = leafIndex;
  let last = treeSize - 1;
  let length = 0;
  // Up to where the paths of the leaf and of the last leaf meet every level has a sibling; above, only right children have.
  for (; index !== last; length++) {
    index = half(index);
    last = half(last);
  }
  return length + countBits(index);
}
