// One file replaced in one durable step.
import { dirname, join } from "node:path";
import { reasonOf, storageError } from "./errors.ts";
import { type FileSystem, posixFileSystem } from "./file-system.ts";

let counter = 0;

/**
 * Replace the contents of `path` (mode 0600; its directory must exist).
 * After it returns the new contents survive a power cut; a crash before that leaves the old contents or the new, never a mixture.
 */
export async function writeFileDurably(path: string, bytes: Uint8Array, fileSystem: FileSystem = posixFileSystem): Promise<void> {
  const temporary = temporaryName(path);
  try {
    await writeWhole(fileSystem, temporary, bytes, true);
    // A crash here leaves a temporary file, which nothing reads.
    await fileSystem.rename(temporary, path);
    await fileSystem.syncDirectory(dirname(path));
  } catch (cause) {
    await removeQuietly(fileSystem, temporary);
    throw storageError("STORAGE_WRITE_FAILED", `Cannot write ${path}: ${reasonOf(cause)}`, { cause });
  }
}

/** A name beside `path` for a file that will be renamed to it. */
export function temporaryName(path: string): string {
  counter += 1;
  return `${path}.tmp-${process.pid}-${counter}`;
}

/** Remove what a crash left of files that `writeFileDurably` was writing in a directory. Nobody may be writing there. Returns how many. */
export async function removeTemporaryFiles(directory: string, fileSystem: FileSystem = posixFileSystem): Promise<number> {
  const found = (await fileSystem.list(directory)).filter((name) => /\.tmp-\d+-\d+$/.test(name));
  for (const name of found) await removeQuietly(fileSystem, join(directory, name));
  return found.length;
}

/** Write a new file whole; synced when asked. */
export async function writeWhole(fileSystem: FileSystem, path: string, bytes: Uint8Array, sync: boolean): Promise<void> {
  const file = await fileSystem.openFile(path, "create");
  try {
    await file.append([bytes]);
    if (sync) await file.sync();
  } finally {
    await file.close();
  }
}

/** Remove a file that is only in the way; its staying does no harm. */
export async function removeQuietly(fileSystem: FileSystem, path: string): Promise<void> {
  try {
    await fileSystem.remove(path);
  } catch {
    // Nothing reads the file, and the error that led here is the one to report.
  }
}
