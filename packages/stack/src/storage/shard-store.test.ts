import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { keyValueStoreContract, type ReopenableStore, shardStoreContract } from "./contract.ts";
import {
  DirectoryObjectStore,
  type KeyValueStore,
  MemoryFileSystem,
  MemoryKeyValueStore,
  openPosixShardStore,
  openPostgresShardStore,
  postgresMissing,
  type ShardStore,
  type StoreStep,
  startTemporaryPostgres,
  type TemporaryPostgres,
  watchShardStore,
  writeFault,
} from "./index.ts";
import { PostgresConnection } from "./postgres-connection.ts";

const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text));

/** Closes what was opened before: one process cannot be killed in part, and nothing else of it is used any more. */
function reopenable(open: () => Promise<ShardStore>): ReopenableStore & { close(): Promise<void> } {
  const closers: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  return {
    async open() {
      await close();
      const store = await open();
      closers.push(() => store.close());
      const openJournal: ShardStore["openJournal"] = async (...args) => {
        const journal = await store.openJournal(...args);
        closers.push(() => journal.close());
        return journal;
      };
      return new Proxy(store, { get: (target, name) => (name === "openJournal" ? openJournal : bound(target, name)) });
    },
    close,
  };
}

function bound(target: ShardStore, name: string | symbol): unknown {
  const value: unknown = Reflect.get(target, name, target);
  return typeof value === "function" ? value.bind(target) : value;
}

describe("ShardStore contract: POSIX files", () => {
  for (const rule of shardStoreContract) {
    test(`openPosixShardStore: ${rule.name}`, async () => {
      const directory = await mkdtemp(join(tmpdir(), "sigillum-shard-store-"));
      try {
        const subject = reopenable(() => openPosixShardStore({ directory }));
        await rule.run(subject);
        await subject.close();
      } finally {
        await rm(directory, { recursive: true, force: true });
      }
    });
    test(`openPosixShardStore in memory, power cut between: ${rule.name}`, async () => {
      let files = new MemoryFileSystem();
      let keyValues = new MemoryKeyValueStore();
      await files.makeDirectory("/data");
      const open = (): Promise<ShardStore> => {
        files = files.afterPowerCut();
        keyValues = keyValues.afterPowerCut();
        return files
          .makeDirectory("/data")
          .then(() => openPosixShardStore({ directory: "/data/log", fileSystem: files, openKeyValues: async () => keyValues }));
      };
      await rule.run(reopenable(open));
    });
    test(`watchShardStore changes nothing: ${rule.name}`, async () => {
      const files = new MemoryFileSystem();
      const keyValues = new MemoryKeyValueStore();
      const seen = new Set<StoreStep>();
      const open = async (): Promise<ShardStore> =>
        watchShardStore(
          await openPosixShardStore({ directory: "/log", fileSystem: files, openKeyValues: async () => keyValues }),
          (step) => void seen.add(step),
        );
      await rule.run(reopenable(open));
    });
  }
});

