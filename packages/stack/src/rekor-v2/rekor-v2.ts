// Rekor v2's face of the log engine: one write, and reads as C2SP tiles.
import { encodeBase64, equalBytes, JsonObject, type JsonValue } from "@sigillum/library/encoding";
import { maxRequestBytes } from "@sigillum/library/log-entry";
import {
  type Action,
  BatchWorkers,
  type GrpcService,
  jsonReply,
  type ListenerSpec,
  type Logger,
  Router,
  type Service,
  threadUrl,
} from "../host/index.ts";
import { type ShardRecord, shardRecordJson } from "../keyring/index.ts";
import {
  type BodyEntry,
  checkShards,
  encodeBodyEntry,
  type LogShard,
  logError,
  parseBodyEntry,
  type RotationEvent,
  shardJson,
} from "../log-engine/index.ts";
import { entryReply } from "./entry-reply.ts";
import { errorReply, grpcStatus } from "./error-reply.ts";
import { rekorV2Error } from "./errors.ts";
import { type AddedEntry, grpcMethods } from "./grpc.ts";
import { prepareEntry } from "./prepare-entry.ts";
import { type RekorV2RotationParts, rekorV2Rotation } from "./rotation.ts";
import { type RekorV2Shard, RekorV2Shards } from "./shards.ts";

/** What the service is made of. */
export interface RekorV2Options {
  /** The service closes it. */
  readonly shard: LogShard<BodyEntry>;
  /** `rekorV2KeyId` of the shard. */
  readonly keyId: Uint8Array;
  readonly publicUrl?: string;
  /** `rekorV2VerifierKeys` of the shard: what witnesses are given. */
  readonly verifierKeys?: readonly string[];
  readonly listener: Omit<ListenerSpec, "handler" | "name">;
  readonly logger: Logger;
  /**
   * What a repeated entry is answered: the existing entry with 201 (the default; clients that retried after a lost answer go on), or
   * 409 as upstream does.
   */
  readonly duplicates?: "existing" | "conflict";
  /** Threads that read and verify requests; 0, the default, does it between other requests. */
  readonly threads?: number;
  readonly name?: string;
  /** More shards behind the same listener, each asked for by its origin as host name; older than `shard`. The service closes them. */
  readonly earlier?: readonly RekorV2Shard[];
  /** Without it the shards stay as they are. */
  readonly rotation?: Omit<RekorV2RotationParts, "listen"> & {
    /** Listen with this at a shard's address, if nothing does; a repetition does nothing. */
    listen?(record: ShardRecord, served: ServedLog): Promise<void>;
  };
  /** Further addresses: those of shards with ports of their own. */
  readonly moreListeners?: readonly Omit<ListenerSpec, "handler">[];
}

/** What answers at every address of the log. */
export type ServedLog = Pick<ListenerSpec, "handler" | "grpc">;

const immutable = { "content-type": "application/octet-stream", "cache-control": "public, max-age=604800, immutable" };
const checkpointHeaders = { "content-type": "text/plain; charset=utf-8", "cache-control": "no-cache" };

/** The service: POST /api/v2/log/entries, checkpoint and tiles under /api/v2/ and /, /healthz, and the same by gRPC on the same port. */
export function createRekorV2(options: RekorV2Options): Service {
  const shards = new RekorV2Shards([...(options.earlier ?? []), options]);
  const workers = new BatchWorkers({
    url: threadUrl("prepare-worker", import.meta.url),
    inline: (requestBody) => encodeBodyEntry(prepareEntry(requestBody)),
    threads: options.threads ?? 0,
    logger: options.logger,
  });
  const router = new Router()
    .add("POST", "/api/v2/log/entries", async (request) => {
      const owner = shards.of(request);
      const { keyId, body, proof } = await createEntry(options, owner, workers, await request.body(maxRequestBytes));
      return entryReply(keyId, body, proof);
    })
    .add("GET", "/healthz", () =>
      failed(shards) ? jsonReply(503, { status: "NOT_SERVING" }) : jsonReply(200, { status: "SERVING" }),
    );
  // TRAP of transparency-log.md §3.1: witnesses read below /api/v2/, rekor-monitor below /.
  for (const prefix of ["/api/v2", ""]) {
    router.add("GET", `${prefix}/checkpoint`, (request) => {
      const { shard } = shards.of(request);
      return { status: 200, headers: checkpointHeaders, body: shard.checkpoint().cosigned };
    });
    router.add("GET", `${prefix}/tile/*rest`, async (request) => {
      const body = await readTile(shards.of(request).shard, `tile/${request.params["rest"] ?? ""}`);
      return { status: 200, headers: immutable, body };
    });
  }
  const handler = router.listener({
    logger: options.logger,
    cors: { exposeHeaders: ["x-log-index", "x-request-id"] },
    onError: errorReply,
  });
  const grpc: GrpcService = {
    methods: grpcMethods({
      create: (requestBody, call) => createEntry(options, shards.ofHost(call.authority), workers, requestBody),
      tile: (path, call) => readTile(shards.ofHost(call.authority).shard, path),
      checkpoint: (call) => shards.ofHost(call.authority).shard.checkpoint().cosigned,
      isServing: () => !failed(shards),
    }),
    maxMessageBytes: maxRequestBytes,
    logger: options.logger,
    onError: grpcStatus,
  };
  const served: ServedLog = { handler, grpc };
  const name = options.name ?? "log-v2";
  return {
    name,
    listeners: [
      { ...options.listener, name, ...served },
      ...(options.moreListeners ?? []).map((spec) => ({ ...spec, ...served })),
    ],
    ...rotationOf(name, shards, options, served),
    ready: async () => (failed(shards) ? { ready: false, reason: "the log stopped after its disk failed" } : { ready: true }),
    close: async () => {
      await workers.close();
      for (const { shard } of shards.all) await shard.close();
    },
  };
}

