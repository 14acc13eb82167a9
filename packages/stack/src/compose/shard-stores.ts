// Where the settings keep each shard: files in a folder of its own, or a schema of its own in PostgreSQL with that folder, or a folder of a bucket,
// for its tiles.
import { join } from "node:path";
import { openBucket } from "@sigillum/library/aws";
import type { ShardRecord } from "../keyring/index.ts";
import { dataDirectoryLayout, type Settings } from "../settings/index.ts";
import { BucketObjectStore, DirectoryObjectStore, openPostgresShardStore, type ShardStore } from "../storage/index.ts";
import { composeError } from "./errors.ts";

/** Each shard in a folder of its own, named after its API. */
export function shardDirectory(settings: Settings, record: ShardRecord): string {
  return join(dataDirectoryLayout(settings.dataDirectory).logs, `${record.api}-${record.id}`);
}

/** The store of a shard that is not kept in files; undefined for one that is. It fences whoever had it open before. */
export async function openShardStore(settings: Settings, record: ShardRecord): Promise<ShardStore | undefined> {
  const { storage } = settings;
  if (storage.kind === "files") return undefined;
  return openPostgresShardStore({
    url: storage.postgresqlUrl,
    schema: shardSchema(record),
    objects:
      storage.bucket === undefined
        ? new DirectoryObjectStore(objectsDirectory(settings, record))
        : new BucketObjectStore(openBucket(`${storage.bucket}/${record.api}-${record.id}`, process.env)),
  });
}

/** The folder of a shard's tree: the shard's own, or one within where the log keeps more beside its tree. */
export function objectsDirectory(settings: Settings, record: ShardRecord): string {
  const folder = shardDirectory(settings, record);
  return record.api === "ct" ? join(folder, "tree") : folder;
}

/** As `openShardStore`, for options in which it may be missing. */
export async function shardStoreOf(settings: Settings, record: ShardRecord): Promise<{ readonly store?: ShardStore }> {
  const store = await openShardStore(settings, record);
  return store === undefined ? {} : { store };
}

/** The schema of a shard: `sigillum_` with its API and id. */
export function shardSchema({ api, id }: ShardRecord): string {
  return `sigillum_${api}_${id.toLowerCase().replace(/[^a-z0-9]/g, "_")}`;
}

/** Refuse to copy or restore logs whose tiles are in a bucket, which has its own means to keep what it holds. */
export function requireNoBucket({ storage }: Settings, what: string): void {
  if (storage.kind === "files" || storage.bucket === undefined) return;
  throw composeError(
    "STACK_NOT_IN_FILES",
    `Cannot ${what}: the tiles of the logs are in ${storage.bucket}, and nothing but the bucket's own versions and copies keeps them`,
    { found: "storage.objects: s3", expected: "storage.objects: files" },
  );
}

/** Refuse what copies or moves files of a log, where files are not all there is of it. */
export function requireStoredInFiles({ storage }: Settings, what: string): void {
  if (storage.kind === "files") return;
  throw composeError(
    "STACK_NOT_IN_FILES",
    `Cannot ${what}: the logs are kept in PostgreSQL, whose part a copy of files does not have; use the database's own tools, with this stack stopped`,
    { found: storage.kind, expected: "storage.kind: files" },
  );
}
