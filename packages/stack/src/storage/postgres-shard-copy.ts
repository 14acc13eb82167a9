// A shard of PostgreSQL to and from the files of a store in a directory: a backup is the same whatever a log is kept in. The index is left
// out, since it is made again from the rest.
import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeFileDurably } from "./durable-file.ts";
import { reasonOf, storageError } from "./errors.ts";
import { posixFileSystem } from "./file-system.ts";
import { segmentPath, segments } from "./posix-shard-store.ts";
import { type PostgresAddress, PostgresConnection, PostgresFailure, readFailure, writeFailure } from "./postgres-connection.ts";
import { bufferOf, bytesOf, createTables, numberOf } from "./postgres-shard-store.ts";
import { WriteAheadFile } from "./write-ahead-file.ts";

/** Where a shard is: the schema holds it and nothing else. */
export interface PostgresShardAddress extends PostgresAddress {
  readonly schema: string;
}

/** In the documents of a shard that is being filled from a backup; taken away when the whole stack is there. */
const unfinishedMark = "unfinished";
const recordsPerPage = 64;
const shardSchemas = "^sigillum_(v1|v2|ct)_";

/**
 * Copy journal and documents of a shard, as they are at one moment, into `directory`, which gets a `state` and a `wal` folder.
 * `firstSegment` says from the documents which segments are needed. False, and nothing is written, where there is no such shard.
 */
export async function copyPostgresShard(
  address: PostgresShardAddress,
  directory: string,
  firstSegment: (documents: ReadonlyMap<string, Uint8Array>) => number,
): Promise<boolean> {
  const { schema } = address;
  const connection = new PostgresConnection(address);
  try {
    // One snapshot for all that is read. Should the connection be lost, the next statement is never sent.
    await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    if (!(await hasTables(connection, schema))) return false;
    const rows = await connection.query(`SELECT name, value FROM ${schema}.document WHERE name <> $1`, [unfinishedMark]);
    const documents = new Map(rows.map((row) => [String(row["name"]), bytesOf(row, "value")]));
    const [head] = await connection.query(`SELECT segment FROM ${schema}.journal_head`);
    if (head === undefined && documents.size === 0) return false;
    for (const name of ["state", "wal"]) await mkdir(join(directory, name), { recursive: true, mode: 0o700 });
    for (const [name, bytes] of documents) await writeFileDurably(join(directory, "state", name), bytes);
    const first = firstSegment(documents);
    await copyJournal(connection, schema, join(directory, "wal"), first, head === undefined ? first : numberOf(head, "segment"));
    return true;
  } catch (cause) {
    throw cause instanceof PostgresFailure ? readFailure(`schema ${schema}`, cause) : cause;
  } finally {
    await connection.close();
  }
}

async function copyJournal(
  connection: PostgresConnection,
  schema: string,
  directory: string,
  first: number,
  last: number,
): Promise<void> {
  for (let segment = first; segment <= last; segment += 1) {
    const { file } = await WriteAheadFile.open(segmentPath(directory, segment));
    try {
      for (let from = 0; ; ) {
        const page = await connection.query(
          `SELECT sequence, payload FROM ${schema}.journal WHERE segment = $1 AND sequence >= $2 ORDER BY sequence LIMIT ${recordsPerPage}`,
          [segment, from],
        );
        for (const row of page) await file.append([bytesOf(row, "payload")]);
        const newest = page.at(-1);
        if (newest === undefined || page.length < recordsPerPage) break;
        from = numberOf(newest, "sequence") + 1;
      }
    } finally {
      await file.close();
    }
  }
  await posixFileSystem.syncDirectory(directory);
}

