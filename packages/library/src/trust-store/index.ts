export { maxArchiveBytes } from "./archive.ts";
export { describeRoot, type RootDescription, type RootStep } from "./describe-root.ts";
export { type TrustStoreErrorCode, trustStoreError, trustStoreErrors } from "./errors.ts";
export { type KnownRoot, knownRoots } from "./known-roots.ts";
export {
  type AddRootOptions,
  addRoot,
  type LoadedRoot,
  type LoadRootOptions,
  listRoots,
  loadRoot,
  removeRoot,
  type SigningConfigTarget,
} from "./roots.ts";
export { type RootRecord, trustStoreDirectory } from "./store-directory.ts";
export { defaultMaxAgeMs, exportRoot, type ImportRootOptions, importRoot } from "./transfer.ts";
