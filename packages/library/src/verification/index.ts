export { type VerificationErrorCode, verificationErrors } from "./errors.ts";
export {
  type Artifact,
  defaultThresholds,
  type Expectations,
  type ExpectedIdentity,
  type TextMatcher,
  type Thresholds,
} from "./expectations.ts";
export type {
  Verified,
  VerifiedCertificateTimestamp,
  VerifiedIdentity,
  VerifiedInclusion,
  VerifiedLogEntry,
  VerifiedTime,
} from "./verified.ts";
export { type BundleQuestion, verifyBundle } from "./verify-bundle.ts";
export { type VerifiedCertificate, verifyCertificate } from "./verify-certificate.ts";
