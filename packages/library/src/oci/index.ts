export { fetchBlob, hasBlob, pushBlob, pushBlobStream, streamBlob, uploadChunkBytes } from "./blobs.ts";
export { type Challenge, parseChallenges } from "./challenge.ts";
export { type Access, RegistryClient, type RegistryOptions, type RegistryRequest } from "./client.ts";
export {
  type CredentialSource,
  type Credentials,
  credentialsPath,
  dockerCredentials,
  fixedCredentials,
  storeCredentials,
} from "./credentials.ts";
export {
  createOciHasher,
  isOciDigest,
  type OciDigest,
  type OciHasher,
  ociDigestOf,
  parseOciDigest,
  verifyOciDigest,
} from "./digest.ts";
export { ociError, ociErrors } from "./errors.ts";
export { isLoopback } from "./hosts.ts";
export {
  type Descriptor,
  emptyConfig,
  encodeManifest,
  isIndex,
  isNonDistributable,
  type Manifest,
  maxManifestBytes,
  mediaTypes,
  parseDescriptor,
  parseManifest,
} from "./manifest.ts";
export {
  type FetchedManifest,
  fetchManifest,
  fetchPlatformManifest,
  imageNotFound,
  type PushedManifest,
  pushManifest,
  resolveReference,
} from "./manifests.ts";
export { encodeReference, encodeRepository, parseReference, type Reference, type Repository } from "./reference.ts";
export { listReferrers, pushReferrer, referrersTag, removeReferrer } from "./referrers.ts";
export { copyBlob, deleteManifest } from "./transfer.ts";
