import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { MemoryFileSystem, maxRecordBytes, WriteAheadFile } from "./index.ts";

const path = "/wal/1";

async function emptyFiles(): Promise<MemoryFileSystem> {
  const files = new MemoryFileSystem();
  await files.makeDirectory("/wal");
  return files;
}

async function withRecords(...records: readonly Uint8Array[]): Promise<MemoryFileSystem> {
  const files = await emptyFiles();
  const { file } = await WriteAheadFile.open(path, files);
  for (const record of records) await file.append([record]);
  await files.syncDirectory("/wal");
  return files;
}

async function replace(files: MemoryFileSystem, bytes: Uint8Array): Promise<void> {
  await (await files.openFile(path, "create")).append([bytes]);
}

async function payloads(files: MemoryFileSystem): Promise<number[][]> {
  return (await WriteAheadFile.open(path, files)).records.map(({ payload }) => [...payload]);
}

describe("WriteAheadFile", () => {
  test("WriteAheadFile.open returns what was appended, in order, and appends after it", async () => {
    const files = await withRecords(Uint8Array.of(1), Uint8Array.of(2, 2));
    const { file, cutBytes } = await WriteAheadFile.open(path, files);
    await file.append([Uint8Array.of(3), Uint8Array.of(4)]);
    assert.equal(cutBytes, 0);
    assert.deepEqual(await payloads(files), [[1], [2, 2], [3, 4]]);
  });

  test("WriteAheadFile.append costs one sync a batch", async () => {
    const files = await emptyFiles();
    const { file } = await WriteAheadFile.open(path, files);
    const before = files.counts.get("sync") ?? 0;
    for (let n = 0; n < 5; n += 1) await file.append([Uint8Array.of(n)]);
    assert.equal((files.counts.get("sync") ?? 0) - before, 5);
    assert.equal(files.counts.get("append"), 5);
  });

  test("WriteAheadFile.open cuts a torn last record at every byte and keeps those before it", async () => {
    const whole = await (await withRecords(Uint8Array.of(1, 2, 3), Uint8Array.of(4, 5, 6))).readFile(path);
    assert.ok(whole !== undefined);
    const first = whole.length / 2;
    for (let end = first; end < whole.length; end += 1) {
      const files = await emptyFiles();
      await replace(files, whole.subarray(0, end));
      const { records, cutBytes, file } = await WriteAheadFile.open(path, files);
      assert.deepEqual([records.length, cutBytes], [1, end - first]);
      await file.append([Uint8Array.of(9)]);
      assert.deepEqual(await payloads(files), [[1, 2, 3], [9]]);
    }
  });

  test("WriteAheadFile.open makes what a killed process wrote but did not sync durable", async () => {
    const files = await withRecords(Uint8Array.of(1));
    files.fail({ operation: "sync", when: "before" });
    const { file } = await WriteAheadFile.open(path, files).catch(() => WriteAheadFile.open(path, files));
    files.fail({ operation: "sync", when: "before" });
    await assert.rejects(file.append([Uint8Array.of(2)]), { code: "STORAGE_SYNC_FAILED" });
    const killed = files.afterKill();
    assert.deepEqual(await payloads(killed), [[1], [2]]);
    assert.deepEqual(await payloads(killed.afterPowerCut()), [[1], [2]]);
  });

  test("WriteAheadFile.open refuses damage before the last record", async () => {
    const files = await withRecords(Uint8Array.of(1, 2, 3), Uint8Array.of(4, 5, 6));
    const bytes = (await files.readFile(path)) ?? new Uint8Array(0);
    bytes[33] = 0xff;
    await replace(files, bytes);
    await assert.rejects(WriteAheadFile.open(path, files), { code: "WRITE_AHEAD_CORRUPT" });
  });

  test("WriteAheadFile.open never returns a record that was not appended, whatever bytes change", async () => {
    const records = [Uint8Array.of(1, 2, 3), Uint8Array.of(4, 5), Uint8Array.of(6)];
    const bytes = (await (await withRecords(...records)).readFile(path)) ?? new Uint8Array(0);
    const changes = fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(changes, async (edits) => {
        const files = await emptyFiles();
        const changed = bytes.slice();
        for (const [at, value] of edits) changed[at] = value;
        await replace(files, changed);
        const found = await payloads(files).catch((error: { code?: string }) => {
          assert.equal(error.code, "WRITE_AHEAD_CORRUPT");
          return [];
        });
        assert.deepEqual(
          found,
          records.slice(0, found.length).map((record) => [...record]),
        );
      }),
    );
  });

  test("WriteAheadFile.append that could not write leaves nothing behind and works again", async () => {
    const files = await emptyFiles();
    const { file } = await WriteAheadFile.open(path, files);
    for (const when of ["before", "half"] as const) {
      files.fail({ operation: "append", when });
      await assert.rejects(file.append([Uint8Array.of(1, 2, 3, 4)]), { code: "STORAGE_WRITE_FAILED", kind: "unavailable" });
    }
    await file.append([Uint8Array.of(5)]);
    assert.deepEqual(await payloads(files), [[5]]);
  });

  test("WriteAheadFile.append never works again after a failed sync, or when half a record could not be cut off", async () => {
    for (const faults of [["sync"], ["append", "truncate"]] as const) {
      const files = await emptyFiles();
      const { file } = await WriteAheadFile.open(path, files);
      for (const operation of faults) files.fail({ operation, when: operation === "append" ? "half" : "before" });
      await assert.rejects(file.append([Uint8Array.of(1, 2)]), { code: "STORAGE_SYNC_FAILED", kind: "state" });
      files.heal();
      await assert.rejects(file.append([Uint8Array.of(3)]), { code: "STORAGE_SYNC_FAILED" });
    }
  });

  test("WriteAheadFile.append refuses a record above its limit before it writes", async () => {
    const files = await emptyFiles();
    const { file } = await WriteAheadFile.open(path, files);
    const part = new Uint8Array(2 ** 24);
    const parts = Array.from({ length: maxRecordBytes / 2 ** 24 + 1 }, () => part);
    await assert.rejects(file.append(parts), { code: "WRITE_AHEAD_RECORD_TOO_LARGE" });
    assert.equal(files.counts.get("append"), undefined);
  });
});
