// The embedded OCI registry: the distribution spec 1.1 over a directory. No accounts: it is for one machine, or stands
// behind a proxy that asks who is there.
import { encodeUtf8, isSigillumError, quote } from "@sigillum/library/encoding";
import { encodeManifest, isOciDigest, maxManifestBytes, mediaTypes, type OciDigest } from "@sigillum/library/oci";
import {
  type Clock,
  type HttpReply,
  type HttpRequest,
  type ListenerSpec,
  type Logger,
  Router,
  type Service,
  systemClock,
} from "../host/index.ts";
import type { Acceptance } from "./acceptance.ts";
import { BlobStore } from "./blob-store.ts";
import { registryAnswers, registryError } from "./errors.ts";
import { Layout, parseRepositoryName, type RepositoryName } from "./layout.ts";
import { ManifestStore } from "./manifest-store.ts";
import { listTagsWithSignatures } from "./tag-listing.ts";
import { type UploadLimits, Uploads } from "./uploads.ts";

/** What a registry is made of. */
export interface RegistryOptions {
  /** Everything it keeps is below this directory. */
  readonly directory: string;
  readonly logger: Logger;
  /** Where it listens. */
  readonly listener: Omit<ListenerSpec, "handler" | "name">;
  readonly clock?: Clock;
  readonly limits?: Partial<UploadLimits>;
  /** What it takes: everything of OCI 1.1, or what Quay 3.6 took, without referrers. */
  readonly accepts?: Acceptance;
}

/** The limits of a registry that names none: 20 GiB a blob, 1,000 uploads at once, each dropped after an idle hour. */
export const defaultRegistryLimits: UploadLimits = { maxBlobBytes: 20 * 1024 ** 3, maxUploads: 1_000, idleMs: 3_600_000 };

const maxTagsPerPage = 1_000;
const defaultListedTags = 50;
const maxListedTags = 100;
const transferTimeoutMs = 3_600_000;

interface Parts {
  readonly blobs: BlobStore;
  readonly manifests: ManifestStore;
  readonly uploads: Uploads;
}

/** Make the service; nothing is read or written before the first request. */
export function createRegistry(options: RegistryOptions): Service {
  const clock = options.clock ?? systemClock;
  const layout = new Layout(options.directory);
  const blobs = new BlobStore(layout);
  const uploads = new Uploads({ layout, blobs, clock, limits: { ...defaultRegistryLimits, ...options.limits } });
  const parts: Parts = { blobs, uploads, manifests: new ManifestStore(layout, blobs, options.accepts) };
  const router = new Router();
  for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE"]) {
    router.add(method, "/v2/*rest", async (request) => await route(parts, request));
  }
  router.add("GET", "/api/v1/repository/*rest", async (request) => await signedTags(parts, request));
  router.add("GET", "/v2/", () => json(200, {}));
  router.add("GET", "/v2", () => json(200, {}));
  const handler = router.listener({
    logger: options.logger,
    onError: (error, request) => errorAnswer(error, request, options.logger),
  });
  return {
    name: "registry",
    listeners: [
      {
        ...options.listener,
        limits: { requestTimeoutMs: transferTimeoutMs, ...options.listener.limits },
        name: "registry",
        handler,
      },
    ],
    jobs: [{ name: "registry.sweep", everyMs: 600_000, atStart: true, run: () => uploads.sweep() }],
    actions: new Map(),
    ready: () => Promise.resolve({ ready: true }),
    close: () => uploads.close(),
  };
}

type Operation = (parts: Parts, name: RepositoryName, argument: string, request: HttpRequest) => Promise<HttpReply>;

// What follows the repository's name, which itself has slashes: the last of these that matches is meant.
const resources: readonly { readonly pattern: RegExp; readonly methods: Readonly<Record<string, Operation>> }[] = [
  { pattern: /^(.+)\/blobs\/uploads\/?()$/, methods: { POST: startUpload } },
  {
    pattern: /^(.+)\/blobs\/uploads\/([^/]+)$/,
    methods: { GET: uploadStatus, PATCH: appendUpload, PUT: finishUpload, DELETE: cancelUpload },
  },
  { pattern: /^(.+)\/blobs\/([^/]+)$/, methods: { GET: getBlob, DELETE: deleteBlob } },
  { pattern: /^(.+)\/manifests\/([^/]+)$/, methods: { GET: getManifest, PUT: putManifest, DELETE: deleteManifest } },
  { pattern: /^(.+)\/tags\/(list)$/, methods: { GET: listTags } },
  { pattern: /^(.+)\/referrers\/([^/]+)$/, methods: { GET: listReferrers } },
];

