// Shards that are kept in PostgreSQL, in a backup and out of it. In a backup every shard stands in files, whatever it was kept in: so one may be
// restored into another kind of storage, by `storage` in its sigillum.yaml.
import { mkdir, rm } from "node:fs/promises";
import { join, relative } from "node:path";
import { equalBytes } from "@sigillum/library/encoding";
import { Keyring, type ShardRecord } from "../keyring/index.ts";
import { firstSegmentOf, headDocument } from "../log-engine/index.ts";
import type { Settings } from "../settings/index.ts";
import {
  copyPostgresShard,
  fillPostgresShard,
  findPostgresShards,
  finishPostgresShards,
  type PostgresShardAddress,
  posixFileSystem,
  readPostgresDocument,
  writeFileDurably,
} from "../storage/index.ts";
import { composeError } from "./errors.ts";
import { objectsDirectory, shardSchema } from "./shard-stores.ts";

const attempts = 20;

interface StoredShard {
  /** The folder of its objects, below the data directory. */
  readonly path: string;
  readonly address: PostgresShardAddress;
}

/** The shards of a stack that are kept in PostgreSQL: none where they are in files. */
export async function postgresShards(settings: Settings): Promise<readonly StoredShard[]> {
  const { storage, dataDirectory } = settings;
  if (storage.kind === "files") return [];
  const keyring = await Keyring.open(dataDirectory);
  const records: ShardRecord[] = (["v1", "v2", "ct"] as const).flatMap((api) => [...keyring.shards(api)]);
  return records.map((record) => ({
    path: relative(dataDirectory, objectsDirectory(settings, record)),
    address: { url: storage.postgresqlUrl, schema: shardSchema(record) },
  }));
}

/**
 * Copy a shard to the folder `to`; `copyObjects` copies the rest of its folder. Gives its last checkpoint (empty where it has none yet); undefined where there is no such shard. The checkpoint is copied first,
 * so that it is no newer than the journal; journal and state as they were at one moment; then the objects. When the snapshot was replaced
 * meanwhile, objects that it needs may be gone: then all is copied again.
 */
export async function backUpPostgresShard(
  shard: StoredShard,
  from: string,
  to: string,
  copyObjects: () => Promise<void>,
): Promise<Uint8Array | undefined> {
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    await rm(to, { recursive: true, force: true });
    await mkdir(to, { recursive: true, mode: 0o700 });
    const checkpoint = await posixFileSystem.readFile(join(from, "checkpoint"));
    if (checkpoint !== undefined) await writeFileDurably(join(to, "checkpoint"), checkpoint);
    let before: Uint8Array | undefined;
    const found = await copyPostgresShard(shard.address, to, (documents) => {
      before = documents.get(headDocument);
      return firstSegmentOf(before);
    });
    if (!found) {
      await rm(to, { recursive: true, force: true });
      return undefined;
    }
    await copyObjects();
    const after = await readPostgresDocument(shard.address, headDocument);
    const same = before === undefined ? after === undefined : after !== undefined && equalBytes(before, after);
    if (same) return checkpoint ?? new Uint8Array(0);
  }
  throw composeError("STACK_BACKUP_UNUSABLE", `Cannot back up ${from}: it changed ${attempts} times while it was copied`, {
    expected: "a moment with less load",
  });
}

/** Bring the shards of a data directory that is being restored into the database that its settings name, which must have no others. */
export async function fillDatabase(settings: Settings): Promise<void> {
  const shards = await postgresShards(settings);
  const [first] = shards;
  if (first === undefined) return;
  const others = await findPostgresShards(first.address);
  if (others.length > 0)
    throw composeError(
      "STACK_TARGET_NOT_EMPTY",
      `Cannot restore into the database of storage.postgresqlUrl: it has logs already, ${others.join(", ")}. Name an empty database in the sigillum.yaml of the backup, or drop these schemas when the stack that they belong to is given up`,
      { found: others.join(", "), expected: "no schema of a log" },
    );
  for (const { path, address } of shards) {
    const folder = join(settings.dataDirectory, path);
    if ((await posixFileSystem.list(join(folder, "wal"))).length === 0) continue;
    await fillPostgresShard(address, folder);
    for (const name of ["wal", "state"]) await rm(join(folder, name), { recursive: true, force: true });
  }
}

/** What was restored into the database is whole. */
export async function finishDatabase(settings: Settings): Promise<void> {
  const shards = await postgresShards(settings);
  const [first] = shards;
  if (first !== undefined)
    await finishPostgresShards(
      first.address,
      shards.map(({ address }) => address.schema),
    );
}
