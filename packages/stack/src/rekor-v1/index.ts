// Rekor v1's face of the log engine.
export { defaultEntryTypes, entryTypes, type PreparedEntry, prepareEntry } from "./entries.ts";
export { rekorV1Error, rekorV1Errors } from "./errors.ts";
export { prepareEncoded } from "./prepared-entry.ts";
export { createRekorV1, type RekorV1Operation, type RekorV1Options, rekorV1Operations } from "./rekor-v1.ts";
export { type RekorV1RotationParts, rekorV1Rotation } from "./rotation.ts";
export { openRekorV1Shard, type Place, type RekorV1Shard, type RekorV1ShardOptions, rekorV1LogId, ShardList } from "./shards.ts";
