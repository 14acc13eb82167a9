// Proofs of entries that stand side by side in one tree share the work of the way to the root: they are the same as without that.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { encodeBase64, encodeUtf8 } from "@sigillum/library/encoding";
import { verifyInclusion } from "@sigillum/library/merkle";
import { silentLogger } from "../host/index.ts";
import { MemoryFileSystem, MemoryKeyValueStore } from "../storage/index.ts";
import { type BodyEntry, bodyEntry, bodyEntryFormat, LogShard } from "./index.ts";

async function open(): Promise<LogShard<BodyEntry>> {
  const files = new MemoryFileSystem();
  await files.makeDirectory("/data/log");
  return LogShard.open({
    directory: "/data/log",
    fileSystem: files,
    openKeyValues: async () => new MemoryKeyValueStore(),
    format: bodyEntryFormat,
    origin: "log.example",
    clock: { nowMs: () => 1_700_000_000_000 },
    logger: silentLogger,
    signCheckpoint: async ({ origin, size, root }) =>
      `${origin}\n${size}\n${encodeBase64(root)}\n\n— ${origin} ${encodeBase64(new Uint8Array(68))}\n`,
  });
}

const entries = Array.from({ length: 530 }, (_, at) => bodyEntry(encodeUtf8(`entry ${at}`), []));

describe("LogShard.proof from a leaf hash that is known", () => {
  test("is the proof of RFC 9162 for every entry at every form of a tree, asked for once or again", async () => {
    const shard = await open();
    for (const size of [1, 2, 3, 15, 16, 17, 31, 32, 33, 48, 100, 255, 256, 257, 272, 511, 512, 513, 530]) {
      await Promise.all(entries.slice(shard.head().size, size).map((entry) => shard.add(entry)));
      const { root } = shard.head();
      for (const [leafIndex, { leafHash }] of entries.slice(0, size).entries()) {
        const { hashes } = await shard.proof(leafIndex, leafHash);
        assert.deepEqual(hashes, await shard.inclusionProof(leafIndex, size), `entry ${leafIndex} of ${size}`);
        verifyInclusion({ leafHash, leafIndex, treeSize: size, proof: hashes, root });
      }
    }
    await shard.close();
  });

  test("refuses a leaf hash that is not the entry's, whether or not its neighbours were proved before", async () => {
    const shard = await open();
    await Promise.all(entries.slice(0, 40).map((entry) => shard.add(entry)));
    const hashOf = (index: number): Uint8Array => entries[index]?.leafHash ?? new Uint8Array(0);
    const mismatch = { code: "LOG_ROOT_MISMATCH" };
    await assert.rejects(shard.proof(3, hashOf(4)), mismatch);
    await shard.proof(2, hashOf(2));
    await assert.rejects(shard.proof(3, hashOf(4)), mismatch);
    await assert.rejects(shard.proof(39, hashOf(38)), mismatch);
    for (const index of [-1, 1.5, 40, 2 ** 53])
      await assert.rejects(shard.proof(index, hashOf(0)), { code: "LOG_INDEX_OUT_OF_RANGE" }, String(index));
    await shard.close();
  });
});
