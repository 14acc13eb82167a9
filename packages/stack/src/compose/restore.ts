// A data directory from a backup. Its logs may have gone on after the backup was made, so none of them takes another entry: each is sealed
// where the backup ends, which every checkpoint that was published later extends, and a new shard with a key of its own follows it.
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { CtLog } from "../ct-log/index.ts";
import { isLoopback, type Logger, silentLogger, systemClock } from "../host/index.ts";
import type { Keyring, ShardChange, ShardRecord } from "../keyring/index.ts";
import { openRekorV1Shard } from "../rekor-v1/index.ts";
import { nextShardUrl, openRekorV2Shard } from "../rekor-v2/index.ts";
import { dataDirectoryLayout, type Settings } from "../settings/index.ts";
import { backupFileName, copyTree, readBackupRecord } from "./backup.ts";
import { type PublishedCheckpoint, publishedCheckpointOf, readCheckpointCopies, requireExtends } from "./checkpoint-copies.ts";
import { openStackData } from "./data.ts";
import { composeError } from "./errors.ts";
import { fillDatabase, finishDatabase } from "./postgres-backup.ts";
import { republish } from "./services.ts";
import { openShardStore, requireNoBucket, shardDirectory, shardStoreOf } from "./shard-stores.ts";

/** A shard that a restore ended. */
export interface SealedShard {
  readonly api: ShardRecord["api"];
  readonly id: string;
  readonly size: number;
  /** Entries that were published after the backup, as far as is known: their indexes are not given again. */
  readonly lost: number;
  /** The shard that follows it. */
  readonly next: string;
  readonly nextUrl: string;
}

/** What a restore did. */
export interface RestoreReport {
  readonly createdMs: number;
  readonly shards: readonly SealedShard[];
}

/** What restoring needs. */
export interface RestoreOptions {
  readonly backup: string;
  /** Must be empty or not there. */
  readonly dataDirectory: string;
  readonly nowMs: number;
  /** Checkpoints that are known to have been published, as texts: the newest of each log says what was lost. */
  readonly published?: readonly string[];
  /** Public URL of the next shard of log v2; the setting transparencyLog.nextUrlV2, or on this machine the next port, where none is given. */
  readonly nextUrlV2?: string;
  readonly logger?: Logger;
}

/**
 * Makes a data directory of a backup. When it resolves the directory can be served; until then, and after a crash, it is refused as the
 * backup is.
 */
export async function restoreStack(options: RestoreOptions): Promise<RestoreReport> {
  const { backup, dataDirectory, nowMs } = options;
  const record = await readBackupRecord(backup);
  if (record === undefined)
    throw composeError(
      "STACK_BACKUP_UNUSABLE",
      `Cannot restore ${backup}: it has no ${backupFileName}, so it is no backup, or an unfinished one`,
      {
        expected: "a directory that `sigillum backup` finished",
      },
    );
  await mkdir(dataDirectory, { recursive: true, mode: 0o700 });
  const [found] = await readdir(dataDirectory);
  if (found !== undefined)
    throw composeError("STACK_TARGET_NOT_EMPTY", `Cannot restore to ${dataDirectory}: it is not empty`, {
      found,
      expected: "an empty directory, or none",
    });
  // The mark of a backup goes first and is taken away last: what is half restored is never served.
  await copyTree(join(backup, backupFileName), join(dataDirectory, backupFileName));
  await copyTree(backup, dataDirectory);
  const data = await openStackData({ dataDirectory, nowMs, existing: true, restoring: true });
  try {
    requireNoBucket(data.settings, `restore ${backup}`);
    await fillDatabase(data.settings);
    const given = (options.published ?? []).map((text) => publishedCheckpointOf({ text }));
    const published = [...given, ...(await readCheckpointCopies(data.settings))];
    const shards: SealedShard[] = [];
    for (const api of ["v1", "v2", "ct"] as const)
      shards.push(...(await renew(data.settings, data.keyring, api, { ...options, published })));
    await republish(data, { logger: options.logger ?? silentLogger, nowMs, backupMs: record.createdMs });
    await finishDatabase(data.settings);
    await rm(join(dataDirectory, backupFileName));
    return { createdMs: record.createdMs, shards };
  } finally {
    await data.lock.release();
  }
}

