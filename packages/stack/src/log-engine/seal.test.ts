import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { encodeBase64, encodeUtf8 } from "@sigillum/library/encoding";
import { silentLogger } from "../host/index.ts";
import { MemoryFileSystem, MemoryKeyValueStore } from "../storage/index.ts";
import {
  bodyEntry,
  bodyEntryFormat,
  isRotationDue,
  LogShard,
  type RotationSchedule,
  type RotationSteps,
  ShardRotation,
  type TreeHead,
} from "./index.ts";

const directory = "/data/log";
const origin = "log.example";
const entry = (number: number): ReturnType<typeof bodyEntry> => bodyEntry(encodeUtf8(`entry ${number}`), [`key ${number}`]);

async function textCheckpoint({ size, root }: TreeHead): Promise<string> {
  return `${origin}\n${size}\n${encodeBase64(root)}\n\n— ${origin} ${encodeBase64(new Uint8Array(68))}\n`;
}

function open(
  files: MemoryFileSystem,
  keyValues: MemoryKeyValueStore,
  signCheckpoint = textCheckpoint,
): Promise<LogShard<ReturnType<typeof bodyEntry>>> {
  return LogShard.open({
    directory,
    format: bodyEntryFormat,
    origin,
    clock: { nowMs: () => 1_700_000_000_000 },
    logger: silentLogger,
    fileSystem: files,
    openKeyValues: async () => keyValues,
    signCheckpoint,
  });
}

async function newFiles(): Promise<MemoryFileSystem> {
  const files = new MemoryFileSystem();
  await files.makeDirectory(directory);
  return files;
}

describe("LogShard.seal", () => {
  test("places what was accepted, refuses later entries, and opens again without a key under the same checkpoint", async () => {
    const files = await newFiles();
    const keyValues = new MemoryKeyValueStore();
    const shard = await open(files, keyValues);
    const adding = Array.from({ length: 300 }, (_, number) => shard.add(entry(number)));
    const [seal, again] = await Promise.all([shard.seal(), shard.seal()]);
    assert.deepEqual([(await Promise.all(adding)).length, seal.size, again], [300, 300, seal]);
    await assert.rejects(shard.add(entry(300)), { code: "LOG_SEALED" });
    assert.equal((await shard.proof(299)).checkpoint, seal.checkpoint);
    // Killed before the files were brought together: the write-ahead file has the rest.
    const noKey = (): Promise<string> => Promise.reject(new Error("the key was destroyed"));
    const killed = await open(files.afterPowerCut(), keyValues.afterPowerCut(), noKey);
    assert.deepEqual([killed.sealed, killed.checkpoint().text], [seal, seal.checkpoint]);
    await assert.rejects(killed.add(entry(0)), { code: "LOG_SEALED" });
    assert.deepEqual((await killed.fsck()).differences, []);
    await killed.close();
    await shard.close();
    const closed = await open(files, keyValues, noKey);
    assert.deepEqual(closed.head(), { size: 300, root: seal.root });
    await closed.close();
  });

  test("that cannot be written leaves the shard open", async () => {
    const files = await newFiles();
    const shard = await open(files, new MemoryKeyValueStore());
    await shard.add(entry(0));
    files.fail({ operation: "openFile", path: "sealed.json", when: "before" });
    await assert.rejects(shard.seal(), { code: "STORAGE_WRITE_FAILED" });
    assert.equal((await shard.add(entry(1))).index, 1);
    assert.equal((await shard.seal()).size, 2);
    await shard.close();
  });

  test("is held against the files: a shorter log, another root and an unreadable seal are refused", async () => {
    const files = await newFiles();
    const keyValues = new MemoryKeyValueStore();
    const shard = await open(files, keyValues);
    await shard.add(entry(0));
    const seal = await shard.seal();
    await shard.close();
    const text = Buffer.from((await files.readFile(`${directory}/state/sealed.json`)) ?? []).toString();
    const cases: [string, string][] = [
      [text.replace('"size": 1', '"size": 2'), "LOG_STATE_BEHIND_CHECKPOINT"],
      [text.replace(Buffer.from(seal.root).toString("hex"), "00".repeat(32)), "LOG_ROOT_MISMATCH"],
      [text.replace('"version": 1', '"version": 2'), "LOG_STATE_CORRUPT"],
      ["{", "LOG_STATE_CORRUPT"],
    ];
    for (const [damaged, code] of cases) {
      const copy = files.afterKill();
      await (await copy.openFile(`${directory}/state/sealed.json`, "create")).append([encodeUtf8(damaged)]);
      await assert.rejects(open(copy, keyValues.afterPowerCut()), { code });
    }
  });
});

