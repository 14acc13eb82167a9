import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { JsonObject, parseJson } from "@sigillum/library/encoding";
import { killRepeatedly, plannedKills, plannedSeed } from "./kill-harness.ts";
import { openRotatingLog } from "./rotating-log.ts";

const kills = plannedKills(12);
const seed = plannedSeed(20_261_125);

test("a log that is killed while it rotates keeps every acknowledged entry under its virtual index, id and time", {
  timeout: 3_600_000,
}, async () => {
  console.log(`log-rotation: seed ${seed}, ${kills} kills, 16 requests in flight`);
  const directory = await mkdtemp(join(tmpdir(), "sigillum-rotation-faults-"));
  const acknowledged = new Map<number, { id: string; integratedTime: number; body: string }>();
  let shards = 0;

  const check = async (round: number): Promise<void> => {
    // Every third kill is followed by another without a clean stop between them.
    if (round % 3 === 1 && round < kills - 1) return;
    const log = await openRotatingLog(directory);
    for (const [logIndex, expected] of acknowledged) {
      const reply = await fetch(`${log.url}/api/v1/log/entries?logIndex=${logIndex}`);
      const [[id, entry] = ["", undefined]] = Object.entries((await reply.json()) as Record<string, typeof expected>);
      assert.deepEqual(
        { id, integratedTime: entry?.integratedTime, body: entry?.body },
        expected,
        `round ${round}: entry ${logIndex}`,
      );
    }
    const reports = JsonObject.from({ reports: await log.fsck() }, "fsck").objects("reports");
    assert.deepEqual(
      reports.map((report) => report.safeInteger("differenceCount")),
      reports.map(() => 0),
    );
    // Going on is part of opening: whatever step the kill met, one shard is active and none waits.
    await log.rotate();
    const states = log.keyring.shards("v1").map(({ state }) => state);
    assert.deepEqual(
      [states.at(-1), states.slice(0, -1).every((state) => state === "sealed")],
      ["active", true],
      `round ${round}: ${states.join(" ")}`,
    );
    shards = states.length;
    await log.close();
  };

  try {
    await killRepeatedly({
      seed,
      kills,
      command: (round) => [join(import.meta.dirname, "log-rotation-victim.ts"), directory, String(round)],
      maxLines: 260,
      maxExtraMs: 15,
      onLine: (line) => {
        const fields = JsonObject.from(parseJson(line), "line");
        const logIndex = fields.safeInteger("logIndex");
        const entry = {
          id: fields.string("id"),
          integratedTime: fields.safeInteger("integratedTime"),
          body: fields.string("body"),
        };
        assert.equal(acknowledged.has(logIndex), false, `virtual index ${logIndex} was given twice`);
        acknowledged.set(logIndex, entry);
      },
      afterKill: check,
    });
    assert.ok(shards > kills / 2, `${shards} shards`);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
