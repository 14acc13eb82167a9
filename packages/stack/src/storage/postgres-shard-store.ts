// A shard's store in PostgreSQL: journal, documents and index are tables of a schema of its own, objects go to an object store.
//
//   journal_head   one row: epoch, segment, next sequence. An append moves it by compare-and-swap in the statement that inserts the
//                  record, so two writers cannot both commit: whoever opens the store raises the epoch, and the earlier one is fenced.
//   journal        records by sequence
//   document       values by name
//   entry_key      the index: bytea keys, which PostgreSQL orders as unsigned bytes
import { storageError } from "./errors.ts";
import type { KeyAndValue, KeyChange, KeyRange, KeyValueStore } from "./key-value-store.ts";
import type { ObjectStore } from "./object-store.ts";
import { documentName } from "./posix-shard-store.ts";
import {
  messageOf,
  type PostgresAddress,
  PostgresConnection,
  PostgresFailure,
  type Row,
  readFailure,
  writeFailure,
} from "./postgres-connection.ts";
import type { DocumentStore, Journal, JournalRecord, JournalStart, ShardStore } from "./shard-store.ts";
import { maxRecordBytes } from "./write-ahead-file.ts";

/** What a store in PostgreSQL is made of. */
export interface PostgresShardStoreOptions extends PostgresAddress {
  /** The schema that holds this shard and nothing else; made when it is not there. */
  readonly schema: string;
  /** Where tiles go; `sweep` removes what a crash left there, where that is needed. */
  readonly objects: ObjectStore & { sweep?(): Promise<number> };
}

/** Records that are read at a time when a journal is opened. */
const recordsPerPage = 64;
/** A server that went away within a commit is waited for so long, where no time is given. */
const defaultPatienceMs = 30_000;
const retryPauseMs = 200;

/** Open the store. Nobody is fenced yet: that does the journal. */
export async function openPostgresShardStore(options: PostgresShardStoreOptions): Promise<ShardStore> {
  if (!/^[a-z_][a-z0-9_]{0,50}$/.test(options.schema))
    throw new TypeError(`Schema name ${JSON.stringify(options.schema)} is not plain`);
  const connection = new PostgresConnection(options);
  try {
    await createTables(connection, options.schema);
  } catch (cause) {
    await connection.close();
    throw writeFailure(`schema ${options.schema}`, cause);
  }
  return new PostgresShardStore(options, connection);
}

/** Make the schema of a shard and its tables, where they are not there. */
export async function createTables(connection: PostgresConnection, schema: string): Promise<void> {
  for (const statement of tables(schema)) await connection.execute(statement);
}

function tables(schema: string): readonly string[] {
  return [
    `CREATE SCHEMA IF NOT EXISTS ${schema}`,
    `CREATE TABLE IF NOT EXISTS ${schema}.journal_head
       (one boolean PRIMARY KEY DEFAULT true CHECK (one), epoch bigint NOT NULL, segment bigint NOT NULL, next_sequence bigint NOT NULL)`,
    `CREATE TABLE IF NOT EXISTS ${schema}.journal (sequence bigint PRIMARY KEY, segment bigint NOT NULL, payload bytea NOT NULL)`,
    `CREATE TABLE IF NOT EXISTS ${schema}.document (name text PRIMARY KEY, value bytea NOT NULL)`,
    `CREATE TABLE IF NOT EXISTS ${schema}.entry_key (key bytea PRIMARY KEY, value bytea NOT NULL)`,
  ];
}

class PostgresShardStore implements ShardStore {
  readonly objects: ObjectStore;
  readonly documents: DocumentStore;
  readonly #options: PostgresShardStoreOptions;
  readonly #connection: PostgresConnection;

  constructor(options: PostgresShardStoreOptions, connection: PostgresConnection) {
    this.#options = options;
    this.#connection = connection;
    this.objects = options.objects;
    this.documents = new PostgresDocuments(options.schema, connection);
  }

  get indexPlace(): string {
    return `the rows of ${this.#options.schema}.entry_key`;
  }

