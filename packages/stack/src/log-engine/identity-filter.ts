// Which identities the index surely lacks, in memory: nearly every entry that is added is new, and without this each of them is looked
// for in every level of the index on the disk. A split-block Bloom filter (blocks of 32 bytes, eight bits a key, each in a word of its own)
// in chunks that belong to ranges of entries, so that a chunk that is full never changes and is kept in a file of its own.
//
// Identities are hashes, so their own bytes choose block and bits. Who makes hashes to fit finds more blocks full, and pays for nothing
// more than the look into the index.
import { sha256 } from "@sigillum/library/crypto";
import { encodeHex } from "@sigillum/library/encoding";
import type { ObjectStore } from "../storage/index.ts";
import type { StoredObject } from "./tile-store.ts";

/** One chunk as it is kept: its object, and the hash of what stands in it. */
export interface KeptChunk {
  readonly path: string;
  readonly sha256: string;
}

/** The first chunk is of so many entries; each further one doubles what there is, up to the longest. */
const firstChunkEntries = 2 ** 14;
const maxChunkEntries = 2 ** 20;
const doublings = Math.log2(maxChunkEntries / firstChunkEntries);
const bytesPerEntry = 2;
const wordsPerBlock = 8;

/** A set of identities that never forgets one, and now and then says "perhaps" of one that it was never told of. */
export class IdentityFilter {
  readonly #maxBytes: number;
  #chunks: Uint32Array[] = [];
  readonly #kept: Map<number, KeptChunk> = new Map();
  #overfull = false;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** The filter of the first `size` entries from its chunks, or undefined when one is missing or is not what was kept. */
  static async load(
    kept: readonly KeptChunk[],
    size: number,
    objects: ObjectStore,
    maxBytes: number,
  ): Promise<IdentityFilter | undefined> {
    const filter = new IdentityFilter(maxBytes);
    if (kept.length !== chunkCount(size) || bytesBefore(kept.length) > maxBytes) return undefined;
    const chunks = await Promise.all(kept.map(({ path }) => objects.read(path)));
    for (const [chunk, bytes] of chunks.entries()) {
      const { path, sha256: expected } = kept[chunk] ?? { path: "", sha256: "" };
      if (bytes?.length !== chunkEntries(chunk) * bytesPerEntry || encodeHex(sha256(bytes)) !== expected) return undefined;
      filter.#chunks.push(new Uint32Array(bytes.slice().buffer));
      if (startOf(chunk + 1) <= size) filter.#kept.set(chunk, { path, sha256: expected });
    }
    return filter;
  }

  /** Note the identity of the entry with this index; noting one twice changes nothing. */
  add(identity: Uint8Array, index: number): void {
    if (this.#overfull) return;
    const chunk = chunkOf(index);
    while (this.#chunks.length <= chunk) {
      // Past its bound the filter cannot say "surely not" of anything.
      if (bytesBefore(this.#chunks.length + 1) > this.#maxBytes) {
        this.#overfull = true;
        this.#chunks = [];
        return;
      }
      this.#chunks.push(new Uint32Array((chunkEntries(this.#chunks.length) * bytesPerEntry) / 4));
    }
    const words = this.#chunks[chunk];
    if (words === undefined) return;
    const at = blockAt(identity, words);
    for (let word = 0; word < wordsPerBlock; word += 1) words[at + word] = (words[at + word] ?? 0) | bitOf(identity, word);
  }

  /** False: it was never noted. */
  mayHave(identity: Uint8Array): boolean {
    return this.#overfull || this.#chunks.some((words) => isIn(words, identity));
  }

  /**
   * The chunks of the first `size` entries, and the objects that are not kept yet. Once these are durable, `load` finds the filter.
   * Nothing when the filter is past its bound.
   */
  keep(size: number): { readonly chunks: readonly KeptChunk[]; readonly objects: readonly StoredObject[] } {
    const chunks: KeptChunk[] = [];
    const objects: StoredObject[] = [];
    if (this.#overfull) return { chunks, objects };
    for (let chunk = 0; chunk < chunkCount(size); chunk += 1) {
      const known = this.#kept.get(chunk);
      if (known !== undefined) {
        chunks.push(known);
        continue;
      }
      const words = this.#chunks[chunk] ?? new Uint32Array((chunkEntries(chunk) * bytesPerEntry) / 4);
      const bytes = new Uint8Array(words.slice().buffer);
      const count = Math.min(size - startOf(chunk), chunkEntries(chunk));
      const kept = { path: `meta/identities/${chunk}.p/${count}`, sha256: encodeHex(sha256(bytes)) };
      chunks.push(kept);
      objects.push({ path: kept.path, bytes });
    }
    return { chunks, objects };
  }

  /** Note that the full ones among these chunks are durable. */
  kept(chunks: readonly KeptChunk[], size: number): void {
    for (const [chunk, kept] of chunks.entries()) if (startOf(chunk + 1) <= size) this.#kept.set(chunk, kept);
  }
}

function isIn(words: Uint32Array, identity: Uint8Array): boolean {
  const at = blockAt(identity, words);
  for (let word = 0; word < wordsPerBlock; word += 1) if (((words[at + word] ?? 0) & bitOf(identity, word)) === 0) return false;
  return true;
}

/** The first word of an identity's block; chunks have a power of two of blocks. */
function blockAt(identity: Uint8Array, words: Uint32Array): number {
  const hash = ((identity[0] ?? 0) << 16) | ((identity[1] ?? 0) << 8) | (identity[2] ?? 0);
  return (hash & (words.length / wordsPerBlock - 1)) * wordsPerBlock;
}

function bitOf(identity: Uint8Array, word: number): number {
  return 1 << ((identity[3 + word] ?? 0) & 31);
}

function chunkOf(index: number): number {
  if (index < firstChunkEntries) return 0;
  if (index >= maxChunkEntries) return doublings + Math.floor(index / maxChunkEntries);
  return Math.floor(Math.log2(index / firstChunkEntries)) + 1;
}

function chunkEntries(chunk: number): number {
  return startOf(chunk + 1) - startOf(chunk);
}

function startOf(chunk: number): number {
  if (chunk === 0) return 0;
  return chunk <= doublings ? firstChunkEntries * 2 ** (chunk - 1) : (chunk - doublings) * maxChunkEntries;
}

/** How many chunks the first `size` entries have. */
function chunkCount(size: number): number {
  return size === 0 ? 0 : chunkOf(size - 1) + 1;
}

function bytesBefore(chunk: number): number {
  return startOf(chunk) * bytesPerEntry;
}
