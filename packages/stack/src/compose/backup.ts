// A backup of a data directory, made while it is served or not. Every file of a log but those of its last seconds never changes again; so a
// copy is whole once it has the files in the right order, and its state did not move meanwhile. What a database has of a log becomes files.
import { copyFile, mkdir, open, readdir, readFile, rm } from "node:fs/promises";
import { join, relative } from "node:path";
import { parseCheckpoint, parseSignedNote } from "@sigillum/library/checkpoint";
import {
  encodeUtf8,
  equalBytes,
  formatRfc3339,
  isSigillumError,
  JsonObject,
  type JsonValue,
  parseJson,
  parseUtf8,
} from "@sigillum/library/encoding";
import { lockName } from "@sigillum/library/tuf-place";
import { openDataDirectory } from "../settings/index.ts";
import { writeFileDurably } from "../storage/index.ts";
import { composeError } from "./errors.ts";
import { backUpPostgresShard, postgresShards } from "./postgres-backup.ts";
import { requireNoBucket } from "./shard-stores.ts";

/** The file that makes a directory a backup, which nobody may serve. */
export const backupFileName = "backup.json";

/** One tree in a backup, as its last checkpoint there has it. */
export interface BackedUpTree {
  /** Path below the data directory. */
  readonly path: string;
  readonly origin: string;
  readonly size: number;
}

/** What a backup says of itself. */
export interface BackupRecord {
  readonly createdMs: number;
  readonly trees: readonly BackedUpTree[];
}

const format = "sigillum-backup";
const maxRecordBytes = 4 * 1024 * 1024;
const attempts = 20;
/** What is another process's, or is made anew. */
const leftOut: ReadonlySet<string> = new Set(["lock", "control.sock", "index", ".tmp"]);

/** The lock of a publication, too, comes and goes, under this name and longer ones. */
function isLeftOut(name: string): boolean {
  return leftOut.has(name) || name.startsWith(lockName);
}

/**
 * Copied first, in this order: what names keys and files is never newer than what it names, and a second copy of a checkpoint never newer
 * than its log, which would look like an old log for ever.
 */
const firstNames = ["version.json", "keyring.json", "keys", "tuf", "checkpoints", "logs"];

/**
 * Copies a data directory to `to`, which must be empty or not there. It is durable and complete when this resolves, and holds the private
 * keys; one that was interrupted has no `backup.json` and is refused by `restore`.
 */
export async function backupStack(options: {
  readonly dataDirectory: string;
  readonly to: string;
  readonly nowMs: number;
}): Promise<BackupRecord> {
  const { dataDirectory, to, nowMs } = options;
  const settings = await openDataDirectory(dataDirectory);
  requireNoBucket(settings, "make a backup");
  await refuseBackup(dataDirectory);
  await makeEmpty(to);
  const trees: BackedUpTree[] = [];
  const stored = await postgresShards(settings);
  const left = new Map(stored.map((shard) => [shard.path, shard]));
  const shards: ShardCopier = {
    isShard: (from, names) =>
      settings.storage.kind === "files"
        ? names.includes("state") && names.includes("wal")
        : stored.some(({ path }) => path === relative(dataDirectory, from)),
    async copy(from, target) {
      const path = relative(dataDirectory, from);
      const shard = left.get(path);
      left.delete(path);
      if (shard === undefined) trees.push(await copyShard(from, target, path));
      else {
        const checkpoint = await backUpPostgresShard(shard, from, target, () => copyRest(from, target));
        if (checkpoint !== undefined) trees.push({ path, ...describe(checkpoint) });
      }
    },
  };
  const names = (await readdir(dataDirectory)).filter((name) => !isLeftOut(name));
  const ordered = [...firstNames.filter((name) => names.includes(name)), ...names.filter((name) => !firstNames.includes(name))];
  for (const name of ordered) await copyTree(join(dataDirectory, name), join(to, name), shards);
  // A shard of which there is no folder is in the database all the same, or nowhere.
  for (const { path } of left.values()) await shards.copy(join(dataDirectory, path), join(to, path));
  const record = { createdMs: nowMs, trees };
  await writeFileDurably(join(to, backupFileName), encodeRecord(record));
  return record;
}

/** The record of a directory that is a backup; undefined for any other. */
export async function readBackupRecord(directory: string): Promise<BackupRecord | undefined> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(join(directory, backupFileName));
  } catch (cause) {
    if (isMissing(cause)) return undefined;
    throw cause;
  }
  try {
    const fields = JsonObject.from(parseJson(bytes, { maxBytes: maxRecordBytes }), backupFileName);
    if (fields.string("format") !== format || fields.safeInteger("version") !== 1)
      throw new RangeError("it is of another format");
    return {
      createdMs: fields.timestampMs("created"),
      trees: fields
        .objects("trees")
        .map((tree) => ({ path: tree.string("path"), origin: tree.string("origin"), size: tree.safeInteger("size") })),
    };
  } catch (cause) {
    if (!isSigillumError(cause) && !(cause instanceof RangeError)) throw cause;
    throw composeError(
      "STACK_BACKUP_UNUSABLE",
      `Cannot use backup ${directory}: its ${backupFileName} cannot be read: ${cause.message}`,
      {
        cause,
      },
    );
  }
}