describe("ShardStore contract: PostgreSQL", { skip: postgresMissing() ?? false }, () => {
  let server: TemporaryPostgres;
  let directory = "";
  let schemas = 0;
  before(async () => {
    server = await startTemporaryPostgres();
    directory = await mkdtemp(join(tmpdir(), "sigillum-objects-"));
  });
  after(async () => {
    await server?.close();
    await rm(directory, { recursive: true, force: true });
  });

  function newStore(): () => Promise<ShardStore> {
    schemas += 1;
    const schema = `log_${schemas}`;
    const objects = new DirectoryObjectStore(join(directory, schema));
    return () => openPostgresShardStore({ url: server.url, schema, objects });
  }

  const opened = async (
    open: () => Promise<ShardStore>,
  ): Promise<{ store: ShardStore; records: string[]; append(text: string): Promise<void>; close(): Promise<void> }> => {
    const store = await open();
    const records: string[] = [];
    const accept = async ({ payload }: { payload: Uint8Array }): Promise<void> =>
      void records.push(Buffer.from(payload).toString());
    const journal = await store.openJournal({ first: 1, fresh: true }, accept);
    return {
      store,
      records,
      append: (text) => journal.append([bytes(text)]),
      async close() {
        await journal.close();
        await store.close();
      },
    };
  };

  for (const rule of shardStoreContract) {
    test(`openPostgresShardStore: ${rule.name}`, async () => {
      const subject = reopenable(newStore());
      await rule.run(subject);
      await subject.close();
    });
  }
  for (const rule of keyValueStoreContract) {
    test(`openPostgresShardStore.openIndex: ${rule.name}`, async () => {
      const store = await newStore()();
      const index: KeyValueStore = await store.openIndex();
      await rule.run(index);
      await index.close();
      await store.close();
    });
  }

  test("openPostgresShardStore keeps every committed record through a crash of the server, and reconnects", async () => {
    const open = newStore();
    const first = await opened(open);
    await first.append("a");
    await server.crashAndRestart();
    await first.append("b");
    await first.store.documents.write("head.json", bytes("1"));
    await first.close();
    const second = await opened(open);
    assert.deepEqual(second.records, ["a", "b"]);
    await second.close();
  });

  test("openPostgresShardStore fences the writer that was there before: STORAGE_FENCED, at once and for ever", async () => {
    const open = newStore();
    const first = await opened(open);
    await first.append("a");
    const second = await opened(open);
    await assert.rejects(first.append("fork"), { code: "STORAGE_FENCED", kind: "state" });
    await second.append("b");
    await assert.rejects(first.append("fork"), { code: "STORAGE_FENCED" });
    await first.close();
    await second.close();
    const third = await opened(open);
    assert.deepEqual(third.records, ["a", "b"]);
    await third.close();
  });

  test("openPostgresShardStore whose connection is cut within a commit finds out whether it happened", async () => {
    const open = newStore();
    const schema = `log_${schemas}`;
    const other = new PostgresConnection({ url: server.url });
    const first = await opened(open);
    await first.append("a");
    const backend = `SELECT pid FROM pg_stat_activity WHERE query LIKE '%journal_head%${schema}%' OR query LIKE '%${schema}.journal%'`;
    for (const [text, committed] of [
      ["lost before", false],
      ["lost after", true],
    ] as const) {
      // A trigger holds the commit up, so that the cut comes within it: before the record is there, or on the way back.
      const body = committed ? "PERFORM pg_notify('never', ''); PERFORM pg_sleep(0.2);" : "PERFORM pg_sleep(30);";
      await other.execute(
        `CREATE OR REPLACE FUNCTION ${schema}.hold() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN ${body} RETURN NULL; END $f$`,
      );
      await other.execute(
        `CREATE CONSTRAINT TRIGGER hold AFTER INSERT ON ${schema}.journal DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ${schema}.hold()`,
      );
      const appending = first.append(text).then(
        () => "committed",
        (error: { code: string }) => error.code,
      );
      if (!committed) {
        let pid: unknown;
        while (pid === undefined)
          [{ pid } = { pid: undefined }] = (await other.query(`${backend} AND state = 'active' AND wait_event = 'PgSleep'`)) as {
            pid: unknown;
          }[];
        await other.execute("SELECT pg_terminate_backend($1)", [pid]);
      }
      assert.equal(await appending, committed ? "committed" : "STORAGE_WRITE_FAILED");
      await other.execute(`DROP TRIGGER hold ON ${schema}.journal`);
    }
    await first.append("b");
    await first.close();
    const second = await opened(open);
    assert.deepEqual(second.records, ["a", "lost after", "b"]);
    await second.close();
    await other.close();
  });

  test("openPostgresShardStore says what it cannot reach, and names no schema but plain ones", async () => {
    const objects = new DirectoryObjectStore(directory);
    const nowhere = { url: "postgresql://sigillum@127.0.0.1:1/postgres", objects, timeoutMs: 2000 };
    await assert.rejects(openPostgresShardStore({ ...nowhere, schema: "log" }), {
      code: "STORAGE_WRITE_FAILED",
      kind: "unavailable",
    });
    await assert.rejects(openPostgresShardStore({ ...nowhere, schema: "a; drop" }), TypeError);
    const open = newStore();
    const { store, close } = await opened(open);
    const index = await store.openIndex();
    await index.close();
    await assert.rejects(index.get(bytes("a")), { code: "STORAGE_READ_FAILED" });
    await assert.rejects(index.write([]), { code: "STORAGE_WRITE_FAILED" });
    await close();
    await assert.rejects(store.documents.read("head.json"), { code: "STORAGE_READ_FAILED" });
  });
});

describe("watchShardStore", () => {
  test("watchShardStore passes faults on before and after a step", async () => {
    const files = new MemoryFileSystem();
    const store = watchShardStore(await openPosixShardStore({ directory: "/log", fileSystem: files }), (step, moment, detail) => {
      if (step === "documents.write" && detail === (moment === "before" ? "first" : "second")) throw writeFault(detail, "ENOSPC");
    });
    await assert.rejects(store.documents.write("first", bytes("1")), { code: "STORAGE_WRITE_FAILED" });
    await assert.rejects(store.documents.write("second", bytes("2")), { code: "STORAGE_WRITE_FAILED" });
    assert.equal(await store.documents.read("first"), undefined);
    assert.deepEqual([...((await store.documents.read("second")) ?? [])], [...bytes("2")]);
  });
});