describe("ShardRotation", () => {
  interface Memory {
    readonly steps: string[];
    planned?: { readonly id: string; publishedMs?: number } | undefined;
    activated?: number | undefined;
    isDue?(nowMs: number): boolean;
  }
  const portOf = (memory: Memory): RotationSteps => ({
    planned: () => memory.planned,
    plan: async () => {
      memory.steps.push("plan");
      memory.planned = { id: "2" };
    },
    open: async () => void memory.steps.push("open"),
    publish: async () => void memory.steps.push("publish"),
    recordPublished: async (nowMs) => {
      memory.steps.push("record");
      memory.planned = { id: "2", publishedMs: nowMs };
    },
    activate: async (nowMs) => {
      memory.steps.push("activate");
      memory.planned = undefined;
      memory.activated = nowMs;
    },
    overlapping: () => (memory.activated === undefined ? undefined : { id: "2", activatedMs: memory.activated }),
    retire: async () => {
      memory.steps.push("retire");
      memory.activated = undefined;
    },
    isDue: (nowMs) => memory.isDue?.(nowMs) ?? false,
  });
  const periods = { cacheWindowMs: 100, graceMs: 50 };

  test("does every step in its order, waits twice, minds no repetition, and goes on in another process", async () => {
    const memory: Memory = { steps: [] };
    const port = portOf(memory);
    const told: string[] = [];
    const rotation = new ShardRotation(port, periods, (event, shard) => told.push(`${event} ${shard}`));
    assert.deepEqual(await rotation.advance(0), { step: "idle" });
    assert.deepEqual(await rotation.start(10), { step: "published", shard: "2", untilMs: 110 });
    assert.deepEqual(await rotation.start(20), { step: "published", shard: "2", untilMs: 110 });
    assert.deepEqual(await new ShardRotation(port, periods).advance(109), { step: "published", shard: "2", untilMs: 110 });
    assert.deepEqual(await rotation.advance(110), { step: "overlap", shard: "2", untilMs: 160 });
    assert.deepEqual(await rotation.start(159), { step: "overlap", shard: "2", untilMs: 160 });
    assert.deepEqual(await rotation.advance(160), { step: "idle" });
    const expected = "plan open publish record open open open activate publish publish retire publish";
    assert.equal(memory.steps.join(" "), expected);
    assert.deepEqual(told, ["planned 2", "published 2", "activated 2", "predecessors sealed 2"]);
  });

  test("counts the wait from the publication, however long that was in coming", async () => {
    const memory: Memory = { steps: [] };
    const port = portOf(memory);
    let offline = true;
    const publish = async (): Promise<void> => {
      if (offline) throw new Error("the keyholders have not signed");
    };
    const rotation = new ShardRotation({ ...port, publish }, periods);
    await assert.rejects(rotation.start(10), /keyholders/);
    await assert.rejects(rotation.advance(500), /keyholders/);
    offline = false;
    assert.deepEqual(await rotation.advance(1000), { step: "published", shard: "2", untilMs: 1100 });
    assert.deepEqual(await rotation.advance(1099), { step: "published", shard: "2", untilMs: 1100 });
    assert.ok(!memory.steps.includes("activate"));
  });

  test("begins by itself when the schedule asks, and not while a rotation is under way", async () => {
    const memory: Memory = { steps: [], isDue: (nowMs) => nowMs >= 900 };
    const rotation = new ShardRotation(portOf(memory), periods);
    assert.deepEqual(await rotation.advance(899), { step: "idle" });
    assert.deepEqual(await rotation.advance(900), { step: "published", shard: "2", untilMs: 1000 });
    await rotation.advance(1000);
    await rotation.advance(1049);
    assert.equal(memory.steps.filter((step) => step === "plan").length, 1);
  });

  test("isRotationDue counts age with the wait for caches, or size, and zero never", () => {
    const shard = { sinceMs: 1000, size: 10 };
    const cases: [RotationSchedule, number, boolean][] = [
      [{ everyMs: 500 }, 1399, false],
      [{ everyMs: 500 }, 1400, true],
      [{ entries: 11 }, 9999, false],
      [{ entries: 10 }, 1000, true],
      [{ everyMs: 0, entries: 0 }, Number.MAX_SAFE_INTEGER, false],
      [{}, Number.MAX_SAFE_INTEGER, false],
    ];
    for (const [schedule, nowMs, due] of cases)
      assert.equal(isRotationDue(schedule, shard, nowMs, 100), due, JSON.stringify([schedule, nowMs]));
  });
});
