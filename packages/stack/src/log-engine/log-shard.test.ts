import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { sha256 } from "@sigillum/library/crypto";
import { concatBytes, encodeBase64, encodeUtf8, isSigillumError } from "@sigillum/library/encoding";
import { emptyRoot, type Hash, leafHash, nodeHash, verifyConsistency, verifyInclusion } from "@sigillum/library/merkle";
import { createLogger, silentLogger } from "../host/index.ts";
import { MemoryFileSystem, MemoryKeyValueStore } from "../storage/index.ts";
import {
  type EntryFormat,
  encodeTileRecord,
  type LogLimits,
  LogShard,
  maxLeafBytes,
  splitTileBundle,
  type TreeHead,
} from "./index.ts";

const origin = "log.example";

/** Entries that are their own leaves; the part before a colon is the search key. */
const textFormat: EntryFormat<string> = {
  identity: (entry) => sha256(encodeUtf8(entry)),
  leaf: (entry) => encodeUtf8(entry),
  record: (_, leaf) => encodeTileRecord(leaf),
  splitBundle: splitTileBundle,
  leafOfRecord: (record) => record.subarray(2),
  searchKeys: (entry) => [encodeUtf8(entry.split(":", 1)[0] ?? "")],
};

async function textCheckpoint(head: TreeHead): Promise<string> {
  return `${head.origin}\n${head.size}\n${encodeBase64(head.root)}\n\n— ${head.origin} ${encodeBase64(new Uint8Array(68))}\n`;
}

interface Disk {
  readonly files: MemoryFileSystem;
  readonly keyValues: MemoryKeyValueStore;
}

async function newDisk(): Promise<Disk> {
  const files = new MemoryFileSystem();
  await files.makeDirectory("/data/log");
  return { files, keyValues: new MemoryKeyValueStore() };
}

const powerCut = (disk: Disk): Disk => ({ files: disk.files.afterPowerCut(), keyValues: disk.keyValues.afterPowerCut() });
const kill = (disk: Disk): Disk => ({ files: disk.files.afterKill(), keyValues: disk.keyValues });

interface OpenOptions {
  readonly limits?: Partial<LogLimits>;
  readonly sign?: (head: TreeHead) => Promise<string>;
  readonly nowMs?: () => number;
  readonly origin?: string;
}

function open(disk: Disk, options: OpenOptions = {}): Promise<LogShard<string>> {
  return LogShard.open({
    directory: "/data/log",
    format: textFormat,
    origin: options.origin ?? origin,
    clock: { nowMs: options.nowMs ?? (() => 1_700_000_000_000) },
    logger: silentLogger,
    signCheckpoint: options.sign ?? textCheckpoint,
    fileSystem: disk.files,
    openKeyValues: async () => disk.keyValues,
    ...(options.limits === undefined ? {} : { limits: options.limits }),
  });
}

function naiveRoot(leaves: readonly Hash[]): Hash {
  if (leaves.length === 0) return emptyRoot;
  const [first] = leaves;
  if (leaves.length === 1 && first !== undefined) return first;
  let split = 1;
  while (split * 2 < leaves.length) split *= 2;
  return nodeHash(naiveRoot(leaves.slice(0, split)), naiveRoot(leaves.slice(split)));
}

const names = (count: number, from = 0): string[] =>
  Array.from({ length: count }, (_, at) => `subject${(from + at) % 7}:${from + at}`);

async function addAll(shard: LogShard<string>, entries: readonly string[]): Promise<void> {
  await Promise.all(entries.map((entry) => shard.add(entry)));
}

async function assertClean(shard: LogShard<string>, size: number): Promise<void> {
  const report = await shard.fsck();
  assert.deepEqual([report.size, report.differenceCount, report.differences], [size, 0, []]);
}

