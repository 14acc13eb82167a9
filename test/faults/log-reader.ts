// Reads a served log as an auditor would: its checkpoint and its tiles over HTTP, and nothing else.
import assert from "node:assert/strict";
import { type Checkpoint, parseCheckpoint, parseSignedNote } from "@sigillum/library/checkpoint";
import { request } from "@sigillum/library/http";
import {
  consistencyProof,
  entryBundlePath,
  TileNodes,
  tilePath,
  tileWidth,
  verifyConsistency,
  widthOfTile,
} from "@sigillum/library/merkle";

/** A log's tree below one address. The checkpoint's signature is not checked: only whether the tree forks. */
export class LogReader {
  readonly #url: string;
  readonly #seen: Map<number, Uint8Array> = new Map();

  constructor(url: string) {
    this.#url = url;
  }

  /** Fetch the checkpoint and require that it extends every one that was seen before, by proofs made from the tiles. */
  async requireNoFork(): Promise<Checkpoint> {
    const now = parseCheckpoint(parseSignedNote(Buffer.from(await this.get("checkpoint")).toString()).text);
    for (const [size, root] of this.#seen) {
      assert.ok(size <= now.treeSize, `${this.#url}: the tree of ${size} shrank to ${now.treeSize}`);
      const proof = await consistencyProof(size, now.treeSize, async (level, index) =>
        TileNodes.from(await this.get(tilePath({ level, index, width: widthOfTile(level, index, now.treeSize) }))),
      );
      verifyConsistency({ size1: size, root1: root, size2: now.treeSize, root2: now.root, proof });
    }
    this.remember(now.treeSize, now.root);
    return now;
  }

  /** Remember a tree head that somebody was given. */
  remember(size: number, root: Uint8Array): void {
    const known = this.#seen.get(size);
    if (known !== undefined) assert.deepEqual(known, root, `${this.#url}: two roots at size ${size}`);
    this.#seen.set(size, root);
  }

  /** The entry at an index, from its C2SP entry bundle. */
  async entry(index: number, treeSize: number): Promise<Uint8Array> {
    const bundleIndex = Math.floor(index / tileWidth);
    const bundle = await this.get(entryBundlePath(bundleIndex, Math.min(tileWidth, treeSize - bundleIndex * tileWidth)));
    let at = 0;
    for (let i = 0; i < index % tileWidth; i++) at += 2 + ((bundle[at] ?? 0) * 256 + (bundle[at + 1] ?? 0));
    return bundle.slice(at + 2, at + 2 + (bundle[at] ?? 0) * 256 + (bundle[at + 1] ?? 0));
  }

  /** A file of the log. */
  async get(path: string): Promise<Uint8Array> {
    const reply = await request({ url: `${this.#url}/${path}`, timeoutMs: 10_000, maxBytes: 16_777_216 });
    assert.equal(reply.status, 200, `${this.#url}/${path}`);
    return reply.body;
  }
}
