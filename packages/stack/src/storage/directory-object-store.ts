// Objects by path as files below a directory.
import { dirname, join } from "node:path";
import { removeQuietly, removeTemporaryFiles, temporaryName, writeWhole } from "./durable-file.ts";
import { reasonOf, storageError } from "./errors.ts";
import { directoriesUpTo, type FileSystem, posixFileSystem } from "./file-system.ts";
import { type ObjectStore, requireObjectPath } from "./object-store.ts";

/** Where objects are written before they get their names: one folder, so that what a crash leaves is found at once. */
const temporaryFolder = ".tmp";

/** Files that are synced at a time: those that wait together share one commit of the file system's own journal. */
const syncsAtOnce = 16;

/** An object store in a directory: an object is a file, a part of its path a directory. */
export class DirectoryObjectStore implements ObjectStore {
  readonly #directory: string;
  readonly #fileSystem: FileSystem;
  readonly #made: Set<string> = new Set();
  #dirtyFiles: Set<string> = new Set();
  #dirtyDirectories: Set<string> = new Set();

  constructor(directory: string, fileSystem: FileSystem = posixFileSystem) {
    this.#directory = directory;
    this.#fileSystem = fileSystem;
  }

  async read(path: string): Promise<Uint8Array | undefined> {
    try {
      return await this.#fileSystem.readFile(this.#full(path));
    } catch (cause) {
      throw storageError("STORAGE_READ_FAILED", `Cannot read ${path}: ${reasonOf(cause)}`, { cause });
    }
  }

  async write(path: string, bytes: Uint8Array): Promise<void> {
    const full = this.#full(path);
    const temporary = temporaryName(join(this.#directory, temporaryFolder, "object"));
    try {
      await this.#makeParents(full);
      await this.#makeTemporaryFolder();
      await writeWhole(this.#fileSystem, temporary, bytes, false);
      await this.#fileSystem.rename(temporary, full);
    } catch (cause) {
      await removeQuietly(this.#fileSystem, temporary);
      throw storageError("STORAGE_WRITE_FAILED", `Cannot write ${path}: ${reasonOf(cause)}`, { cause });
    }
    this.#dirtyFiles.add(full);
    this.#dirtyDirectories.add(dirname(full));
  }

  /** Remove what a crash left of objects that were being written. Nobody may be writing. Returns how many. */
  sweep(): Promise<number> {
    return removeTemporaryFiles(join(this.#directory, temporaryFolder), this.#fileSystem);
  }

  async remove(path: string): Promise<void> {
    const full = this.#full(path);
    try {
      await this.#fileSystem.remove(full);
    } catch (cause) {
      throw storageError("STORAGE_WRITE_FAILED", `Cannot remove ${path}: ${reasonOf(cause)}`, { cause });
    }
    this.#dirtyFiles.delete(full);
  }

  async sync(): Promise<void> {
    const files = this.#dirtyFiles;
    const directories = this.#dirtyDirectories;
    this.#dirtyFiles = new Set();
    this.#dirtyDirectories = new Set();
    try {
      // Contents before names: a name must not outlive a power cut that its contents did not.
      await eachOf(files, (file) => this.#syncFile(file));
      await eachOf(directories, (directory) => this.#fileSystem.syncDirectory(directory));
    } catch (cause) {
      throw storageError("STORAGE_SYNC_FAILED", `Cannot make objects in ${this.#directory} durable: ${reasonOf(cause)}`, {
        cause,
      });
    }
  }

  async #syncFile(path: string): Promise<void> {
    const file = await this.#fileSystem.openFile(path, "append");
    try {
      await file.sync();
    } finally {
      await file.close();
    }
  }

  // Its name need not be durable: a power cut may take it, and what is in it.
  async #makeTemporaryFolder(): Promise<void> {
    const folder = join(this.#directory, temporaryFolder);
    if (this.#made.has(folder)) return;
    await this.#fileSystem.makeDirectory(folder);
    this.#made.add(folder);
  }

  async #makeParents(full: string): Promise<void> {
    const parent = dirname(full);
    if (this.#made.has(parent)) return;
    if (await this.#fileSystem.makeDirectory(parent)) {
      for (const directory of directoriesUpTo(parent, this.#directory)) this.#dirtyDirectories.add(directory);
    }
    this.#made.add(parent);
  }

  #full(path: string): string {
    requireObjectPath(path);
    return join(this.#directory, path);
  }
}

/** Do something to each item, some at a time. Rejects with the first error, when nothing runs any more. */
async function eachOf<Item>(items: Iterable<Item>, run: (item: Item) => Promise<void>): Promise<void> {
  const left = items[Symbol.iterator]();
  let failed = false;
  const one = async (): Promise<void> => {
    for (let next = left.next(); next.done !== true && !failed; next = left.next()) {
      try {
        await run(next.value);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const ended = await Promise.allSettled(Array.from({ length: syncsAtOnce }, one));
  for (const end of ended) if (end.status === "rejected") throw end.reason;
}
