// The hashes of RFC 9162 §2.1.1: leaves are prefixed with 0x00, inner nodes with 0x01.

import { sha256 } from "../crypto/index.ts";
import { encodeHex, equalBytes } from "../encoding/index.ts";
import { merkleError } from "./errors.ts";

/** A SHA-256 tree hash: always 32 bytes. */
export type Hash = Uint8Array;

/** The length of every tree hash, in bytes. */
export const hashLength: number = 32;

const leafPrefix = Uint8Array.of(0x00);

/** The root of the tree without leaves: SHA-256 of the empty string (RFC 9162 §2.1.1). */
export const emptyRoot: Hash = sha256();

/** Hash one leaf: SHA-256(0x00 ‖ leaf). */
export function leafHash(leaf: Uint8Array): Hash {
  return sha256(leafPrefix, leaf);
}

// One scratch buffer for all nodes: it never leaves this function, and sha256 is synchronous.
const scratch = new Uint8Array(1 + 2 * hashLength);
scratch[0] = 0x01;

/** Hash an inner node: SHA-256(0x01 ‖ left ‖ right). Both must be 32 bytes, which is not checked here. */
export function nodeHash(left: Hash, right: Hash): Hash {
  scratch.set(left, 1);
  scratch.set(right, 1 + hashLength);
  return sha256(scratch);
}

/** Refuse a hash that is not 32 bytes; `what` names it in the message. */
export function requireHash(hash: Uint8Array, what: string): void {
  if (hash.length !== hashLength) {
    throw merkleError("MERKLE_HASH_LENGTH", `Cannot use ${what}: it has ${hash.length} bytes, a tree hash has 32`, {
      found: String(hash.length),
      expected: String(hashLength),
    });
  }
}

/** Refuse a number that is no tree size or index (a safe integer of zero or more); `what` names it in the message. */
export function requireTreeNumber(value: number, what: string): void {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw merkleError("TREE_SIZE_INVALID", `Cannot use ${what}: ${value} is not an integer from 0 to 2^53 - 1`, {
      found: String(value),
    });
  }
}

/** Compare two roots; returns undefined when equal, else both as hex for an error's fields. */
export function rootDifference(found: Hash, expected: Hash): { found: string; expected: string } | undefined {
  return equalBytes(found, expected) ? undefined : { found: encodeHex(found), expected: encodeHex(expected) };
}
