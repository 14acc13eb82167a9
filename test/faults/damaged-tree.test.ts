// A tree of three levels on a real disk, of which one inner tile was damaged: whatever hangs on it is an error, everything else is proved.
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { isSigillumError } from "@sigillum/library/encoding";
import { verifyConsistency, verifyInclusion } from "@sigillum/library/merkle";
import { openTextShard, textEntry } from "./text-shard.ts";

const size = 66_300;

test("a damaged tile of an inner level gives no wrong proof", async () => {
  const directory = await mkdtemp(join(tmpdir(), "sigillum-damaged-"));
  try {
    const shard = await openTextShard(directory, {
      maxBatchEntries: 1024,
      maxOutstandingEntries: size,
      maxWriteAheadBytes: 2 ** 24,
    });
    await Promise.all(Array.from({ length: size }, (_, at) => shard.add(textEntry(`entry ${at}`))));
    await shard.close();
    const path = join(directory, "tile", "1", "000");
    const right = await readFile(path);
    for (const at of [3 * 32 + 7]) {
      await writeFile(
        path,
        right.map((octet, position) => (position === at ? octet ^ 0x20 : octet)),
      );
      const again = await openTextShard(directory);
      const { root } = again.head();
      const refused = { inclusion: 0, consistency: 0 };
      for (let index = 5; index < size; index += 1999) {
        const { leafHash } = textEntry(`entry ${index}`);
        await again
          .proof(index, leafHash)
          .then(({ hashes }) => verifyInclusion({ leafHash, leafIndex: index, treeSize: size, proof: hashes, root }))
          .catch((error: unknown) => count(error, () => (refused.inclusion += 1)));
        await Promise.all([again.rootAt(index), again.consistencyProof(index, size)])
          .then(([root1, proof]) => verifyConsistency({ size1: index, root1, size2: size, root2: root, proof }))
          .catch((error: unknown) => count(error, () => (refused.consistency += 1)));
      }
      assert.ok(refused.inclusion > 0 && refused.consistency > 0, JSON.stringify(refused));
      // The open tiles do not hang on it.
      const last = await again.entry(size - 1);
      assert.equal(Buffer.from(last.leaf).toString(), `entry ${size - 1}`);
      assert.ok((await again.fsck()).differenceCount > 0);
      await again.close();
    }
    await writeFile(path, right);
    const mended = await openTextShard(directory);
    assert.deepEqual((await mended.fsck()).differences, []);
    await mended.close();
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});

/** The log's own refusal counts; a proof that came and does not verify fails the test. */
function count(error: unknown, add: () => void): void {
  if (!isSigillumError(error) || !error.code.startsWith("LOG_")) throw error;
  add();
}
