// A log's word on an entry: promise, inclusion proof, checkpoint (client-conformance.md §8.6, §8.7).
import type { InclusionProof, LogEntry } from "../bundle/index.ts";
import { keyHint, type NoteKey, noteKey, verifyCheckpoint } from "../checkpoint/index.ts";
import { encodeHex, equalBytes, formatRfc3339 } from "../encoding/index.ts";
import { type LogEntryBody, verifySet } from "../log-entry/index.ts";
import { inclusionRoot, leafHash } from "../merkle/index.ts";
import { describeTimeRange, isWithin, type TransparencyLog, type TrustedRoot } from "../trusted-root/index.ts";
import { verificationError } from "./errors.ts";
import type { VerifiedInclusion, VerifiedLogEntry } from "./verified.ts";
import { verifyWitnesses } from "./witnesses.ts";

/** An entry with its body's bytes, which may have been rebuilt, and what they say. */
export interface EntryWithBody {
  readonly entry: LogEntry;
  readonly bytes: Uint8Array;
  readonly body: LogEntryBody;
}

/**
 * Verify that a trusted log contains an entry, or with `acceptPromiseWithoutProof` that it promised to.
 * What the entry is about was not checked, nor, for an entry without a promised time, the period of the log's key.
 */
export function verifyLogEntry(
  item: EntryWithBody,
  root: TrustedRoot,
  acceptPromiseWithoutProof: boolean,
  witnesses: readonly NoteKey[],
): VerifiedLogEntry {
  const { entry } = item;
  const log = requireLog(entry, root);
  const integratedTimeS = verifyPromise(item, log);
  const inclusion = entry.proof === undefined ? undefined : verifyInclusion(item, entry.proof, log, witnesses);
  if (inclusion === undefined && !(acceptPromiseWithoutProof && integratedTimeS !== undefined)) {
    throw verificationError("INCLUSION_PROOF_MISSING", `Cannot verify log entry ${entry.logIndex}: it has no inclusion proof`, {
      found: integratedTimeS === undefined ? "neither proof nor promise" : "a promise alone",
      expected: "an inclusion proof with a checkpoint",
    });
  }
  return {
    log,
    logIndex: entry.logIndex,
    kind: entry.kind,
    version: entry.version,
    ...(integratedTimeS === undefined ? {} : { integratedTimeS }),
    ...(inclusion === undefined ? {} : { inclusion }),
  };
}

// Several logs of a root may share an id, each for a period of its own: the one whose period holds the promised time counts.
function requireLog(entry: LogEntry, root: TrustedRoot): TransparencyLog {
  const known = root.tlogs.filter((log) => equalBytes(log.logId, entry.logId));
  const [first] = known;
  if (first === undefined) {
    const found = encodeHex(entry.logId);
    throw verificationError("LOG_UNKNOWN", `Cannot verify log entry ${entry.logIndex}: the trusted root has no log ${found}`, {
      found,
      expected: root.tlogs.map((log) => `${encodeHex(log.logId)} (${log.baseUrl})`).join(", "),
    });
  }
  if (entry.promise === undefined || entry.integratedTimeS === undefined) return first;
  const timeMs = entry.integratedTimeS * 1000;
  const log = known.find(({ validFor }) => isWithin(validFor, timeMs));
  if (log === undefined) throw outsideWindow(first, timeMs);
  return log;
}

/** Require that the log's key may sign at each of these times: for an entry whose own time nothing promises. */
export function requireLogWindow(log: TransparencyLog, timesMs: readonly number[]): void {
  for (const timeMs of timesMs) if (!isWithin(log.validFor, timeMs)) throw outsideWindow(log, timeMs);
}

function outsideWindow(log: TransparencyLog, timeMs: number): Error {
  const found = formatRfc3339(timeMs);
  const expected = describeTimeRange(log.validFor);
  return verificationError(
    "LOG_WINDOW",
    `Cannot verify log entry: ${found} is outside the period of log ${log.baseUrl}, ${expected}`,
    { found, expected },
  );
}

function verifyPromise({ entry, bytes }: EntryWithBody, log: TransparencyLog): number | undefined {
  if (entry.promise === undefined) return undefined;
  if (entry.integratedTimeS === undefined) {
    throw verificationError(
      "INTEGRATED_TIME_MISSING",
      `Cannot verify log entry ${entry.logIndex}: it has a promise and no integrated time`,
      {
        found: "no integratedTime",
        expected: "the integratedTime that the promise covers",
      },
    );
  }
  verifySet(
    { body: bytes, integratedTime: entry.integratedTimeS, logId: entry.logId, logIndex: entry.logIndex },
    entry.promise,
    log,
  );
  return entry.integratedTimeS;
}

