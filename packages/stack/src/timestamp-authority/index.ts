// The public surface of the room `timestamp-authority`.
export { timestampAuthorityError, timestampAuthorityErrors } from "./errors.ts";
export { parseJsonRequest } from "./json-request.ts";
export { createTimestamp, createTimestampAuthority, type TimestampAuthorityOptions } from "./service.ts";
