// Objects of a shard in an S3 bucket, or in any server that speaks its protocol: what S3 has answered to is durable and seen by everybody.
import type { Bucket } from "@sigillum/library/aws";
import { isSigillumError } from "@sigillum/library/encoding";
import { storageError } from "./errors.ts";
import { type ObjectStore, requireObjectPath } from "./object-store.ts";

/** The longest object: a bundle of 256 entries of the longest kind, and then some. */
const maxObjectBytes = 64 * 1024 * 1024;
/** Tiles, bundles, times and keys are a function of the entries: one that is there already is the same, or belongs to another log. */
const unchanging = /^(?:tile|meta\/(?:times|keys))\//;
const headers = { contentType: "application/octet-stream", cacheControl: "no-store" } as const;

/**
 * An object store in a bucket, or below a prefix of one, that holds this shard and nothing else. Tiles are stored on condition that there
 * are none yet (`If-None-Match`), so that two logs that were given one place do not write over each other.
 */
export class BucketObjectStore implements ObjectStore {
  readonly #bucket: Bucket;

  constructor(bucket: Bucket) {
    this.#bucket = bucket;
  }

  async read(path: string): Promise<Uint8Array | undefined> {
    requireObjectPath(path);
    try {
      return await this.#bucket.get(path, maxObjectBytes);
    } catch (cause) {
      throw storageError("STORAGE_READ_FAILED", `Cannot read ${path}: ${reasonOf(cause)}`, { cause });
    }
  }

  async write(path: string, bytes: Uint8Array): Promise<void> {
    requireObjectPath(path);
    try {
      await this.#bucket.put(path, bytes, headers, unchanging.test(path) ? "ifNoneMatch" : undefined);
    } catch (cause) {
      if (isSigillumError(cause) && cause.code === "BUCKET_CONDITION_FAILED") return this.#requireSame(path, bytes, cause);
      throw storageError("STORAGE_WRITE_FAILED", `Cannot write ${path}: ${reasonOf(cause)}`, { cause });
    }
  }

  // A write whose answer was lost, or that a crash left behind, finds itself.
  async #requireSame(path: string, bytes: Uint8Array, cause: Error): Promise<void> {
    const found = await this.read(path);
    if (found !== undefined && Buffer.compare(found, bytes) === 0) return;
    throw storageError(
      "STORAGE_WRITE_FAILED",
      `Cannot write ${path} in ${this.#bucket.name}: another object stands there; each log needs a place of its own`,
      { cause, found: found === undefined ? "an object that went away" : `${found.length} other bytes`, expected: "no object" },
    );
  }

  async remove(path: string): Promise<void> {
    requireObjectPath(path);
    try {
      await this.#bucket.remove(path);
    } catch (cause) {
      throw storageError("STORAGE_WRITE_FAILED", `Cannot remove ${path}: ${reasonOf(cause)}`, { cause });
    }
  }

  /** Nothing is left to do: each write was durable when it was answered. */
  async sync(): Promise<void> {
    await Promise.resolve();
  }
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
