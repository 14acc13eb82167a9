// A lock between processes for the short moment of a write. Readers need none: they see whole files.
import { readFile, rm, stat, writeFile } from "node:fs/promises";
import { hostname } from "node:os";

/** A lock that is older was left by a process that ended: no holder needs a tenth of this. */
const staleMs = 10_000;
const longestWaitMs = 30_000;

/**
 * Run `work` while no other process runs its own under the same path. Where the lock cannot be had in half a minute the work is done all
 * the same: each file is still replaced whole, and only the comparison with what another process wrote meanwhile is lost.
 */
export async function withLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  const end = Date.now() + longestWaitMs;
  let held = await tryLock(path);
  while (!held && Date.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 2 + Math.random() * 20));
    held = await tryLock(path);
  }
  try {
    return await work();
  } finally {
    if (held) await rm(path, { force: true });
  }
}

async function tryLock(path: string): Promise<boolean> {
  try {
    await writeFile(path, `${process.pid} ${hostname()}`, { flag: "wx", mode: 0o600 });
    return true;
  } catch (cause) {
    if (!hasErrno(cause, "EEXIST")) throw cause;
  }
  // Two waiters may both remove a stale lock; then the second removes the first one's fresh one, and both hold it: see withLock on what is lost.
  if (await isStale(path)) await rm(path, { force: true });
  return false;
}

/** Whether whoever holds the lock is gone: killed on this machine, or silent for far longer than a write takes. */
async function isStale(path: string): Promise<boolean> {
  try {
    const { mtimeMs } = await stat(path);
    if (Date.now() - mtimeMs > staleMs) return true;
    const [pid = "", host] = (await readFile(path, "utf8")).split(" ");
    return host === hostname() && Number(pid) > 0 && !isAlive(Number(pid));
  } catch (cause) {
    if (hasErrno(cause, "ENOENT")) return false; // it was given up meanwhile
    throw cause;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (cause) {
    return !hasErrno(cause, "ESRCH"); // another user's process may not be asked, and lives
  }
}

/** Whether a failure of the file system has one of these codes. */
export function hasErrno(cause: unknown, ...codes: readonly string[]): boolean {
  return cause instanceof Error && "code" in cause && typeof cause.code === "string" && codes.includes(cause.code);
}
