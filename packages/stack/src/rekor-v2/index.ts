// Rekor v2's face of the log engine.
export { rekorV2Error, rekorV2Errors } from "./errors.ts";
export { prepareEntry } from "./prepare-entry.ts";
export { createRekorV2, type RekorV2Options, type ServedLog } from "./rekor-v2.ts";
export { nextShardUrl, type RekorV2RotationParts, rekorV2Rotation } from "./rotation.ts";
export {
  openRekorV2Shard,
  type RekorV2Shard,
  type RekorV2ShardOptions,
  RekorV2Shards,
  rekorV2KeyId,
  rekorV2VerifierKeys,
} from "./shards.ts";
