export { encodeCanonicalJson } from "./canonical-json.ts";
export { type TufErrorCode, tufError, tufErrors } from "./errors.ts";
export { encodeTufKey, parseTufKey, type TufKey, tufKeyId } from "./key.ts";
export {
  type FileMeta,
  type MetadataMeta,
  type MetadataSignature,
  metadataLimits,
  parseRoot,
  parseSigned,
  parseSnapshot,
  parseTargets,
  parseTimestamp,
  type RoleKeys,
  type RoleName,
  type RootMetadata,
  type SnapshotMetadata,
  type TargetMeta,
  type TargetsMetadata,
  type TimestampMetadata,
} from "./metadata.ts";
export {
  type FetchFile,
  fetchTarget,
  loadTrusted,
  type MetadataStore,
  maxRootRotations,
  memoryStore,
  refresh,
  targetFileName,
} from "./refresh.ts";
export { TrustedMetadata, verifyFile, verifyThreshold } from "./trusted-metadata.ts";
