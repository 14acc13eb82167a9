// Durable storage: the contract; POSIX files and an embedded key-value store; PostgreSQL and an object store.
export { BucketObjectStore } from "./bucket-object-store.ts";
export { type DirectoryLock, lockDirectory } from "./directory-lock.ts";
export { DirectoryObjectStore } from "./directory-object-store.ts";
export { removeTemporaryFiles, writeFileDurably } from "./durable-file.ts";
export { storageError, storageErrors } from "./errors.ts";
export { type FileSystem, posixFileSystem, type WritableFile } from "./file-system.ts";
export { type KeyAndValue, type KeyChange, type KeyRange, type KeyValueStore, openKeyValueStore } from "./key-value-store.ts";
export { type Fault, type FaultyOperation, MemoryFileSystem } from "./memory-file-system.ts";
export { MemoryKeyValueStore } from "./memory-key-value-store.ts";
export type { ObjectStore } from "./object-store.ts";
export { openPosixShardStore, type PosixShardStoreOptions } from "./posix-shard-store.ts";
export type { PostgresAddress } from "./postgres-connection.ts";
export {
  copyPostgresShard,
  fillPostgresShard,
  findPostgresShards,
  finishPostgresShards,
  type PostgresShardAddress,
  readPostgresDocument,
} from "./postgres-shard-copy.ts";
export { openPostgresShardStore, type PostgresShardStoreOptions } from "./postgres-shard-store.ts";
export type { DocumentStore, Journal, JournalRecord, JournalStart, ShardStore } from "./shard-store.ts";
export { startTemporaryMoto, type TemporaryMoto } from "./temporary-moto.ts";
export { postgresMissing, startTemporaryPostgres, type TemporaryPostgres } from "./temporary-postgres.ts";
export {
  type StepMoment,
  type StepWatcher,
  type StoreStep,
  storeSteps,
  syncFault,
  watchShardStore,
  writeFault,
} from "./watched-shard-store.ts";
export { maxRecordBytes, type OpenedWriteAhead, WriteAheadFile, type WriteAheadRecord } from "./write-ahead-file.ts";
