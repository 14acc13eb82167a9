// The public surface of the room `compose`.

export { type ArchiveOptions, archiveShard } from "./archive.ts";
export { type BackupRecord, backupStack } from "./backup.ts";
export { composeError, composeErrors } from "./errors.ts";
export { checkIssuers } from "./issuers.ts";
export { callStack, checkStoredLogs } from "./operate.ts";
export { type RestoreOptions, type RestoreReport, restoreStack } from "./restore.ts";
export { initialiseStack, type Stack, type StackOptions, startStack } from "./stack.ts";
export { rolePeriods, trustFiles } from "./trust-files.ts";
