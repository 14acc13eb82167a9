// Checking inclusion and consistency proofs: RFC 9162 §2.1.3.2 and §2.1.4.2.
import { merkleError } from "./errors.ts";
import { emptyRoot, type Hash, nodeHash, requireHash, requireTreeNumber, rootDifference } from "./hash.ts";
import { half, inclusionProofLength, isOdd } from "./tree-math.ts";

/** What an inclusion proof claims: this leaf stands at this index in the tree of this size and root. */
export interface InclusionClaim {
  readonly leafHash: Hash;
  readonly leafIndex: number;
  readonly treeSize: number;
  readonly proof: readonly Hash[];
  readonly root: Hash;
}

/**
 * Verify that a leaf is in a tree. When it returns, the tree with this size and root has the leaf at this index. Whether the
 * root is to be believed was not checked: take it from a verified checkpoint.
 */
export function verifyInclusion(claim: InclusionClaim): void {
  const found = inclusionRoot(claim);
  requireHash(claim.root, "the root of the tree");
  const difference = rootDifference(found, claim.root);
  if (difference !== undefined) {
    throw merkleError(
      "INCLUSION_ROOT_MISMATCH",
      `Cannot verify inclusion of leaf ${claim.leafIndex}: the proof leads to root ${difference.found}, the tree of size ${claim.treeSize} has ${difference.expected}`,
      difference,
    );
  }
}

/**
 * Compute the root that an inclusion proof leads to, for callers that compare it themselves. The number of hashes has been
 * checked; the root was compared with nothing.
 */
export function inclusionRoot(claim: Omit<InclusionClaim, "root">): Hash {
  const { leafIndex, treeSize, proof } = claim;
  requireTreeNumber(leafIndex, "the leaf index of an inclusion proof");
  requireTreeNumber(treeSize, "the tree size of an inclusion proof");
  // RFC 9162 §2.1.3.2 step 1
  if (leafIndex >= treeSize) {
    throw merkleError(
      "INCLUSION_INDEX_OUT_OF_RANGE",
      `Cannot verify inclusion: leaf index ${leafIndex} is not below tree size ${treeSize}`,
      { found: String(leafIndex), expected: `below ${treeSize}` },
    );
  }
  const expected = inclusionProofLength(leafIndex, treeSize);
  if (proof.length !== expected) {
    throw merkleError(
      "INCLUSION_PROOF_LENGTH",
      `Cannot verify inclusion of leaf ${leafIndex} in a tree of ${treeSize}: the proof has ${proof.length} hashes, expected ${expected}`,
      { found: String(proof.length), expected: String(expected) },
    );
  }
  requireHash(claim.leafHash, "the leaf hash of an inclusion proof");
  return climb([claim.leafHash], leafIndex, treeSize - 1, proof)[0] ?? emptyRoot;
}

/** What a consistency proof claims: the larger tree begins with the smaller one. */
export interface ConsistencyClaim {
  readonly size1: number;
  readonly root1: Hash;
  readonly size2: number;
  readonly root2: Hash;
  readonly proof: readonly Hash[];
}

/**
 * Verify that a tree is an append-only extension of an earlier one. When it returns, the first `size1` leaves of both are the
 * same. Neither root's signature was checked. The empty tree is consistent with every tree, with an empty proof.
 */
export function verifyConsistency(claim: ConsistencyClaim): void {
  const { size1, size2, root1, root2, proof } = claim;
  requireTreeNumber(size1, "the first size of a consistency proof");
  requireTreeNumber(size2, "the second size of a consistency proof");
  requireHash(root1, "the first root of a consistency proof");
  requireHash(root2, "the second root of a consistency proof");
  if (size1 > size2) {
    throw merkleError("CONSISTENCY_SIZE_ORDER", `Cannot verify consistency: first size ${size1} is above second size ${size2}`, {
      found: String(size1),
      expected: `at most ${size2}`,
    });
  }
  const expected = consistencyProofLength(size1, size2);
  if (proof.length !== expected) {
    throw merkleError(
      "CONSISTENCY_PROOF_LENGTH",
      `Cannot verify consistency of sizes ${size1} and ${size2}: the proof has ${proof.length} hashes, expected ${expected}`,
      { found: String(proof.length), expected: String(expected) },
    );
  }
  const [first, second] = consistencyRoots(claim);
  requireRoot("CONSISTENCY_FIRST_ROOT_MISMATCH", size1, first, root1);
  requireRoot("CONSISTENCY_SECOND_ROOT_MISMATCH", size2, second, root2);
}

/** How many hashes a consistency proof between two sizes has. */
export function consistencyProofLength(size1: number, size2: number): number {
  if (size1 === 0 || size1 === size2) return 0;
  const [node, last] = startNode(size1, size2);
  // A first size that is a power of two is a complete subtree, whose hash is the first root itself and is not sent.
  return inclusionProofLength(node, last + 1) + (node === 0 ? 0 : 1);
}

// RFC 9162 §2.1.4.2 steps 3 and 4: the largest complete subtree that ends the first tree, as node index, and the last node on its level.
function startNode(size1: number, size2: number): [node: number, last: number] {
  let node = size1 - 1;
  let last = size2 - 1;
  while (isOdd(node)) {
    node = half(node);
    last = half(last);
  }
  return [node, last];
}

function consistencyRoots({ size1, size2, root1, root2, proof }: ConsistencyClaim): [Hash, Hash] {
  if (size1 === 0) return [emptyRoot, size2 === 0 ? emptyRoot : root2];
  if (size1 === size2) return [root1, root1];
  const [node, last] = startNode(size1, size2);
  const seed = node === 0 ? root1 : (proof[0] ?? emptyRoot);
  requireHash(seed, "a hash of a consistency proof");
  const [first, second] = climb([seed, seed], node, last, node === 0 ? proof : proof.slice(1));
  return [first ?? emptyRoot, second ?? emptyRoot];
}

// The common loop of RFC 9162 §2.1.3.2 step 4 and §2.1.4.2 step 6. `hashes` holds fr and sr (or only r): a left sibling
// belongs to both trees, a right one only to the larger tree, which stands last. The number of hashes was checked before.
function climb(hashes: readonly [Hash] | readonly [Hash, Hash], node: number, last: number, proof: readonly Hash[]): Hash[] {
  const result: Hash[] = [...hashes];
  const larger = result.length - 1;
  let fn = node;
  let sn = last;
  for (const sibling of proof) {
    requireHash(sibling, "a hash of a proof");
    if (isOdd(fn) || fn === sn) {
      for (let i = 0; i <= larger; i++) result[i] = nodeHash(sibling, result[i] ?? emptyRoot);
      // Levels where the node is a lone left child have no sibling.
      while (!isOdd(fn) && fn !== 0) {
        fn = half(fn);
        sn = half(sn);
      }
    } else {
      result[larger] = nodeHash(result[larger] ?? emptyRoot, sibling);
    }
    fn = half(fn);
    sn = half(sn);
  }
  return result;
}

function requireRoot(
  code: "CONSISTENCY_FIRST_ROOT_MISMATCH" | "CONSISTENCY_SECOND_ROOT_MISMATCH",
  size: number,
  found: Hash,
  expected: Hash,
): void {
  const difference = rootDifference(found, expected);
  if (difference === undefined) return;
  throw merkleError(
    code,
    `Cannot verify consistency: the proof leads to root ${difference.found} at size ${size}, the checkpoint has ${difference.expected}`,
    difference,
  );
}
