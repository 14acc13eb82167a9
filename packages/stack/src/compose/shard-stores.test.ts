import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { openStackData } from "./data.ts";
import { archiveShard } from "./index.ts";
import { shardSchema } from "./shard-stores.ts";

const nowMs = Date.UTC(2026, 0, 1);
const postgresql = { storage: { kind: "postgresql", postgresqlUrl: "postgresql://nobody@127.0.0.1:1/none" } };

describe("logs that are kept in PostgreSQL", () => {
  test("requireStoredInFiles refuses to archive a shard, which moves files alone", async () => {
    const directory = await mkdtemp(join(tmpdir(), "sigillum-stores-"));
    const dataDirectory = join(directory, "data");
    try {
      const data = await openStackData({ dataDirectory, nowMs, initialise: { ports: "free", values: postgresql } });
      const [record] = data.keyring.shards("v1");
      await data.lock.release();
      assert.ok(record !== undefined);
      const archived = archiveShard({ dataDirectory, api: "v1", id: record.id, to: directory });
      await assert.rejects(archived, { code: "STACK_NOT_IN_FILES" });
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
