// A repository by its address: a directory, a bucket, or a web server that is only read.
import { isBucketAddress, openBucket } from "../aws/index.ts";
import { request } from "../http/index.ts";
import type { PublishedFile, RepositoryPlace } from "../tuf-repository/index.ts";
import { directoryPlace } from "./directory-place.ts";
import { eventFolderError } from "./errors.ts";

/** What opening a place may need. */
export interface PlaceOptions {
  readonly environment: Readonly<Record<string, string | undefined>>;
}

const maxFileBytes = 64 * 1024 * 1024;

/** Open a place: `s3://BUCKET/PREFIX`, `http://…` (read only), or a directory. Nothing is asked or made yet. */
export function openPlace(address: string, options: PlaceOptions): RepositoryPlace {
  if (isBucketAddress(address)) return bucketPlace(address, options);
  if (/^https?:\/\//u.test(address)) return serverPlace(address.replace(/\/+$/u, ""));
  return directoryPlace(address.replace(/^file:\/\//u, ""));
}

function bucketPlace(address: string, { environment }: PlaceOptions): RepositoryPlace {
  const bucket = openBucket(address, environment);
  return {
    name: bucket.name,
    read: (path) => bucket.get(path, maxFileBytes),
    write: (file) =>
      bucket.put(file.path, file.bytes, { contentType: contentTypeOf(file.path), cacheControl: cacheControlOf(file) }),
  };
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