  async openIndex(): Promise<KeyValueStore> {
    await Promise.resolve();
    return new PostgresKeyValueStore(this.#options);
  }

  openJournal(start: JournalStart, accept: (record: JournalRecord) => Promise<void>): Promise<Journal> {
    return PostgresJournal.open(this.#options, start, accept);
  }

  async sweep(): Promise<number> {
    return (await this.#options.objects.sweep?.()) ?? 0;
  }

  close(): Promise<void> {
    return this.#connection.close();
  }
}

class PostgresDocuments implements DocumentStore {
  readonly #schema: string;
  readonly #connection: PostgresConnection;

  constructor(schema: string, connection: PostgresConnection) {
    this.#schema = schema;
    this.#connection = connection;
  }

  async read(name: string): Promise<Uint8Array | undefined> {
    const values = [documentName(name)];
    try {
      const [row] = await this.#connection.query(`SELECT value FROM ${this.#schema}.document WHERE name = $1`, values);
      return row === undefined ? undefined : bytesOf(row, "value");
    } catch (cause) {
      throw readFailure(`document ${name}`, cause);
    }
  }

  async write(name: string, bytes: Uint8Array): Promise<void> {
    const values = [documentName(name), bufferOf(bytes)];
    const text = `INSERT INTO ${this.#schema}.document VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value`;
    try {
      await this.#connection.execute(text, values);
    } catch (cause) {
      throw writeFailure(`document ${name}`, cause);
    }
  }
}

class PostgresJournal implements Journal {
  readonly #schema: string;
  readonly #connection: PostgresConnection;
  #epoch: number;
  #segment: number;
  #sequence: number;
  #length: number;
  readonly #patienceMs: number;
  #failure: Error | undefined;

  private constructor(options: PostgresShardStoreOptions, connection: PostgresConnection, head: Head, length: number) {
    this.#schema = options.schema;
    this.#patienceMs = options.timeoutMs ?? defaultPatienceMs;
    this.#connection = connection;
    this.#epoch = head.epoch;
    this.#segment = head.segment;
    this.#sequence = head.nextSequence;
    this.#length = length;
  }

  static async open(
    options: PostgresShardStoreOptions,
    start: JournalStart,
    accept: (record: JournalRecord) => Promise<void>,
  ): Promise<Journal> {
    const { schema } = options;
    const connection = new PostgresConnection(options);
    try {
      // From here on an earlier writer is fenced; one whose statement is under way was waited for.
      const head = await takeOver(connection, schema, start);
      if (
        head.segment < start.first ||
        (head.segment > start.first && !(await hasSegments(connection, schema, start.first, head)))
      ) {
        throw storageError(
          "WRITE_AHEAD_CORRUPT",
          `Cannot open journal ${schema}: it is at segment ${head.segment}, expected ${start.first} or later`,
          {
            found: String(head.segment),
            expected: `${start.first} or later`,
          },
        );
      }
      await connection.execute(`DELETE FROM ${schema}.journal WHERE segment < $1`, [start.first]);
      const length = await readRecords(connection, schema, head, accept);
      return new PostgresJournal(options, connection, head, length);
    } catch (error) {
      await connection.close();
      throw error instanceof PostgresFailure ? readFailure(`journal ${schema}`, error) : error;
    }
  }

  get segment(): number {
    return this.#segment;
  }

  get length(): number {
    return this.#length;
  }

  async append(parts: readonly Uint8Array[]): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    const payload = Buffer.concat(parts);
    if (payload.length > maxRecordBytes)
      throw storageError(
        "WRITE_AHEAD_RECORD_TOO_LARGE",
        `Cannot append to journal ${this.#schema}: the record has ${payload.length} bytes, at most ${maxRecordBytes} fit`,
      );
    const text = `WITH moved AS (UPDATE ${this.#schema}.journal_head SET next_sequence = next_sequence + 1
        WHERE epoch = $1 AND segment = $2 AND next_sequence = $3 RETURNING next_sequence - 1 AS sequence)
      INSERT INTO ${this.#schema}.journal (sequence, segment, payload) SELECT sequence, $2, $4 FROM moved`;
    let changed: number;
    try {
      changed = await this.#connection.execute(text, [this.#epoch, this.#segment, this.#sequence, payload]);
    } catch (cause) {
      if (!(cause instanceof PostgresFailure) || !cause.lost) throw writeFailure(`journal ${this.#schema}`, cause);
      changed = await this.#settleLost(cause);
      if (changed === 0) throw writeFailure(`journal ${this.#schema}`, cause);
    }
    if (changed === 0) throw this.#fence();
    this.#length += payload.length;
    this.#sequence += 1;
  }

  async beginSegment(): Promise<number> {
    if (this.#failure !== undefined) throw this.#failure;
    const text = `UPDATE ${this.#schema}.journal_head SET segment = segment + 1 WHERE epoch = $1 AND next_sequence = $2 RETURNING segment`;
    try {
      const [row] = await this.#connection.query(text, [this.#epoch, this.#sequence]);
      if (row === undefined) throw this.#fence();
      this.#segment = numberOf(row, "segment");
      this.#length = 0;
      return this.#segment;
    } catch (cause) {
      if (!(cause instanceof PostgresFailure)) throw cause;
      if (cause.lost) await this.#settleLost(cause);
      throw writeFailure(`journal ${this.#schema}`, cause);
    }
  }

  async removeBefore(segment: number): Promise<void> {
    try {
      await this.#connection.execute(`DELETE FROM ${this.#schema}.journal WHERE segment < $1`, [segment]);
    } catch (cause) {
      throw writeFailure(`journal ${this.#schema}`, cause);
    }
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  /**
   * After a connection was lost within a statement: raise our own epoch on a new one. That waits for the lost statement where the server
   * still runs it, and fences it where it has not begun; then the head tells whether it was carried out. Returns 1 if so, else 0.
   */
  async #settleLost(cause: PostgresFailure): Promise<number> {
    let row: Row | undefined;
    try {
      row = await this.#raiseEpoch();
    } catch (again) {
      this.#failure = storageError(
        "STORAGE_SYNC_FAILED",
        `Cannot append to journal ${this.#schema}: the connection was lost (${cause.message}) and the outcome is unknown (${messageOf(again)})`,
        { cause },
      );
      throw this.#failure;
    }
    if (row === undefined) throw this.#fence();
    const head = headOf(row);
    this.#epoch = head.epoch;
    if (head.segment !== this.#segment) {
      this.#segment = head.segment;
      this.#length = 0;
    }
    return head.nextSequence - this.#sequence;
  }

  // A server that is started anew is away for seconds: what was committed is there when it is back.
  async #raiseEpoch(): Promise<Row | undefined> {
    const text = `UPDATE ${this.#schema}.journal_head SET epoch = epoch + 1 WHERE epoch = $1 RETURNING epoch, segment, next_sequence`;
    const end = performance.now() + this.#patienceMs;
    for (;;) {
      try {
        const [row] = await this.#connection.query(text, [this.#epoch]);
        return row;
      } catch (error) {
        // Where the raise itself may have happened, our own epoch is not known any more.
        if (!(error instanceof PostgresFailure) || error.lost || performance.now() > end) throw error;
        await new Promise((resolve) => setTimeout(resolve, retryPauseMs));
      }
    }
  }

  #fence(): Error {
    this.#failure = storageError(
      "STORAGE_FENCED",
      `Cannot append to journal ${this.#schema}: another process has opened it since`,
      {
        expected: `epoch ${this.#epoch}`,
      },
    );
    return this.#failure;
  }
}