type Renewal = Omit<RestoreOptions, "published"> & { readonly published: readonly PublishedCheckpoint[] };

/** Seals every shard of an API that took entries or was about to, and plans the one that follows. */
async function renew(settings: Settings, keyring: Keyring, api: ShardRecord["api"], options: Renewal): Promise<SealedShard[]> {
  const open = keyring.shards(api).filter(({ state }) => state !== "sealed");
  const newest = open.at(-1);
  if (newest === undefined) return [];
  const sizes: { record: ShardRecord; size: number; lost: number }[] = [];
  for (const record of open) sizes.push({ record, ...(await sealShard(settings, keyring, record, options)) });
  const publicUrl = api === "v2" ? nextUrl(settings, keyring, options) : newest.publicUrl;
  const next = await keyring.planShard(api, { publicUrl, nowMs: options.nowMs });
  const [atMs, endMs] = [Math.floor(options.nowMs / 1000) * 1000, (Math.floor(options.nowMs / 1000) + 1) * 1000];
  const changes: ShardChange[] = open.map(({ id }) => ({ api, id, state: "sealed", endMs }));
  await keyring.changeShards([...changes, { api, id: next.id, state: "active", publishedMs: atMs, activatedMs: atMs }]);
  return sizes.map(({ record, size, lost }) => ({ api, id: record.id, size, lost, next: next.id, nextUrl: next.publicUrl }));
}

async function sealShard(
  settings: Settings,
  keyring: Keyring,
  record: ShardRecord,
  { published }: Renewal,
): Promise<{ size: number; lost: number }> {
  const { publicKey } = keyring.signer(record.key);
  const shard = await openShard(settings, keyring, record);
  try {
    const { size } = shard.head();
    const own = published.filter((checkpoint) => checkpoint.isOf(record, publicKey));
    // What the backup has must be what was published: a log that was forked already is not carried on.
    for (const checkpoint of own) if (checkpoint.treeSize <= size) await requireExtends(shard, checkpoint, "a checkpoint");
    const publishedSize = Math.max(size, ...own.map(({ treeSize }) => treeSize));
    await shard.seal({ publishedSize });
    return { size, lost: publishedSize - size };
  } finally {
    await shard.close();
  }
}

async function openShard(
  settings: Settings,
  keyring: Keyring,
  record: ShardRecord,
): Promise<Pick<CtLog["shard"], "head" | "seal" | "close" | "checkpoint" | "rootAt">> {
  const common = { clock: systemClock, logger: silentLogger };
  if (record.api === "ct") {
    const directory = dataDirectoryLayout(settings.dataDirectory).logs;
    const { leafIndexExtension } = settings.ctLog;
    const openStore = (shard: ShardRecord) => openShardStore(settings, shard);
    return (await CtLog.open({ ...common, keyring, directory, leafIndexExtension, openStore }, record)).shard;
  }
  const stored = await shardStoreOf(settings, record);
  const own = { ...common, ...stored, signer: keyring.signer(record.key), directory: shardDirectory(settings, record) };
  if (record.api === "v2") return openRekorV2Shard({ ...own, origin: record.origin });
  return (await openRekorV1Shard({ ...own, hostname: record.checkpointName, treeId: BigInt(record.treeId ?? 0) })).shard;
}

/** Each shard of log v2 has an address of its own: the one that is given or set, or on this machine the next port that no service has. */
function nextUrl(settings: Settings, keyring: Keyring, { nextUrlV2, nowMs }: Renewal): string {
  const records = keyring.shards("v2");
  const { protocol, hostname, port } = new URL(records.at(-1)?.publicUrl ?? settings.services["log-v2"].publicUrl);
  const given = nextUrlV2 ?? settings.transparencyLog.nextUrlV2;
  if (given !== undefined || !(hostname === "localhost" || isLoopback(hostname))) return nextShardUrl(given, records, nowMs);
  const taken = new Set(Object.values(settings.services).flatMap((service) => [service.port, ...service.aliasPorts]));
  for (const { publicUrl } of records) taken.add(Number(new URL(publicUrl).port));
  let next = Number(port) + 1;
  while (taken.has(next)) next += 1;
  return `${protocol}//${hostname}:${next}`;
}
