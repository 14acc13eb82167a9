// The log engine: sequencing, tiles, index, shards.
export {
  type BodyEntry,
  bodyEntryFormat,
  type EntryFormat,
  encodeTileRecord,
  maxLeafBytes,
  splitTileBundle,
} from "./entry-format.ts";
export { logError, logErrors } from "./errors.ts";
export {
  type Added,
  defaultLogLimits,
  type LogLimits,
  LogShard,
  type LogShardOptions,
  type PublishedProof,
  type StoredEntry,
  type TreeHead,
} from "./log-shard.ts";
export type { SequencerLimits } from "./sequencer.ts";
