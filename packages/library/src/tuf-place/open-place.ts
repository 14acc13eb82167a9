// A repository by its address: a directory, a bucket, or a web server that is only read.
import { isBucketAddress, openBucket } from "../aws/index.ts";
import { equalBytes, isSigillumError } from "../encoding/index.ts";
import { request } from "../http/index.ts";
import type { PublishedFile, RepositoryPlace } from "../tuf-repository/index.ts";
import { directoryPlace } from "./directory-place.ts";
import { eventFolderError } from "./errors.ts";
import { type HeldLock, lockBucketPlace } from "./place-lock.ts";

/** What opening a place may need. */
export interface PlaceOptions {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** How long to wait for another publication's end; half a minute where nothing is said. */
  readonly lockWaitMs?: number;
  /** Publish without a lock to a store that passes conditions over: for a place that nobody else publishes to. */
  readonly acceptUnguarded?: boolean;
}

const maxFileBytes = 64 * 1024 * 1024;

/** Open a place: `s3://BUCKET/PREFIX`, `http://…` (read only), or a directory. Nothing is asked or made yet. */
export function openPlace(address: string, options: PlaceOptions): RepositoryPlace {
  if (isBucketAddress(address)) return bucketPlace(address, options);
  if (/^https?:\/\//u.test(address)) return serverPlace(address.replace(/\/+$/u, ""));
  const { lockWaitMs } = options;
  return directoryPlace(address.replace(/^file:\/\//u, ""), lockWaitMs === undefined ? {} : { lockWaitMs });
}

/**
 * A bucket. A file that changes is put only where it still is what was read before, and the store compares: should a lock ever fail, one of two
 * timestamps is refused and clients see no fork.
 */
function bucketPlace(address: string, { environment, lockWaitMs, acceptUnguarded = false }: PlaceOptions): RepositoryPlace {
  const bucket = openBucket(address, environment);
  const seen = new Map<string, string | undefined>();
  let lock: HeldLock | undefined;
  return {
    name: bucket.name,
    async read(path) {
      const found = await bucket.getVersion(path, maxFileBytes);
      seen.set(path, found?.tag);
      return found?.bytes;
    },
    async write(file) {
      lock?.check();
      const headers = { contentType: contentTypeOf(file.path), cacheControl: cacheControlOf(file) };
      const tag = seen.get(file.path);
      // A store that gives no entity tag has nothing to compare.
      if (!file.overwrite || !seen.has(file.path) || tag === "") {
        await bucket.put(file.path, file.bytes, headers);
        return;
      }
      try {
        await bucket.put(file.path, file.bytes, headers, tag === undefined ? "ifNoneMatch" : { ifMatch: tag });
      } catch (cause) {
        if (!isSigillumError(cause) || cause.code !== "BUCKET_CONDITION_FAILED") throw cause;
        const now = await bucket.getVersion(file.path, maxFileBytes);
        // Ours already: the answer to the first attempt was lost, and it was repeated.
        if (now === undefined || !equalBytes(now.bytes, file.bytes)) throw changed(address, file.path, cause);
      }
      seen.delete(file.path);
    },
    async lock() {
      lock = await lockBucketPlace(bucket, !acceptUnguarded, lockWaitMs);
      return lock ?? { release: () => Promise.resolve() };
    },
  };
}

function changed(address: string, path: string, cause: unknown): Error {
  return eventFolderError(
    "TUF_PLACE_CHANGED",
    `Cannot publish to ${address}: ${path} is not as it was read, somebody else published`,
    {
      cause,
      found: path,
      expected: "one publication at a time",
    },
  );
}

/** Names that change are never kept by anything in between: a kept timestamp has expired for whole countries before (cosign #1179). */
function cacheControlOf({ overwrite }: PublishedFile): string {
  return overwrite ? "no-store" : "public, max-age=604800, immutable";
}

function contentTypeOf(path: string): string {
  return path.startsWith("targets/") ? "application/octet-stream" : "application/json";
}

function serverPlace(url: string): RepositoryPlace {
  return {
    name: url,
    async read(path) {
      const answer = await request({ url: `${url}/${path}`, maxBytes: maxFileBytes, redirects: 2, retries: 1 });
      if (answer.status === 200) return answer.body;
      if (answer.status === 404 || answer.status === 403) return undefined;
      throw eventFolderError("TUF_PLACE_UNAVAILABLE", `Cannot read ${url}/${path}: HTTP ${answer.status}, 200 or 404 expected`, {
        found: String(answer.status),
        expected: "200 or 404",
      });
    },
    write: () =>
      Promise.reject(
        eventFolderError("TUF_PLACE_READ_ONLY", `Cannot publish to ${url}: a web server is only read`, {
          found: url,
          expected: "a directory or s3://BUCKET/PREFIX",
        }),
      ),
  };
}