function verifyInclusion(
  item: EntryWithBody,
  proof: InclusionProof,
  log: TransparencyLog,
  witnesses: readonly NoteKey[],
): VerifiedInclusion {
  const { entry, bytes, body } = item;
  if (proof.checkpoint === undefined) {
    throw verificationError(
      "CHECKPOINT_MISSING",
      `Cannot verify log entry ${entry.logIndex}: its inclusion proof has no checkpoint`,
      {
        found: "no checkpoint",
        expected: "a signed checkpoint",
      },
    );
  }
  const checkpoint = verifyCheckpoint(proof.checkpoint, checkpointKey(log, proof.checkpoint));
  if (checkpoint.treeSize !== proof.treeSize) {
    const [found, expected] = [String(proof.treeSize), String(checkpoint.treeSize)];
    throw verificationError(
      "CHECKPOINT_SIZE_MISMATCH",
      `Cannot verify log entry ${entry.logIndex}: its proof is for tree size ${found}, the checkpoint is of ${expected}`,
      { found, expected },
    );
  }
  // In Rekor v2 an entry has one index; in Rekor v1 the proof's counts within the shard.
  if (body.kind === "hashedrekord" && body.version === "0.0.2" && proof.logIndex !== entry.logIndex) {
    const [found, expected] = [String(entry.logIndex), String(proof.logIndex)];
    throw verificationError(
      "LOG_INDEX_MISMATCH",
      `Cannot verify log entry: its index is ${found}, its proof is for ${expected}`,
      { found, expected },
    );
  }
  const root = inclusionRoot({
    leafHash: leafHash(bytes),
    leafIndex: proof.logIndex,
    treeSize: checkpoint.treeSize,
    proof: proof.hashes,
  });
  for (const candidate of [root, proof.rootHash]) {
    if (equalBytes(candidate, checkpoint.root)) continue;
    const [found, expected] = [encodeHex(candidate), encodeHex(checkpoint.root)];
    const what = candidate === root ? "the proof leads to root" : "the proof states root";
    throw verificationError(
      "CHECKPOINT_ROOT_MISMATCH",
      `Cannot verify log entry ${entry.logIndex}: ${what} ${found}, the checkpoint has ${expected}`,
      { found, expected },
    );
  }
  return {
    origin: checkpoint.origin,
    treeSize: checkpoint.treeSize,
    leafIndex: proof.logIndex,
    witnesses: verifyWitnesses(proof.checkpoint, witnesses),
  };
}

/** The key that a log signs checkpoints with, under the one of its possible names that a line of the note has. */
function checkpointKey(log: TransparencyLog, envelope: string): NoteKey {
  const keys = checkpointKeys.get(log) ?? noteNames(log.baseUrl).map((name) => noteKeyOf(log, name));
  checkpointKeys.set(log, keys);
  const key = keys.find(({ name }) => envelope.includes(`\n— ${name} `)) ?? keys[0];
  if (key !== undefined) return key;
  const [found, expected] = [log.baseUrl, "an address with a host name"];
  throw verificationError("LOG_NAME_UNUSABLE", `Cannot verify checkpoint: the trusted root's log has the address "${found}"`, {
    found,
    expected,
  });
}

// A log of a trusted root is asked about with every bundle; its keys follow from it alone.
const checkpointKeys: WeakMap<TransparencyLog, readonly NoteKey[]> = new WeakMap();

function noteKeyOf(log: TransparencyLog, name: string): NoteKey {
  const key = noteKey(name, log.publicKey, log.scheme);
  if (log.checkpointKeyId === undefined || equalBytes(keyHint(key), log.checkpointKeyId.subarray(0, 4))) return key;
  return { ...key, keyId: log.checkpointKeyId };
}

// Rekor v1 signs with the host, with its port or without; Rekor v2 with its origin, which is the address without scheme.
function noteNames(baseUrl: string): string[] {
  const address = baseUrl.replace(/^[A-Za-z][A-Za-z0-9+.-]*:\/\//, "").replace(/\/+$/, "");
  const host = address.split("/")[0] ?? "";
  return [...new Set([host, host.replace(/:\d+$/, ""), address])].filter((name) => name !== "" && !/[\s+]/.test(name));
}
