import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { sha256 } from "@sigillum/library/crypto";
import { encodeBase64, encodeUtf8 } from "@sigillum/library/encoding";
import { silentLogger } from "../host/index.ts";
import { MemoryFileSystem, MemoryKeyValueStore, storageError } from "../storage/index.ts";
import { type EntryFormat, encodeTileRecord, LogShard, splitTileBundle } from "./index.ts";

const directory = "/data/log";
const origin = "log.example";
const count = 700;

/** Identities that do not follow from the leaf, two search keys an entry: `group:number`. */
const format: EntryFormat<string> = {
  identity: (entry) => sha256(encodeUtf8(`identity ${entry}`)),
  leaf: (entry) => encodeUtf8(entry),
  record: (_, leaf) => encodeTileRecord(leaf),
  splitBundle: splitTileBundle,
  leafOfRecord: (record) => record.subarray(2),
  searchKeys: (entry) => entry.split(":").map((part) => encodeUtf8(part)),
};

function open(files: MemoryFileSystem, keyValues: MemoryKeyValueStore): Promise<LogShard<string>> {
  return LogShard.open({
    directory,
    format,
    origin,
    clock: { nowMs: () => 1_700_000_000_000 },
    logger: silentLogger,
    fileSystem: files,
    openKeyValues: async () => keyValues,
    limits: { maxWriteAheadBytes: 8 * 1024 },
    signCheckpoint: async (head) =>
      `${head.origin}\n${head.size}\n${encodeBase64(head.root)}\n\n— ${head.origin} ${encodeBase64(new Uint8Array(68))}\n`,
  });
}

const nameOf = (number: number): string => `group${number % 5}:n${number}`;

async function filled(): Promise<{ files: MemoryFileSystem; keyValues: MemoryKeyValueStore }> {
  const files = new MemoryFileSystem();
  await files.makeDirectory(directory);
  const keyValues = new MemoryKeyValueStore();
  const shard = await open(files, keyValues);
  await Promise.all(Array.from({ length: count }, (_, number) => shard.add(nameOf(number))));
  await shard.close();
  return { files, keyValues };
}

async function kinds(shard: LogShard<string>): Promise<readonly string[]> {
  const { differences } = await shard.fsck();
  return [...new Set(differences.map(({ kind }) => kind))].sort();
}

async function assertComplete(shard: LogShard<string>): Promise<void> {
  const report = await shard.fsck();
  assert.deepEqual([report.origin, report.size, report.differenceCount, report.differences], [origin, count, 0, []]);
  for (const number of [0, 255, 256, 511, 699]) {
    const again = await shard.add(nameOf(number));
    assert.deepEqual([again.index, again.duplicate], [number, true]);
    assert.deepEqual(
      (await shard.search(encodeUtf8(`n${number}`), 5)).map(({ index }) => index),
      [number],
    );
  }
  assert.equal((await shard.search(encodeUtf8("group3"), 1000)).length, count / 5);
}

describe("a lost index", () => {
  test("LogShard.open rebuilds an index that is gone: identities, leaf hashes and search keys", async () => {
    const { files } = await filled();
    const shard = await open(files, new MemoryKeyValueStore());
    await assertComplete(shard);
    await shard.close();
  });

  test("LogShard.open goes on with a rebuild that a crash ended", async () => {
    const { files } = await filled();
    const broken = new MemoryKeyValueStore();
    let writes = 0;
    const write = broken.write.bind(broken);
    broken.write = async (...args) => {
      writes += 1;
      if (writes === 5) throw storageError("STORAGE_WRITE_FAILED", "Cannot write: EIO");
      await write(...args);
    };
    await assert.rejects(open(files.afterKill(), broken), { code: "STORAGE_WRITE_FAILED" });
    broken.write = write;
    const shard = await open(files.afterKill(), broken);
    await assertComplete(shard);
    await shard.close();
  });

  test("LogShard.open says which side file it lacks to rebuild, and that an unreadable index may be removed", async () => {
    const { files, keyValues } = await filled();
    await files.remove(`${directory}/meta/keys/000`);
    await assert.rejects(open(files.afterKill(), new MemoryKeyValueStore()), {
      code: "LOG_STATE_CORRUPT",
      message: /meta\/keys\/000 is missing/,
    });
    const unreadable = LogShard.open({
      directory,
      format,
      origin,
      clock: { nowMs: () => 0 },
      logger: silentLogger,
      fileSystem: files,
      signCheckpoint: async () => "",
      openKeyValues: () => Promise.reject(storageError("STORAGE_READ_FAILED", "Cannot open key-value store: CORRUPTION")),
    });
    await assert.rejects(unreadable, { code: "LOG_INDEX_UNREADABLE", message: /remove \/data\/log\/index/ });
    await keyValues.close();
  });
});

