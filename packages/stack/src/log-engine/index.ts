// The log engine: sequencing, tiles, index, shards.
export { type BodyEntry, bodyEntry, bodyEntryFormat, encodeBodyEntry, encodeTextEntry, parseBodyEntry } from "./body-entry.ts";
export type { CheckpointCosigner, CosignedShard, DurableHead } from "./cosigner.ts";
export { type EntryFormat, encodeTileRecord, maxLeafBytes, splitTileBundle } from "./entry-format.ts";
export type { FoundEntry } from "./entry-index.ts";
export { logError, logErrors } from "./errors.ts";
export { type FsckDifference, type FsckReport, maxDifferences } from "./fsck.ts";
export {
  type Added,
  defaultLogLimits,
  type LogLimits,
  LogShard,
  type LogShardOptions,
  type TreeHead,
} from "./log-shard.ts";
export type { PublishedProof, StoredEntry } from "./published-tree.ts";
export {
  isRotationDue,
  type RotationEvent,
  type RotationPeriods,
  type RotationSchedule,
  type RotationStatus,
  type RotationSteps,
  ShardRotation,
} from "./rotation.ts";
export type { Seal } from "./seal.ts";
export type { SequencerLimits } from "./sequencer.ts";
export { checkShards, fsckReportJson, shardJson } from "./shard-actions.ts";
export { firstSegmentOf, headDocument } from "./snapshot.ts";
