export {
  type Bundle,
  type BundleContent,
  type BundleVersion,
  bundleMediaType,
  bundleMediaTypes,
  type MessageSignature,
  signatureBytes,
  signingCertificate,
  type VerificationMaterial,
} from "./bundle.ts";
export { bundleFromDetached, type DetachedParts, parseCosignBundle } from "./detached.ts";
export { encodeBundle } from "./encode-bundle.ts";
export { type BundleErrorCode, bundleErrors } from "./errors.ts";
export { bundleLimits } from "./limits.ts";
export { encodeTransparencyLogEntry, type InclusionProof, type LogEntry, parseTransparencyLogEntry } from "./log-entry.ts";
export { parseBundle } from "./parse-bundle.ts";
export { bundleFromPep740, parseBundles } from "./parse-bundles.ts";
