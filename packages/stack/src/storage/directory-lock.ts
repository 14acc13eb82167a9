// The lock on a data directory. Node has no flock; LevelDB takes an fcntl lock on its directory, which the system releases
// when the process ends, however it ends. So the lock is an empty LevelDB that stays open.
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ClassicLevel } from "classic-level";
import { reasonOf, storageError } from "./errors.ts";
import { levelReason } from "./key-value-store.ts";
import { makeDirectories } from "./make-directories.ts";

/** A held lock. */
export interface DirectoryLock {
  readonly directory: string;
  /** Let go; the next process may take it. */
  release(): Promise<void>;
}

/**
 * Take the lock on `directory`, which is made (mode 0700) when it is not there. After it returns no other process, and no other
 * caller in this one, holds it until `release` or until this process ends. Network file systems are not covered.
 */
export async function lockDirectory(directory: string): Promise<DirectoryLock> {
  const place = join(directory, "lock");
  await probeWritable(directory, place);
  const level = await openLock(directory, place);
  const owner = join(place, "owner.pid");
  await writeFile(owner, `${process.pid}\n`, { mode: 0o600 });
  return {
    directory,
    async release() {
      await rm(owner, { force: true });
      await level.close();
    },
  };
}

async function probeWritable(directory: string, place: string): Promise<void> {
  try {
    await makeDirectories(directory);
    await makeDirectories(place);
    const probe = join(place, `probe.${process.pid}`);
    await writeFile(probe, "", { mode: 0o600 });
    await rm(probe, { force: true });
  } catch (cause) {
    throw storageError(
      "DATA_DIRECTORY_UNWRITABLE",
      `Cannot use data directory ${directory}: this user may not write to it (${reasonOf(cause)})`,
      { cause, found: reasonOf(cause) },
    );
  }
}

async function openLock(directory: string, place: string): Promise<ClassicLevel> {
  const open = async (): Promise<ClassicLevel> => {
    const level = new ClassicLevel(place, { cacheSize: 0, writeBufferSize: 64 * 1024 });
    await level.open();
    return level;
  };
  try {
    return await open();
  } catch (cause) {
    if (levelReason(cause) === "LEVEL_LOCKED") {
      const pid = await readOwner(place);
      throw storageError(
        "DATA_DIRECTORY_LOCKED",
        `Cannot use data directory ${directory}: ${pid === undefined ? "another process" : `process ${pid}`} works on it`,
        {
          ...(pid === undefined ? {} : { found: `process ${pid}` }),
          expected: "a data directory that no other process has open",
        },
      );
    }
    // The store holds nothing; one that a power cut damaged is made anew, under the same lock.
    return remakeLock(directory, place, open);
  }
}

async function remakeLock(directory: string, place: string, open: () => Promise<ClassicLevel>): Promise<ClassicLevel> {
  try {
    await ClassicLevel.destroy(place);
    await mkdir(place, { recursive: true, mode: 0o700 });
    return await open();
  } catch (cause) {
    const reason = levelReason(cause);
    throw storageError(
      "DATA_DIRECTORY_UNWRITABLE",
      `Cannot use data directory ${directory}: its lock cannot be opened (${reason})`,
      {
        cause,
        found: reason,
      },
    );
  }
}

async function readOwner(place: string): Promise<string | undefined> {
  try {
    const text = (await readFile(join(place, "owner.pid"), "utf8")).trim();
    return /^\d{1,10}$/.test(text) ? text : undefined;
  } catch {
    // The owner is only named in a message; it may not have written its number yet.
    return undefined;
  }
}
