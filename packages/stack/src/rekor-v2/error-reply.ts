// Errors as grpc-gateway writes them: {"code": <grpc code>, "message", "details": []}.
import { isSigillumError } from "@sigillum/library/encoding";
import { encodeStatus, type GrpcStatus, type HttpReply, jsonReply, statusOfError } from "../host/index.ts";

const statusOfCode: ReadonlyMap<string, number> = new Map([
  ["REKOR_V2_NOT_FOUND", 404],
  ["TILE_PATH_MALFORMED", 404],
  ["REKOR_V2_DUPLICATE", 409],
  ["LOG_INDEX_OUT_OF_RANGE", 404],
  ["REKOR_V2_HOST_UNKNOWN", 421],
  ["LOG_SEALED", 405],
]);

// google.rpc.Code
const grpcCodes: ReadonlyMap<number, number> = new Map([
  [400, 3],
  [404, 5],
  [405, 12],
  [409, 6],
  [413, 8],
  [421, 5],
  [499, 1],
  [503, 14],
  [500, 13],
]);
const internal = 13;
const unexpected = "failed to integrate entry";
const sealed = "This log is sealed and accepts no entries. Use the latest log, which the signing config of the trust root names.";

/** The reply for an error; the text of an unexpected one stays in the log. */
export function errorReply(error: unknown): HttpReply {
  const status = statusOfError(error, statusOfCode);
  // Rekor v2 answers a frozen log in plain text (rekor-tiles, transparency-log.md §3.3).
  if (isSigillumError(error) && error.code === "LOG_SEALED") {
    return { status, headers: { "content-type": "text/plain; charset=utf-8", allow: "GET, HEAD" }, body: `${sealed}\n` };
  }
  const known = isSigillumError(error) && status !== 500;
  const message = known ? error.message : unexpected;
  const details = known ? [{ "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: error.code, domain: "sigillum" }] : [];
  const headers: Record<string, string> = {};
  if (status === 503) headers["retry-after"] = "1";
  if (isSigillumError(error) && error.code === "REKOR_V2_DUPLICATE" && error.found !== undefined)
    headers["x-log-index"] = error.found;
  return jsonReply(status, { code: grpcCodes.get(status) ?? internal, message, details }, headers);
}

/** The same for a call of gRPC: the codes of rekor-tiles, and Unimplemented for a sealed log as there. */
export function grpcStatus(error: unknown): GrpcStatus {
  const http = statusOfError(error, statusOfCode);
  const code = grpcCodes.get(http) ?? internal;
  if (!isSigillumError(error) || http === 500) return { code, message: unexpected };
  const status = { code, message: error.code === "LOG_SEALED" ? sealed : error.message };
  const index = error.code === "REKOR_V2_DUPLICATE" ? error.found : undefined;
  return {
    ...status,
    details: encodeStatus(status, error),
    ...(index === undefined ? {} : { metadata: { "x-log-index": index } }),
  };
}
