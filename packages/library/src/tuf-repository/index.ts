export { copyRepository } from "./copy.ts";
export { allDelegations, type FoundDelegation, maxBinBits } from "./delegated-roles.ts";
export { type DelegationWords, lintDelegation, lintTargetPath, overlaps } from "./delegation-lint.ts";
export { type PublicationDuty, publicationDuties } from "./duties.ts";
export { type TufRepositoryErrorCode, tufRepositoryError, tufRepositoryErrors } from "./errors.ts";
export { type CeremonyEvent, encodeEvent, eventLimits, mergeEvents, parseEvent, startEvent } from "./event.ts";
export {
  type Authority,
  acceptKey,
  addKey,
  authorities,
  type DelegationPlan,
  delegate,
  delegateBins,
  expectedKeys,
  ownersField,
  proposeRoot,
  proposeTargets,
  renewRole,
  revokeDelegation,
  revokeKey,
  rotateKey,
  setThreshold,
  type TargetsChange,
} from "./event-edit.ts";
export {
  type EventReport,
  eventOwners,
  formatEventReport,
  type ReportedChange,
  type RoleReport,
  reportEvent,
} from "./event-report.ts";
export { addSignature, finishEvent, type SigningPayload, signEvent, signingPayloads } from "./event-sign.ts";
export { type SubmittedKey, submittedKeys } from "./event-verify.ts";
export {
  type EventHead,
  encodeKeySubmission,
  type KeySubmission,
  parseKeySubmission,
  possessionStatement,
  submissionName,
  submitKey,
  verifyPossession,
} from "./key-submission.ts";
export { type PivAttestation, readPivAttestation, verifyPivAttestation } from "./piv-attestation.ts";
export {
  type CeremonyFiles,
  defaultPeriods,
  type PublicationPlan,
  type PublishedFile,
  planPublication,
  type RolePeriods,
  sameFiles,
} from "./publication.ts";
export { type PublishedState, parsePublishedState } from "./published-state.ts";
export {
  type PlaceLock,
  type RepositoryPlace,
  readPublished,
  whilePublishing,
  writePublication,
} from "./repository-place.ts";
export {
  buildRoot,
  buildSnapshot,
  buildTargets,
  buildTimestamp,
  type Edition,
  type RolePlan,
  type RootPlan,
  signMetadata,
  type TargetFile,
} from "./sign.ts";
