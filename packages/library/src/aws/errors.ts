import { defineErrors, type ErrorMaker } from "../encoding/index.ts";

/** Codes of the room `aws`. */
export const awsErrors = {
  AWS_CREDENTIALS_MISSING: {
    kind: "state",
    means: "The environment and the shared files name no credentials, or no region, for AWS.",
  },
  BUCKET_ADDRESS: { kind: "malformed", means: "An address of a bucket is not s3://BUCKET/PREFIX." },
  BUCKET_REFUSED: { kind: "state", means: "The object store refuses a request: rights, or a bucket that is not there." },
  BUCKET_CONDITION_FAILED: {
    kind: "state",
    means: "An object that was to be stored on a condition is there already, or is not the version that it was.",
  },
  BUCKET_UNAVAILABLE: { kind: "unavailable", means: "The object store cannot answer now." },
} as const;

/** Make an error of the room `aws`. */
export const awsError: ErrorMaker<typeof awsErrors> = defineErrors(awsErrors);