describe("LogShard", () => {
  test("LogShard.add gives entries their places in order, durable and provable against the published checkpoint", async () => {
    const shard = await open(await newDisk());
    assert.deepEqual(shard.head(), { size: 0, root: emptyRoot });
    const added = await Promise.all(names(600).map((entry) => shard.add(entry)));
    assert.deepEqual(
      added.map(({ index }) => index),
      Array.from({ length: 600 }, (_, at) => at),
    );
    const { size, root } = shard.head();
    assert.deepEqual(root, naiveRoot(names(600).map((entry) => leafHash(encodeUtf8(entry)))));
    for (const index of [0, 255, 256, 511, 512, 599]) {
      const proof = await shard.proof(index);
      verifyInclusion({
        leafHash: leafHash(encodeUtf8(names(600)[index] ?? "")),
        leafIndex: index,
        treeSize: size,
        proof: proof.hashes,
        root,
      });
      assert.equal(proof.checkpoint, shard.checkpoint().text);
    }
    await shard.close();
  });

  test("LogShard proves inclusion and consistency at every earlier size across tile borders", async () => {
    const shard = await open(await newDisk(), { limits: { maxBatchEntries: 37 } });
    await addAll(shard, names(530));
    const leaves = names(530).map((entry) => leafHash(encodeUtf8(entry)));
    for (const size of [1, 2, 37, 255, 256, 257, 511, 512, 513, 530]) {
      const root = naiveRoot(leaves.slice(0, size));
      assert.deepEqual(await shard.rootAt(size), root);
      verifyConsistency({
        size1: size,
        root1: root,
        size2: 530,
        root2: shard.head().root,
        proof: await shard.consistencyProof(size, 530),
      });
      const index = Math.floor(size / 2);
      verifyInclusion({
        leafHash: leaves[index] ?? emptyRoot,
        leafIndex: index,
        treeSize: size,
        proof: await shard.inclusionProof(index, size),
        root,
      });
    }
    await shard.close();
  });

  test("LogShard serves tiles and bundles as C2SP tlog-tiles lays them out, partial ones of every width", async () => {
    const shard = await open(await newDisk());
    await addAll(shard, names(300));
    const leaves = names(300).map((entry) => leafHash(encodeUtf8(entry)));
    assert.deepEqual(await shard.tile("tile/0/000"), concatBytes(...leaves.slice(0, 256)));
    assert.deepEqual(await shard.tile("tile/0/000.p/3"), concatBytes(...leaves.slice(0, 3)));
    assert.deepEqual(await shard.tile("tile/0/001.p/44"), concatBytes(...leaves.slice(256)));
    assert.deepEqual(await shard.tile("tile/0/001.p/7"), concatBytes(...leaves.slice(256, 263)));
    assert.deepEqual(await shard.tile("tile/1/000.p/1"), naiveRoot(leaves.slice(0, 256)));
    for (const absent of ["tile/0/001", "tile/0/001.p/45", "tile/1/000", "tile/2/000", "tile/entries/002", "tile/0/002.p/1"])
      assert.equal(await shard.tile(absent), undefined);
    const entries = [
      ...splitTileBundle((await shard.tile("tile/entries/000")) ?? emptyRoot),
      ...splitTileBundle((await shard.tile("tile/entries/001.p/44")) ?? emptyRoot),
    ];
    assert.deepEqual(
      entries.map((record) => Buffer.from(record.subarray(2)).toString()),
      names(300),
    );
    assert.equal(splitTileBundle((await shard.tile("tile/entries/000.p/9")) ?? emptyRoot).length, 9);
    await assert.rejects(shard.tile("tile/0/../0"), { code: "TILE_PATH_MALFORMED" });
    await shard.close();
  });

  test("LogShard.add answers a repeated entry with the first one: at once, later, from the index and after a restart", async () => {
    const disk = await newDisk();
    let now = 1_700_000_000_000;
    const shard = await open(disk, { nowMs: () => (now += 1000) });
    const together = await Promise.all([shard.add("a:1"), shard.add("a:1"), shard.add("b:1"), shard.add("a:1")]);
    assert.deepEqual(
      together.map(({ index, duplicate }) => [index, duplicate]),
      [
        [0, false],
        [0, true],
        [1, false],
        [0, true],
      ],
    );
    const later = await shard.add("a:1");
    assert.deepEqual([later.index, later.duplicate, later.timeMs], [0, true, together[0]?.timeMs]);
    await shard.close();
    const again = await open(disk, { nowMs: () => (now += 1000) });
    const found = await again.add("a:1");
    assert.deepEqual({ ...found, leaf: Buffer.from(found.leaf) }, { ...later, leaf: Buffer.from(later.leaf) });
    assert.equal(again.head().size, 2);
    await again.close();
  });

  test("LogShard finds entries by identity, leaf hash and search key, newest first", async () => {
    const disk = await newDisk();
    const shard = await open(disk);
    await addAll(shard, names(30));
    assert.equal(await shard.findByIdentity(sha256(encodeUtf8("subject2:9"))), 9);
    assert.equal(await shard.findByLeafHash(leafHash(encodeUtf8("subject2:9"))), 9);
    assert.equal(await shard.findByLeafHash(leafHash(encodeUtf8("subject2:10"))), undefined);
    const found = async (from: LogShard<string>): Promise<void> => {
      const entries = await from.search(encodeUtf8("subject2"), 3);
      assert.deepEqual(
        entries.map(({ index }) => index),
        [23, 16, 9],
      );
      for (const { index, leafHash: hash } of entries) assert.equal(await from.findByLeafHash(hash), index);
      assert.deepEqual(await from.search(encodeUtf8("nobody"), 3), []);
    };
    await found(shard);
    await shard.close();
    const again = await open(disk);
    await found(again);
    await again.close();
  });

  test("LogShard costs one sync a batch and signs nothing while idle", async () => {
    const disk = await newDisk();
    let signed = 0;
    const shard = await open(disk, {
      sign: (head) => {
        signed += 1;
        return textCheckpoint(head);
      },
    });
    const before = disk.files.counts.get("sync") ?? 0;
    await addAll(shard, names(200));
    assert.equal((disk.files.counts.get("sync") ?? 0) - before, 1);
    assert.equal(signed, 2);
    await shard.add("subject0:0");
    assert.equal(signed, 2);
    await shard.close();
  });

  test("LogShard.add refuses more than its limits and goes on afterwards", async () => {
    const shard = await open(await newDisk(), { limits: { maxOutstandingEntries: 10 } });
    const results = await Promise.allSettled(names(15).map((entry) => shard.add(entry)));
    const refused = results.filter((result) => result.status === "rejected");
    assert.equal(refused.length, 5);
    for (const result of refused) assert.equal(isSigillumError(result.reason) && result.reason.code, "LOG_OVERLOADED");
    assert.equal((await shard.add("subject:16")).index, 10);
    await shard.close();
  });

  test("LogShard.add rejects an entry that is too long and keeps the others of its batch", async () => {
    const shard = await open(await newDisk());
    const long = "x".repeat(maxLeafBytes + 1);
    const [first, refused, second] = await Promise.allSettled([
      shard.add("a:1"),
      shard.add(long),
      shard.add("x".repeat(maxLeafBytes)),
    ]);
    assert.ok(first?.status === "fulfilled" && second?.status === "fulfilled" && refused?.status === "rejected");
    assert.equal(isSigillumError(refused.reason) && refused.reason.code, "LOG_ENTRY_TOO_LARGE");
    assert.equal(second.value.index, 1);
    await shard.close();
    await assert.rejects(shard.add("b:1"), { code: "LOG_STOPPED" });
  });

  test("LogShard refuses indexes and sizes beyond the published tree", async () => {
    const shard = await open(await newDisk());
    await shard.add("a:1");
    const beyond = { code: "LOG_INDEX_OUT_OF_RANGE" };
    await assert.rejects(shard.entry(1), beyond);
    await assert.rejects(shard.entry(-1), beyond);
    await assert.rejects(shard.proof(2 ** 31), beyond);
    await assert.rejects(shard.inclusionProof(0, 2), beyond);
    await assert.rejects(shard.consistencyProof(2, 1), beyond);
    await assert.rejects(shard.rootAt(0.5), beyond);
    await shard.close();
  });

  test("LogShard whose checkpoint cannot be signed answers LOG_NOT_PUBLISHED, and the retry finds the durable entry", async () => {
    let broken = false;
    const shard = await open(await newDisk(), {
      sign: (head) => (broken ? Promise.reject(new Error("no key")) : textCheckpoint(head)),
    });
    broken = true;
    await assert.rejects(shard.add("a:1"), { code: "LOG_NOT_PUBLISHED" });
    assert.equal(shard.head().size, 0);
    await assert.rejects(shard.add("a:1"), { code: "LOG_NOT_PUBLISHED" });
    broken = false;
    const added = await shard.add("a:1");
    assert.deepEqual([added.index, added.duplicate, shard.head().size], [0, true, 1]);
    await shard.close();
  });
});

