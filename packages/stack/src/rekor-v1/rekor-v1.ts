// Rekor v1's face of the log engine: its HTTP API with the quirks that unmodified clients depend on.
import { encodeHex, isSigillumError, type JsonValue } from "@sigillum/library/encoding";
import { maxRequestBytes } from "@sigillum/library/log-entry";
import {
  type Action,
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
import { type ShardRecord, shardRecordJson } from "../keyring/index.ts";
import type { Attestation } from "../legacy-entries/index.ts";
import { type Added, type BodyEntry, checkShards, type LogShard, type RotationEvent, shardJson } from "../log-engine/index.ts";
import { defaultEntryTypes, invalid, type PreparedEntry } from "./entries.ts";
import { addedEntryJson, entryIdOf, logEntryOf } from "./entry-answer.ts";
import { errorReply } from "./error-reply.ts";
import { rekorV1Error } from "./errors.ts";
import { consistency, integerOf, logInfo, publicKey } from "./log-info.ts";
import { parsePreparedEntry, prepareEncoded } from "./prepared-entry.ts";
import { findUuid, retrieveEntries, searchIndex } from "./retrieve.ts";
import { type RekorV1RotationParts, rekorV1Rotation } from "./rotation.ts";
import { type RekorV1Shard, rekorV1LogId, rekorV1VerifierKey, ShardList } from "./shards.ts";

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
  /** Operations that are answered 501; none where nothing is said. */
  readonly disabledOperations?: readonly string[];
  /** The types of entries that are accepted, such as hashedrekord; `defaultEntryTypes` where nothing is said. */
  readonly entryTypes?: readonly string[];
  /** Threads that read and verify proposals; 0, the default, does it between other requests. */
  readonly threads?: number;
  readonly name?: string;
  /** Without it the shards stay as they are. */
  readonly rotation?: RekorV1RotationParts;
}

const jsonTypes = ["application/json"];
const noCache = { "cache-control": "no-cache, no-store, must-revalidate" };
const maxQueryBytes = 16 * 1024 * 1024;

/** The service: the eight operations of Rekor v1, /ping, and the shards' tiles below /tlog/v1/<treeID>/. */
export function createRekorV1(options: RekorV1Options): Service {
  const shards = new ShardList(options.shards);
  const accepted = options.entryTypes === undefined ? defaultEntryTypes : new Set(options.entryTypes);
  const workers = new BatchWorkers({
    url: threadUrl("prepare-worker", import.meta.url),
    data: accepted,
    inline: (requestBody) => prepareEncoded(requestBody, accepted),
    threads: options.threads ?? 0,
    logger: options.logger,
  });
  const handler = routesOf(shards, options, workers).listener({
    logger: options.logger,
    cors: { exposeHeaders: ["etag", "location", "x-request-id", "x-next-before"] },
    onError: errorReply,
  });
  const name = options.name ?? "log-v1";
  return {
    name,
    listeners: [{ ...options.listener, name, handler }],
    ...rotationOf(name, shards, options),
    ready: async () =>
      shards.active.shard.failure === undefined
        ? { ready: true }
        : { ready: false, reason: "the log stopped after its disk failed" },
    close: async () => {
      await workers.close();
      for (const { shard } of [...shards.all, ...shards.planned]) await shard.close();
    },
  };
}

/** The operations of Rekor's OpenAPI document, by their ids. */
export const rekorV1Operations = [
  "searchIndex",
  "getLogInfo",
  "getPublicKey",
  "getLogProof",
  "createLogEntry",
  "getLogEntryByIndex",
  "getLogEntryByUUID",
  "searchLogQuery",
] as const;

/** One of the operations. */
export type RekorV1Operation = (typeof rekorV1Operations)[number];

type Answer = (request: HttpRequest) => HttpReply | Promise<HttpReply>;

function routesOf(shards: ShardList, options: RekorV1Options, workers: BatchWorkers): Router {
  const off: ReadonlySet<string> = new Set(options.disabledOperations);
  const operation =
    (id: RekorV1Operation, answer: Answer): Answer =>
    (request) => {
      if (!off.has(id)) return answer(request);
      throw rekorV1Error("REKOR_V1_SWITCHED_OFF", `the ${id} API is not enabled on this server`, { found: id });
    };
  const prepare = async (proposal: Uint8Array): Promise<PreparedEntry> => parsePreparedEntry(await workers.run(proposal));
  const retrieve = async (request: HttpRequest): Promise<HttpReply> =>
    jsonReply(200, await retrieveEntries(shards, await readBody(request, maxQueryBytes), prepare));
  const search = async (request: HttpRequest): Promise<HttpReply> =>
    searchIndex(shards, await readBody(request, maxRequestBytes), request.query);
  const create: Answer = (request) => createEntry(shards, options, workers, request);
  const key: Answer = (request) => uncached(publicKey(shards, request.query));
  const entries = "/api/v1/log/entries";
  return new Router()
    .add("POST", entries, json(operation("createLogEntry", create)))
    .add("GET", entries, json(operation("getLogEntryByIndex", (request) => entryByIndex(shards, request))))
    .add("GET", `${entries}/:id`, json(operation("getLogEntryByUUID", (request) => entryById(shards, request))))
    .add("POST", `${entries}/retrieve`, json(operation("searchLogQuery", retrieve)))
    .add("POST", "/api/v1/index/retrieve", json(operation("searchIndex", search)))
    .add("GET", "/api/v1/log", json(operation("getLogInfo", () => logInfo(shards))))
    .add("GET", "/api/v1/log/publicKey", operation("getPublicKey", key))
    .add("GET", "/api/v1/log/proof", json(operation("getLogProof", (request) => consistency(shards, request.query))))
    .add("GET", "/ping", () => ({ status: 200, headers: { "content-type": "text/plain" }, body: "." }))
    .add("GET", "/tlog/v1/:treeId/*rest", (request) => readTile(shards, request));
}