describe("LogShard.fsck", () => {
  test("names a missing or wrong tile, bundle, times and key block", async () => {
    const disk = await filled();
    const cases: [path: string, damage: "remove" | "flip", expected: string[]][] = [
      ["tile/entries/000", "remove", ["file", "index-extra"]],
      ["tile/entries/001", "flip", ["identity", "leaf", "search-key"]],
      ["tile/0/001", "remove", ["file"]],
      ["tile/0/001", "flip", ["leaf", "tile"]],
      ["meta/times/000", "remove", ["file"]],
      ["meta/keys/001", "remove", ["file", "index-extra"]],
      ["meta/keys/001", "flip", ["identity", "search-key"]],
    ];
    for (const [path, damage, expected] of cases) {
      const files = disk.files.afterKill();
      const full = `${directory}/${path}`;
      const bytes = Uint8Array.from((await files.readFile(full)) ?? []);
      assert.ok(bytes.length > 0, path);
      // In a key block the first hashes are identity and search keys of one entry; a flag is left as it is.
      for (const at of [9, 40, 70])
        if (damage === "flip" && (path !== "tile/entries/001" || at === 9)) bytes[at] = (bytes[at] ?? 0) ^ 1;
      if (damage === "remove") await files.remove(full);
      else await (await files.openFile(full, "create")).append([bytes]);
      const shard = await open(files, disk.keyValues);
      assert.deepEqual(await kinds(shard), expected, `${damage} ${path}`);
      await shard.close();
    }
  });

  test("names what the index lacks and what it has too many of", async () => {
    const { files, keyValues } = await filled();
    const shard = await open(files, keyValues);
    const [[first] = []] = await keyValues.scan({ from: Uint8Array.of(0x69), to: Uint8Array.of(0x6a), limit: 1 });
    const [[search] = []] = await keyValues.scan({ from: Uint8Array.of(0x73), to: Uint8Array.of(0x74), limit: 1 });
    assert.ok(first !== undefined && search !== undefined);
    await keyValues.write([{ type: "delete", key: first }]);
    assert.deepEqual(await kinds(shard), ["identity"]);
    await keyValues.write([{ type: "delete", key: search }]);
    assert.deepEqual(await kinds(shard), ["identity", "search-key"]);
    const wrong = Uint8Array.from(first, (byte, at) => (at === 5 ? byte ^ 1 : byte));
    const value = new Uint8Array(8);
    await keyValues.write([
      { type: "put", key: wrong, value },
      { type: "put", key: Uint8Array.from(wrong, (byte, at) => (at === 6 ? byte ^ 1 : byte)), value },
    ]);
    assert.ok((await kinds(shard)).includes("index-extra"));
    // Rebuilding puts back what lacks, removes what is too much, and leaves a log that goes on.
    const { differences, rebuilt } = await shard.fsck({ rebuildIndex: true });
    assert.ok(differences.length > 0);
    assert.deepEqual(rebuilt, { removedKeys: 2, differences: [], differenceCount: 0 });
    await assertComplete(shard);
    assert.deepEqual((await shard.fsck()).differences, []);
    await shard.close();
  });

  test("rebuilds an index of which every key is wrong", async () => {
    const { files, keyValues } = await filled();
    const shard = await open(files, keyValues);
    const keys = await keyValues.scan({ from: Uint8Array.of(0x69), to: Uint8Array.of(0x74) });
    await keyValues.write(keys.map(([key]) => ({ type: "put" as const, key, value: new Uint8Array(8) })));
    assert.ok((await shard.fsck()).differenceCount > 100);
    assert.deepEqual((await shard.fsck({ rebuildIndex: true })).rebuilt?.differences, []);
    await assertComplete(shard);
    await shard.close();
  });
});
