// Rekor v1's face of the log engine: its HTTP API with the quirks that unmodified clients depend on.
import { encodeHex } from "@sigillum/library/encoding";
import { formatEntryId, maxRequestBytes } from "@sigillum/library/log-entry";
import {
  BatchWorkers,
  type HttpReply,
  type HttpRequest,
  jsonReply,
  type ListenerSpec,
  type Logger,
  Router,
  requireContentType,
  type Service,
  threadUrl,
} from "../host/index.ts";
import { encodeBodyEntry, parseBodyEntry } from "../log-engine/index.ts";
import { entryIdOf, invalid, logEntryOf, prepareEntry } from "./entries.ts";
import { errorReply } from "./error-reply.ts";
import { rekorV1Error } from "./errors.ts";
import { consistency, integerOf, logInfo, publicKey } from "./log-info.ts";
import { findUuid, retrieveEntries, searchIndex } from "./retrieve.ts";
import { type RekorV1Shard, ShardList } from "./shards.ts";

/** What the service is made of. */
export interface RekorV1Options {
  /** Oldest first; the last one accepts writes. The service closes them. */
  readonly shards: readonly RekorV1Shard[];
  readonly listener: Omit<ListenerSpec, "handler" | "name">;
  readonly logger: Logger;
  /**
   * What a repeated entry is answered: the existing entry with 201 (the default; clients that retried after a lost answer go on), or
   * 409 with its Location as upstream does.
   */
  readonly duplicates?: "existing" | "conflict";
  /** Threads that read and verify proposals; 0, the default, does it between other requests. */
  readonly threads?: number;
  readonly name?: string;
}

const jsonTypes = ["application/json"];
const noCache = { "cache-control": "no-cache, no-store, must-revalidate" };
const maxQueryBytes = 16 * 1024 * 1024;

/** The service: the eight operations of Rekor v1, /ping, and the shards' tiles below /tlog/v1/<treeID>/. */
export function createRekorV1(options: RekorV1Options): Service {
  const shards = new ShardList(options.shards);
  const workers = new BatchWorkers({
    url: threadUrl("prepare-worker", import.meta.url),
    inline: (requestBody) => encodeBodyEntry(prepareEntry(requestBody)),
    threads: options.threads ?? 0,
    logger: options.logger,
  });
  const router = new Router()
    .add(
      "POST",
      "/api/v1/log/entries",
      json((request) => createEntry(shards, options, workers, request)),
    )
    .add(
      "GET",
      "/api/v1/log/entries",
      json((request) => entryByIndex(shards, request)),
    )
    .add(
      "GET",
      "/api/v1/log/entries/:id",
      json((request) => entryById(shards, request)),
    )
    .add(
      "POST",
      "/api/v1/log/entries/retrieve",
      json(async (request) => jsonReply(200, await retrieveEntries(shards, await readBody(request, maxQueryBytes)))),
    )
    .add(
      "POST",
      "/api/v1/index/retrieve",
      json(async (request) => jsonReply(200, await searchIndex(shards, await readBody(request, maxRequestBytes)))),
    )
    .add(
      "GET",
      "/api/v1/log",
      json(() => logInfo(shards)),
    )
    .add("GET", "/api/v1/log/publicKey", (request) => uncached(publicKey(shards, request.query)))
    .add(
      "GET",
      "/api/v1/log/proof",
      json((request) => consistency(shards, request.query)),
    )
    .add("GET", "/ping", () => ({ status: 200, headers: { "content-type": "text/plain" }, body: "." }))
    .add("GET", "/tlog/v1/:treeId/*rest", (request) => readTile(shards, request));
  const handler = router.listener({
    logger: options.logger,
    cors: { exposeHeaders: ["etag", "location", "x-request-id"] },
    onError: errorReply,
  });
  const name = options.name ?? "log-v1";
  return {
    name,
    listeners: [{ ...options.listener, name, handler }],
    jobs: [],
    actions: new Map(),
    ready: async () =>
      shards.active.shard.failure === undefined
        ? { ready: true }
        : { ready: false, reason: "the log stopped after its disk failed" },
    close: async () => {
      await workers.close();
      for (const { shard } of shards.all) await shard.close();
    },
  };
}

