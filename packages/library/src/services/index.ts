export type { ServiceOptions } from "./call.ts";
export { type CertificateOrder, requestCertificate } from "./certificate-authority.ts";
export { serviceErrors } from "./errors.ts";
export { findLogEntryV1, type LogOrderV1, submitLogEntryV1 } from "./log-v1.ts";
export {
  type EntryQueryV1,
  fetchConsistencyV1,
  fetchEntriesV1,
  fetchEntryV1,
  fetchLogInfoV1,
  fetchLogKeyV1,
  type LogInfoV1,
  type NamedEntryV1,
  proposeEntryV1,
  type SearchQueryV1,
  type ShardInfoV1,
  searchIndexV1,
} from "./log-v1-reads.ts";
export { type LogOrderV2, submitLogEntryV2 } from "./log-v2.ts";
export { fetchCheckpointV2, fetchLeafV2, fetchLeavesV2, tileReaderV2 } from "./log-v2-reads.ts";
export type { LogVerifier } from "./log-verifier.ts";
export { requestTimestamp } from "./timestamp-authority.ts";
export { type CosignatureAnswer, type CosignatureOrder, requestCosignature } from "./witness.ts";
