export { type TimestampErrorCode, timestampError, timestampErrors } from "./errors.ts";
export {
  checkTimestampRequest,
  encodeTimestampRequest,
  type MessageImprint,
  parseTimestampRequest,
  type TimestampRequest,
  timestampLimits,
} from "./request.ts";
export {
  encodeTimestampRejection,
  encodeTimestampResponse,
  parseTimestampResponse,
  type TimestampFailure,
  type TimestampResponse,
  type TimestampToken,
} from "./response.ts";
export { signTimestampToken, sigstoreTimestampPolicy, type TokenFields } from "./sign.ts";
export type { SignedToken, SigningCertificateId, TokenSigner } from "./signed-data.ts";
export type { TstInfo } from "./tst-info.ts";
export { type TimestampAuthority, type VerifiedTimestamp, verifyTimestamp } from "./verify.ts";