describe("LogShard across restarts", () => {
  test("LogShard.close leaves the whole tree as files, and the next open replays nothing", async () => {
    const disk = await newDisk();
    const shard = await open(disk);
    await addAll(shard, names(300));
    const { root } = shard.head();
    const partial = await shard.tile("tile/entries/001.p/44");
    await shard.close();
    const cut = powerCut(disk);
    assert.deepEqual(await cut.files.readFile("/data/log/tile/entries/001.p/44"), Buffer.from(partial ?? emptyRoot));
    assert.deepEqual(await disk.files.list("/data/log/wal"), ["0000000002"]);
    assert.equal((await cut.files.readFile("/data/log/wal/0000000002"))?.length, 0);
    const again = await open(cut);
    assert.deepEqual(again.head(), { size: 300, root });
    await again.add("new:1");
    await assertClean(again, 301);
    await again.close();
    assert.equal(await cut.files.readFile("/data/log/tile/entries/001.p/44"), undefined);
  });

  test("LogShard.open after a power cut has every acknowledged entry, with its time", async () => {
    const disk = await newDisk();
    let now = 1_700_000_000_000;
    const shard = await open(disk, { nowMs: () => (now += 1), limits: { maxBatchEntries: 50 } });
    const acknowledged = await Promise.all(names(400).map((entry) => shard.add(entry)));
    for (const crashed of [powerCut(disk), kill(disk)]) {
      const again = await open(crashed, { nowMs: () => 0 });
      for (const { index, timeMs, leaf } of acknowledged) {
        const entry = await again.entry(index);
        assert.deepEqual([entry.timeMs, Buffer.from(entry.leaf).toString()], [timeMs, Buffer.from(leaf).toString()]);
      }
      const later = await again.add("late:1");
      assert.ok(later.timeMs >= (acknowledged.at(-1)?.timeMs ?? 0));
      await assertClean(again, 401);
      await again.close();
    }
  });

  test("LogShard begins a new write-ahead file when one is long, without losing or repeating anything", async () => {
    const disk = await newDisk();
    const limits = { maxWriteAheadBytes: 4000, maxBatchEntries: 20 };
    const shard = await open(disk, { limits });
    for (let round = 0; round < 10; round += 1) await addAll(shard, names(60, round * 60));
    const crashed = powerCut(disk);
    const again = await open(crashed, { limits });
    await assertClean(again, 600);
    assert.deepEqual(again.head(), shard.head());
    assert.deepEqual((await again.add("subject3:3")).index, 3);
    assert.ok((await crashed.files.list("/data/log/wal")).every((name) => Number(name) > 1));
    await again.close();
    await shard.close();
  });

  test("LogShard.open refuses a state that is older than its last published checkpoint", async () => {
    const disk = await newDisk();
    const shard = await open(disk);
    await addAll(shard, names(10));
    await shard.close();
    const old = powerCut(disk);
    const more = await open(disk);
    await addAll(more, names(10, 10));
    await more.close();
    const newer = (await disk.files.readFile("/data/log/checkpoint")) ?? emptyRoot;
    await (await old.files.openFile("/data/log/checkpoint", "create")).append([newer]);
    await assert.rejects(open(old), { code: "LOG_STATE_BEHIND_CHECKPOINT", found: "10", expected: "at least 20" });
  });

  test("LogShard.open refuses a state that is older than its index", async () => {
    const disk = await newDisk();
    await (await open(disk)).close();
    const old = powerCut(disk);
    const shard = await open(disk);
    await addAll(shard, names(10));
    await shard.close();
    await assert.rejects(open({ files: old.files, keyValues: disk.keyValues }), { code: "LOG_STATE_BEHIND_CHECKPOINT" });
  });

  test("LogShard.open refuses tiles, entries, batches and checkpoints that lead to another root", async () => {
    const disk = await newDisk();
    const shard = await open(disk);
    await addAll(shard, names(300));
    await shard.close();
    for (const path of ["tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/001.p/44"]) {
      const damaged = powerCut(disk);
      const bytes = (await damaged.files.readFile(`/data/log/${path}`)) ?? emptyRoot;
      bytes[10] = (bytes[10] ?? 0) ^ 1;
      await (await damaged.files.openFile(`/data/log/${path}`, "create")).append([bytes]);
      await assert.rejects(open(damaged), { code: "LOG_ROOT_MISMATCH" }, path);
    }
    const forged = powerCut(disk);
    const text = await textCheckpoint({ origin, size: 299, root: sha256() });
    await (await forged.files.openFile("/data/log/checkpoint", "create")).append([encodeUtf8(text)]);
    await assert.rejects(open(forged), { code: "LOG_ROOT_MISMATCH" });
  });

  test("LogShard.open refuses the state of another log, and files it cannot read", async () => {
    const disk = await newDisk();
    const shard = await open(disk);
    await addAll(shard, names(3));
    await shard.close();
    await assert.rejects(open(powerCut(disk), { origin: "other.example" }), { code: "LOG_ORIGIN_MISMATCH" });
    for (const [path, text] of [
      ["state/head.json", "{}"],
      ["checkpoint", "nonsense"],
    ] as const) {
      const damaged = powerCut(disk);
      await (await damaged.files.openFile(`/data/log/${path}`, "create")).append([encodeUtf8(text)]);
      await assert.rejects(open(damaged), { code: "LOG_STATE_CORRUPT" }, path);
    }
    const missing = powerCut(disk);
    await missing.files.remove("/data/log/tile/entries/000.p/3");
    await assert.rejects(open(missing), { code: "LOG_STATE_CORRUPT" });
  });
});