async function route(parts: Parts, request: HttpRequest): Promise<HttpReply> {
  const rest = request.params["rest"] ?? "";
  for (const { pattern, methods } of resources) {
    const match = pattern.exec(rest);
    if (match === null) continue;
    const operation = methods[request.method === "HEAD" ? "GET" : request.method];
    if (operation === undefined)
      return problem(405, "UNSUPPORTED", `Cannot ${request.method} here`, { allow: Object.keys(methods).join(", ") });
    return await operation(parts, parseRepositoryName(match[1] ?? ""), match[2] ?? "", request);
  }
  return problem(404, "UNSUPPORTED", `Cannot serve ${quote(rest, 150)}: there is no such path`);
}

// end-4a, end-4b (with ?digest), end-11 (with ?mount and ?from)
async function startUpload(parts: Parts, name: RepositoryName, _: string, request: HttpRequest): Promise<HttpReply> {
  const mount = request.query.get("mount");
  const from = request.query.get("from");
  if (
    mount !== null &&
    from !== null &&
    isOciDigest(mount) &&
    (await parts.blobs.length(parseRepositoryName(from), mount)) !== undefined
  ) {
    await parts.blobs.link(name, mount);
    return created(name, `blobs/${mount}`, mount);
  }
  const id = await parts.uploads.start(name);
  const digest = request.query.get("digest");
  if (digest !== null) {
    await parts.uploads.finish(name, id, request.bodyStream(), undefined, checkedDigest(digest));
    return created(name, `blobs/${digest}`, digest);
  }
  return {
    status: 202,
    headers: { location: `/v2/${name}/blobs/uploads/${id}`, range: "0-0", "docker-upload-uuid": id, "oci-chunk-min-length": "0" },
  };
}

async function uploadStatus(parts: Parts, name: RepositoryName, id: string): Promise<HttpReply> {
  return { status: 204, headers: progress(name, id, parts.uploads.length(name, id)) };
}

// end-5
async function appendUpload(parts: Parts, name: RepositoryName, id: string, request: HttpRequest): Promise<HttpReply> {
  const length = await parts.uploads.append(name, id, request.bodyStream(), request.headers["content-range"]);
  return { status: 202, headers: progress(name, id, length) };
}

// end-6
async function finishUpload(parts: Parts, name: RepositoryName, id: string, request: HttpRequest): Promise<HttpReply> {
  const digest = checkedDigest(request.query.get("digest") ?? "");
  await parts.uploads.finish(name, id, request.bodyStream(), request.headers["content-range"], digest);
  return created(name, `blobs/${digest}`, digest);
}

async function cancelUpload(parts: Parts, name: RepositoryName, id: string): Promise<HttpReply> {
  await parts.uploads.cancel(name, id);
  return { status: 204 };
}

// end-2, with single ranges (RFC 9110 §14.2)
async function getBlob(parts: Parts, name: RepositoryName, text: string, request: HttpRequest): Promise<HttpReply> {
  const digest = checkedDigest(text);
  const length = await parts.blobs.demand(name, digest);
  const range = /^bytes=([0-9]{1,15})-([0-9]{0,15})$/.exec(request.headers.range ?? "");
  const start = range === null ? 0 : Number(range[1]);
  const end = range === null || range[2] === "" ? length - 1 : Math.min(Number(range[2]), length - 1);
  if (range !== null && start > end) {
    throw registryError("REGISTRY_RANGE_INVALID", `Cannot read blob: the range ${range[0]} lies outside its ${length} bytes`, {
      found: range[0],
      expected: `within ${length} bytes`,
    });
  }
  const headers = {
    "content-type": "application/octet-stream",
    "content-length": String(end - start + 1),
    "docker-content-digest": digest,
    "accept-ranges": "bytes",
    etag: `"${digest}"`,
    ...(range === null ? {} : { "content-range": `bytes ${start}-${end}/${length}` }),
  };
  return length === 0
    ? { status: 200, headers }
    : { status: range === null ? 200 : 206, headers, body: parts.blobs.read(digest, start, end) };
}

async function deleteBlob(parts: Parts, name: RepositoryName, text: string): Promise<HttpReply> {
  await parts.blobs.unlink(name, checkedDigest(text));
  return { status: 202 };
}

// end-3
async function getManifest(parts: Parts, name: RepositoryName, reference: string): Promise<HttpReply> {
  const { digest, mediaType, bytes } = await parts.manifests.get(name, reference);
  return {
    status: 200,
    headers: { "content-type": mediaType, "docker-content-digest": digest, etag: `"${digest}"` },
    body: bytes,
  };
}

// end-7
async function putManifest(parts: Parts, name: RepositoryName, reference: string, request: HttpRequest): Promise<HttpReply> {
  const bytes = await request.body(maxManifestBytes);
  const { digest, subject } = await parts.manifests.put(name, reference, bytes, request.headers["content-type"] ?? "");
  const reply = created(name, `manifests/${reference}`, digest);
  return subject === undefined ? reply : { ...reply, headers: { ...reply.headers, "oci-subject": subject } };
}

// end-9
async function deleteManifest(parts: Parts, name: RepositoryName, reference: string): Promise<HttpReply> {
  await parts.manifests.delete(name, reference);
  return { status: 202 };
}

