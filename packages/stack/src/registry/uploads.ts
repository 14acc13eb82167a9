import { randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, mkdir, open, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { createHasher, type Hasher } from "@sigillum/library/crypto";
import { encodeHex } from "@sigillum/library/encoding";
import type { OciDigest } from "@sigillum/library/oci";
import type { Clock } from "../host/index.ts";
import type { BlobStore } from "./blob-store.ts";
import { registryError } from "./errors.ts";
import { namesIn } from "./files.ts";
import type { Layout, RepositoryName } from "./layout.ts";

interface Upload {
  readonly id: string;
  readonly repository: RepositoryName;
  readonly file: string;
  readonly handle: FileHandle;
  readonly hasher: Hasher;
  length: number;
  usedMs: number;
  busy: boolean;
}

/** What uploads may take. */
export interface UploadLimits {
  readonly maxBlobBytes: number;
  readonly maxUploads: number;
  readonly idleMs: number;
}

/** Blobs on their way in. They live in this process: after a restart clients begin anew, and leftovers are removed. */
export class Uploads {
  readonly #layout: Layout;
  readonly #blobs: BlobStore;
  readonly #clock: Clock;
  readonly #limits: UploadLimits;
  readonly #open: Map<string, Upload> = new Map();
  readonly #starting: Set<string> = new Set();

  constructor(parts: { layout: Layout; blobs: BlobStore; clock: Clock; limits: UploadLimits }) {
    this.#layout = parts.layout;
    this.#blobs = parts.blobs;
    this.#clock = parts.clock;
    this.#limits = parts.limits;
  }

  /** Open an upload and return its id. */
  async start(repository: RepositoryName): Promise<string> {
    if (this.#open.size >= this.#limits.maxUploads) {
      throw registryError("REGISTRY_TOO_MANY_UPLOADS", `Cannot start upload: ${this.#open.size} are open`, {
        expected: `at most ${this.#limits.maxUploads}`,
      });
    }
    const id = randomUUID();
    await mkdir(this.#layout.uploads, { recursive: true, mode: 0o700 });
    const file = join(this.#layout.uploads, id);
    this.#starting.add(id);
    const handle = await open(file, "wx", 0o600);
    this.#open.set(id, {
      id,
      repository,
      file,
      handle,
      hasher: createHasher("sha256"),
      length: 0,
      usedMs: this.#clock.nowMs(),
      busy: false,
    });
    this.#starting.delete(id);
    return id;
  }

  /** How many bytes have come so far. */
  length(repository: RepositoryName, id: string): number {
    return this.#find(repository, id).length;
  }

  /** Add a chunk; `range` is its Content-Range and must begin where the upload stands. Returns the new length. */
  async append(repository: RepositoryName, id: string, body: Readable, range: string | undefined): Promise<number> {
    return await this.#exclusively(repository, id, async (upload) => {
      const end = checkRange(upload, range);
      await this.#write(upload, body);
      if (end !== undefined && end !== upload.length - 1) {
        await this.#drop(upload); // the hash has run on over bytes that cannot be trusted
        throw registryError(
          "REGISTRY_UPLOAD_RANGE",
          `Cannot append to upload: the chunk ends at ${upload.length - 1}, its Content-Range says ${end}`,
          { found: String(upload.length - 1), expected: String(end) },
        );
      }
      return upload.length;
    });
  }

  /** Add the rest and close the upload. After it returns the blob is durable and has the digest; otherwise nothing is kept. */
  async finish(
    repository: RepositoryName,
    id: string,
    body: Readable,
    range: string | undefined,
    digest: OciDigest,
  ): Promise<void> {
    await this.#exclusively(repository, id, async (upload) => {
      checkRange(upload, range);
      await this.#write(upload, body);
      const found = digest.startsWith("sha512:")
        ? `sha512:${await sha512Of(upload.file)}`
        : `sha256:${encodeHex(upload.hasher.digest())}`;
      if (found !== digest) {
        await this.#drop(upload);
        throw registryError("REGISTRY_DIGEST_INVALID", `Cannot take blob: what was sent has digest ${found}, not ${digest}`, {
          found,
          expected: digest,
        });
      }
      await upload.handle.sync();
      await upload.handle.close();
      this.#open.delete(id);
      await this.#blobs.adopt(repository, digest, upload.file);
    });
  }

  /** Give an upload up. */
  async cancel(repository: RepositoryName, id: string): Promise<void> {
    await this.#exclusively(repository, id, (upload) => this.#drop(upload));
  }

  /** Remove uploads nobody has touched for `idleMs`, and files of an earlier run. */
  async sweep(): Promise<void> {
    const before = this.#clock.nowMs() - this.#limits.idleMs;
    for (const upload of [...this.#open.values()]) if (!upload.busy && upload.usedMs < before) await this.#drop(upload);
    for (const name of await namesIn(this.#layout.uploads))
      if (!this.#open.has(name) && !this.#starting.has(name)) await rm(join(this.#layout.uploads, name), { force: true });
  }

  /** Give all uploads up. */
  async close(): Promise<void> {
    for (const upload of [...this.#open.values()]) await this.#drop(upload);
  }

  async #write(upload: Upload, body: Readable): Promise<void> {
    for await (const chunk of body) {
      const bytes: unknown = chunk;
      if (!(bytes instanceof Uint8Array)) continue;
      if (upload.length + bytes.length > this.#limits.maxBlobBytes) {
        await this.#drop(upload);
        throw registryError("REGISTRY_TOO_LARGE", "Cannot take blob: it is larger than this registry takes", {
          expected: `at most ${this.#limits.maxBlobBytes} bytes`,
        });
      }
      await upload.handle.write(bytes);
      upload.hasher.update(bytes);
      upload.length += bytes.length;
    }
  }

  async #exclusively<T>(repository: RepositoryName, id: string, work: (upload: Upload) => Promise<T>): Promise<T> {
    const upload = this.#find(repository, id);
    if (upload.busy) throw registryError("REGISTRY_UPLOAD_BUSY", "Cannot write to upload: another request is writing to it");
    upload.busy = true;
    try {
      return await work(upload);
    } finally {
      upload.busy = false;
      upload.usedMs = this.#clock.nowMs();
    }
  }

  #find(repository: RepositoryName, id: string): Upload {
    const upload = this.#open.get(id);
    if (upload === undefined || upload.repository !== repository)
      throw registryError("REGISTRY_UPLOAD_UNKNOWN", `Cannot find upload: ${repository} has none of this id`);
    return upload;
  }

  async #drop(upload: Upload): Promise<void> {
    this.#open.delete(upload.id);
    await upload.handle.close();
    await rm(upload.file, { force: true });
  }
}

// Rare: SHA-256 runs along with every upload, SHA-512 is computed once it is wished for.
async function sha512Of(file: string): Promise<string> {
  const hasher = createHasher("sha512");
  for await (const chunk of createReadStream(file)) {
    const bytes: unknown = chunk;
    if (bytes instanceof Uint8Array) hasher.update(bytes);
  }
  return encodeHex(hasher.digest());
}

// Distribution spec, "Pushing a blob in chunks": Content-Range is START-END, both included, without a unit.
function checkRange(upload: Upload, range: string | undefined): number | undefined {
  if (range === undefined) return undefined;
  const match = /^(?:bytes[ =])?([0-9]{1,15})-([0-9]{1,15})(?:\/\S+)?$/.exec(range);
  if (match === null || Number(match[1]) !== upload.length) {
    throw registryError(
      "REGISTRY_UPLOAD_RANGE",
      `Cannot append to upload: the range is ${JSON.stringify(range.slice(0, 60))} where ${upload.length} bytes have come`,
      { found: range.slice(0, 60), expected: `${upload.length}-…` },
    );
  }
  return Number(match[2]);
}