async function createEntry(
  shards: ShardList,
  options: RekorV1Options,
  workers: BatchWorkers,
  request: HttpRequest,
): Promise<HttpReply> {
  const prepared = parseBodyEntry(await workers.run(await readBody(request, maxRequestBytes)));
  const owner = shards.active;
  const { index, duplicate } = await owner.shard.add(prepared);
  const id = formatEntryId(owner.treeId, encodeHex(prepared.leafHash));
  const location = `${request.path}/${id}`;
  if (duplicate && options.duplicates === "conflict") {
    throw rekorV1Error("REKOR_V1_DUPLICATE", `an equivalent entry already exists in the transparency log with UUID ${id}`, {
      found: location,
    });
  }
  return jsonReply(201, await logEntryOf(shards, { owner, index }), { etag: id, location });
}

async function entryByIndex(shards: ShardList, request: HttpRequest): Promise<HttpReply> {
  const text = request.query.get("logIndex");
  if (text === null) throw invalid(602, "logIndex in query is required");
  const index = integerOf(text, "logIndex");
  if (index < 0) throw invalid(609, "logIndex in query should be greater than or equal to 0");
  const place = shards.placeOf(index);
  if (place === undefined) throw rekorV1Error("REKOR_V1_NOT_FOUND", `Cannot read entry: the log has none with index ${index}`);
  return jsonReply(200, await logEntryOf(shards, place));
}

async function entryById(shards: ShardList, request: HttpRequest): Promise<HttpReply> {
  const [place] = await findUuid(shards, request.params["id"] ?? "");
  if (place === undefined) throw rekorV1Error("REKOR_V1_NOT_FOUND", "Cannot read entry: the log has none with this identifier");
  const entry = await logEntryOf(shards, place);
  const { leaf } = await place.owner.shard.entry(place.index);
  return jsonReply(200, entry, { etag: entryIdOf(place, leaf) });
}

// An addition of ours: the tree of each shard as C2SP tiles, for monitors that read in bulk.
async function readTile(shards: ShardList, request: HttpRequest): Promise<HttpReply> {
  const { shard } = shards.byTreeId(
    /^\d{1,19}$/.test(request.params["treeId"] ?? "") ? BigInt(request.params["treeId"] ?? "0") : 0n,
  );
  const rest = request.params["rest"] ?? "";
  if (rest === "checkpoint")
    return {
      status: 200,
      headers: { "content-type": "text/plain; charset=utf-8", "cache-control": "no-cache" },
      body: shard.checkpoint().text,
    };
  const body = await shard.tile(rest);
  if (body === undefined) throw rekorV1Error("REKOR_V1_NOT_FOUND", "Cannot read tile: the tree has no such tile");
  return {
    status: 200,
    headers: { "content-type": "application/octet-stream", "cache-control": "public, max-age=604800, immutable" },
    body,
  };
}

function readBody(request: HttpRequest, maxBytes: number): Promise<Uint8Array> {
  requireContentType(request, jsonTypes);
  return request.body(maxBytes);
}

function json(answer: (request: HttpRequest) => HttpReply | Promise<HttpReply>): (request: HttpRequest) => Promise<HttpReply> {
  return async (request) => {
    requireJsonAccepted(request);
    const reply = await answer(request);
    return request.method === "GET" ? uncached(reply) : reply;
  };
}

function uncached(reply: HttpReply): HttpReply {
  return { ...reply, headers: { ...noCache, ...reply.headers } };
}

function requireJsonAccepted(request: HttpRequest): void {
  const accept = request.headers.accept;
  if (accept === undefined || /(?:application|\*)\/(?:json|\*)/i.test(accept)) return;
  throw rekorV1Error(
    "REKOR_V1_NOT_ACCEPTABLE",
    `Cannot answer: the request accepts ${JSON.stringify(accept.slice(0, 80))}, the operation answers application/json`,
    {
      found: accept.slice(0, 80),
      expected: "application/json",
    },
  );
}