interface Head {
  readonly epoch: number;
  readonly segment: number;
  readonly nextSequence: number;
}

async function takeOver(connection: PostgresConnection, schema: string, start: JournalStart): Promise<Head> {
  if (start.fresh)
    await connection.execute(`INSERT INTO ${schema}.journal_head VALUES (true, 0, $1, 0) ON CONFLICT DO NOTHING`, [start.first]);
  const [row] = await connection.query(
    `UPDATE ${schema}.journal_head SET epoch = epoch + 1 RETURNING epoch, segment, next_sequence`,
  );
  if (row !== undefined) return headOf(row);
  throw storageError("WRITE_AHEAD_CORRUPT", `Cannot open journal ${schema}: its head is missing`, {
    expected: `segment ${start.first}`,
  });
}

// Sequences have no holes, so a segment that was dropped shows: records begin later than they must. Empty segments leave none.
async function hasSegments(connection: PostgresConnection, schema: string, first: number, head: Head): Promise<boolean> {
  const [row] = await connection.query(
    `SELECT count(*) AS count, min(sequence) AS low FROM ${schema}.journal WHERE segment >= $1`,
    [first],
  );
  if (row === undefined) return false;
  const count = numberOf(row, "count");
  return count === 0 || numberOf(row, "low") + count === head.nextSequence;
}

async function readRecords(
  connection: PostgresConnection,
  schema: string,
  head: Head,
  accept: (record: JournalRecord) => Promise<void>,
): Promise<number> {
  let length = 0;
  let expected: number | undefined;
  for (let from = 0; ; ) {
    const page = await connection.query(
      `SELECT sequence, segment, payload FROM ${schema}.journal WHERE sequence >= $1 ORDER BY sequence LIMIT ${recordsPerPage}`,
      [from],
    );
    for (const row of page) {
      const sequence = numberOf(row, "sequence");
      if (expected !== undefined && sequence !== expected) throw hole(schema, sequence, expected);
      expected = sequence + 1;
      const payload = bytesOf(row, "payload");
      if (numberOf(row, "segment") === head.segment) length += payload.length;
      await accept({ payload, where: `record ${sequence} of journal ${schema}` });
    }
    if (page.length < recordsPerPage) break;
    from = expected ?? 0;
  }
  if (expected !== undefined && expected !== head.nextSequence) throw hole(schema, expected, head.nextSequence);
  return length;
}