function failed(shards: RekorV2Shards): boolean {
  return shards.all.some(({ shard }) => shard.failure !== undefined);
}

/** How often a rotation that waits is looked at. */
const rotationCheckMs = 30_000;

function rotationOf(
  name: string,
  shards: RekorV2Shards,
  { rotation: given, logger }: RekorV2Options,
  served: ServedLog,
): Pick<Service, "jobs" | "actions"> {
  const list = async (): Promise<JsonValue> =>
    shards.all.map(({ shard, keyId, publicUrl, verifierKeys = [] }) => {
      const record = given?.keyring.shards("v2").find(({ logId }) => equalBytes(logId, keyId));
      return {
        logId: encodeBase64(keyId),
        ...(verifierKeys.length === 0 ? {} : { verifierKeys: [...verifierKeys] }),
        ...(publicUrl === undefined ? {} : { publicUrl }),
        ...shardJson(shard, record?.state ?? (shard.sealed === undefined ? "active" : "sealed")),
        ...(record === undefined ? {} : shardRecordJson(record)),
      };
    });
  const actions = new Map<string, Action>([
    [`${name}.fsck`, () => checkShards(shards.all.map(({ shard }) => shard))],
    [`${name}.shards`, list],
  ]);
  if (given === undefined) return { jobs: [], actions };
  const { listen, ...rest } = given;
  const onEvent = (step: RotationEvent, shard: string): void => logger.info("log.rotation", { step, shard });
  const parts = {
    onEvent,
    ...rest,
    ...(listen === undefined ? {} : { listen: (record: ShardRecord) => listen(record, served) }),
  };
  let givenUrl: string | undefined;
  const rotation = rekorV2Rotation(shards, parts, () => givenUrl);
  actions.set(`${name}.rotate`, async (input) => {
    givenUrl = input === null ? undefined : JsonObject.from(input, "input").optionalString("publicUrl");
    try {
      return await rotation.start(parts.clock.nowMs());
    } finally {
      givenUrl = undefined;
    }
  });
  const advance = async (): Promise<void> => void (await rotation.advance(parts.clock.nowMs()));
  return { jobs: [{ name: "rotation", everyMs: rotationCheckMs, atStart: true, run: advance }], actions };
}

async function createEntry(
  options: RekorV2Options,
  { shard, keyId }: RekorV2Shard,
  workers: BatchWorkers,
  requestBody: Uint8Array,
): Promise<AddedEntry> {
  // Before what was sent is read: whoever still writes here should hear of the newer log, whatever it is.
  if (shard.sealed !== undefined)
    throw logError("LOG_SEALED", "Cannot add entry: this shard is sealed; a newer shard takes entries");
  const prepared = parseBodyEntry(await workers.run(requestBody));
  const added = await shard.add(prepared);
  if (added.duplicate && options.duplicates === "conflict") {
    throw rekorV2Error("REKOR_V2_DUPLICATE", `Cannot add entry: an equivalent entry already exists with index ${added.index}`, {
      found: String(added.index),
    });
  }
  return { keyId, body: added.leaf, proof: await shard.proof(added.index, prepared.leafHash) };
}

async function readTile(shard: LogShard<BodyEntry>, path: string): Promise<Uint8Array> {
  const body = await shard.tile(path);
  if (body !== undefined) return body;
  throw rekorV2Error(
    "REKOR_V2_NOT_FOUND",
    `Cannot read ${path.slice(0, 100)}: the log of ${shard.head().size} entries has no such tile`,
  );
}
