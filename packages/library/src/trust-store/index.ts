export { type TrustStoreErrorCode, trustStoreError, trustStoreErrors } from "./errors.ts";
export {
  type AddRootOptions,
  addRoot,
  type LoadedRoot,
  type LoadRootOptions,
  listRoots,
  loadRoot,
  type SigningConfigTarget,
} from "./roots.ts";
export { type RootRecord, trustStoreDirectory } from "./store-directory.ts";
