// Replaying the journal of a shard: from a snapshot to the last committed batch.
import { encodeHex, equalBytes, isSigillumError } from "@sigillum/library/encoding";
import { leafHash } from "@sigillum/library/merkle";
import type { Logger } from "../host/index.ts";
import type { Journal, ShardStore } from "../storage/index.ts";
import { type Batch, parseBatch } from "./batch.ts";
import { logError } from "./errors.ts";
import type { RecordReader, Snapshot } from "./snapshot.ts";
import { type Grown, growState, type TreeState } from "./tree-state.ts";

/** What replaying needs. */
export interface ReplayOptions {
  readonly store: ShardStore;
  readonly origin: string;
  readonly format: RecordReader;
  readonly logger: Logger;
}

/** Told of each batch, in order. */
export type AcceptBatch = (grown: Grown, batch: Batch, leafHashes: readonly Uint8Array[]) => Promise<void>;

/** Where replaying ended: the tree, and the journal that takes the next batches. */
export interface Replayed {
  readonly state: TreeState;
  readonly journal: Journal;
}

/** Replay everything after a snapshot. When it returns, what was replayed is durable, also what a killed process had not synced. */
export async function replayJournal(
  options: ReplayOptions,
  snapshot: Snapshot,
  start: TreeState,
  accept: AcceptBatch,
): Promise<Replayed> {
  let state = start;
  const journal = await openJournal(options, snapshot, async (payload, where) => {
    state = await replayBatch(options, state, parseBatch(payload, where), accept);
  });
  // Records may be views of a whole file: those that stay in memory are copied, so that the file does not.
  return { state: { ...state, openRecords: state.openRecords.map((record) => record.slice()) }, journal };
}

async function openJournal(
  { store, logger, origin }: ReplayOptions,
  snapshot: Snapshot,
  replay: (payload: Uint8Array, where: string) => Promise<void>,
): Promise<Journal> {
  const start = {
    first: snapshot.firstGeneration,
    fresh: snapshot.size === 0,
    onTorn: (path: string, cutBytes: number) => logger.warn("log.torn-record-cut", { path, cutBytes }),
  };
  try {
    return await store.openJournal(start, ({ payload, where }) => replay(payload, where));
  } catch (cause) {
    if (!isSigillumError(cause) || cause.code !== "WRITE_AHEAD_CORRUPT") throw cause;
    throw logError("LOG_STATE_CORRUPT", `Cannot open log ${origin}: ${cause.message}`, { cause });
  }
}

async function replayBatch(options: ReplayOptions, state: TreeState, batch: Batch, accept: AcceptBatch): Promise<TreeState> {
  const { origin, format } = options;
  if (batch.start !== state.size) {
    const fields = { found: String(batch.start), expected: String(state.size) };
    throw logError(
      "LOG_STATE_CORRUPT",
      `Cannot open log ${origin}: a batch begins at entry ${fields.found}, expected ${fields.expected}`,
      fields,
    );
  }
  const entries = batch.entries.map((entry) => ({ ...entry, leafHash: leafHash(format.leafOfRecord(entry.record)) }));
  const grown = growState(state, entries, batch.timeMs);
  if (!equalBytes(grown.state.root, batch.root)) {
    const fields = { found: encodeHex(grown.state.root), expected: encodeHex(batch.root) };
    const message = `Cannot open log ${origin}: the entries lead to root ${fields.found} at size ${grown.state.size}, the batch recorded ${fields.expected}`;
    throw logError("LOG_ROOT_MISMATCH", message, fields);
  }
  await accept(
    grown,
    batch,
    entries.map((entry) => entry.leafHash),
  );
  return grown.state;
}
