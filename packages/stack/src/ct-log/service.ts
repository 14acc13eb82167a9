// The CT log as a service: the write and read API of RFC 6962 §4 and the files of C2SP static-ct-api.
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import {
  encodeDigitallySigned,
  encodeExtraData,
  merkleTreeLeaf,
  parseDataTileRecord,
  type SignedCertificateTimestamp,
} from "@sigillum/library/ct";
import { encodeBase64, encodeHex, isSigillumError, JsonObject, parseBase64 } from "@sigillum/library/encoding";
import {
  errorReply,
  type HttpReply,
  type HttpRequest,
  jsonReply,
  type ListenerSpec,
  Router,
  readJson,
  type Service,
} from "../host/index.ts";
import type { RotationEvent } from "../log-engine/index.ts";
import type { CtLog } from "./ct-log.ts";
import { ctLogError } from "./errors.ts";
import { type CtRotationParts, CtShards, type CtShardsOptions, ctRotation } from "./rotation.ts";

/** What the service needs. */
export interface CtLogServiceOptions extends CtShardsOptions {
  readonly listener: Omit<ListenerSpec, "handler">;
  /** How its shards follow each other; without it they do not. */
  readonly rotation?: CtRotationParts;
}

/** The service, and the log itself for callers in the same process. */
export interface CtLogService extends Service {
  /** The shard that accepts entries now. */
  readonly log: CtLog;
}

