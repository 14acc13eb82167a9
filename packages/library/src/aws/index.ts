export {
  type Bucket,
  isBucketAddress,
  type ObjectHeaders,
  type ObjectVersion,
  openBucket,
  type PutCondition,
} from "./bucket.ts";
export { awsCredentials, awsRegion } from "./credentials.ts";
export type { AwsCredentials, AwsEnvironment } from "./environment.ts";
export { awsError, awsErrors } from "./errors.ts";
export { awsBodyHash, signAwsRequest, type UnsignedAwsRequest } from "./request-signature.ts";