/** How often a rotation that waits is looked at. */
const rotationCheckMs = 30_000;

function rotationOf(name: string, shards: ShardList, options: RekorV1Options): Pick<Service, "jobs" | "actions"> {
  const every = (): LogShard<BodyEntry>[] => [...shards.all, ...shards.planned].map(({ shard }) => shard);
  const actions = new Map<string, Action>([
    [`${name}.fsck`, () => checkShards(every())],
    [`${name}.shards`, async () => listShards(shards, options.rotation?.keyring.shards("v1") ?? [])],
  ]);
  const parts = options.rotation;
  if (parts === undefined) return { jobs: [], actions };
  const onEvent = (step: RotationEvent, shard: string): void => options.logger.info("log.rotation", { step, shard });
  const rotation = rekorV1Rotation(shards, { onEvent, ...parts });
  actions.set(`${name}.rotate`, async () => rotation.start(parts.clock.nowMs()));
  const advance = async (): Promise<void> => void (await rotation.advance(parts.clock.nowMs()));
  return { jobs: [{ name: "rotation", everyMs: rotationCheckMs, atStart: true, run: advance }], actions };
}

function listShards(shards: ShardList, records: readonly ShardRecord[]): JsonValue {
  const before = shards.all.map((owner) => ({
    owner,
    state: owner === shards.active ? ("active" as const) : ("sealed" as const),
  }));
  const after = shards.planned.map((owner) => ({ owner, state: "planned" as const }));
  return [...before, ...after].map(({ owner, state }) => ({
    treeId: String(owner.treeId),
    logId: encodeHex(rekorV1LogId(owner.signer)),
    verifierKeys: [rekorV1VerifierKey(owner)],
    ...shardJson(owner.shard, state),
    ...recordJson(records.find(({ treeId }) => treeId === String(owner.treeId))),
  }));
}

function recordJson(record: ShardRecord | undefined): { [name: string]: JsonValue } {
  return record === undefined ? {} : { publicUrl: record.publicUrl, ...shardRecordJson(record) };
}

async function createEntry(
  shards: ShardList,
  options: RekorV1Options,
  workers: BatchWorkers,
  request: HttpRequest,
): Promise<HttpReply> {
  const { entry: prepared, attestation } = parsePreparedEntry(await workers.run(await readBody(request, maxRequestBytes)));
  const { owner, added } = await addToActive(shards, prepared, attestation);
  const { index, duplicate, leaf, timeMs } = added;
  const id = entryIdOf({ owner }, prepared.leafHash);
  const location = `${request.path}/${id}`;
  if (duplicate && options.duplicates === "conflict") {
    throw rekorV1Error("REKOR_V1_DUPLICATE", `an equivalent entry already exists in the transparency log with UUID ${id}`, {
      found: location,
    });
  }
  const body = await addedEntryJson(shards, { owner, index }, { id, leafHash: prepared.leafHash, leaf, timeMs });
  return { status: 201, headers: { "content-type": "application/json", etag: id, location }, body };
}

/** Add to the shard that is active; when that was sealed meanwhile, to its successor. */
async function addToActive(
  shards: ShardList,
  entry: BodyEntry,
  attestation: Attestation | undefined,
): Promise<{ owner: RekorV1Shard; added: Added }> {
  for (;;) {
    const owner = await shards.writable();
    if (attestation !== undefined) await owner.attestations.keep(attestation);
    try {
      return { owner, added: await owner.shard.add(entry) };
    } catch (error) {
      const overtaken = isSigillumError(error) && error.code === "LOG_SEALED";
      if (!overtaken || (await shards.writable()) === owner) throw error;
    }
  }
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
  return jsonReply(200, entry, { etag: Object.keys(entry)[0] ?? "" });
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
      // Its readers know cosignatures; the API's answers have one line (transparency-log.md §1.12, TRAP).
      body: shard.checkpoint().cosigned,
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
