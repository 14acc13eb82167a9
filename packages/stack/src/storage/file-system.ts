// The few operations on files that durable storage is made of, so that tests can stand in for the disk.
import { constants } from "node:fs";
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";

/** An open file that is written at its end. */
export interface WritableFile {
  /** Bytes in the file. */
  size(): Promise<number>;
  /** Write at the end; after an error any prefix may be in the file. */
  append(parts: readonly Uint8Array[]): Promise<void>;
  truncate(length: number): Promise<void>;
  /** fdatasync(2): after it returns the contents survive a power cut. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** File operations with the guarantees of POSIX and no more: what is not synced may be lost, names until their directory is synced. */
export interface FileSystem {
  /** Open for writing, mode 0600: a new empty file (an old one of the name is emptied), or the end of one that exists. */
  openFile(path: string, how: "create" | "append"): Promise<WritableFile>;
  /** The contents, or undefined when there is no such file. */
  readFile(path: string): Promise<Uint8Array | undefined>;
  /** Give `from` the name `to`, replacing what had it, in one step. */
  rename(from: string, to: string): Promise<void>;
  /** Remove a file; one that is not there is no error. */
  remove(path: string): Promise<void>;
  /** Names in a directory, sorted; none when it does not exist. */
  list(directory: string): Promise<readonly string[]>;
  /** Make a directory, mode 0700, and those above it; true when it was not there. */
  makeDirectory(path: string): Promise<boolean>;
  /** fsync(2) of a directory: after it returns the names in it survive a power cut. */
  syncDirectory(path: string): Promise<void>;
}

/** The machine's files through node:fs. */
export const posixFileSystem: FileSystem = {
  async openFile(path, how) {
    const flags =
      how === "create"
        ? constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC
        : constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND;
    return new PosixFile(await open(path, flags, 0o600));
  },
  async readFile(path) {
    try {
      return await readFile(path);
    } catch (error) {
      if (hasErrno(error, "ENOENT")) return undefined;
      throw error;
    }
  },
  rename: (from, to) => rename(from, to),
  remove: (path) => rm(path, { force: true }),
  async list(directory) {
    try {
      return (await readdir(directory)).sort();
    } catch (error) {
      if (hasErrno(error, "ENOENT")) return [];
      throw error;
    }
  },
  async makeDirectory(path) {
    return (await mkdir(path, { recursive: true, mode: 0o700 })) !== undefined;
  },
  async syncDirectory(path) {
    const handle = await open(path, constants.O_RDONLY);
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
};

class PosixFile implements WritableFile {
  readonly #handle: FileHandle;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  async size(): Promise<number> {
    return (await this.#handle.stat()).size;
  }

  async append(parts: readonly Uint8Array[]): Promise<void> {
    let left = parts.filter((part) => part.length > 0);
    while (left.length > 0) {
      // writev takes at most IOV_MAX (1024) parts and may write fewer bytes than asked.
      const { bytesWritten } = await this.#handle.writev(left.slice(0, 1000));
      left = dropBytes(left, bytesWritten);
    }
  }

  truncate(length: number): Promise<void> {
    return this.#handle.truncate(length);
  }

  sync(): Promise<void> {
    return this.#handle.datasync();
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

function dropBytes(parts: readonly Uint8Array[], count: number): Uint8Array[] {
  let skip = count;
  const left: Uint8Array[] = [];
  for (const part of parts) {
    if (skip >= part.length) skip -= part.length;
    else {
      left.push(part.subarray(skip));
      skip = 0;
    }
  }
  return left;
}

/** Whether an error of the operating system has this code. */
export function hasErrno(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && "code" in error && typeof error.code === "string" && codes.includes(error.code);
}

/** The directories from `path` up to and including `top`, deepest first. */
export function directoriesUpTo(path: string, top: string): readonly string[] {
  const found = [path];
  for (let at = path; at !== top && dirname(at) !== at; ) {
    at = dirname(at);
    found.push(at);
  }
  return found;
}
