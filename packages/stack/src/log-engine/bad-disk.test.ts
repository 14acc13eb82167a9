// Disks that are full, cannot be written or return other bytes: an error, never a wrong answer. And many requests at once.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { encodeBase64, encodeUtf8, isSigillumError } from "@sigillum/library/encoding";
import { leafHash, tileWidth, verifyConsistency, verifyInclusion } from "@sigillum/library/merkle";
import { silentLogger } from "../host/index.ts";
import { MemoryFileSystem, MemoryKeyValueStore } from "../storage/index.ts";
import { type BodyEntry, bodyEntry, bodyEntryFormat, type LogLimits, LogShard, type TreeHead } from "./index.ts";

const origin = "log.example";
const directory = "/data/log";
const entryOf = (text: string): BodyEntry => bodyEntry(encodeUtf8(text), [text.slice(0, 2)]);
const texts = (count: number): string[] => Array.from({ length: count }, (_, at) => `entry ${at} of the log`);

async function textCheckpoint({ size, root }: TreeHead): Promise<string> {
  return `${origin}\n${size}\n${encodeBase64(root)}\n\n— ${origin} ${encodeBase64(new Uint8Array(68))}\n`;
}

interface Disk {
  readonly files: MemoryFileSystem;
  readonly keyValues: MemoryKeyValueStore;
}

async function newDisk(): Promise<Disk> {
  const files = new MemoryFileSystem();
  await files.makeDirectory(directory);
  return { files, keyValues: new MemoryKeyValueStore() };
}

function open(disk: Disk, limits: Partial<LogLimits> = {}): Promise<LogShard<BodyEntry>> {
  return LogShard.open({
    directory,
    format: bodyEntryFormat,
    origin,
    clock: { nowMs: () => 1_700_000_000_000 },
    logger: silentLogger,
    signCheckpoint: textCheckpoint,
    fileSystem: disk.files,
    openKeyValues: async () => disk.keyValues,
    limits,
  });
}

async function addAll(shard: LogShard<BodyEntry>, all: readonly string[]): Promise<void> {
  await Promise.all(all.map((text) => shard.add(entryOf(text))));
}

describe("LogShard with many requests at once", () => {
  test("10,000 identical writes give one entry, one index and one time", async () => {
    const shard = await open(await newDisk(), { maxOutstandingEntries: 4096 });
    const added = await Promise.all(Array.from({ length: 10_000 }, () => shard.add(entryOf("the same"))));
    assert.equal(shard.head().size, 1);
    assert.equal(added.filter(({ duplicate }) => !duplicate).length, 1);
    assert.ok(added.every(({ index, timeMs }) => index === 0 && timeMs === added[0]?.timeMs));
    const again = await Promise.all(Array.from({ length: 10_000 }, () => shard.add(entryOf("the same"))));
    assert.ok(again.every(({ duplicate, index }) => duplicate && index === 0));
    assert.deepEqual((await shard.fsck()).differences, []);
    await shard.close();
  });

  test("more than may wait, by entries or by bytes, is LOG_OVERLOADED at once, and what was accepted is placed", async () => {
    for (const limits of [{ maxOutstandingEntries: 100 }, { maxOutstandingBytes: 100 * 22 }]) {
      const shard = await open(await newDisk(), limits);
      const results = await Promise.allSettled(texts(400).map((text) => shard.add(entryOf(text))));
      const refused = results.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
      assert.ok(refused.length > 200 && refused.length < 400, `${refused.length} refused`);
      for (const error of refused)
        assert.deepEqual([isSigillumError(error) && error.code, error.kind], ["LOG_OVERLOADED", "unavailable"]);
      assert.equal(shard.head().size, 400 - refused.length);
      await shard.close();
    }
  });
});

describe("LogShard on a full or read-only disk", () => {
  test("a disk that is full refuses entries, proves what it has, and goes on when there is room", async () => {
    const disk = await newDisk();
    const shard = await open(disk);
    await addAll(shard, texts(300));
    for (const when of ["before", "half"] as const) {
      disk.files.fail({ operation: "append", when, always: true });
      await assert.rejects(shard.add(entryOf("no room")), { code: "STORAGE_WRITE_FAILED", kind: "unavailable" });
      await assert.rejects(shard.add(entryOf("no room")), { code: "STORAGE_WRITE_FAILED" });
      assert.deepEqual((await shard.add(entryOf(texts(1)[0] ?? ""))).duplicate, true);
      const { size, root, hashes } = await shard.proof(17);
      verifyInclusion({ leafHash: entryOf(texts(18)[17] ?? "").leafHash, leafIndex: 17, treeSize: size, proof: hashes, root });
      disk.files.heal();
    }
    assert.equal((await shard.add(entryOf("no room"))).index, 300);
    await shard.close();
    const again = await open({ files: disk.files.afterPowerCut(), keyValues: disk.keyValues.afterPowerCut() });
    assert.equal(again.head().size, 301);
    assert.deepEqual((await again.fsck()).differences, []);
    await again.close();
  });

  test("a disk that became read-only refuses entries and goes on to prove and serve", async () => {
    const disk = await newDisk();
    const shard = await open(disk);
    await addAll(shard, texts(600));
    const readOnly = ["openFile", "append", "truncate", "rename", "remove", "makeDirectory", "sync", "syncDirectory"] as const;
    for (const operation of readOnly) disk.files.fail({ operation, when: "before", always: true });
    await assert.rejects(shard.add(entryOf("one more")), (error: { kind?: string }) => error.kind !== undefined);
    await assert.rejects(shard.add(entryOf("another")), (error: { kind?: string }) => error.kind !== undefined);
    const { size, root, hashes } = await shard.proof(300);
    verifyInclusion({ leafHash: entryOf(texts(301)[300] ?? "").leafHash, leafIndex: 300, treeSize: size, proof: hashes, root });
    assert.equal((await shard.tile("tile/0/001"))?.length, tileWidth * 32);
    await shard.close().catch(() => undefined);
    disk.files.heal();
    const again = await open({ files: disk.files.afterPowerCut(), keyValues: disk.keyValues.afterPowerCut() });
    assert.deepEqual([again.head().size, (await again.fsck()).differences], [600, []]);
    await again.close();
  });

  test("a disk that cannot be written is refused when a log is opened on it", async () => {
    for (const operation of ["makeDirectory", "syncDirectory", "openFile", "sync"] as const) {
      const disk = await newDisk();
      disk.files.fail({ operation, when: "before", always: true });
      await assert.rejects(open(disk), (error: { code?: string }) => error.code?.startsWith("STORAGE_") === true, operation);
    }
  });
});

