import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { openStackData } from "./data.ts";
import { archiveShard, backupStack, restoreStack } from "./index.ts";
import { shardSchema } from "./shard-stores.ts";

const nowMs = Date.UTC(2026, 0, 1);
const postgresql = { storage: { kind: "postgresql", postgresqlUrl: "postgresql://nobody@127.0.0.1:1/none" } };

describe("logs that are kept in PostgreSQL", () => {
  test("requireStoredInFiles refuses backup, restore and archive, which know of files alone", async () => {
    const directory = await mkdtemp(join(tmpdir(), "sigillum-stores-"));
    const [dataDirectory, backup] = [join(directory, "data"), join(directory, "backup")];
    try {
      const data = await openStackData({ dataDirectory, nowMs, initialise: { ports: "free", values: postgresql } });
      const [record] = data.keyring.shards("v1");
      await data.lock.release();
      assert.ok(record !== undefined);
      const expected = { code: "STACK_NOT_IN_FILES" };
      await assert.rejects(backupStack({ dataDirectory, to: backup, nowMs }), expected);
      await assert.rejects(archiveShard({ dataDirectory, api: "v1", id: record.id, to: directory }), expected);
      const settings = join(dataDirectory, "sigillum.yaml");
      const text = await readFile(settings, "utf8");
      await writeFile(settings, text.replace("kind: postgresql", "kind: files"));
      await backupStack({ dataDirectory, to: backup, nowMs });
      await writeFile(join(backup, "sigillum.yaml"), text);
      await assert.rejects(restoreStack({ backup, dataDirectory: join(directory, "restored"), nowMs }), expected);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });

  test("shardSchema names a schema that PostgreSQL takes as it is, another for each shard", () => {
    const record = { id: "2026-1" } as Parameters<typeof shardSchema>[0];
    assert.equal(shardSchema({ ...record, api: "v1" }), "sigillum_v1_2026_1");
    assert.equal(shardSchema({ ...record, api: "ct" }), "sigillum_ct_2026_1");
  });
});
