// The codes of the room merkle.
import { defineErrors, type ErrorMaker } from "../encoding/index.ts";

/** The error codes of this room, each with its kind and meaning. */
export const merkleErrors = {
  CONSISTENCY_FIRST_ROOT_MISMATCH: {
    kind: "verification",
    means: "A consistency proof does not lead to the root of the smaller tree.",
  },
  CONSISTENCY_PROOF_LENGTH: {
    kind: "verification",
    means: "A consistency proof has more or fewer hashes than its two tree sizes demand.",
  },
  CONSISTENCY_SECOND_ROOT_MISMATCH: {
    kind: "verification",
    means: "A consistency proof does not lead to the root of the larger tree.",
  },
  CONSISTENCY_SIZE_ORDER: {
    kind: "verification",
    means: "A consistency proof was asked for with a first tree that is larger than the second.",
  },
  INCLUSION_INDEX_OUT_OF_RANGE: {
    kind: "verification",
    means: "The leaf index of an inclusion proof is not below the tree size.",
  },
  INCLUSION_PROOF_LENGTH: {
    kind: "verification",
    means: "An inclusion proof has more or fewer hashes than its index and tree size demand.",
  },
  INCLUSION_ROOT_MISMATCH: {
    kind: "verification",
    means: "The root computed from an inclusion proof is not the root of the tree.",
  },
  MERKLE_HASH_LENGTH: { kind: "malformed", means: "A tree hash is not 32 bytes long." },
  PROOF_OUT_OF_RANGE: {
    kind: "malformed",
    means: "A proof was asked for an index or a size that the tree does not have.",
  },
  TILE_LENGTH: { kind: "malformed", means: "A tile has fewer hashes than its width, or is no whole number of hashes." },
  TILE_PATH_MALFORMED: { kind: "malformed", means: "A path is not the one canonical path of a tile or entry bundle." },
  TREE_EDGE_MISMATCH: {
    kind: "malformed",
    means: "The hashes given for the right edge of a tree do not fit the tree's size.",
  },
  TREE_SIZE_INVALID: {
    kind: "malformed",
    means: "A tree size or index is negative, fractional or above 2^53 - 1.",
  },
} as const;

/** Make an error of this room. */
export const merkleError: ErrorMaker<typeof merkleErrors> = defineErrors(merkleErrors);