describe("LogShard on a disk that returns other bytes", () => {
  // Everything is read from the disk again after the log was opened anew. (test/faults has a tree of three levels.)
  const size = 1_200;
  const all = Array.from({ length: size }, (_, at) => `e${at}`);
  let whole: Disk | undefined;

  async function wholeLog(): Promise<Disk> {
    if (whole !== undefined) return whole;
    whole = await newDisk();
    const shard = await open(whole, { maxBatchEntries: 1024, maxOutstandingEntries: size });
    await addAll(shard, all);
    await shard.close();
    return whole;
  }

  async function damaged(path: string, change: (bytes: Uint8Array) => Uint8Array | undefined): Promise<LogShard<BodyEntry>> {
    const disk = await wholeLog();
    const files = disk.files.afterKill();
    const bytes = Uint8Array.from((await files.readFile(`${directory}/${path}`)) ?? []);
    assert.ok(bytes.length > 0, path);
    const changed = change(bytes);
    await files.remove(`${directory}/${path}`);
    if (changed !== undefined) await (await files.openFile(`${directory}/${path}`, "create")).append([changed]);
    return open({ files, keyValues: disk.keyValues.afterPowerCut() });
  }

  const flip = (at: number) => (bytes: Uint8Array) => bytes.with(at, (bytes[at] ?? 0) ^ 1);
  const isRefusal = (error: unknown): boolean => isSigillumError(error) && error.kind === "state";

  const tiles: [path: string, change: (bytes: Uint8Array) => Uint8Array | undefined][] = [
    ["tile/0/003", flip(0)],
    ["tile/0/003", flip(8191)],
    ["tile/0/003", (bytes) => bytes.subarray(0, 8191)],
    ["tile/0/003", (bytes) => bytes.subarray(0, 0)],
    ["tile/0/003", () => undefined],
    ["tile/0/003", (bytes) => new Uint8Array(bytes.length)],
  ];
  for (const [position, [path, change]] of tiles.entries()) {
    test(`a damaged tile gives no proof: ${path}, case ${position}`, async () => {
      const shard = await damaged(path, change);
      let refused = 0;
      let proved = 0;
      const wrong = async (make: () => Promise<void>): Promise<void> => {
        try {
          await make();
          proved += 1;
        } catch (error) {
          if (!isRefusal(error)) throw error;
          refused += 1;
        }
      };
      const { root } = shard.head();
      for (const index of [3 * 256, 3 * 256 + 100, 4 * 256 - 1, 1 * 256, size - 1]) {
        const known = leafHash(encodeUtf8(all[index] ?? ""));
        await wrong(async () => {
          const { hashes } = await shard.proof(index, known);
          verifyInclusion({ leafHash: known, leafIndex: index, treeSize: size, proof: hashes, root });
        });
        await wrong(async () => {
          const proof = await shard.inclusionProof(index, size);
          verifyInclusion({ leafHash: known, leafIndex: index, treeSize: size, proof, root });
        });
        await wrong(async () => {
          const proof = await shard.consistencyProof(index, size);
          verifyConsistency({ size1: index, root1: await shard.rootAt(index), size2: size, root2: root, proof });
        });
        await wrong(async () => assert.equal(Buffer.from((await shard.entry(index)).leaf).toString(), all[index]));
      }
      // A proof that did come was right (verify throws its own codes otherwise); and what needs the tile was refused.
      assert.ok(refused > 0 && proved > 0, `${refused} refused, ${proved} proved`);
      await assert.rejects(async () => {
        if ((await shard.tile(path)) === undefined) throw new Error("absent");
      });
      assert.ok((await shard.fsck()).differenceCount > 0);
      await shard.close();
    });
  }

  test("a damaged entry bundle gives no entry that is not in the tree, and is not served", async () => {
    for (const change of [flip(5), flip(0), (): undefined => undefined]) {
      const shard = await damaged("tile/entries/003", change);
      await assert.rejects(shard.entry(3 * 256), isRefusal);
      await assert.rejects(shard.proof(3 * 256), isRefusal);
      await assert.rejects(shard.add(entryOf(all[3 * 256] ?? "")), isRefusal);
      await assert.rejects(async () => {
        if ((await shard.tile("tile/entries/003")) === undefined) throw new Error("absent");
      });
      assert.equal(Buffer.from((await shard.entry(2 * 256)).leaf).toString(), all[2 * 256]);
      await shard.close();
    }
  });
});
