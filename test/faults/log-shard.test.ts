import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { encodeUtf8, JsonObject, parseHex, parseJson } from "@sigillum/library/encoding";
import { verifyConsistency } from "@sigillum/library/merkle";
import { killRepeatedly, plannedKills, plannedSeed } from "./kill-harness.ts";
import { openTextShard, textEntry } from "./text-shard.ts";

const kills = plannedKills(20);
const seed = plannedSeed(20_261_124);

test(`a log that is killed ${kills} times keeps every acknowledged entry at its index and never forks`, {
  timeout: 3_600_000,
}, async () => {
  console.log(`log-shard: seed ${seed}, ${kills} kills, 60 entries in flight`);
  const directory = await mkdtemp(join(tmpdir(), "sigillum-faults-"));
  const acknowledged = new Map<string, number>();
  const roots = new Map<number, Uint8Array>();

  const check = async (round: number): Promise<void> => {
    // Every third kill is followed by another without a clean stop between them.
    if (round % 3 === 1 && round < kills - 1) return;
    const shard = await openTextShard(join(directory, "log"));
    const head = shard.head();
    assert.deepEqual((await shard.fsck()).differences, [], `round ${round}`);
    for (const [text, index] of acknowledged) {
      assert.equal(Buffer.from((await shard.entry(index)).leaf).toString(), text, `round ${round}: entry ${index}`);
    }
    for (const [size, root] of roots) {
      verifyConsistency({
        size1: size,
        root1: root,
        size2: head.size,
        root2: head.root,
        proof: await shard.consistencyProof(size, head.size),
      });
    }
    const [first] = acknowledged;
    assert.ok(first !== undefined);
    const again = await shard.add(textEntry(first[0]));
    assert.deepEqual([again.index, again.duplicate], [first[1], true]);
    assert.ok((await shard.search(encodeUtf8("round0"), 10)).length > 0);
    await shard.close();
  };

  try {
    await killRepeatedly({
      seed,
      kills,
      command: (round) => [join(import.meta.dirname, "log-shard-victim.ts"), join(directory, "log"), String(round)],
      maxLines: 400,
      maxExtraMs: 20,
      onLine: (line) => {
        const fields = JsonObject.from(parseJson(line), "line");
        acknowledged.set(fields.string("text"), fields.safeInteger("index"));
        roots.set(fields.safeInteger("size"), parseHex(fields.string("root")));
      },
      afterKill: check,
    });
    assert.equal(new Set(acknowledged.values()).size, acknowledged.size);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
