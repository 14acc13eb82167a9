// Rekor v2's face of the log engine: one write, and reads as C2SP tiles.
import { noteKey, signCheckpoint } from "@sigillum/library/checkpoint";
import type { Signer } from "@sigillum/library/crypto";
import { maxRequestBytes } from "@sigillum/library/log-entry";
import {
  BatchWorkers,
  type Clock,
  type HttpReply,
  type HttpRequest,
  jsonReply,
  type ListenerSpec,
  type Logger,
  type MetricsRegistry,
  Router,
  type Service,
  threadUrl,
} from "../host/index.ts";
import {
  type BodyEntry,
  bodyEntryFormat,
  encodeBodyEntry,
  type LogLimits,
  LogShard,
  parseBodyEntry,
} from "../log-engine/index.ts";
import { entryReply } from "./entry-reply.ts";
import { errorReply } from "./error-reply.ts";
import { rekorV2Error } from "./errors.ts";
import { prepareEntry } from "./prepare-entry.ts";

/** What a shard of Rekor v2 is made of. */
export interface RekorV2ShardOptions {
  readonly directory: string;
  /** Host name of the shard without scheme; also the name in its checkpoints' signature line. */
  readonly origin: string;
  /** Ed25519 for a log that public witnesses accept. */
  readonly signer: Signer;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics?: MetricsRegistry;
  readonly limits?: Partial<LogLimits>;
}

/** Open a shard whose checkpoints are C2SP checkpoints with one signature line. */
export function openRekorV2Shard(options: RekorV2ShardOptions): Promise<LogShard<BodyEntry>> {
  const { signer, ...rest } = options;
  return LogShard.open({
    ...rest,
    format: bodyEntryFormat,
    signCheckpoint: ({ origin, size, root }) => signCheckpoint({ origin, treeSize: size, root, extensions: [] }, origin, signer),
  });
}

/** The 32-byte `logId.keyId` of a shard. */
export function rekorV2KeyId(origin: string, signer: Signer): Uint8Array {
  return noteKey(origin, signer.publicKey).keyId;
}

/** What the service is made of. */
export interface RekorV2Options {
  /** The service closes it. */
  readonly shard: LogShard<BodyEntry>;
  /** `rekorV2KeyId` of the shard. */
  readonly keyId: Uint8Array;
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
}

const immutable = { "content-type": "application/octet-stream", "cache-control": "public, max-age=604800, immutable" };
const checkpointHeaders = { "content-type": "text/plain; charset=utf-8", "cache-control": "no-cache" };

/** The service: POST /api/v2/log/entries, checkpoint and tiles under /api/v2/ and /, and /healthz. */
export function createRekorV2(options: RekorV2Options): Service {
  const { shard } = options;
  const workers = new BatchWorkers({
    url: threadUrl("prepare-worker", import.meta.url),
    inline: (requestBody) => encodeBodyEntry(prepareEntry(requestBody)),
    threads: options.threads ?? 0,
    logger: options.logger,
  });
  const router = new Router()
    .add("POST", "/api/v2/log/entries", (request) => createEntry(options, workers, request))
    .add("GET", "/healthz", () =>
      shard.failure === undefined ? jsonReply(200, { status: "SERVING" }) : jsonReply(503, { status: "NOT_SERVING" }),
    );
  // TRAP of transparency-log.md §3.1: witnesses read below /api/v2/, rekor-monitor below /.
  for (const prefix of ["/api/v2", ""]) {
    router.add("GET", `${prefix}/checkpoint`, () => ({ status: 200, headers: checkpointHeaders, body: shard.checkpoint().text }));
    router.add("GET", `${prefix}/tile/*rest`, (request) => readTile(shard, request));
  }
  const handler = router.listener({
    logger: options.logger,
    cors: { exposeHeaders: ["x-log-index", "x-request-id"] },
    onError: errorReply,
  });
  const name = options.name ?? "log-v2";
  return {
    name,
    listeners: [{ ...options.listener, name, handler }],
    jobs: [],
    actions: new Map(),
    ready: async () =>
      shard.failure === undefined ? { ready: true } : { ready: false, reason: "the log stopped after its disk failed" },
    close: async () => {
      await workers.close();
      await shard.close();
    },
  };
}

async function createEntry(options: RekorV2Options, workers: BatchWorkers, request: HttpRequest): Promise<HttpReply> {
  const { shard } = options;
  const added = await shard.add(parseBodyEntry(await workers.run(await request.body(maxRequestBytes))));
  if (added.duplicate && options.duplicates === "conflict") {
    throw rekorV2Error("REKOR_V2_DUPLICATE", `Cannot add entry: an equivalent entry already exists with index ${added.index}`, {
      found: String(added.index),
    });
  }
  return entryReply(options.keyId, added.leaf, await shard.proof(added.index));
}

async function readTile(shard: LogShard<BodyEntry>, request: HttpRequest): Promise<HttpReply> {
  const path = `tile/${request.params["rest"] ?? ""}`;
  const body = await shard.tile(path);
  if (body === undefined)
    throw rekorV2Error(
      "REKOR_V2_NOT_FOUND",
      `Cannot read ${path.slice(0, 100)}: the log of ${shard.head().size} entries has no such tile`,
    );
  return { status: 200, headers: immutable, body };
}
