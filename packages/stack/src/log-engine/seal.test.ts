import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { encodeBase64, encodeUtf8 } from "@sigillum/library/encoding";
import { silentLogger } from "../host/index.ts";
import { MemoryFileSystem, MemoryKeyValueStore } from "../storage/index.ts";
import { bodyEntry, bodyEntryFormat, LogShard, type RotationSteps, ShardRotation, type TreeHead } from "./index.ts";

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
  test("does every step in its order, waits twice, minds no repetition, and goes on in another process", async () => {
    const steps: string[] = [];
    const state: { planned: number | undefined; activated: number | undefined } = { planned: undefined, activated: undefined };
    const port: RotationSteps = {
      planned: () => (state.planned === undefined ? undefined : { id: "2", plannedMs: state.planned }),
      plan: async (nowMs) => {
        steps.push("plan");
        state.planned = nowMs;
      },
      open: async () => void steps.push("open"),
      publish: async () => void steps.push("publish"),
      activate: async (nowMs) => {
        steps.push("activate");
        state.planned = undefined;
        state.activated = nowMs;
      },
      overlapping: () => (state.activated === undefined ? undefined : { id: "2", activatedMs: state.activated }),
      retire: async () => {
        steps.push("retire");
        state.activated = undefined;
      },
    };
    const make = (): ShardRotation => new ShardRotation(port, { cacheWindowMs: 100, graceMs: 50 });
    const rotation = make();
    assert.deepEqual(await rotation.advance(0), { step: "idle" });
    assert.deepEqual(await rotation.start(10), { step: "published", shard: "2", untilMs: 110 });
    assert.deepEqual(await rotation.start(20), { step: "published", shard: "2", untilMs: 110 });
    assert.deepEqual(await make().advance(109), { step: "published", shard: "2", untilMs: 110 });
    assert.deepEqual(await rotation.advance(110), { step: "overlap", shard: "2", untilMs: 160 });
    assert.deepEqual(await rotation.start(159), { step: "overlap", shard: "2", untilMs: 160 });
    assert.deepEqual(await rotation.advance(160), { step: "idle" });
    const expected = "plan open publish open open publish open activate publish retire publish";
    assert.equal(steps.join(" "), expected);
  });
});
