// A shard's store in one directory of a POSIX file system, with LevelDB as its index.
//
//   wal/<segment>       records; one fdatasync each
//   state/<document>    documents; a temporary file, synced and renamed
//   index/              key-value store
//   everything else     objects
import { dirname, join } from "node:path";
import { DirectoryObjectStore } from "./directory-object-store.ts";
import { removeTemporaryFiles, writeFileDurably } from "./durable-file.ts";
import { reasonOf, storageError } from "./errors.ts";
import { type FileSystem, posixFileSystem } from "./file-system.ts";
import { type KeyValueStore, openKeyValueStore } from "./key-value-store.ts";
import type { ObjectStore } from "./object-store.ts";
import type { DocumentStore, Journal, JournalRecord, JournalStart, ShardStore } from "./shard-store.ts";
import { WriteAheadFile } from "./write-ahead-file.ts";

/** What a store in a directory is made of. */
export interface PosixShardStoreOptions {
  /** Holds this shard and nothing else; the lock on the data directory is the caller's. */
  readonly directory: string;
  readonly fileSystem?: FileSystem;
  openKeyValues?(directory: string): Promise<KeyValueStore>;
}

/** Open the store in a directory, which is made when it is not there; its name is durable then. */
export async function openPosixShardStore(options: PosixShardStoreOptions): Promise<ShardStore> {
  const { directory, fileSystem = posixFileSystem } = options;
  try {
    const fresh = await fileSystem.makeDirectory(directory);
    for (const name of ["wal", "state"]) await fileSystem.makeDirectory(join(directory, name));
    for (const path of fresh ? [directory, dirname(directory), dirname(dirname(directory))] : [directory])
      await fileSystem.syncDirectory(path);
  } catch (cause) {
    throw storageError("STORAGE_WRITE_FAILED", `Cannot use directory ${directory}: ${reasonOf(cause)}`, { cause });
  }
  const openKeyValues = options.openKeyValues ?? ((path: string) => openKeyValueStore(path));
  return new PosixShardStore(directory, fileSystem, openKeyValues);
}

class PosixShardStore implements ShardStore {
  readonly objects: ObjectStore;
  readonly documents: DocumentStore;
  readonly #directory: string;
  readonly #fileSystem: FileSystem;
  readonly #openKeyValues: (directory: string) => Promise<KeyValueStore>;
  readonly #directoryObjects: DirectoryObjectStore;

  constructor(directory: string, fileSystem: FileSystem, openKeyValues: (directory: string) => Promise<KeyValueStore>) {
    this.#directory = directory;
    this.#fileSystem = fileSystem;
    this.#openKeyValues = openKeyValues;
    this.#directoryObjects = new DirectoryObjectStore(directory, fileSystem);
    this.objects = this.#directoryObjects;
    this.documents = new PosixDocuments(join(directory, "state"), fileSystem);
  }