/** Refuses a directory that is a backup: going on from it would make a second history after the same checkpoints. */
export async function refuseBackup(directory: string): Promise<void> {
  const record = await readBackupRecord(directory);
  if (record === undefined) return;
  const made = formatRfc3339(record.createdMs);
  throw composeError(
    "STACK_IS_BACKUP",
    `Cannot serve ${directory}: it is a backup of ${made}. Its logs may have gone on since, and to go on from here would fork them. "sigillum restore ${directory} --data DIR" makes a data directory of it whose logs are sealed where the backup ends and go on in new shards`,
    { found: `a backup of ${made}`, expected: "a data directory" },
  );
}

/** Knows the folders of shards, and copies them in a way of their own. */
interface ShardCopier {
  isShard(from: string, names: readonly string[]): boolean;
  copy(from: string, to: string): Promise<void>;
}

/** Copies files and folders; what a log's shard is, is left to `shards`. */
export async function copyTree(from: string, to: string, shards?: ShardCopier): Promise<void> {
  const entries = await listing(from);
  if (entries === undefined) return copyDurably(from, to);
  const names = entries.map(({ name }) => name);
  if (shards?.isShard(from, names) === true) return shards.copy(from, to);
  await mkdir(to, { recursive: true, mode: 0o700 });
  // A timestamp names a snapshot, and that the rest: whoever is named must be copied later.
  for (const name of names.toSorted((a, b) => Number(b === "timestamp.json") - Number(a === "timestamp.json")))
    if (!isLeftOut(name)) await copyTree(join(from, name), join(to, name), shards);
  await syncDirectory(to);
}

/** Of a shard's folder what is neither its state nor its journal, which are copied before. */
async function copyRest(from: string, to: string): Promise<void> {
  for (const { name } of (await listing(from)) ?? [])
    if (!isLeftOut(name) && !["checkpoint", "state", "wal"].includes(name)) await copyTree(join(from, name), join(to, name));
  await syncDirectory(to);
}

// The checkpoint first, so that it is no newer than the write-ahead file that is copied after it; then the state, the write-ahead files, and what
// never changes. When the snapshot was replaced meanwhile, files that it needs may be gone: then all is copied again.
async function copyShard(from: string, to: string, path: string): Promise<BackedUpTree> {
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    await rm(to, { recursive: true, force: true });
    await mkdir(to, { recursive: true, mode: 0o700 });
    const before = await readOptional(join(from, "state", "head.json"));
    const checkpoint = await readOptional(join(from, "checkpoint"));
    if (checkpoint !== undefined) await writeFileDurably(join(to, "checkpoint"), checkpoint);
    await copyTree(join(from, "state"), join(to, "state"));
    await copyTree(join(from, "wal"), join(to, "wal"));
    await copyRest(from, to);
    const after = await readOptional(join(from, "state", "head.json"));
    const same = before === undefined ? after === undefined : after !== undefined && equalBytes(before, after);
    if (same) return { path, ...describe(checkpoint) };
  }
  throw composeError("STACK_BACKUP_UNUSABLE", `Cannot back up ${from}: it changed ${attempts} times while it was copied`, {
    expected: "a moment with less load",
  });
}

function describe(checkpoint: Uint8Array | undefined): { origin: string; size: number } {
  if (checkpoint === undefined || checkpoint.length === 0) return { origin: "", size: 0 };
  const { origin, treeSize } = parseCheckpoint(parseSignedNote(parseUtf8(checkpoint)).text);
  return { origin, size: treeSize };
}

async function makeEmpty(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const [found] = await readdir(directory);
  if (found === undefined) return;
  throw composeError("STACK_TARGET_NOT_EMPTY", `Cannot write to ${directory}: it is not empty`, {
    found,
    expected: "an empty directory, or none",
  });
}

function encodeRecord({ createdMs, trees }: BackupRecord): Uint8Array {
  const value: JsonValue = { format, version: 1, created: formatRfc3339(createdMs), trees: trees.map((tree) => ({ ...tree })) };
  return encodeUtf8(`${JSON.stringify(value, undefined, 2)}\n`);
}

/** The names in a folder; undefined for what is none. What is gone by now is an empty folder. */
async function listing(path: string): Promise<{ readonly name: string }[] | undefined> {
  try {
    return await readdir(path, { withFileTypes: true });
  } catch (cause) {
    if (cause instanceof Error && Reflect.get(cause, "code") === "ENOTDIR") return undefined;
    if (isMissing(cause)) return undefined;
    throw cause;
  }
}

async function copyDurably(from: string, to: string): Promise<void> {
  try {
    await copyFile(from, to);
  } catch (cause) {
    // A partial tile that a longer one has replaced.
    if (isMissing(cause)) return;
    throw cause;
  }
  const file = await open(to, "r+");
  try {
    await file.chmod(0o600);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

async function readOptional(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(path);
  } catch (cause) {
    if (isMissing(cause)) return undefined;
    throw cause;
  }
}

function isMissing(cause: unknown): boolean {
  return cause instanceof Error && Reflect.get(cause, "code") === "ENOENT";
}
