import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { sha256 } from "@sigillum/library/crypto";
import { encodeBase64, encodeUtf8 } from "@sigillum/library/encoding";
import { silentLogger } from "../host/index.ts";
import {
  DirectoryObjectStore,
  MemoryFileSystem,
  MemoryKeyValueStore,
  openPosixShardStore,
  watchShardStore,
} from "../storage/index.ts";
import { IdentityFilter } from "./identity-filter.ts";
import { type BodyEntry, bodyEntry, bodyEntryFormat, LogShard } from "./index.ts";

const mebibytes = 2 ** 20;
const identity = (name: string | number): Uint8Array => sha256(encodeUtf8(`identity ${name}`));

async function newObjects(): Promise<{ files: MemoryFileSystem; objects: DirectoryObjectStore }> {
  const files = new MemoryFileSystem();
  await files.makeDirectory("/objects");
  return { files, objects: new DirectoryObjectStore("/objects", files) };
}

describe("IdentityFilter", () => {
  test("IdentityFilter has everything that was added, across the edges of its chunks, and little else", () => {
    const filter = new IdentityFilter(64 * mebibytes);
    const edges = [0, 1, 2 ** 14 - 1, 2 ** 14, 2 ** 15 - 1, 2 ** 15, 2 ** 20 - 1, 2 ** 20, 2 ** 20 + 1, 2 ** 21, 2 ** 21 + 5];
    for (const index of edges) filter.add(identity(`edge ${index}`), index);
    for (let index = 0; index < 60_000; index += 1) filter.add(identity(index), index);
    for (const index of edges) assert.ok(filter.mayHave(identity(`edge ${index}`)), `edge ${index}`);
    for (let index = 0; index < 60_000; index += 1) assert.ok(filter.mayHave(identity(index)), String(index));
    let perhaps = 0;
    for (let at = 0; at < 20_000; at += 1) if (filter.mayHave(identity(`other ${at}`))) perhaps += 1;
    assert.ok(perhaps < 300, `${perhaps} of 20,000 that were never added`);
  });

  test("IdentityFilter.load gives back what was kept, and writes full chunks once", async () => {
    const { objects } = await newObjects();
    const filter = new IdentityFilter(64 * mebibytes);
    const add = (from: number, to: number): void => {
      for (let index = from; index < to; index += 1) filter.add(identity(index), index);
    };
    add(0, 20_000);
    const first = filter.keep(20_000);
    assert.deepEqual(
      first.objects.map(({ path }) => path),
      ["meta/identities/0.p/16384", "meta/identities/1.p/3616"],
    );
    filter.kept(first.chunks, 20_000);
    add(20_000, 40_000);
    const second = filter.keep(40_000);
    assert.deepEqual(
      second.objects.map(({ path }) => path),
      ["meta/identities/1.p/16384", "meta/identities/2.p/7232"],
    );
    for (const { path, bytes } of [...first.objects, ...second.objects]) await objects.write(path, bytes);
    const loaded = await IdentityFilter.load(second.chunks, 40_000, objects, 64 * mebibytes);
    assert.ok(loaded !== undefined);
    for (let index = 0; index < 40_000; index += 1) assert.ok(loaded.mayHave(identity(index)), String(index));
    assert.deepEqual(loaded.keep(40_000).chunks, second.chunks);
    assert.deepEqual(
      loaded.keep(40_000).objects.map(({ path }) => path),
      ["meta/identities/2.p/7232"],
    );
    assert.equal((await IdentityFilter.load([], 0, objects, mebibytes))?.mayHave(identity(1)), false);
  });

  test("IdentityFilter.load refuses what does not cover the size, is missing, or is not what was kept", async () => {
    const { files, objects } = await newObjects();
    const filter = new IdentityFilter(64 * mebibytes);
    for (let index = 0; index < 17_000; index += 1) filter.add(identity(index), index);
    const { chunks, objects: written } = filter.keep(17_000);
    for (const { path, bytes } of written) await objects.write(path, bytes);
    const load = (size = 17_000, bytes = 64 * mebibytes): Promise<IdentityFilter | undefined> =>
      IdentityFilter.load(chunks, size, objects, bytes);
    assert.ok((await load()) !== undefined);
    assert.equal(await load(40_000), undefined);
    assert.equal(await load(100), undefined);
    assert.equal(await load(17_000, 1000), undefined);
    const path = chunks[1]?.path ?? "";
    const whole = (await files.readFile(`/objects/${path}`)) ?? new Uint8Array(0);
    await objects.write(path, whole.with(100, (whole[100] ?? 0) ^ 1));
    assert.equal(await load(), undefined);
    await objects.write(path, whole.subarray(1));
    assert.equal(await load(), undefined);
    await objects.remove(path);
    assert.equal(await load(), undefined);
  });

  test("IdentityFilter past its bound says perhaps of everything and keeps nothing", () => {
    const filter = new IdentityFilter(2 ** 15);
    filter.add(identity(0), 0);
    assert.equal(filter.mayHave(identity(1)), false);
    filter.add(identity(1), 2 ** 14);
    for (const name of [0, 1, 2]) assert.equal(filter.mayHave(identity(name)), true);
    assert.deepEqual(filter.keep(2 ** 14 + 1), { chunks: [], objects: [] });
  });
});