describe("LogShard under faults", () => {
  const faults = [
    { operation: "append", path: "/wal/" },
    { operation: "sync", path: "/wal/" },
    { operation: "openFile", path: "/tile/" },
    { operation: "append", path: "/tile/" },
    { operation: "rename", path: "/tile/" },
    { operation: "openFile", path: "/wal/" },
    { operation: "syncDirectory", path: "/wal" },
    { operation: "sync", path: "/state/" },
    { operation: "rename", path: "/state/" },
    { operation: "syncDirectory", path: "/state" },
    { operation: "remove", path: "/wal/" },
    { operation: "sync", path: "/tile/" },
    { operation: "append", path: "checkpoint" },
    { operation: "rename", path: "checkpoint" },
  ] as const;
  for (const { operation, path } of faults) {
    for (const when of ["before", "after", "half"] as const) {
      test(`LogShard keeps what it acknowledged when ${operation} of ${path} fails (${when})`, async () => {
        const disk = await newDisk();
        const limits = { maxWriteAheadBytes: 3000, maxBatchEntries: 40 };
        const shard = await open(disk, { limits });
        await addAll(shard, names(250));
        disk.files.fail({ operation, path, when, nth: 2 });
        const acknowledged = new Map<string, number>();
        for (let round = 0; round < 4; round += 1) {
          const entries = names(40, 250 + round * 40);
          const results = await Promise.allSettled(entries.map((entry) => shard.add(entry)));
          for (const [at, result] of results.entries())
            if (result.status === "fulfilled") acknowledged.set(entries[at] ?? "", result.value.index);
        }
        const published = shard.checkpoint();
        const root = shard.head().root;
        for (const crashed of [kill(disk), powerCut(disk)]) {
          crashed.files.heal();
          const again = await open(crashed, { limits });
          await assertClean(again, again.head().size);
          for (const [entry, index] of acknowledged) assert.equal(Buffer.from((await again.entry(index)).leaf).toString(), entry);
          verifyConsistency({
            size1: published.size,
            root1: root,
            size2: again.head().size,
            root2: again.head().root,
            proof: await again.consistencyProof(published.size, again.head().size),
          });
          await again.close();
        }
        await shard.close();
      });
    }
  }

  test("LogShard stops after a sync that failed: nothing more is acknowledged until it is opened anew", async () => {
    const disk = await newDisk();
    const lines: string[] = [];
    const shard = await LogShard.open({
      directory: "/data/log",
      format: textFormat,
      origin,
      clock: { nowMs: () => 1 },
      signCheckpoint: textCheckpoint,
      fileSystem: disk.files,
      logger: createLogger({ level: "error", write: (line) => lines.push(line) }),
      openKeyValues: async () => disk.keyValues,
    });
    disk.files.fail({ operation: "sync", path: "/wal/", when: "after" });
    await assert.rejects(shard.add("a:1"), { code: "STORAGE_SYNC_FAILED" });
    assert.ok(shard.failure !== undefined);
    await assert.rejects(shard.add("b:1"), { code: "LOG_STOPPED" });
    await shard.close();
    const again = await open(kill(disk));
    assert.equal(again.head().size, 1);
    await again.close();
  });

  test("LogShard goes on when its index cannot be written, and catches up", async () => {
    const disk = await newDisk();
    const shard = await open(disk, { limits: { maxWriteAheadBytes: 1000 } });
    for (const when of ["before", "after"] as const) {
      disk.keyValues.failNextWrite(when);
      await addAll(shard, names(100, when === "before" ? 0 : 100));
    }
    assert.equal((await shard.add("subject0:0")).duplicate, true);
    await shard.close();
    const again = await open(powerCut(disk));
    assert.equal((await again.add("subject0:0")).index, 0);
    await again.close();
  });
});
