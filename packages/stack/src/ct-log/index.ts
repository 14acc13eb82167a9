// The public surface of the room `ct-log`.
export { CtLog, type CtLogOptions, type SignedTreeHead } from "./ct-log.ts";
export { type CtLogEntry, ctEntryFormat } from "./entry-format.ts";
export { ctLogError, ctLogErrors } from "./errors.ts";
export { type RemoteCtLog, remoteCtLog } from "./remote-log.ts";
export { type CtLogService, type CtLogServiceOptions, createCtLogService } from "./service.ts";
