// Durable storage: the contract, POSIX files and an embedded key-value store.
export { type DirectoryLock, lockDirectory } from "./directory-lock.ts";
export { removeTemporaryFiles, writeFileDurably } from "./durable-file.ts";
export { storageError, storageErrors } from "./errors.ts";
export { type FileSystem, posixFileSystem, type WritableFile } from "./file-system.ts";
export { type KeyAndValue, type KeyChange, type KeyRange, type KeyValueStore, openKeyValueStore } from "./key-value-store.ts";
export { type Fault, type FaultyOperation, MemoryFileSystem } from "./memory-file-system.ts";
export { MemoryKeyValueStore } from "./memory-key-value-store.ts";
export { DirectoryObjectStore, type ObjectStore } from "./object-store.ts";
export { maxRecordBytes, type OpenedWriteAhead, WriteAheadFile, type WriteAheadRecord } from "./write-ahead-file.ts";
