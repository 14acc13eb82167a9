// How long the journal of a shard may become: what a killed process leaves is what the next opening has to read.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { encodeBase64, encodeUtf8 } from "@sigillum/library/encoding";
import { silentLogger } from "../host/index.ts";
import {
  MemoryFileSystem,
  MemoryKeyValueStore,
  openPosixShardStore,
  type StepWatcher,
  watchShardStore,
} from "../storage/index.ts";
import { type BodyEntry, bodyEntry, bodyEntryFormat, type LogLimits, LogShard } from "./index.ts";

const maxWriteAheadBytes = 20_000;

interface Disk {
  readonly files: MemoryFileSystem;
  readonly keyValues: MemoryKeyValueStore;
}

async function open(
  { files, keyValues }: Disk,
  watch: StepWatcher = () => undefined,
  more: Partial<LogLimits> = {},
): Promise<LogShard<BodyEntry>> {
  const store = await openPosixShardStore({ directory: "/data/log", fileSystem: files, openKeyValues: async () => keyValues });
  return LogShard.open({
    directory: "/not used",
    store: watchShardStore(store, watch),
    format: bodyEntryFormat,
    origin: "log.example",
    clock: { nowMs: () => 1_700_000_000_000 },
    logger: silentLogger,
    limits: { maxWriteAheadBytes, maxBatchEntries: 10, ...more },
    signCheckpoint: async ({ origin, size, root }) =>
      `${origin}\n${size}\n${encodeBase64(root)}\n\n— ${origin} ${encodeBase64(new Uint8Array(68))}\n`,
  });
}

async function newDisk(): Promise<Disk> {
  const files = new MemoryFileSystem();
  await files.makeDirectory("/data/log");
  return { files, keyValues: new MemoryKeyValueStore() };
}

/** About a kilobyte in the journal. */
const entry = (name: string): BodyEntry => bodyEntry(encodeUtf8(`${name} ${"x".repeat(900)}`), [name]);

async function journalBytes(files: MemoryFileSystem): Promise<number> {
  const sizes = (await files.list("/data/log/wal")).map(async (name) => (await files.readFile(`/data/log/wal/${name}`))?.length);
  return (await Promise.all(sizes)).reduce<number>((sum, size) => sum + (size ?? 0), 0);
}

const turns = (count: number): Promise<void> =>
  count === 0 ? Promise.resolve() : new Promise((resolve) => setImmediate(() => resolve(turns(count - 1))));

describe("a shard whose store takes no tiles", () => {
  test("refuses entries once too much waits in memory, and takes them again when the store does", async () => {
    const disk = await newDisk();
    const shard = await open(disk, () => undefined, { maxBacklogBytes: 300_000 });
    disk.files.fail({ operation: "rename", path: "/tile/", when: "before", always: true });
    const added: number[] = [];
    const fill = async (): Promise<void> => {
      for (let at = 0; at < 2000; at += 1) added.push((await shard.add(entry(`n${at}`))).index);
    };
    await assert.rejects(fill, { code: "LOG_OVERLOADED" });
    assert.ok(added.length >= 256 && added.length < 1000, `${added.length} entries were taken`);
    await assert.rejects(shard.add(entry("more")), { code: "LOG_OVERLOADED" });
    // What was accepted is there all the while.
    for (const index of [0, added.length - 1]) assert.equal((await shard.proof(index)).index, index);
    disk.files.heal();
    const end = Date.now() + 30_000;
    for (let taken = false; !taken; ) {
      taken = await shard.add(entry("more")).then(
        () => true,
        () => false,
      );
      assert.ok(Date.now() < end, "entries are still refused");
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    assert.equal(shard.head().size, added.length + 1);
    await shard.close();
    const again = await open({ files: disk.files.afterPowerCut(), keyValues: disk.keyValues.afterPowerCut() });
    assert.equal(again.head().size, added.length + 1);
    assert.equal((await again.fsck()).differenceCount, 0);
    await again.close();
  });
});

describe("the journal of a shard", () => {
  test("does not grow past three times its bound while a snapshot is held up, and entries wait until it is written", async () => {
    const disk = await newDisk();
    let letGo: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    const shard = await open(disk, (step, moment) => (step === "objects.sync" && moment === "before" ? held : undefined));
    let added = 0;
    const adding = Array.from({ length: 400 }, (_, at) => shard.add(entry(`n${at}`)).then(() => (added += 1)));
    await turns(2000);
    const [bytes, addedMeanwhile] = [await journalBytes(disk.files), added];
    assert.ok(bytes > 2 * maxWriteAheadBytes, `${bytes} bytes: the snapshot was not under way`);
    assert.ok(bytes < 3 * maxWriteAheadBytes + 20_000, `${bytes} bytes`);
    assert.ok(addedMeanwhile < 100, `${addedMeanwhile} entries were added`);
    letGo();
    await Promise.all(adding);
    assert.equal(shard.head().size, 400);
    await shard.close();
  });

  test("that cannot be shortened, since the disk is full, keeps no shard from opening", async () => {
    let disk = await newDisk();
    const shard = await open(disk, (step) => (step === "objects.sync" ? new Promise(() => undefined) : undefined));
    await Promise.all(Array.from({ length: 40 }, (_, at) => shard.add(entry(`n${at}`))));
    disk = { files: disk.files.afterKill(), keyValues: disk.keyValues };
    disk.files.fail({ operation: "openFile", path: "/wal/0000000003", when: "before", always: true });
    const again = await open(disk);
    assert.deepEqual(await disk.files.list("/data/log/wal"), ["0000000001", "0000000002"]);
    assert.equal(again.head().size, 40);
    assert.equal((await again.proof(39)).index, 39);
    disk.files.heal();
    await again.add(entry("more"));
    await again.close();
  });

  test("is read once after a kill: a snapshot follows at once, however often the process is killed", async () => {
    let disk = await newDisk();
    for (let round = 0; round < 4; round += 1) {
      // The process dies before the snapshot that it has begun.
      const shard = await open(disk, (step) => (step === "objects.sync" ? new Promise(() => undefined) : undefined));
      await Promise.all(Array.from({ length: 40 }, (_, at) => shard.add(entry(`r${round} ${at}`))));
      disk = { files: disk.files.afterKill(), keyValues: disk.keyValues };
      const again = await open(disk);
      assert.equal(again.head().size, (round + 1) * 40);
      await turns(500);
      const bytes = await journalBytes(disk.files);
      assert.ok(bytes < 1000, `${bytes} bytes are left after opening`);
      disk = { files: disk.files.afterPowerCut(), keyValues: disk.keyValues.afterPowerCut() };
      await again.close();
    }
    const last = await open(disk);
    assert.equal(last.head().size, 160);
    const report = await last.fsck();
    assert.deepEqual([report.differenceCount, report.differences], [0, []]);
    await last.close();
  });
});
