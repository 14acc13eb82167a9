// Uploading a blob in chunks, which goes on where it broke off. Distribution spec, "Pushing a blob in chunks" (end-4a, end-5, end-13, end-6).
import { concatBytes, isSigillumError } from "../encoding/index.ts";
import type { HttpResponse } from "../http/index.ts";
import { type RegistryClient, unexpected } from "./client.ts";
import { ociError } from "./errors.ts";
import type { Descriptor } from "./manifest.ts";
import type { Repository } from "./reference.ts";

/** What is uploaded, and how much of it at a time. */
export interface ChunkedUpload {
  readonly client: RegistryClient;
  readonly repository: Repository;
  readonly descriptor: Pick<Descriptor, "digest" | "size">;
  /** The blob from its beginning; called again where an upload has to start anew. */
  readonly open: () => AsyncIterable<Uint8Array>;
  readonly chunkBytes: number;
  /** "push blob … to …", for messages. */
  readonly what: string;
}

const maxFailures = 5;
const maxChunkBytes = 256 * 1024 * 1024;
// How registries say that they take no chunks, though they opened a session: the caller sends the blob whole.
const noChunks = [400, 404, 405, 501];

/**
 * Upload a blob in chunks. Every chunk that gets lost is sent again from where the registry says that it stands. Undefined where the registry
 * takes no chunks at all, so that nothing was uploaded; after anything else the registry has confirmed the digest.
 */
export async function uploadInChunks(upload: ChunkedUpload): Promise<"done" | undefined> {
  const { client, repository, descriptor, what } = upload;
  const started = await client.send(repository, { method: "POST", path: "blobs/uploads/", access: "pull,push", body: "" });
  if (started.status !== 202) throw unexpected(started, what);
  const session: Session = { location: locationOf(started, what), offset: 0, failures: 0 };
  const size = Math.min(Math.max(upload.chunkBytes, minLength(started)), maxChunkBytes);
  for await (const chunk of chunksOf(upload.open(), size)) {
    if ((await sendChunk(upload, session, chunk)) === undefined) return undefined;
  }
  const url = new URL(session.location);
  url.searchParams.set("digest", descriptor.digest);
  const done = await client.send(repository, { method: "PUT", path: url.href, access: "pull,push", body: "" });
  if (done.status !== 201) throw unexpected(done, what);
  return "done";
}

interface Session {
  location: string;
  /** How many bytes the registry has. */
  offset: number;
  failures: number;
}

async function sendChunk(upload: ChunkedUpload, session: Session, chunk: Uint8Array): Promise<"done" | undefined> {
  const { client, repository, what } = upload;
  const start = session.offset;
  const end = start + chunk.length;
  while (session.offset < end) {
    const rest = chunk.subarray(session.offset - start);
    const headers = { "content-type": "application/octet-stream", "content-range": `${session.offset}-${end - 1}` };
    const request = { method: "PATCH", path: session.location, access: "pull,push", headers, body: rest } as const;
    const answer = await client.send(repository, request).catch((error: unknown) => {
      if (isSigillumError(error) && error.code.startsWith("HTTP_")) return error;
      throw error;
    });
    if (!(answer instanceof Error) && answer.status === 202) {
      session.location = locationOf(answer, what);
      session.offset = end;
      continue;
    }
    if (!(answer instanceof Error) && session.offset === 0 && noChunks.includes(answer.status)) return undefined;
    if (!(answer instanceof Error) && answer.status !== 416 && answer.status < 500 && answer.status !== 429)
      throw unexpected(answer, what);
    session.failures += 1;
    if (session.failures > maxFailures) throw answer instanceof Error ? answer : unexpected(answer, what);
    await findOffset(upload, session, start, end);
  }
  return "done";
}

// end-13: 204 with the range that has arrived.
async function findOffset(
  { client, repository, what }: ChunkedUpload,
  session: Session,
  start: number,
  end: number,
): Promise<void> {
  const answer = await client.send(repository, { method: "GET", path: session.location, access: "pull,push" });
  if (answer.status !== 204 && answer.status !== 202) throw unexpected(answer, what);
  session.location = locationOf(answer, what, session.location);
  const range = /^(?:bytes=)?0-(\d{1,15})$/.exec(answer.headers["range"] ?? "");
  const last = range === null ? undefined : Number(range[1]);
  // "0-0" is how an empty session is written, too.
  const offset = last === undefined || (last === 0 && start === 0) ? 0 : last + 1;
  if (offset < start || offset > end)
    throw ociError("OCI_UNAVAILABLE", `Cannot ${what}: after ${start} bytes the registry says that it has ${offset}`, {
      found: String(offset),
      expected: `${start} to ${end}`,
    });
  session.offset = offset;
}

function locationOf(answer: HttpResponse, what: string, otherwise?: string): string {
  const location = answer.headers["location"] ?? otherwise;
  if (location === undefined) throw ociError("OCI_UNAVAILABLE", `Cannot ${what}: the registry does not say where it goes on`);
  return new URL(location, answer.url).href;
}

function minLength(answer: HttpResponse): number {
  const text = answer.headers["oci-chunk-min-length"] ?? "";
  return /^\d{1,12}$/.test(text) ? Number(text) : 0;
}

async function* chunksOf(source: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Uint8Array> {
  let held: Uint8Array[] = [];
  let length = 0;
  for await (const piece of source) {
    held.push(piece);
    length += piece.length;
    while (length >= size) {
      const joined = concatBytes(...held);
      yield joined.subarray(0, size);
      held = [joined.subarray(size)];
      length -= size;
    }
  }
  if (length > 0) yield concatBytes(...held);
}
