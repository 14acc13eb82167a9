// TransparencyLogEntry of sigstore_rekor.proto, as it stands in a bundle and in the answers of a Rekor v2 log.
import { encodeBase64, type JsonObject, type JsonValue, parseProtoBase64, quote } from "../encoding/index.ts";
import { bundleError } from "./errors.ts";
import { bundleLimits } from "./limits.ts";

/** A log's proof that an entry is in its tree. In Rekor v1 `logIndex` is the index in the shard, not that of the entry. */
export interface InclusionProof {
  readonly logIndex: number;
  readonly rootHash: Uint8Array;
  readonly treeSize: number;
  readonly hashes: readonly Uint8Array[];
  /** The signed note. */
  readonly checkpoint?: string;
}

/** An entry of a transparency log with what the log said of it. */
export interface LogEntry {
  readonly logIndex: number;
  readonly logId: Uint8Array;
  readonly kind: string;
  readonly version: string;
  /** Seconds since 1970, Rekor v1 only. Nothing vouches for it but the promise. */
  readonly integratedTimeS?: number;
  /** The signed entry timestamp. */
  readonly promise?: Uint8Array;
  readonly proof?: InclusionProof;
  /** The canonical body, the bytes of the leaf. */
  readonly body?: Uint8Array;
}

/** Read one log entry from its protobuf JSON. Nothing in it was verified. */
export function parseTransparencyLogEntry(entry: JsonObject): LogEntry {
  entry.onlyNames([
    "logIndex",
    "logId",
    "kindVersion",
    "integratedTime",
    "inclusionPromise",
    "inclusionProof",
    "canonicalizedBody",
  ]);
  const logId = entry.object("logId");
  logId.onlyNames(["keyId"]);
  const kindVersion = entry.object("kindVersion");
  kindVersion.onlyNames(["kind", "version"]);
  const promise = entry.optionalObject("inclusionPromise");
  promise?.onlyNames(["signedEntryTimestamp"]);
  const proof = entry.optionalObject("inclusionProof");
  // proto3 JSON leaves out a number that is 0: the first entry of a log has no logIndex, one of Rekor v2 no integratedTime.
  const integratedTimeS = entry.optionalUint64("integratedTime") ?? 0;
  const body = entry.optionalBase64("canonicalizedBody");
  return {
    logIndex: entry.optionalUint64("logIndex") ?? 0,
    logId: readHash(logId.base64("keyId"), "BUNDLE_LOG_ID", "logId.keyId"),
    kind: kindVersion.string("kind"),
    version: kindVersion.string("version"),
    ...(integratedTimeS === 0 ? {} : { integratedTimeS }),
    ...(promise === undefined ? {} : { promise: promise.base64("signedEntryTimestamp") }),
    ...(proof === undefined ? {} : { proof: readProof(proof) }),
    ...(body === undefined || body.length === 0 ? {} : { body }),
  };
}

function readProof(proof: JsonObject): InclusionProof {
  proof.onlyNames(["logIndex", "rootHash", "treeSize", "hashes", "checkpoint"]);
  const checkpoint = proof.optionalObject("checkpoint");
  checkpoint?.onlyNames(["envelope"]);
  const envelope = checkpoint?.optionalString("envelope");
  const hashes = proof.optionalStrings("hashes");
  if (hashes.length > bundleLimits.proofHashes) {
    throw bundleError("BUNDLE_PROOF_TOO_LONG", `Cannot parse log entry: inclusion proof has ${hashes.length} hashes`, {
      found: String(hashes.length),
      expected: `at most ${bundleLimits.proofHashes}`,
    });
  }
  return {
    logIndex: proof.optionalUint64("logIndex") ?? 0,
    rootHash: readHash(proof.base64("rootHash"), "BUNDLE_PROOF_HASH", "inclusionProof.rootHash"),
    treeSize: proof.optionalUint64("treeSize") ?? 0,
    hashes: hashes.map((hash, index) =>
      readHash(readBase64(hash, index), "BUNDLE_PROOF_HASH", `inclusionProof.hashes[${index}]`),
    ),
    ...(envelope === undefined || envelope === "" ? {} : { checkpoint: envelope }),
  };
}

function readBase64(text: string, index: number): Uint8Array {
  try {
    return parseProtoBase64(text);
  } catch (cause) {
    throw bundleError("BUNDLE_PROOF_HASH", `Cannot parse log entry: inclusionProof.hashes[${index}] is ${quote(text)}`, {
      cause,
      found: quote(text),
      expected: "base64 of 32 bytes",
    });
  }
}

function readHash(bytes: Uint8Array, code: "BUNDLE_LOG_ID" | "BUNDLE_PROOF_HASH", path: string): Uint8Array {
  if (bytes.length === 32) return bytes;
  throw bundleError(code, `Cannot parse log entry: ${path} is ${bytes.length} bytes long`, {
    found: `${bytes.length} bytes`,
    expected: "32 bytes",
  });
}

/** Write one log entry as protobuf JSON. Indexes are written even when they are 0: some readers demand them. */
export function encodeTransparencyLogEntry(entry: LogEntry): { [name: string]: JsonValue } {
  return {
    logIndex: String(entry.logIndex),
    logId: { keyId: encodeBase64(entry.logId) },
    kindVersion: { kind: entry.kind, version: entry.version },
    ...(entry.integratedTimeS === undefined ? {} : { integratedTime: String(entry.integratedTimeS) }),
    ...(entry.promise === undefined ? {} : { inclusionPromise: { signedEntryTimestamp: encodeBase64(entry.promise) } }),
    ...(entry.proof === undefined ? {} : { inclusionProof: encodeProof(entry.proof) }),
    ...(entry.body === undefined ? {} : { canonicalizedBody: encodeBase64(entry.body) }),
  };
}

function encodeProof(proof: InclusionProof): JsonValue {
  return {
    logIndex: String(proof.logIndex),
    rootHash: encodeBase64(proof.rootHash),
    treeSize: String(proof.treeSize),
    hashes: proof.hashes.map((hash) => encodeBase64(hash)),
    ...(proof.checkpoint === undefined ? {} : { checkpoint: { envelope: proof.checkpoint } }),
  };
}