/** certificate-authority §7.3: the limit of TesseraCT. */
const maxBodyBytes = 512 * 1024;
const maxEntries = 256;
const immutable = { "cache-control": "public, max-age=31536000, immutable" };
const notFound: HttpReply = {
  status: 404,
  headers: { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" },
  body: "not found\n",
};
/** What a client asks for beyond the log is not found; the rest is by kind of error. */
const statuses: ReadonlyMap<string, number> = new Map([
  ["CT_LOG_LEAF_UNKNOWN", 404],
  ["CT_LOG_SEALED", 403],
]);

/** Opens the log and makes the service. */
export async function createCtLogService(options: CtLogServiceOptions): Promise<CtLogService> {
  const shards = await CtShards.open(options);
  const faces = new Map<CtLog, ListenerSpec["handler"]>();
  const faceOf = (log: CtLog): ListenerSpec["handler"] => {
    const known = faces.get(log);
    if (known !== undefined) return known;
    const made = routes(log, () => shards.stateOf(log) !== "sealed").listener({
      logger: options.logger,
      onError: (error, request) => errorReply(error, request, statuses),
      cors: {},
    });
    faces.set(log, made);
    return made;
  };
  const handler: ListenerSpec["handler"] = (request, response) => {
    const [, id = "", rest = ""] = /^\/([0-9]{4}-[0-9]{1,6})(\/.*)$/u.exec(request.url ?? "") ?? [];
    const below = shards.below(id);
    if (below !== undefined) request.url = rest;
    return faceOf(below ?? shards.first)(request, response);
  };
  return {
    name: "ct",
    get log() {
      return shards.active;
    },
    listeners: [{ ...options.listener, handler }],
    ...rotationOf(shards, options),
    ready: () =>
      Promise.resolve(
        shards.all.every((log) => log.shard.failure === undefined)
          ? { ready: true }
          : { ready: false, reason: "the CT log stopped: its disk did not say what is durable" },
      ),
    close: async () => {
      for (const log of shards.all) await log.shard.close();
    },
  };
}

/** How often a rotation that waits is looked at. */
const rotationCheckMs = 30_000;

function rotationOf(shards: CtShards, options: CtLogServiceOptions): Pick<Service, "jobs" | "actions"> {
  const { rotation: parts, keyring, clock } = options;
  if (parts === undefined) return { jobs: [], actions: new Map() };
  const onEvent = (step: RotationEvent, shard: string): void => options.logger.info("log.rotation", { step, shard });
  const rotation = ctRotation(shards, { onEvent, ...parts, keyring, clock });
  const advance = async (): Promise<void> => void (await rotation.advance(clock.nowMs()));
  return {
    jobs: [{ name: "rotation", everyMs: rotationCheckMs, atStart: true, run: advance }],
    actions: new Map([["ct.rotate", async () => rotation.start(clock.nowMs())]]),
  };
}

function routes(log: CtLog, accepts: () => boolean): Router {
  const submitting = (submit: (chain: Uint8Array[]) => Promise<SignedCertificateTimestamp>) => async (request: HttpRequest) => {
    if (accepts()) return sctReply(await submit(await readChain(request)));
    throw ctLogError("CT_LOG_SEALED", `Cannot add certificate: the log ${log.record.origin} takes no more entries`, {
      found: log.record.origin,
      expected: "the log that follows it",
    });
  };
  return new Router()
    .add(
      "POST",
      "/ct/v1/add-pre-chain",
      submitting((chain) => log.submitPrecertificate(chain)),
    )
    .add(
      "POST",
      "/ct/v1/add-chain",
      submitting((chain) => log.submitCertificate(chain)),
    )
    .add("GET", "/ct/v1/get-roots", () => jsonReply(200, { certificates: log.roots().map((root) => encodeBase64(root.der)) }))
    .add("GET", "/ct/v1/get-sth", () => treeHeadReply(log))
    .add("GET", "/ct/v1/get-sth-consistency", (request) => consistencyReply(log, request))
    .add("GET", "/ct/v1/get-proof-by-hash", (request) => proofReply(log, request))
    .add("GET", "/ct/v1/get-entries", (request) => entriesReply(log, request))
    .add("GET", "/ct/v1/get-entry-and-proof", (request) => entryAndProofReply(log, request))
    .add("GET", "/checkpoint", () => ({
      status: 200,
      headers: { "content-type": "text/plain; charset=utf-8", "cache-control": "no-cache" },
      body: log.shard.checkpoint().text,
    }))
    .add("GET", "/tile/*path", (request) =>
      tileReply(log, request.params["path"] ?? "", acceptsGzip(request.headers["accept-encoding"])),
    )
    .add("GET", "/issuer/:fingerprint", (request) => issuerReply(log, request.params["fingerprint"] ?? ""));
}

async function readChain(request: HttpRequest): Promise<Uint8Array[]> {
  const body = JsonObject.exact(await readJson(request, { maxBytes: maxBodyBytes, maxDepth: 4 }), "request");
  return body.strings("chain").map((text) => parseBase64(text));
}

/** RFC 6962 §4.1. */
function sctReply(sct: SignedCertificateTimestamp): HttpReply {
  return jsonReply(200, {
    sct_version: 0,
    id: encodeBase64(sct.logId),
    timestamp: sct.timestampMs,
    extensions: encodeBase64(sct.extensions),
    signature: encodeBase64(encodeDigitallySigned(sct)),
  });
}

/** RFC 6962 §4.3. */
function treeHeadReply(log: CtLog): HttpReply {
  const { size, root, signature } = log.signedTreeHead();
  return jsonReply(200, {
    tree_size: size,
    timestamp: signature.timestampMs,
    sha256_root_hash: encodeBase64(root),
    tree_head_signature: encodeBase64(encodeDigitallySigned(signature)),
  });
}

/** RFC 6962 §4.4. */
async function consistencyReply(log: CtLog, request: HttpRequest): Promise<HttpReply> {
  const first = numberParameter(request, "first");
  const second = numberParameter(request, "second");
  const proof = first === 0 || first === second ? [] : await log.shard.consistencyProof(first, second);
  return jsonReply(200, { consistency: proof.map((hash) => encodeBase64(hash)) });
}

/** RFC 6962 §4.5. */
async function proofReply(log: CtLog, request: HttpRequest): Promise<HttpReply> {
  const size = numberParameter(request, "tree_size");
  // A plus sign that was not percent-encoded arrives as a space; base64 has no spaces.
  const hash = parseBase64((request.query.get("hash") ?? "").replaceAll(" ", "+"));
  const index = await log.shard.findByLeafHash(hash);
  if (index === undefined || index >= size)
    throw ctLogError("CT_LOG_LEAF_UNKNOWN", `Cannot prove inclusion: the tree of size ${size} has no such leaf`, {
      found: encodeHex(hash),
    });
  const path = await log.shard.inclusionProof(index, size);
  return jsonReply(200, { leaf_index: index, audit_path: path.map((node) => encodeBase64(node)) });
}

/** RFC 6962 §4.6; fewer entries than asked for may be returned. */
async function entriesReply(log: CtLog, request: HttpRequest): Promise<HttpReply> {
  const start = numberParameter(request, "start");
  const end = numberParameter(request, "end");
  const { size } = log.shard.head();
  if (start > end || start >= size)
    throw ctLogError("CT_LOG_PARAMETER", `Cannot read entries: ${start} to ${end} is no range of the tree of size ${size}`, {
      found: `${start} to ${end}`,
      expected: `within 0 to ${size - 1}`,
    });
  const entries: Awaited<ReturnType<typeof readEntry>>[] = [];
  for (let index = start; index <= Math.min(end, size - 1, start + maxEntries - 1); index++)
    entries.push(await readEntry(log, index));
  return jsonReply(200, { entries });
}

async function readEntry(log: CtLog, index: number): Promise<{ leaf_input: string; extra_data: string }> {
  const { timestamped, precertificate, chainFingerprints } = parseDataTileRecord((await log.shard.entry(index)).record);
  const chain = await Promise.all(chainFingerprints.map((fingerprint) => requiredIssuer(log, encodeHex(fingerprint))));
  return {
    leaf_input: encodeBase64(merkleTreeLeaf(timestamped)),
    extra_data: encodeBase64(encodeExtraData({ precertificate, chain })),
  };
}

/** RFC 6962 §4.8. */
async function entryAndProofReply(log: CtLog, request: HttpRequest): Promise<HttpReply> {
  const index = numberParameter(request, "leaf_index");
  const treeSize = numberParameter(request, "tree_size");
  const { size } = log.shard.head();
  if (index >= treeSize || treeSize > size)
    throw ctLogError("CT_LOG_PARAMETER", `Cannot read entry: ${index} is no entry of a tree of size ${treeSize} here`, {
      found: `entry ${index} of ${treeSize}`,
      expected: `an entry below the tree size, which is at most ${size}`,
    });
  const path = await log.shard.inclusionProof(index, treeSize);
  return jsonReply(200, { ...(await readEntry(log, index)), audit_path: path.map((node) => encodeBase64(node)) });
}

async function requiredIssuer(log: CtLog, fingerprint: string): Promise<Uint8Array> {
  const der = await log.issuers.read(fingerprint);
  if (der === undefined)
    throw ctLogError("CT_LOG_ISSUER_UNAVAILABLE", `Cannot read entries: the certificate of issuer ${fingerprint} is missing`);
  return der;
}

/** static-ct-api: `tile/data/<N>` are the entry bundles, everything else as in tlog-tiles. Data tiles are compressed for those who ask. */
async function tileReply(log: CtLog, path: string, isGzipAccepted: boolean): Promise<HttpReply> {
  const [kind = "", ...rest] = path.split("/");
  if (kind === "entries") return notFound;
  const isData = kind === "data";
  try {
    const body = await log.shard.tile(["tile", isData ? "entries" : kind, ...rest].join("/"));
    if (body === undefined) return notFound;
    const headers = { "content-type": "application/octet-stream", ...(isData ? { vary: "accept-encoding" } : {}), ...immutable };
    if (!isData || !isGzipAccepted) return { status: 200, headers, body };
    return { status: 200, headers: { ...headers, "content-encoding": "gzip" }, body: await compress(body) };
  } catch (error) {
    // A path that is no tile's.
    if (isSigillumError(error) && error.kind === "malformed") return notFound;
    throw error;
  }
}

const compress = promisify(gzip);

/** RFC 9110 §12.5.3, as far as gzip goes: named, or meant by a star, and not with a weight of zero. */
function acceptsGzip(header: string | string[] | undefined): boolean {
  const codings = String(header ?? "")
    .toLowerCase()
    .split(",");
  const weight = (name: string): string | undefined => {
    const coding = codings.find((one) => one.split(";", 1)[0]?.trim() === name);
    return coding === undefined ? undefined : (/;\s*q=([\d.]+)/u.exec(coding)?.[1] ?? "1");
  };
  return Number(weight("gzip") ?? weight("*") ?? 0) > 0;
}

async function issuerReply(log: CtLog, fingerprint: string): Promise<HttpReply> {
  const body = await log.issuers.read(fingerprint);
  return body === undefined
    ? notFound
    : { status: 200, headers: { "content-type": "application/pkix-cert", ...immutable }, body };
}

function numberParameter(request: HttpRequest, name: string): number {
  const text = request.query.get(name) ?? "";
  if (/^(?:0|[1-9]\d{0,14})$/u.test(text)) return Number(text);
  throw ctLogError("CT_LOG_PARAMETER", `Cannot read request: ${name} is no number of the log's tree`, {
    found: text.slice(0, 40),
    expected: "a decimal number",
  });
}
