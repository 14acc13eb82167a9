// An OCI registry in memory, with a switch for each way in which real registries differ.
import { createHash, randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";

/** What a registry does with a request instead of answering it; `redirect` goes to a page of this server under another name. */
export type RegistryFault = { readonly status: number } | "truncate" | "hang" | "redirect";

/** The ways in which a registry may differ from the specification's plain case. */
export interface RegistryQuirks {
  /** No referrers API: it answers 404. */
  noReferrersApi?: boolean;
  /** The referrers API answers with this status. */
  referrersStatus?: number;
  /** The referrers API pays no heed to artifactType. */
  noFilter?: boolean;
  /** Referrers come one a page. */
  pagedReferrers?: boolean;
  /** `OCI-Subject` is promised and the referrer not listed. */
  subjectLie?: boolean;
  /** No Docker-Content-Digest header. */
  noDigestHeader?: boolean;
  /** Manifests come with this Docker-Content-Digest or body instead of theirs. */
  wrongBody?: Uint8Array;
  /** Upload locations are relative and carry a query. */
  relativeLocation?: boolean;
  /** Blobs are read from another path of this server after a redirect, which must come without credentials. */
  redirectBlobs?: boolean;
  /** This many requests are answered with 429 first. */
  throttled?: number;
  /** Basic: this user and password. Bearer: the same for the token service, tokens for one scope each. */
  auth?: "basic" | "bearer";
  /** The token service named in the challenge instead of the server's own. */
  realm?: string;
  /** If-Match is heeded for tags. */
  conditional?: boolean;
  /** Called before a tag is written. */
  beforeTag?: (tag: string) => void;
  /** Sent as Warning header. */
  warning?: string;
  /** Nothing can be removed: 405. */
  noDelete?: boolean;
  /** A mount is answered with an upload session instead. */
  refuseMount?: boolean;
  /** Uploads take no chunks: PATCH is answered with 405. */
  noChunks?: boolean;
  /** The shortest chunk that is taken, as `OCI-Chunk-Min-Length` says. */
  chunkMinLength?: number;
  /** This many chunks are cut: half of each is kept, and the connection is closed. */
  cutChunks?: number;
  /** This many requests to upload sessions are refused with 401, as by a token that has just expired. */
  expiredTokens?: number;
  /** A tag that is there is not moved: 400. */
  immutableTags?: boolean;
  /** Asked at every request, with its path: what goes wrong with it, if anything. */
  fault?: (method: string, path: string) => RegistryFault | undefined;
  /** Called before a request is answered. */
  onRequest?: (method: string, path: string) => void;
  /** Config media types that are taken, each with the layer types below it; everything else is refused. */
  allowedTypes?: Readonly<Record<string, readonly string[]>>;
}

const layerTypes = ["application/vnd.oci.image.layer.v1.tar", "application/vnd.oci.image.layer.v1.tar+gzip"];
const simpleSigning = "application/vnd.dev.cosign.simplesigning.v1+json";

/** How well-known registries differ from the specification, as far as signatures meet it (signing-client §5). */
export const registryKinds: Readonly<Record<"quay36" | "ecr" | "gcr" | "harbor" | "gitlab" | "dockerHub", () => RegistryQuirks>> =
  {
    // October 2021: OCI types from an allow list, no referrers, the tag layout's signatures and nothing else of cosign's.
    quay36: () => ({
      noReferrersApi: true,
      allowedTypes: { "application/vnd.oci.image.config.v1+json": [...layerTypes, simpleSigning] },
    }),
    // Says OCI-Subject and does not list what it took.
    ecr: () => ({ subjectLie: true, auth: "basic" }),
    gcr: () => ({ noReferrersApi: true, relativeLocation: true, redirectBlobs: true }),
    harbor: () => ({ auth: "bearer", pagedReferrers: true, noFilter: true }),
    // Counts what is asked and refuses for a while beyond that; no referrers yet on its older side.
    dockerHub: () => ({ auth: "bearer", noReferrersApi: true, throttled: 2, refuseMount: true }),
    gitlab: () => ({ auth: "bearer", noReferrersApi: true, noDelete: true, refuseMount: true, redirectBlobs: true }),
  };

interface Stored {
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

/** User name and password that `auth` asks for. */
export const registryAccount: { readonly username: string; readonly password: string } = { username: "ada", password: "s3cret" };

/** The registry; `start` before use and `stop` at the end. */
export class MemoryRegistry {
  readonly quirks: RegistryQuirks;
  readonly blobs: Map<string, Uint8Array> = new Map();
  readonly manifests: Map<string, Stored> = new Map();
  readonly tags: Map<string, string> = new Map();
  /** Method and path of every request, in order. */
  readonly requests: string[] = [];
  readonly #server: Server;
  readonly #uploads: Map<string, Uint8Array> = new Map();
  readonly #scopes: Map<string, string> = new Map();

  constructor(quirks: RegistryQuirks = {}) {
    this.quirks = quirks;
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
    });
  }

  /** "127.0.0.1:PORT", as it stands in references. */
  get host(): string {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new TypeError("the registry is not started");
    return `127.0.0.1:${address.port}`;
  }

  /** Listen on a free port of loopback. */
  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return this;
  }

  /** Close all connections. */
  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** Put a manifest under its digest, and a tag, without asking; returns the digest. */
  putManifest(bytes: Uint8Array, mediaType: string, tag?: string): string {
    const digest = digestOf(bytes);
    this.manifests.set(digest, { mediaType, bytes });
    if (tag !== undefined) this.tags.set(tag, digest);
    return digest;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "http://registry");
    this.requests.push(`${request.method} ${url.pathname}`);
    const body = await read(request);
    if (this.quirks.warning !== undefined) response.setHeader("warning", this.quirks.warning);
    if (url.pathname === "/login-page") {
      response.setHeader("content-type", "text/html");
      response.end("<html>log in first</html>");
      return;
    }
    this.quirks.onRequest?.(request.method ?? "", url.pathname);
    const fault = this.quirks.fault?.(request.method ?? "", url.pathname);
    if (fault !== undefined) {
      this.#fail(fault, response);
      return;
    }
    if (url.pathname === "/token") {
      this.#token(url, request, response);
      return;
    }
    if (url.pathname.startsWith("/storage/")) {
      this.#storage(url, request, response);
      return;
    }
    if ((this.quirks.throttled ?? 0) > 0) {
      this.quirks.throttled = (this.quirks.throttled ?? 0) - 1;
      response.writeHead(429, { "retry-after": "0" }).end(problem("TOOMANYREQUESTS"));
      return;
    }
    if ((this.quirks.expiredTokens ?? 0) > 0 && url.searchParams.has("state")) {
      this.quirks.expiredTokens = (this.quirks.expiredTokens ?? 0) - 1;
      this.#scopes.clear();
    }
    if (!this.#allowed(url, request)) {
      response.writeHead(401, { "www-authenticate": this.#challenge(url, request) }).end(problem("UNAUTHORIZED"));
      return;
    }
    this.#route(url, request, response, body);
  }

  #fail(fault: RegistryFault, response: ServerResponse): void {
    if (fault === "hang") return; // until the client gives up, or the registry stops
    if (fault === "redirect")
      response.writeHead(307, { location: `http://localhost:${this.host.split(":")[1]}/login-page` }).end();
    else if (fault === "truncate") {
      response.writeHead(200, { "content-type": indexType, "content-length": "1000" });
      response.write('{"manifests":[');
      setImmediate(() => response.destroy());
    } else response.writeHead(fault.status, { "retry-after": "0" }).end(problem("DENIED"));
  }

  #route(url: URL, request: IncomingMessage, response: ServerResponse, body: Uint8Array): void {
    const match = /^\/v2\/(.+)\/(blobs\/uploads|blobs|manifests|referrers)\/([^/]*)$/.exec(url.pathname);
    const argument = match?.[3] ?? "";
    switch (match?.[2]) {
      case "blobs/uploads":
        this.#upload(url, request, response, argument, body);
        break;
      case "blobs":
        this.#blob(request, response, argument);
        break;
      case "manifests":
        this.#manifest(request, response, argument, body);
        break;
      case "referrers":
        this.#referrers(url, response, argument);
        break;
      default:
        if (url.pathname === "/v2/") response.end("{}");
        else response.writeHead(404).end(problem("UNSUPPORTED"));
    }
  }

  #upload(url: URL, request: IncomingMessage, response: ServerResponse, id: string, body: Uint8Array): void {
    if (request.method === "POST") {
      const mounted = url.searchParams.get("mount");
      if (mounted !== null && this.quirks.refuseMount !== true && this.blobs.has(mounted)) {
        response.writeHead(201, { location: `/v2/x/blobs/${mounted}` }).end();
        return;
      }
      const upload = randomUUID();
      this.#uploads.set(upload, new Uint8Array());
      const path = `/v2/${url.pathname.split("/")[2]}/blobs/uploads/${upload}?state=kept`;
      const min = this.quirks.chunkMinLength;
      const length = min === undefined ? {} : { "oci-chunk-min-length": String(min) };
      const location = this.quirks.relativeLocation === true ? path : `http://${this.host}${path}`;
      response.writeHead(202, { location, ...length }).end();
      return;
    }
    if (request.method === "PATCH" || request.method === "GET") {
      this.#chunk(request, response, id, body, url);
      return;
    }
    const digest = url.searchParams.get("digest") ?? "";
    if (!this.#uploads.has(id) || url.searchParams.get("state") !== "kept")
      response.writeHead(404).end(problem("BLOB_UPLOAD_UNKNOWN"));
    else if (digestOf(joined(this.#uploads.get(id), body)) !== digest) response.writeHead(400).end(problem("DIGEST_INVALID"));
    else {
      this.blobs.set(digest, joined(this.#uploads.get(id), body));
      response.writeHead(201, { location: `/v2/x/blobs/${digest}` }).end();
    }
  }

  #chunk(request: IncomingMessage, response: ServerResponse, id: string, body: Uint8Array, url: URL): void {
    const had = this.#uploads.get(id) ?? new Uint8Array();
    const answer = (status: number, length: number): void => {
      const range = `0-${Math.max(0, length - 1)}`;
      response.writeHead(status, { location: `${url.pathname}${url.search}`, range }).end();
    };
    if (request.method === "GET") answer(204, had.length);
    else if (this.quirks.noChunks === true) response.writeHead(405).end(problem("UNSUPPORTED"));
    else if (!request.headers["content-range"]?.startsWith(`${had.length}-`)) answer(416, had.length);
    else if ((this.quirks.cutChunks ?? 0) > 0) {
      this.quirks.cutChunks = (this.quirks.cutChunks ?? 0) - 1;
      this.#uploads.set(id, joined(had, body.subarray(0, body.length >> 1)));
      response.destroy();
    } else {
      this.#uploads.set(id, joined(had, body));
      answer(202, had.length + body.length);
    }
  }

  #blob(request: IncomingMessage, response: ServerResponse, digest: string): void {
    const bytes = this.blobs.get(digest);
    if (bytes === undefined) response.writeHead(404).end(problem("BLOB_UNKNOWN"));
    else if (this.quirks.redirectBlobs === true && request.method === "GET")
      response.writeHead(307, { location: `http://localhost:${this.host.split(":")[1]}/storage/${digest}` }).end();
    else response.writeHead(200, { "content-length": String(bytes.length) }).end(request.method === "HEAD" ? undefined : bytes);
  }

  #storage(url: URL, request: IncomingMessage, response: ServerResponse): void {
    if (request.headers.authorization !== undefined) response.writeHead(400).end("credentials leaked");
    else response.end(this.blobs.get(url.pathname.slice("/storage/".length)));
  }

  #manifest(request: IncomingMessage, response: ServerResponse, reference: string, body: Uint8Array): void {
    if (request.method === "PUT") {
      this.#putManifest(request, response, reference, body);
      return;
    }
    const digest = reference.includes(":") ? reference : (this.tags.get(reference) ?? "");
    const stored = this.manifests.get(digest);
    if (request.method === "DELETE" && this.quirks.noDelete === true) {
      response.writeHead(405).end(problem("UNSUPPORTED"));
      return;
    }
    if (request.method === "DELETE" && stored !== undefined) {
      for (const [tag, named] of [...this.tags]) if (tag === reference || named === reference) this.tags.delete(tag);
      if (reference.includes(":")) this.manifests.delete(digest);
      response.writeHead(202).end();
      return;
    }
    if (stored === undefined) {
      response.writeHead(404).end(problem("MANIFEST_UNKNOWN"));
      return;
    }
    const bytes = this.quirks.wrongBody ?? stored.bytes;
    response.writeHead(200, {
      "content-type": stored.mediaType,
      "content-length": String(bytes.length),
      ...(this.quirks.noDigestHeader === true ? {} : { "docker-content-digest": digest }),
      ...(this.quirks.conditional === true ? { etag: `"${digest}"` } : {}),
    });
    response.end(request.method === "HEAD" ? undefined : bytes);
  }

  #putManifest(request: IncomingMessage, response: ServerResponse, reference: string, body: Uint8Array): void {
    const tag = reference.includes(":") ? undefined : reference;
    if (tag !== undefined) this.quirks.beforeTag?.(tag);
    const expected = request.headers["if-match"];
    if (
      this.quirks.conditional === true &&
      tag !== undefined &&
      expected !== undefined &&
      expected !== `"${this.tags.get(tag)}"`
    ) {
      response.writeHead(412).end(problem("DENIED"));
      return;
    }
    if (this.quirks.immutableTags === true && tag !== undefined && this.tags.has(tag)) {
      response.writeHead(400).end(problem("TAG_INVALID"));
      return;
    }
    if (this.quirks.allowedTypes !== undefined && !isAllowed(body, this.quirks.allowedTypes)) {
      response.writeHead(400).end(problem("MANIFEST_INVALID"));
      return;
    }
    const digest = this.putManifest(body, request.headers["content-type"] ?? "", tag);
    const subject = subjectOf(body);
    const listed = subject !== undefined && this.quirks.noReferrersApi !== true;
    response.writeHead(201, { location: `/v2/x/manifests/${digest}`, ...(listed ? { "oci-subject": subject } : {}) }).end();
  }

  #referrers(url: URL, response: ServerResponse, subject: string): void {
    const status = this.quirks.noReferrersApi === true ? 404 : this.quirks.referrersStatus;
    if (status !== undefined) {
      response.writeHead(status, { "retry-after": "0" }).end(problem("UNSUPPORTED"));
      return;
    }
    const wanted = url.searchParams.get("artifactType");
    const all = this.quirks.subjectLie === true ? [] : this.#referrersOf(subject);
    const filtered = wanted === null || this.quirks.noFilter === true ? all : all.filter((one) => one.artifactType === wanted);
    const page = Number(url.searchParams.get("page") ?? 0);
    const manifests = this.quirks.pagedReferrers === true ? filtered.slice(page, page + 1) : filtered;
    const next = new URLSearchParams(url.searchParams);
    next.set("page", String(page + 1));
    const link = manifests.length < filtered.length - page ? { link: `<${url.pathname}?${next}>; rel="next"` } : {};
    response
      .writeHead(200, { "content-type": indexType, ...link })
      .end(JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests }));
  }

  #referrersOf(subject: string): { artifactType: string | undefined }[] {
    const found = [];
    for (const [digest, { mediaType, bytes }] of this.manifests) {
      if (subjectOf(bytes) !== subject) continue;
      const value: { artifactType?: string; config?: { mediaType: string }; annotations?: unknown } = JSON.parse(
        new TextDecoder().decode(bytes),
      );
      found.push({
        mediaType,
        digest,
        size: bytes.length,
        artifactType: value.artifactType ?? value.config?.mediaType,
        annotations: value.annotations,
      });
    }
    return found;
  }

  #allowed(url: URL, request: IncomingMessage): boolean {
    if (this.quirks.auth === undefined) return true;
    const authorization = request.headers.authorization ?? "";
    if (this.quirks.auth === "basic") return authorization === basic();
    const granted = this.#scopes.get(authorization.replace(/^Bearer /, ""));
    return granted?.split(" ").includes(this.#scope(url, request)) === true && url.pathname !== "/v2/";
  }

  #scope(url: URL, request: IncomingMessage): string {
    const name = /^\/v2\/(.+)\/(?:blobs|manifests|referrers)\//.exec(url.pathname)?.[1] ?? "";
    return `${name}:${request.method === "GET" || request.method === "HEAD" ? "pull" : "push"}`;
  }

  #challenge(url: URL, request: IncomingMessage): string {
    if (this.quirks.auth === "basic") return 'Basic realm="registry, with a comma"';
    const realm = this.quirks.realm ?? `http://${this.host}/token`;
    const [name, action] = this.#scope(url, request).split(":");
    return `Negotiate, Bearer realm="${realm}",service="registry",scope="repository:${name}:${action === "push" ? "pull,push" : "pull"}"`;
  }

  #token(url: URL, request: IncomingMessage, response: ServerResponse): void {
    if (request.headers.authorization !== basic()) {
      response.writeHead(401).end("who are you");
      return;
    }
    const [, name = "", actions = ""] = (url.searchParams.get("scope") ?? "").split(":");
    const token = randomUUID();
    this.#scopes.set(
      token,
      actions
        .split(",")
        .map((action) => `${name}:${action}`)
        .join(" "),
    );
    response.end(JSON.stringify({ token, expires_in: 300 }));
  }
}

const indexType = "application/vnd.oci.image.index.v1+json";

function basic(): string {
  return `Basic ${btoa(`${registryAccount.username}:${registryAccount.password}`)}`;
}

function joined(first: Uint8Array | undefined, second: Uint8Array): Uint8Array {
  return new Uint8Array([...(first ?? []), ...second]);
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

function subjectOf(bytes: Uint8Array): string | undefined {
  const value: { subject?: { digest?: string } } = JSON.parse(new TextDecoder().decode(bytes));
  return value.subject?.digest;
}

function isAllowed(bytes: Uint8Array, allowed: Readonly<Record<string, readonly string[]>>): boolean {
  const value: { config?: { mediaType?: string }; layers?: { mediaType?: string }[]; manifests?: unknown } = JSON.parse(
    new TextDecoder().decode(bytes),
  );
  if (value.manifests !== undefined) return true;
  const layers = allowed[value.config?.mediaType ?? ""];
  return layers !== undefined && (value.layers ?? []).every(({ mediaType = "" }) => layers.includes(mediaType));
}

function problem(code: string): string {
  return JSON.stringify({ errors: [{ code, message: "as the test wants it" }] });
}

async function read(request: IncomingMessage): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}
