import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileSystemContract, keyValueStoreContract, objectStoreContract } from "./contract.ts";
import {
  DirectoryObjectStore,
  lockDirectory,
  MemoryFileSystem,
  MemoryKeyValueStore,
  openKeyValueStore,
  posixFileSystem,
  removeTemporaryFiles,
  writeFileDurably,
} from "./index.ts";

async function inTemporaryDirectory(run: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "sigillum-storage-"));
  try {
    await run(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function memoryWith(directory: string): Promise<MemoryFileSystem> {
  const files = new MemoryFileSystem();
  await files.makeDirectory(directory);
  return files;
}

describe("KeyValueStore contract", () => {
  for (const rule of keyValueStoreContract) {
    test(`openKeyValueStore: ${rule.name}`, () =>
      inTemporaryDirectory(async (directory) => {
        const store = await openKeyValueStore(directory);
        await rule.run(store);
        await store.close();
      }));
    test(`MemoryKeyValueStore: ${rule.name}`, () => rule.run(new MemoryKeyValueStore()));
  }

  test("openKeyValueStore keeps its contents, and says why it cannot open, read or write", () =>
    inTemporaryDirectory(async (directory) => {
      const store = await openKeyValueStore(directory);
      const key = Uint8Array.of(1);
      await store.write([{ type: "put", key, value: key }], { sync: true });
      await assert.rejects(openKeyValueStore(directory), { code: "STORAGE_READ_FAILED", message: /LEVEL_LOCKED$/ });
      await store.close();
      await assert.rejects(store.get(key), { code: "STORAGE_READ_FAILED" });
      await assert.rejects(store.write([{ type: "put", key, value: key }]), { code: "STORAGE_WRITE_FAILED" });
      const again = await openKeyValueStore(directory);
      assert.deepEqual([...((await again.get(key)) ?? [])], [1]);
      await again.close();
    }));

  test("MemoryKeyValueStore forgets what was not synced", async () => {
    const store = new MemoryKeyValueStore();
    const change = (name: number): { type: "put"; key: Uint8Array; value: Uint8Array } => ({
      type: "put",
      key: Uint8Array.of(name),
      value: Uint8Array.of(name),
    });
    await store.write([change(1)], { sync: true });
    await store.write([change(2)]);
    store.failNextWrite("after");
    await assert.rejects(store.write([change(3)], { sync: true }), { code: "STORAGE_WRITE_FAILED" });
    await store.write([change(4)]);
    const cut = store.afterPowerCut();
    assert.deepEqual(
      (await cut.scan({ from: Uint8Array.of(0), to: Uint8Array.of(9) })).map(([key]) => key[0]),
      [1, 2, 3],
    );
  });
});

describe("FileSystem contract", () => {
  for (const rule of fileSystemContract) {
    test(`posixFileSystem: ${rule.name}`, () =>
      inTemporaryDirectory((directory) => rule.run({ files: posixFileSystem, directory })));
    test(`MemoryFileSystem: ${rule.name}`, async () => rule.run({ files: await memoryWith("/data"), directory: "/data" }));
  }

  test("MemoryFileSystem keeps synced contents under synced names only", async () => {
    const files = await memoryWith("/d");
    const file = await files.openFile("/d/a", "append");
    await file.append([Uint8Array.of(1)]);
    await file.sync();
    assert.equal(await files.afterPowerCut().readFile("/d/a"), undefined);
    await files.syncDirectory("/d");
    await file.append([Uint8Array.of(2)]);
    await files.rename("/d/a", "/d/b");
    assert.deepEqual([...((await files.afterPowerCut().readFile("/d/a")) ?? [])], [1]);
    assert.deepEqual([...((await files.afterKill().readFile("/d/b")) ?? [])], [1, 2]);
    assert.equal(await files.afterKill().afterPowerCut().readFile("/d/b"), undefined);
  });
});

describe("ObjectStore contract", () => {
  for (const rule of objectStoreContract) {
    test(`DirectoryObjectStore on POSIX: ${rule.name}`, () =>
      inTemporaryDirectory((directory) => rule.run(new DirectoryObjectStore(directory))));
    test(`DirectoryObjectStore in memory: ${rule.name}`, async () =>
      rule.run(new DirectoryObjectStore("/data", await memoryWith("/data"))));
  }

  test("DirectoryObjectStore.sync makes contents and every new directory's name durable", async () => {
    const files = await memoryWith("/data");
    await files.syncDirectory("/data");
    const store = new DirectoryObjectStore("/data", files);
    await store.write("tile/0/x001/067", Uint8Array.of(7));
    assert.equal(await new DirectoryObjectStore("/data", files.afterPowerCut()).read("tile/0/x001/067"), undefined);
    await store.sync();
    assert.deepEqual([...((await new DirectoryObjectStore("/data", files.afterPowerCut()).read("tile/0/x001/067")) ?? [])], [7]);
    assert.equal(files.counts.get("syncDirectory"), 1 + 4);
  });

  test("DirectoryObjectStore says what it cannot write, read and sync, and leaves no temporary file", async () => {
    const files = await memoryWith("/data");
    const store = new DirectoryObjectStore("/data", files);
    files.fail({ operation: "rename", when: "before" });
    await assert.rejects(store.write("a", Uint8Array.of(1)), { code: "STORAGE_WRITE_FAILED" });
    assert.deepEqual([await files.list("/data"), await files.list("/data/.tmp")], [[".tmp"], []]);
    files.fail({ operation: "readFile", when: "before" });
    await assert.rejects(store.read("a"), { code: "STORAGE_READ_FAILED" });
    await store.write("a", Uint8Array.of(1));
    files.fail({ operation: "sync", when: "before" });
    await assert.rejects(store.sync(), { code: "STORAGE_SYNC_FAILED" });
  });

  test("sweep and removeTemporaryFiles remove what a crash left half written, and nothing else", async () => {
    const files = await memoryWith("/data");
    await new DirectoryObjectStore("/data", files).write("a", Uint8Array.of(1));
    for (const path of ["/data/.tmp/object.tmp-7-1", "/data/.tmp/object.tmp-7-2", "/data/head.json.tmp-7-3"])
      await (await files.openFile(path, "create")).close();
    assert.equal(await new DirectoryObjectStore("/data", files).sweep(), 2);
    assert.equal(await removeTemporaryFiles("/data", files), 1);
    assert.deepEqual([await files.list("/data"), await files.list("/data/.tmp")], [[".tmp", "a"], []]);
  });
});

describe("writeFileDurably", () => {
  test("writeFileDurably leaves the old contents or the new at every crash, and the new once it returned", async () => {
    for (const operation of ["openFile", "append", "sync", "rename", "syncDirectory"] as const) {
      for (const when of ["before", "after", "half"] as const) {
        const files = await memoryWith("/d");
        await writeFileDurably("/d/state", Uint8Array.of(1, 1), files);
        files.fail({ operation, when });
        await assert.rejects(writeFileDurably("/d/state", Uint8Array.of(2, 2), files), { code: "STORAGE_WRITE_FAILED" });
        const found = [...((await files.afterPowerCut().readFile("/d/state")) ?? [])].join();
        assert.ok(found === "1,1" || found === "2,2", `${operation} ${when}: ${found}`);
        await writeFileDurably("/d/state", Uint8Array.of(3, 3), files);
        assert.deepEqual([...((await files.afterPowerCut().readFile("/d/state")) ?? [])], [3, 3]);
      }
    }
  });
});

describe("lockDirectory", () => {
  test("lockDirectory refuses a second holder and names the process, until it is released", () =>
    inTemporaryDirectory(async (directory) => {
      const lock = await lockDirectory(directory);
      await assert.rejects(lockDirectory(directory), {
        code: "DATA_DIRECTORY_LOCKED",
        message: `Cannot use data directory ${directory}: process ${process.pid} works on it`,
      });
      await lock.release();
      await (await lockDirectory(directory)).release();
    }));

  test("lockDirectory makes a damaged lock anew", () =>
    inTemporaryDirectory(async (directory) => {
      await (await lockDirectory(directory)).release();
      await writeFileDurably(join(directory, "lock", "CURRENT"), Buffer.from("MANIFEST-999999\n"));
      const lock = await lockDirectory(directory);
      await assert.rejects(lockDirectory(directory), { code: "DATA_DIRECTORY_LOCKED" });
      await lock.release();
    }));

  test("lockDirectory refuses a directory that cannot be made or written", () =>
    inTemporaryDirectory(async (directory) => {
      await writeFileDurably(join(directory, "file"), Uint8Array.of(1));
      await assert.rejects(lockDirectory(join(directory, "file", "data")), {
        code: "DATA_DIRECTORY_UNWRITABLE",
        found: "ENOTDIR",
      });
    }));
});
