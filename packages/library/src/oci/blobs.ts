import { concatBytes } from "../encoding/index.ts";
import { uploadInChunks } from "./chunked.ts";
import { type RegistryClient, unexpected } from "./client.ts";
import { createOciHasher, type OciDigest, ociDigestOf } from "./digest.ts";
import { ociError } from "./errors.ts";
import type { Descriptor } from "./manifest.ts";
import { encodeRepository, type Repository } from "./reference.ts";

/** Whether the repository has a blob. Distribution spec end-2. */
export async function hasBlob(client: RegistryClient, repository: Repository, digest: OciDigest): Promise<boolean> {
  const answer = await client.send(repository, { method: "HEAD", path: `blobs/${digest}`, access: "pull" });
  if (answer.status === 200) return true;
  if (answer.status === 404) return false;
  throw unexpected(answer, `look for blob ${digest} in ${encodeRepository(repository)}`);
}

/** Read a blob whole. Its length and digest have been checked against the descriptor; refuses one larger than `maxBytes`. */
export async function fetchBlob(
  client: RegistryClient,
  repository: Repository,
  descriptor: Pick<Descriptor, "digest" | "size">,
  maxBytes: number,
): Promise<Uint8Array> {
  if (descriptor.size > maxBytes) {
    throw ociError("OCI_TOO_LARGE", `Cannot read blob ${descriptor.digest}: it has ${descriptor.size} bytes`, {
      found: String(descriptor.size),
      expected: `at most ${maxBytes}`,
    });
  }
  const chunks: Uint8Array[] = [];
  for await (const chunk of streamBlob(client, repository, descriptor)) chunks.push(chunk);
  return concatBytes(...chunks);
}

/** Read a blob chunk by chunk. The chunks may be trusted only once the last one has come: length and digest are checked there. */
export async function* streamBlob(
  client: RegistryClient,
  repository: Repository,
  descriptor: Pick<Descriptor, "digest" | "size">,
): AsyncGenerator<Uint8Array> {
  const what = `blob ${descriptor.digest} of ${encodeRepository(repository)}`;
  const answer = await client.sendForStream(repository, { method: "GET", path: `blobs/${descriptor.digest}`, access: "pull" });
  if (answer.status !== 200) {
    answer.cancel();
    throw unexpected(answer, `read ${what}`);
  }
  const hasher = createOciHasher(descriptor.digest);
  let length = 0;
  for await (const chunk of answer.body) {
    length += chunk.length;
    if (length > descriptor.size) break;
    hasher.update(chunk);
    yield chunk;
  }
  if (length !== descriptor.size) {
    throw ociError(
      "OCI_DIGEST_MISMATCH",
      `Cannot read ${what}: it has ${length > descriptor.size ? "more than" : "only"} ${Math.min(length, descriptor.size)} bytes`,
      { found: String(length), expected: String(descriptor.size) },
    );
  }
  hasher.verify(what);
}

/** Push bytes as a blob, unless the repository has them. After it returns the registry has confirmed the digest. */
export async function pushBlob(
  client: RegistryClient,
  repository: Repository,
  bytes: Uint8Array,
  mediaType: string,
): Promise<Descriptor> {
  const descriptor: Descriptor = { mediaType, digest: ociDigestOf(bytes), size: bytes.length };
  await pushBlobStream(client, repository, descriptor, () => oneChunk(bytes));
  return descriptor;
}

/** From this length on a blob goes up in chunks of this length, so that a connection that breaks costs no more than one. */
export const uploadChunkBytes: number = 32 * 1024 * 1024;

/**
 * Push a blob from a stream; `open` is called only if the repository does not have the blob, and again where it has to be sent anew. What is
 * longer than a chunk goes up in chunks, and goes on where it broke off.
 */
export async function pushBlobStream(
  client: RegistryClient,
  repository: Repository,
  descriptor: Pick<Descriptor, "digest" | "size">,
  open: () => AsyncIterable<Uint8Array>,
  chunkBytes: number = uploadChunkBytes,
): Promise<void> {
  if (await hasBlob(client, repository, descriptor.digest)) return;
  const what = `push blob ${descriptor.digest} to ${encodeRepository(repository)}`;
  const upload = { client, repository, descriptor, open, chunkBytes, what };
  if (descriptor.size > chunkBytes && (await uploadInChunks(upload)) !== undefined) return;
  // Distribution spec, "Pushing a blob monolithically": POST, then PUT to the location with the digest (end-4a, end-6).
  const started = await client.send(repository, { method: "POST", path: "blobs/uploads/", access: "pull,push", body: "" });
  const location = started.headers["location"];
  if (started.status !== 202 || location === undefined) throw unexpected(started, what);
  const url = new URL(location, started.url);
  url.searchParams.set("digest", descriptor.digest);
  const headers = { "content-type": "application/octet-stream" };
  const done = await client.upload(
    repository,
    { method: "PUT", path: url.href, access: "pull,push", headers },
    open(),
    descriptor.size,
  );
  if (done.status !== 201) throw unexpected(done, what);
}

async function* oneChunk(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
