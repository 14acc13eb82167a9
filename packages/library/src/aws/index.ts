export {
  type Bucket,
  isBucketAddress,
  type ObjectHeaders,
  type ObjectVersion,
  openBucket,
  type PutCondition,
} from "./bucket.ts";
export { type AwsCredentials, type AwsEnvironment, awsCredentials, awsRegion } from "./credentials.ts";
export { awsError, awsErrors } from "./errors.ts";
export { awsBodyHash, signAwsRequest, type UnsignedAwsRequest } from "./request-signature.ts";
