// The published repository as static files: the timestamp and the missing next root uncached, what has a version or hash for ever.
import { join } from "node:path";
import { encodePathSegment, roleFileName } from "@sigillum/library/tuf";
import { readOptional } from "@sigillum/library/tuf-place";
import { type HttpReply, Router } from "../host/index.ts";

/** Routes over the files of a directory; nothing but published files can be named. */
export function fileRoutes(directory: string): Router {
  const metadata = async (name: string): Promise<HttpReply> => {
    // The router has decoded the name; on disk a delegated role is encoded whole, so that none is a path.
    const [, version, role] = /^(?:([1-9][0-9]{0,8})\.)?(.{1,200})\.json$/s.exec(name) ?? [];
    const known = role !== undefined && (version !== undefined || role === "timestamp" || role === "root");
    const file = `${version === undefined ? "" : `${version}.`}${roleFileName(role ?? "")}`;
    return fileReply(known ? await readOptional(join(directory, file)) : undefined, "application/json", isImmutable(name));
  };
  const target = async (path: string): Promise<HttpReply> => {
    const segments = path.split("/");
    const known = /^[0-9a-f]{64,128}\./.test(segments.at(-1) ?? "") && !segments.some((segment) => /^\.{0,2}$/.test(segment));
    const file = join(directory, "targets", ...segments.map(encodePathSegment));
    return fileReply(known ? await readOptional(file) : undefined, "application/octet-stream", true);
  };
  return new Router()
    .add("GET", "/:name", (request) => metadata(request.params["name"] ?? ""))
    .add("GET", "/targets/*path", (request) => target(request.params["path"] ?? ""));
}

function isImmutable(name: string): boolean {
  return /^[0-9]/.test(name);
}

function fileReply(bytes: Uint8Array | undefined, type: string, immutable: boolean): HttpReply {
  // The 404 for the next root is asked for at every refresh and must not be kept by anything in between.
  if (bytes === undefined)
    return {
      status: 404,
      headers: { "cache-control": "no-store", "content-type": "text/plain; charset=utf-8" },
      body: "not found\n",
    };
  const cache = immutable ? "public, max-age=604800, immutable" : "no-store";
  return {
    status: 200,
    headers: { "content-type": type, "cache-control": cache, "content-length": String(bytes.length) },
    body: bytes,
  };
}
