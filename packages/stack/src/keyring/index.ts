// The public surface of the room `keyring`.
export type { ChainImport, ChainPlan } from "./chain-rotation.ts";
export {
  type ChainOrder,
  ChainSchedule,
  type ChainScheduleParts,
  type ChainStatus,
  encodeChainStatus,
  parseChainOrder,
} from "./chain-schedule.ts";
export {
  type ChainFields,
  createAuthorityChain,
  createRootCertificate,
  createTimestampChain,
  type RootFields,
  randomSerial,
  renewAuthorityChain,
  renewTimestampChain,
} from "./chains.ts";
export type { KeyringPlan } from "./create.ts";
export {
  type ChainRecord,
  type EndpointRecord,
  encodeKeyringDocument,
  type KeyName,
  type KeyRecord,
  type KeyringDocument,
  keyringFileName,
  keyringVersion,
  parseKeyringDocument,
  type RecordState,
  type ShardRecord,
} from "./document.ts";
export { keyringError, keyringErrors } from "./errors.ts";
export type { KeyHolders } from "./key-files.ts";
export { Keyring, type KeyringOptions } from "./keyring.ts";
export { plannedShard, publishedChange, type ShardChange, shardRecordJson } from "./shard-rotation.ts";
export { type OfferedService, signingConfigOf, trustedRootOf } from "./trust.ts";
