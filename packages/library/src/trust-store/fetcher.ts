// The files of a repository over HTTP.
import { request } from "../http/index.ts";
import type { FetchFile } from "../tuf/index.ts";
import { trustStoreError } from "./errors.ts";

const requestTimeoutMs = 30_000;

/** Fetches below a base URL, each file in this time or not at all: a server that sends forever, or ever so slowly, is refused. A file is missing where the server says 404 or 403; any other status is TRUST_SERVER. */
export function httpFetcher(url: string, timeoutMs: number = requestTimeoutMs): FetchFile {
  return async (path, maxBytes) => {
    const address = `${url}/${path}`;
    const reply = await request({ method: "GET", url: address, maxBytes, timeoutMs });
    if (reply.status === 200) return reply.body;
    // Buckets answer 403 where a file does not exist (tuf-on-ci, S3). Any other status says nothing about the file.
    if (reply.status === 404 || reply.status === 403) return undefined;
    throw trustStoreError("TRUST_SERVER", `Cannot fetch ${address}: status ${reply.status}, 200 or 404 expected`, {
      found: String(reply.status),
      expected: "200 or 404",
    });
  };
}
