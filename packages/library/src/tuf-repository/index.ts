export { type TufRepositoryErrorCode, tufRepositoryError, tufRepositoryErrors } from "./errors.ts";
export {
  defaultPeriods,
  type PublicationPlan,
  type PublishedFile,
  type PublishedState,
  parsePublishedState,
  planPublication,
  type RolePeriods,
} from "./publication.ts";
export {
  buildRoot,
  buildSnapshot,
  buildTargets,
  buildTimestamp,
  type Edition,
  type RolePlan,
  type RootPlan,
  signMetadata,
} from "./sign.ts";