// end-8a, end-8b
async function listTags(parts: Parts, name: RepositoryName, _: string, request: HttpRequest): Promise<HttpReply> {
  if (!(await parts.manifests.hasRepository(name)))
    throw registryError("REGISTRY_NAME_UNKNOWN", `Cannot list tags: there is no repository ${name}`, { found: name });
  const last = request.query.get("last") ?? "";
  const wanted = /^[0-9]{1,6}$/.test(request.query.get("n") ?? "") ? Number(request.query.get("n")) : maxTagsPerPage;
  const size = Math.min(wanted, maxTagsPerPage);
  const after = (await parts.manifests.tags(name)).filter((tag) => tag > last);
  const tags = after.slice(0, size);
  const more = after.length > size && size > 0;
  return json(
    200,
    { name, tags },
    more ? { link: `</v2/${name}/tags/list?n=${size}&last=${encodeURIComponent(tags.at(-1) ?? "")}>; rel="next"` } : {},
  );
}

// end-12a, end-12b: an index, empty when nothing refers to the digest; never 404.
async function listReferrers(parts: Parts, name: RepositoryName, text: string, request: HttpRequest): Promise<HttpReply> {
  if (!parts.manifests.hasReferrers) return problem(404, "UNSUPPORTED", "Cannot list referrers: this registry has no such API");
  const all = await parts.manifests.referrers(name, checkedDigest(text));
  const artifactType = request.query.get("artifactType");
  const manifests = artifactType === null ? all : all.filter((one) => one.artifactType === artifactType);
  const headers = {
    "content-type": mediaTypes.index,
    ...(artifactType === null ? {} : { "oci-filters-applied": "artifactType" }),
  };
  return { status: 200, headers, body: encodeManifest({ mediaType: mediaTypes.index, layers: [], manifests, annotations: {} }) };
}

// Quay's API: /api/v1/repository/NAME/tag/?page=1&limit=50&specificTag=v1
async function signedTags(parts: Parts, request: HttpRequest): Promise<HttpReply> {
  const match = /^(.+)\/tag\/?$/.exec(request.params["rest"] ?? "");
  if (match === null) return problem(404, "UNSUPPORTED", "Cannot serve this path: there is repository/NAME/tag/ alone");
  const name = parseRepositoryName(match[1] ?? "");
  if (!(await parts.manifests.hasRepository(name)))
    throw registryError("REGISTRY_NAME_UNKNOWN", `Cannot list tags: there is no repository ${name}`, { found: name });
  const number = (key: string, otherwise: number): number => {
    const text = request.query.get(key) ?? "";
    return /^[1-9][0-9]{0,5}$/.test(text) ? Number(text) : otherwise;
  };
  const tag = request.query.get("specificTag");
  const limit = Math.min(number("limit", defaultListedTags), maxListedTags);
  return json(
    200,
    await listTagsWithSignatures(parts.manifests, name, { page: number("page", 1), limit, ...(tag === null ? {} : { tag }) }),
  );
}

function checkedDigest(text: string): OciDigest {
  if (!isOciDigest(text))
    throw registryError("REGISTRY_DIGEST_INVALID", `Cannot read digest: found ${quote(text, 150)}`, {
      found: text.slice(0, 150),
      expected: "sha256: and 64 hexadecimal digits",
    });
  return text;
}

function created(name: RepositoryName, path: string, digest: string): HttpReply {
  return { status: 201, headers: { location: `/v2/${name}/${path}`, "docker-content-digest": digest } };
}

function progress(name: RepositoryName, id: string, length: number): Record<string, string> {
  return { location: `/v2/${name}/blobs/uploads/${id}`, range: `0-${Math.max(0, length - 1)}`, "docker-upload-uuid": id };
}

function json(status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): HttpReply {
  return {
    status,
    headers: { "content-type": "application/json", "docker-distribution-api-version": "registry/2.0", ...headers },
    body: encodeUtf8(JSON.stringify(value)),
  };
}

function problem(
  status: number,
  code: string,
  message: string,
  headers: Readonly<Record<string, string>> = {},
  detail?: unknown,
): HttpReply {
  return json(status, { errors: [{ code, message, detail }] }, headers);
}

function errorAnswer(error: unknown, request: HttpRequest, logger: Logger): HttpReply {
  if (isSigillumError(error)) {
    const answer = registryAnswers[error.code];
    if (answer !== undefined)
      return problem(answer.status, answer.code, error.message, answer.status === 429 ? { "retry-after": "5" } : {}, {
        code: error.code,
      });
    if (error.code === "REQUEST_ABORTED") return problem(499, "UNKNOWN", error.message);
  }
  logger.error("registry.failed", { error, requestId: request.id });
  return problem(500, "UNKNOWN", `Cannot answer: see the registry's log for request ${request.id}`);
}
