// One connection to PostgreSQL that is made anew when it was lost. The package pg is loaded when the first one is made.
import type { Client, QueryResult } from "pg";
import { storageError } from "./errors.ts";

/** Where the database is. */
export interface PostgresAddress {
  /** `postgresql://user:password@host:port/database`. */
  readonly url: string;
  /** A statement, and a connection, may take so long. */
  readonly timeoutMs?: number;
}

const defaultTimeoutMs = 30_000;

/** One row. */
export type Row = Readonly<Record<string, unknown>>;

/** Why a statement failed: refused by the database (nothing was done), or lost on the way (nobody knows). */
export class PostgresFailure extends Error {
  readonly lost: boolean;

  constructor(message: string, lost: boolean, cause: unknown) {
    super(message, { cause });
    this.lost = lost;
  }
}

/** Statements one after the other, each a transaction of its own. */
export class PostgresConnection {
  readonly #address: PostgresAddress;
  #client: Promise<Client> | undefined;
  #closed = false;

  constructor(address: PostgresAddress) {
    this.#address = address;
  }

  /** Run one statement; rejects with PostgresFailure. A lost connection is made anew by the next one. */
  async query(text: string, values: readonly unknown[] = []): Promise<readonly Row[]> {
    return (await this.run(text, values)).rows;
  }

  /** As `query`; how many rows were changed. */
  async execute(text: string, values: readonly unknown[] = []): Promise<number> {
    return (await this.run(text, values)).rowCount ?? 0;
  }

  async run(text: string, values: readonly unknown[]): Promise<QueryResult> {
    let sent = false;
    try {
      const client = await this.#connected();
      sent = true;
      return await client.query({ text, values });
    } catch (error) {
      const refused = error instanceof Error && "severity" in error && Reflect.get(error, "severity") === "ERROR";
      if (!refused) await this.#drop();
      throw new PostgresFailure(error instanceof Error ? error.message : String(error), sent && !refused, error);
    }
  }

  /** End the connection; later statements are refused. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#drop();
  }

  async #connected(): Promise<Client> {
    if (this.#closed) throw new Error("the connection was closed");
    this.#client ??= this.#connect();
    return this.#client;
  }

  async #connect(): Promise<Client> {
    const { default: pg } = (await import("pg")) as unknown as { default: { Client: typeof Client } };
    const timeoutMs = this.#address.timeoutMs ?? defaultTimeoutMs;
    const client = new pg.Client({
      connectionString: this.#address.url,
      connectionTimeoutMillis: timeoutMs,
      statement_timeout: timeoutMs,
      query_timeout: timeoutMs + 1000,
      application_name: "sigillum",
      keepAlive: true,
    });
    const forget = (): void => {
      if (this.#current === client) this.#client = undefined;
    };
    client.on("error", forget).on("end", forget);
    await client.connect();
    this.#current = client;
    return client;
  }

  #current: Client | undefined;

  async #drop(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    try {
      await (await client)?.end();
    } catch {
      // It is gone already.
    }
  }
}

/** A failure as an error of this room: a write that did not happen, or one of which nobody knows. */
export function writeFailure(what: string, cause: unknown): Error {
  return storageError("STORAGE_WRITE_FAILED", `Cannot write ${what}: ${messageOf(cause)}`, { cause });
}

/** A failure of a read as an error of this room. */
export function readFailure(what: string, cause: unknown): Error {
  return storageError("STORAGE_READ_FAILED", `Cannot read ${what}: ${messageOf(cause)}`, { cause });
}

/** What a failure says. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
