import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import {
  copyPostgresShard,
  DirectoryObjectStore,
  fillPostgresShard,
  findPostgresShards,
  finishPostgresShards,
  openPosixShardStore,
  openPostgresShardStore,
  postgresMissing,
  readPostgresDocument,
  type ShardStore,
  startTemporaryPostgres,
  type TemporaryPostgres,
} from "./index.ts";

const skip = postgresMissing() ?? false;
const text = (value: string): Uint8Array => Uint8Array.from(Buffer.from(value));
const stringOf = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString();
const wanted = (): number => 2;

describe("a shard of PostgreSQL in files, and back", { skip }, () => {
  let directory = "";
  let database: TemporaryPostgres;
  const schema = "sigillum_v1_test";
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "sigillum-shard-copy-"));
    database = await startTemporaryPostgres();
    const store = await open(database.url, schema);
    const journal = await store.openJournal({ first: 1, fresh: true }, async () => undefined);
    await journal.append([text("dropped")]);
    await journal.beginSegment();
    for (let at = 0; at < 150; at += 1) await journal.append([text(`record ${at}`)]);
    await journal.beginSegment();
    await journal.beginSegment();
    await journal.append([text("last")]);
    await store.documents.write("head.json", text("{}"));
    await journal.close();
    await store.close();
  });
  after(async () => {
    await database?.close();
    await rm(directory, { recursive: true, force: true });
  });

  const open = (url: string, name: string): Promise<ShardStore> =>
    openPostgresShardStore({ url, schema: name, objects: new DirectoryObjectStore(join(directory, "objects")) });
  const recordsOf = async (store: ShardStore): Promise<string[]> => {
    const records: string[] = [];
    const journal = await store.openJournal({ first: 2, fresh: false }, async ({ payload }) => {
      records.push(Buffer.from(payload).toString());
    });
    assert.equal(journal.segment, 4);
    await journal.append([text("more")]);
    await journal.close();
    assert.equal(stringOf(await store.documents.read("head.json")), "{}");
    assert.equal(await store.documents.read("unfinished"), undefined);
    await store.close();
    return records;
  };
  const expected = [...Array.from({ length: 150 }, (_, at) => `record ${at}`), "last"];

  test("copyPostgresShard writes what a store in files opens; fillPostgresShard what one in PostgreSQL opens", async () => {
    const files = join(directory, "files");
    assert.equal(await copyPostgresShard({ url: database.url, schema }, files, wanted), true);
    const url = await database.createDatabase("other");
    await fillPostgresShard({ url, schema }, files);
    assert.deepEqual(await findPostgresShards({ url }), []);
    // Filling may begin anew until it is finished.
    await fillPostgresShard({ url, schema }, files);
    await finishPostgresShards({ url }, [schema, "sigillum_v1_planned"]);
    assert.deepEqual(await findPostgresShards({ url }), [schema]);
    assert.deepEqual(await recordsOf(await open(url, schema)), expected);
    assert.deepEqual(await recordsOf(await openPosixShardStore({ directory: files })), expected);
  });

  test("copyPostgresShard says of a shard that is not there that it is not, and readPostgresDocument gives nothing", async () => {
    const address = { url: database.url, schema: "sigillum_v1_none" };
    assert.equal(await copyPostgresShard(address, join(directory, "none"), wanted), false);
    await assert.rejects(readdir(join(directory, "none")), { code: "ENOENT" });
    assert.equal(await readPostgresDocument(address, "head.json"), undefined);
    assert.equal(stringOf(await readPostgresDocument({ url: database.url, schema }, "head.json")), "{}");
  });

  test("fillPostgresShard fills a schema wholly or not at all", async () => {
    const files = join(directory, "damaged");
    await copyPostgresShard({ url: database.url, schema }, files, wanted);
    const path = join(files, "wal", "0000000002");
    const bytes = await readFile(path);
    await writeFile(path, bytes.fill(0, 40, 60));
    const url = await database.createDatabase("damaged");
    await assert.rejects(fillPostgresShard({ url, schema }, files), { code: "STORAGE_READ_FAILED" });
    assert.equal(await readPostgresDocument({ url, schema }, "head.json"), undefined);
    assert.deepEqual(await findPostgresShards({ url }), []);
    // A database that cannot write it all is left as it was, too.
    const whole = join(directory, "whole");
    await copyPostgresShard({ url: database.url, schema }, whole, wanted);
    await mkdir(join(whole, "state", "not a document"));
    await assert.rejects(fillPostgresShard({ url, schema }, whole), { code: "STORAGE_READ_FAILED" });
    assert.equal(await readPostgresDocument({ url, schema }, "head.json"), undefined);
  });

  test("a database that does not answer is named as such", async () => {
    const address = { url: "postgresql://nobody@127.0.0.1:1/none", schema };
    await assert.rejects(copyPostgresShard(address, join(directory, "x"), wanted), { code: "STORAGE_READ_FAILED" });
    await assert.rejects(readPostgresDocument(address, "head.json"), { code: "STORAGE_READ_FAILED" });
    await assert.rejects(findPostgresShards(address), { code: "STORAGE_READ_FAILED" });
    await assert.rejects(finishPostgresShards(address, [schema]), { code: "STORAGE_WRITE_FAILED" });
    await assert.rejects(fillPostgresShard(address, join(directory, "files")), { code: "STORAGE_WRITE_FAILED" });
  });
});