/** One document of a shard; undefined where it, or the shard, is not there. */
export async function readPostgresDocument(address: PostgresShardAddress, name: string): Promise<Uint8Array | undefined> {
  const connection = new PostgresConnection(address);
  try {
    if (!(await hasTables(connection, address.schema))) return undefined;
    const [row] = await connection.query(`SELECT value FROM ${address.schema}.document WHERE name = $1`, [name]);
    return row === undefined ? undefined : bytesOf(row, "value");
  } catch (cause) {
    throw readFailure(`schema ${address.schema}`, cause);
  } finally {
    await connection.close();
  }
}

/**
 * Put what `copyPostgresShard` wrote, or a store in files, into a schema: all of it or nothing. The schema is marked as unfinished, and may
 * be filled again until `finishPostgresShards`.
 */
export async function fillPostgresShard(address: PostgresShardAddress, directory: string): Promise<void> {
  const { schema } = address;
  const connection = new PostgresConnection(address);
  try {
    await connection.execute("BEGIN");
    await createTables(connection, schema);
    for (const table of ["journal_head", "journal", "document", "entry_key"])
      await connection.execute(`DELETE FROM ${schema}.${table}`);
    const document = `INSERT INTO ${schema}.document VALUES ($1, $2)`;
    for (const name of await readdir(join(directory, "state")))
      await connection.execute(document, [name, await readFile(join(directory, "state", name))]);
    await connection.execute(document, [unfinishedMark, Buffer.alloc(0)]);
    let sequence = 0;
    let last = 1;
    for (const segment of await segments(join(directory, "wal"), posixFileSystem)) {
      const { file, records } = await WriteAheadFile.open(segmentPath(join(directory, "wal"), segment));
      await file.close();
      for (const { payload } of records) {
        await connection.execute(`INSERT INTO ${schema}.journal VALUES ($1, $2, $3)`, [sequence, segment, bufferOf(payload)]);
        sequence += 1;
      }
      last = segment;
    }
    await connection.execute(`INSERT INTO ${schema}.journal_head VALUES (true, 0, $1, $2)`, [last, sequence]);
    await connection.execute("COMMIT");
  } catch (cause) {
    if (cause instanceof PostgresFailure) throw writeFailure(`schema ${schema}`, cause);
    throw storageError("STORAGE_READ_FAILED", `Cannot fill schema ${schema} from ${directory}: ${reasonOf(cause)}`, { cause });
  } finally {
    await connection.close();
  }
}

/** The schemas of shards that a database has, other than unfinished ones. */
export async function findPostgresShards(address: PostgresAddress): Promise<readonly string[]> {
  const connection = new PostgresConnection(address);
  try {
    const rows = await connection.query("SELECT nspname FROM pg_namespace WHERE nspname ~ $1 ORDER BY nspname", [shardSchemas]);
    const found: string[] = [];
    for (const row of rows) {
      const schema = String(row["nspname"]);
      const marked =
        (await hasTables(connection, schema)) &&
        (await connection.query(`SELECT name FROM ${schema}.document WHERE name = $1`, [unfinishedMark])).length > 0;
      if (!marked) found.push(schema);
    }
    return found;
  } catch (cause) {
    throw readFailure("the database's schemas", cause);
  } finally {
    await connection.close();
  }
}

/** Take the mark of an unfinished one from these shards. */
export async function finishPostgresShards(address: PostgresAddress, schemas: readonly string[]): Promise<void> {
  const connection = new PostgresConnection(address);
  try {
    for (const schema of schemas) {
      // A shard that is only planned has no tables yet.
      if (await hasTables(connection, schema))
        await connection.execute(`DELETE FROM ${schema}.document WHERE name = $1`, [unfinishedMark]);
    }
  } catch (cause) {
    throw writeFailure("the database's schemas", cause);
  } finally {
    await connection.close();
  }
}

async function hasTables(connection: PostgresConnection, schema: string): Promise<boolean> {
  const [row] = await connection.query("SELECT to_regclass($1) IS NOT NULL AND to_regclass($2) IS NOT NULL AS there", [
    `${schema}.document`,
    `${schema}.journal_head`,
  ]);
  return row?.["there"] === true;
}
