// Rekor v2's face of the log engine.
export { rekorV2Error, rekorV2Errors } from "./errors.ts";
export { prepareEntry } from "./prepare-entry.ts";
export {
  createRekorV2,
  openRekorV2Shard,
  type RekorV2Options,
  type RekorV2ShardOptions,
  rekorV2KeyId,
} from "./rekor-v2.ts";
