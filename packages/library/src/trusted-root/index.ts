export { encodeTrustedRoot } from "./encode-trusted-root.ts";
export { type TrustedRootErrorCode, trustedRootErrors } from "./errors.ts";
export { type SelectedServices, type SupportedVersions, selectServices, supportedVersions } from "./select-services.ts";
export {
  encodeSigningConfig,
  parseSigningConfig,
  type ServiceConfiguration,
  type SigningConfig,
  type SigningService,
  signingConfigLimits,
  signingConfigMediaType,
} from "./signing-config.ts";
export { describeTimeRange, isWithin, type TimeRange } from "./time-range.ts";
export {
  authorityOfChain,
  type CertificateAuthority,
  type IgnoredInstance,
  parseTrustedRoot,
  type TransparencyLog,
  type TrustedRoot,
  trustedRootLimits,
  trustedRootMediaTypes,
} from "./trusted-root.ts";