function hole(schema: string, found: number, expected: number): Error {
  const fields = { found: String(found), expected: String(expected) };
  return storageError(
    "WRITE_AHEAD_CORRUPT",
    `Cannot read journal ${schema}: record ${found} follows, expected ${expected}`,
    fields,
  );
}

class PostgresKeyValueStore implements KeyValueStore {
  readonly #schema: string;
  readonly #connection: PostgresConnection;

  constructor(options: PostgresShardStoreOptions) {
    this.#schema = options.schema;
    this.#connection = new PostgresConnection(options);
  }

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    const [value] = await this.getMany([key]);
    return value;
  }

  async getMany(keys: readonly Uint8Array[]): Promise<readonly (Uint8Array | undefined)[]> {
    if (keys.length === 0) return [];
    const rows = await this.#read(`SELECT key, value FROM ${this.#schema}.entry_key WHERE key = ANY($1::bytea[])`, [
      keys.map(bufferOf),
    ]);
    const found = new Map(rows.map((row) => [nameOf(bytesOf(row, "key")), bytesOf(row, "value")]));
    return keys.map((key) => found.get(nameOf(key)));
  }

  async write(changes: readonly KeyChange[], options?: { readonly sync?: boolean }): Promise<void> {
    const last = new Map(changes.map((change) => [nameOf(change.key), change]));
    const puts = [...last.values()].flatMap((change) => (change.type === "put" ? [change] : []));
    const deletes = [...last.values()].filter(({ type }) => type === "delete");
    // One statement is one transaction. The setting holds for it alone; PostgreSQL keeps the order of commits either way.
    const text = `WITH setting AS MATERIALIZED (SELECT set_config('synchronous_commit', $4, true)),
        gone AS (DELETE FROM ${this.#schema}.entry_key WHERE key = ANY($1::bytea[]))
      INSERT INTO ${this.#schema}.entry_key SELECT key, value FROM unnest($2::bytea[], $3::bytea[]) AS put (key, value), setting
      ON CONFLICT (key) DO UPDATE SET value = excluded.value`;
    const values = [
      deletes.map(({ key }) => bufferOf(key)),
      puts.map(({ key }) => bufferOf(key)),
      puts.map(({ value }) => bufferOf(value)),
      options?.sync === true ? "on" : "off",
    ];
    try {
      await this.#connection.execute(text, values);
    } catch (cause) {
      throw writeFailure(`index ${this.#schema}`, cause);
    }
  }

  async scan({ from, to, limit, reverse }: KeyRange): Promise<readonly KeyAndValue[]> {
    const rows = await this.#read(
      `SELECT key, value FROM ${this.#schema}.entry_key WHERE key >= $1 AND key < $2 ORDER BY key ${reverse === true ? "DESC" : "ASC"} LIMIT $3`,
      [bufferOf(from), bufferOf(to), limit ?? null],
    );
    return rows.map((row): KeyAndValue => [bytesOf(row, "key"), bytesOf(row, "value")]);
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  async #read(text: string, values: readonly unknown[]): Promise<readonly Row[]> {
    try {
      return await this.#connection.query(text, values);
    } catch (cause) {
      throw readFailure(`index ${this.#schema}`, cause);
    }
  }
}

function headOf(row: Row): Head {
  return { epoch: numberOf(row, "epoch"), segment: numberOf(row, "segment"), nextSequence: numberOf(row, "next_sequence") };
}

/** A column that is an integer; pg gives 64-bit integers as text. */
export function numberOf(row: Row, name: string): number {
  const value = Number(row[name]);
  if (!Number.isSafeInteger(value)) throw new TypeError(`Column ${name} is no safe integer`);
  return value;
}

/** A column that is of type bytea. */
export function bytesOf(row: Row, name: string): Uint8Array {
  const value = row[name];
  if (!(value instanceof Uint8Array)) throw new TypeError(`Column ${name} is not of type bytea`);
  return value;
}

/** Bytes as pg takes them. */
export function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

function nameOf(bytes: Uint8Array): string {
  return bufferOf(bytes).toString("latin1");
}
