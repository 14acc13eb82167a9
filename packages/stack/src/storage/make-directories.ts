import { mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * Make a directory and those above it that are missing, for their owner alone; throws what the system answers. Node's own
 * recursive mkdir never ends where a parent exists and takes no directories, as /proc does.
 */
export async function makeDirectories(path: string): Promise<void> {
  const missing: string[] = [];
  for (let place = path; !(await exists(place)); place = dirname(place)) missing.unshift(place);
  for (const place of missing) {
    try {
      await mkdir(place, { mode: 0o700 });
    } catch (error) {
      // Another process may have made it meanwhile.
      if (!(error instanceof Error && Reflect.get(error, "code") === "EEXIST")) throw error;
    }
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (error instanceof Error && Reflect.get(error, "code") === "ENOENT" && dirname(path) !== path) return false;
    throw error;
  }
}
