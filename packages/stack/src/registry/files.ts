import { open, readdir, readFile, rm, stat } from "node:fs/promises";

/** The content of a file, undefined when there is none. */
export async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  return await unlessMissing(readFile(path));
}

/** The length of a file, undefined when there is none. */
export async function lengthIfThere(path: string): Promise<number | undefined> {
  return (await unlessMissing(stat(path)))?.size;
}

/** The names in a directory in order, none when it is missing. */
export async function namesIn(directory: string): Promise<string[]> {
  return ((await unlessMissing(readdir(directory))) ?? []).sort();
}

/** Remove a file and say whether there was one. */
export async function removeIfThere(path: string): Promise<boolean> {
  return (await unlessMissing(rm(path).then(() => true))) ?? false;
}

/** Wait until a directory's entries are on the disk: a rename or removal in it survives a crash from here on. */
export async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function unlessMissing<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof Error && (Reflect.get(error, "code") === "ENOENT" || Reflect.get(error, "code") === "ENOTDIR"))
      return undefined;
    throw error;
  }
}
