// Replaying the write-ahead files of a shard: from a snapshot to the last committed batch.
import { join } from "node:path";
import { encodeHex, equalBytes } from "@sigillum/library/encoding";
import { leafHash } from "@sigillum/library/merkle";
import type { Logger } from "../host/index.ts";
import { type FileSystem, WriteAheadFile } from "../storage/index.ts";
import { type Batch, parseBatch } from "./batch.ts";
import { logError } from "./errors.ts";
import type { RecordReader, Snapshot } from "./snapshot.ts";
import { type Grown, growState, type TreeState } from "./tree-state.ts";

/** What replaying needs. */
export interface ReplayOptions {
  readonly directory: string;
  readonly origin: string;
  readonly format: RecordReader;
  readonly logger: Logger;
  readonly fileSystem: FileSystem;
}

/** Told of each batch, in order. */
export type AcceptBatch = (grown: Grown, batch: Batch, leafHashes: readonly Uint8Array[]) => Promise<void>;

/** Where replaying ended: the tree, and the file that takes the next batches. */
export interface Replayed {
  readonly state: TreeState;
  readonly wal: WriteAheadFile;
  readonly generation: number;
}

/** The path of a write-ahead file. */
export function writeAheadPath(directory: string, generation: number): string {
  return join(directory, "wal", String(generation).padStart(10, "0"));
}

/** Replay everything after a snapshot. When it returns, what was replayed is durable, also what a killed process had not synced. */
export async function replayWriteAhead(
  options: ReplayOptions,
  snapshot: Snapshot,
  start: TreeState,
  accept: AcceptBatch,
): Promise<Replayed> {
  let state = start;
  let wal: WriteAheadFile | undefined;
  const generations = await findGenerations(options, snapshot);
  try {
    for (const generation of generations) {
      await wal?.close();
      const path = writeAheadPath(options.directory, generation);
      const { file, records, cutBytes } = await WriteAheadFile.open(path, options.fileSystem);
      wal = file;
      if (cutBytes > 0) options.logger.warn("log.torn-record-cut", { path, cutBytes });
      for (const { payload, sequence } of records) {
        state = await replayBatch(options, state, parseBatch(payload, `record ${sequence} of ${path}`), accept);
      }
    }
    await options.fileSystem.syncDirectory(join(options.directory, "wal"));
  } catch (error) {
    await wal?.close();
    throw error;
  }
  const generation = generations.at(-1);
  if (wal === undefined || generation === undefined) throw new TypeError("There is no write-ahead file");
  // Records are views of a whole file: those that stay in memory are copied, so that the file does not.
  return { state: { ...state, openRecords: state.openRecords.map((record) => record.slice()) }, wal, generation };
}

async function findGenerations({ directory, fileSystem, origin }: ReplayOptions, snapshot: Snapshot): Promise<readonly number[]> {
  const first = snapshot.firstGeneration;
  const found = (await fileSystem.list(join(directory, "wal"))).filter((name) => /^\d{10}$/.test(name)).map(Number);
  // A crash after a snapshot and before the removal leaves files that the snapshot covers.
  for (const generation of found) if (generation < first) await fileSystem.remove(writeAheadPath(directory, generation));
  const live = found.filter((generation) => generation >= first);
  if (live.length === 0 && snapshot.size === 0) return [first];
  if (live.length > 0 && live.every((generation, position) => generation === first + position)) return live;
  const fields = { found: live.join(", ") || "none", expected: `${first} and those after it` };
  throw logError(
    "LOG_STATE_CORRUPT",
    `Cannot open log ${origin}: write-ahead files are ${fields.found}, expected ${fields.expected}`,
    fields,
  );
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
