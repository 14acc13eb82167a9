export { tufPublisherError, tufPublisherErrors } from "./errors.ts";
export { createTufPublisher, type TufPublisher, type TufPublisherOptions } from "./tuf-publisher.ts";