// Stores in memory need no more than turns of the event loop.
async function turns(count: number): Promise<void> {
  for (let at = 0; at < count; at += 1) await new Promise((resolve) => setImmediate(resolve));
}

interface Disk {
  readonly files: MemoryFileSystem;
  readonly keyValues: MemoryKeyValueStore;
}

const entry = (name: string): BodyEntry => bodyEntry(encodeUtf8(name), [name]);
const entries = (from: number, to: number): BodyEntry[] => Array.from({ length: to - from }, (_, at) => entry(`e${from + at}`));

describe("a shard with its filter of identities", () => {
  /** A shard that counts reads of its index. */
  async function open({ files, keyValues }: Disk): Promise<{ shard: LogShard<BodyEntry>; reads: () => number }> {
    const store = await openPosixShardStore({ directory: "/data/log", fileSystem: files, openKeyValues: async () => keyValues });
    let count = 0;
    const watched = watchShardStore(store, (step, moment) => {
      if (step === "index.read" && moment === "before") count += 1;
    });
    const shard = await LogShard.open({
      directory: "/not used",
      store: watched,
      format: bodyEntryFormat,
      origin: "log.example",
      clock: { nowMs: () => 1_700_000_000_000 },
      logger: silentLogger,
      limits: { maxWriteAheadBytes: 4000, maxBatchEntries: 20 },
      signCheckpoint: async ({ origin, size, root }) =>
        `${origin}\n${size}\n${encodeBase64(root)}\n\n— ${origin} ${encodeBase64(new Uint8Array(68))}\n`,
    });
    return { shard, reads: () => count };
  }

  async function addAll(shard: LogShard<BodyEntry>, added: readonly BodyEntry[]): Promise<number> {
    const all = await Promise.all(added.map((each) => shard.add(each)));
    return all.filter(({ duplicate }) => duplicate).length;
  }

  async function filled(): Promise<Disk> {
    const files = new MemoryFileSystem();
    await files.makeDirectory("/data/log");
    const disk = { files, keyValues: new MemoryKeyValueStore() };
    const { shard } = await open(disk);
    await addAll(shard, entries(0, 300));
    await shard.close();
    return disk;
  }

  test("knows old entries and looks for no new one in the index: after a close, a kill and a power cut", async () => {
    const disk = await filled();
    const running = await open(disk);
    assert.equal(await addAll(running.shard, entries(300, 900)), 0);
    const killed = { files: disk.files.afterKill(), keyValues: disk.keyValues.afterPowerCut() };
    const cut = { files: disk.files.afterPowerCut(), keyValues: disk.keyValues.afterPowerCut() };
    await running.shard.close();
    for (const left of [disk, killed, cut]) {
      const { shard, reads } = await open(left);
      const before = reads();
      assert.equal(await addAll(shard, entries(900, 1300)), 0);
      // Now and then the filter says "perhaps"; without it there are twenty reads.
      assert.ok(reads() - before <= 4, `${reads() - before} reads`);
      assert.equal(await addAll(shard, entries(0, 1300)), 1300);
      assert.equal(shard.head().size, 1300);
      assert.equal((await shard.fsck()).differenceCount, 0);
      await shard.close();
    }
  });

  test("is made from the index again when its files are lost, and keeps no entry twice meanwhile", async () => {
    const disk = await filled();
    for (const name of await disk.files.list("/data/log/meta/identities/0.p"))
      await disk.files.remove(`/data/log/meta/identities/0.p/${name}`);
    const { shard, reads } = await open(disk);
    assert.equal(await addAll(shard, entries(0, 300)), 300);
    await turns(50);
    const before = reads();
    assert.equal(await addAll(shard, entries(300, 700)), 0);
    assert.ok(reads() - before <= 4, `${reads() - before} reads`);
    await shard.close();
    const again = await open(disk);
    assert.equal(await addAll(again.shard, entries(0, 700)), 700);
    await again.shard.close();
  });

  test("knows what a repair of the index brings back", async () => {
    const disk = await filled();
    for (const name of await disk.files.list("/data/log/meta/identities/0.p"))
      await disk.files.remove(`/data/log/meta/identities/0.p/${name}`);
    const lost = entry("e7").leafHash;
    await disk.keyValues.write([{ type: "delete", key: Uint8Array.of(0x69, ...lost) }]);
    const { shard } = await open(disk);
    await turns(50);
    assert.equal(await shard.findByIdentity(lost), undefined);
    const report = await shard.fsck({ rebuildIndex: true });
    assert.equal(report.rebuilt?.differenceCount, 0);
    await turns(50);
    assert.equal(await shard.findByIdentity(lost), 7);
    assert.equal(await addAll(shard, [entry("e7")]), 1);
    await shard.close();
  });
});