  get indexPlace(): string {
    return join(this.#directory, "index");
  }

  openIndex(): Promise<KeyValueStore> {
    return this.#openKeyValues(this.indexPlace);
  }

  openJournal(start: JournalStart, accept: (record: JournalRecord) => Promise<void>): Promise<Journal> {
    return PosixJournal.open(join(this.#directory, "wal"), this.#fileSystem, start, accept);
  }

  async sweep(): Promise<number> {
    return (
      (await this.#directoryObjects.sweep()) + (await removeTemporaryFiles(join(this.#directory, "state"), this.#fileSystem))
    );
  }

  async close(): Promise<void> {
    await Promise.resolve();
  }
}

class PosixDocuments implements DocumentStore {
  readonly #directory: string;
  readonly #fileSystem: FileSystem;

  constructor(directory: string, fileSystem: FileSystem) {
    this.#directory = directory;
    this.#fileSystem = fileSystem;
  }

  async read(name: string): Promise<Uint8Array | undefined> {
    const path = join(this.#directory, documentName(name));
    try {
      return await this.#fileSystem.readFile(path);
    } catch (cause) {
      throw storageError("STORAGE_READ_FAILED", `Cannot read ${path}: ${reasonOf(cause)}`, { cause });
    }
  }

  write(name: string, bytes: Uint8Array): Promise<void> {
    return writeFileDurably(join(this.#directory, documentName(name)), bytes, this.#fileSystem);
  }
}

/** The name itself; any other spelling is a programmer's mistake. */
export function documentName(name: string): string {
  if (!/^[a-z]+(?:\.[a-z]+)*$/.test(name)) throw new TypeError(`Document name ${JSON.stringify(name)} is not plain`);
  return name;
}

/** One write-ahead file a segment. */
class PosixJournal implements Journal {
  readonly #directory: string;
  readonly #fileSystem: FileSystem;
  #file: WriteAheadFile;
  #segment: number;

  private constructor(directory: string, fileSystem: FileSystem, file: WriteAheadFile, segment: number) {
    this.#directory = directory;
    this.#fileSystem = fileSystem;
    this.#file = file;
    this.#segment = segment;
  }

  static async open(
    directory: string,
    fileSystem: FileSystem,
    start: JournalStart,
    accept: (record: JournalRecord) => Promise<void>,
  ): Promise<Journal> {
    let open: WriteAheadFile | undefined;
    let last = start.first;
    try {
      for (const segment of await liveSegments(directory, fileSystem, start)) {
        await open?.close();
        open = undefined;
        const path = segmentPath(directory, segment);
        const { file, records, cutBytes } = await WriteAheadFile.open(path, fileSystem);
        open = file;
        last = segment;
        if (cutBytes > 0) start.onTorn?.(path, cutBytes);
        for (const { payload, sequence } of records) await accept({ payload, where: `record ${sequence} of ${path}` });
      }
      await fileSystem.syncDirectory(directory);
    } catch (error) {
      await open?.close();
      throw error;
    }
    if (open === undefined) throw new TypeError("A journal has at least one segment");
    return new PosixJournal(directory, fileSystem, open, last);
  }

  get segment(): number {
    return this.#segment;
  }

  get length(): number {
    return this.#file.length;
  }

  append(parts: readonly Uint8Array[]): Promise<void> {
    return this.#file.append(parts);
  }

  async beginSegment(): Promise<number> {
    const next = this.#segment + 1;
    const { file } = await WriteAheadFile.open(segmentPath(this.#directory, next), this.#fileSystem);
    // The name must be durable before a record in the file counts as durable.
    await this.#fileSystem.syncDirectory(this.#directory);
    await this.#file.close();
    this.#file = file;
    this.#segment = next;
    return next;
  }

  async removeBefore(segment: number): Promise<void> {
    for (const found of await segments(this.#directory, this.#fileSystem))
      if (found < segment) await this.#fileSystem.remove(segmentPath(this.#directory, found));
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

/** The file of a segment of the journal in `directory`. */
export function segmentPath(directory: string, segment: number): string {
  return join(directory, String(segment).padStart(10, "0"));
}

/** The segments that a journal in `directory` has, in order. */
export async function segments(directory: string, fileSystem: FileSystem): Promise<readonly number[]> {
  return (await fileSystem.list(directory)).filter((name) => /^\d{10}$/.test(name)).map(Number);
}

async function liveSegments(
  directory: string,
  fileSystem: FileSystem,
  { first, fresh }: JournalStart,
): Promise<readonly number[]> {
  const found = await segments(directory, fileSystem);
  // A crash after a snapshot and before the removal leaves segments that the snapshot covers.
  for (const segment of found) if (segment < first) await fileSystem.remove(segmentPath(directory, segment));
  const live = found.filter((segment) => segment >= first);
  if (live.length === 0 && fresh) return [first];
  if (live.length > 0 && live.every((segment, position) => segment === first + position)) return live;
  const fields = { found: live.join(", ") || "none", expected: `${first} and those after it` };
  throw storageError(
    "WRITE_AHEAD_CORRUPT",
    `Cannot open the write-ahead files in ${directory}: there are ${fields.found}, expected ${fields.expected}`,
    fields,
  );
}
