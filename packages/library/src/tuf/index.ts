export { encodeCanonicalJson } from "./canonical-json.ts";
export {
  binNames,
  type DelegatedRole,
  type DelegationStep,
  type Delegations,
  delegationsFor,
  delegationTo,
  type SuccinctRoles,
} from "./delegation.ts";
export { type TufErrorCode, tufError, tufErrors } from "./errors.ts";
export { type FoundTarget, fetchFound, fetchTarget, findTarget, maxSearchedRoles, targetFileName } from "./find-target.ts";
export { encodeTufKey, isSignedBy, parseTufKey, type TufKey, tufKeyId, tufMessage } from "./key.ts";
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
  type RoleName,
  type RootMetadata,
  type SnapshotMetadata,
  type TargetMeta,
  type TargetsMetadata,
  type TimestampMetadata,
} from "./metadata.ts";
export { matchesPattern } from "./path-pattern.ts";
export {
  encodePathSegment,
  type FetchFile,
  loadTrusted,
  type MetadataStore,
  maxRootRotations,
  memoryStore,
  refresh,
  roleFileName,
} from "./refresh.ts";
export type { RoleKeys } from "./role-keys.ts";
export {
  endsVersionMemory,
  type SignedFile,
  signersOf,
  TrustedMetadata,
  verifyDelegated,
  verifyFile,
  verifyThreshold,
} from "./trusted-metadata.ts";
