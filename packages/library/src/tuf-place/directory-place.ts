// A repository in a directory of this machine: files are replaced whole, and are on disk before the next is written.
import { randomBytes } from "node:crypto";
import { mkdir, open, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { RepositoryPlace } from "../tuf-repository/index.ts";
import { hasErrno } from "./errno.ts";
import { type HeldLock, lockDirectoryPlace } from "./place-lock.ts";

/** How a directory is written. */
export interface DirectoryOptions {
  readonly ownerOnly?: boolean;
  /** How long to wait for another publication's end; half a minute where nothing is said. */
  readonly lockWaitMs?: number;
}

/** A directory as a place; it is made when the first file is written, for everybody to read or for its owner alone. */
export function directoryPlace(directory: string, options: DirectoryOptions = {}): RepositoryPlace {
  const hidden = options.ownerOnly === true ? 0o077 : 0;
  let lock: HeldLock | undefined;
  return {
    name: directory,
    read: (path) => readOptional(join(directory, path)),
    write: async ({ path, bytes }) => {
      lock?.check();
      await replaceFile(join(directory, path), bytes, hidden);
    },
    async lock() {
      lock = await lockDirectoryPlace(directory, hidden, options.lockWaitMs);
      return lock;
    },
  };
}

/** The bytes of a file, or undefined if there is none; any other failure is the caller's to see. */
export async function readOptional(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(path);
  } catch (cause) {
    if (hasErrno(cause, "ENOENT", "ENOTDIR", "EISDIR")) return undefined;
    throw cause;
  }
}

/** Write a file so that a reader, or a crash, sees the old one or the new one; `hidden` are the rights that it does not get. */
export async function replaceFile(path: string, bytes: Uint8Array, hidden: number = 0): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o777 & ~hidden });
  const temporary = `${path}.${process.pid}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    // A crash here leaves a temporary file that nobody reads.
    await writeFile(temporary, bytes, { flush: true, mode: 0o666 & ~hidden });
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true });
    throw cause;
  }
  await syncDirectory(dirname(path));
}

/** The name of a file is durable once its directory is. */
async function syncDirectory(path: string): Promise<void> {
  if (process.platform === "win32") return; // its directories cannot be opened
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
