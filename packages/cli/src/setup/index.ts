// initialize, trusted-root create, signing-config create, env.
export { runEnv } from "./env.ts";
export { setupError, setupErrors } from "./errors.ts";
export { runInitialize } from "./initialize.ts";
export { parseDescription } from "./service-description.ts";
export { runSigningConfigCreate } from "./signing-config-create.ts";
export { runTrustedRootCreate } from "./trusted-root-create.ts";
