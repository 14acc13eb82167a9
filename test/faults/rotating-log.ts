// A Rekor v1 log over a keyring, whose rotations wait for nobody's cache.
import { join } from "node:path";
import type { JsonValue } from "@sigillum/library/encoding";
import { Host, silentLogger, systemClock } from "@sigillum/stack/host";
import { Keyring, type ShardRecord } from "@sigillum/stack/keyring";
import { createRekorV1, openRekorV1Shard, type RekorV1Shard } from "@sigillum/stack/rekor-v1";

const publicUrls = {
  logV1: "http://localhost:3000",
  logV2: "http://localhost:3003",
  ca: "http://localhost:5555",
  ct: "http://localhost:6962",
  tsa: "http://localhost:3004",
  identity: "http://localhost:5556",
};

/** An open log. */
export interface RotatingLog {
  readonly url: string;
  readonly keyring: Keyring;
  rotate(): Promise<JsonValue>;
  fsck(): Promise<JsonValue>;
  close(): Promise<void>;
}

/** Open the log in `directory`, or make it, and go on with a rotation that was interrupted. */
export async function openRotatingLog(directory: string): Promise<RotatingLog> {
  const plan = { organization: "Example", operator: "example", publicUrls };
  const keyring = (await Keyring.exists(directory))
    ? await Keyring.open(directory)
    : await Keyring.create(directory, plan, Date.now());
  const open = (record: ShardRecord): Promise<RekorV1Shard> =>
    openRekorV1Shard({
      directory: join(directory, `v1-${record.id}`),
      hostname: record.checkpointName,
      treeId: BigInt(record.treeId ?? 0),
      signer: keyring.signer(record.key),
      clock: systemClock,
      logger: silentLogger,
      limits: { maxBatchEntries: 20, maxWriteAheadBytes: 24 * 1024 },
    });
  const shards: RekorV1Shard[] = [];
  for (const record of keyring.shards("v1")) shards.push(await open(record));
  const service = createRekorV1({
    shards,
    logger: silentLogger,
    listener: { addresses: ["127.0.0.1"], port: 0 },
    rotation: { keyring, clock: systemClock, cacheWindowMs: 0, open, publish: () => Promise.resolve() },
  });
  const host = new Host({ logger: silentLogger, clock: systemClock });
  await host.start([service]);
  const act = (name: string): Promise<JsonValue> => service.actions.get(`log-v1.${name}`)?.(null) ?? Promise.resolve(null);
  return {
    url: `http://127.0.0.1:${host.addresses()[0]?.port}`,
    keyring,
    rotate: () => act("rotate"),
    fsck: () => act("fsck"),
    close: () => host.stop(),
  };
}
