export { tufPublisherError, tufPublisherErrors } from "./errors.ts";
export type { TufPublisherOptions } from "./publisher.ts";
export { fixedKeys, type RoleSigners, type TufKeys } from "./tuf-keys.ts";
export { createTufPublisher, type TufPublisher } from "./tuf-publisher.ts";
