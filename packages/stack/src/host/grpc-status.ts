// Errors as gRPC's clients read them: google.rpc.Status with a google.rpc.ErrorInfo that says which check failed, what was found and
// what was expected.
import { concatBytes, isSigillumError, protobufField, protobufVarint, type SigillumError } from "@sigillum/library/encoding";
import type { GrpcStatus } from "./grpc.ts";

/** google.rpc.ErrorInfo as JSON, with the type URL of a google.protobuf.Any. */
export interface ErrorInfo {
  readonly "@type": string;
  readonly reason: string;
  readonly domain: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** What an error of ours says to programs. */
export function errorInfo(error: SigillumError): ErrorInfo {
  return {
    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
    reason: error.code,
    domain: "sigillum",
    metadata: {
      message: error.message,
      ...(error.found === undefined ? {} : { found: error.found }),
      ...(error.expected === undefined ? {} : { expected: error.expected }),
    },
  };
}

/** google.rpc.Status in protobuf, with the ErrorInfo of an error of ours: what gRPC carries in `grpc-status-details-bin`. */
export function encodeStatus(status: Pick<GrpcStatus, "code" | "message">, error: unknown): Uint8Array {
  const start = concatBytes(protobufVarint(1, status.code), protobufField(2, status.message));
  if (!isSigillumError(error)) return start;
  const { "@type": typeUrl, reason, domain, metadata } = errorInfo(error);
  const entries = Object.entries(metadata).map(([name, value]) =>
    protobufField(3, concatBytes(protobufField(1, name), protobufField(2, value))),
  );
  const info = concatBytes(protobufField(1, reason), protobufField(2, domain), ...entries);
  return concatBytes(start, protobufField(3, concatBytes(protobufField(1, typeUrl), protobufField(2, info))));
}
