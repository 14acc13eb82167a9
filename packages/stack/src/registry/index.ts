// The embedded OCI registry.
export { registryError, registryErrors } from "./errors.ts";
export { createRegistry, defaultRegistryLimits, type RegistryOptions } from "./registry.ts";
export type { UploadLimits } from "./uploads.ts";
