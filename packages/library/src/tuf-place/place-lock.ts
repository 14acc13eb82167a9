// One publication at a time, whoever publishes: a lock that lies beside the files, in a directory or a bucket. It names its holder and has an end, so
// that a machine that died with it in hand keeps nobody from renewing a timestamp; a holder that takes too long gives up before that end.
import { randomBytes } from "node:crypto";
import { mkdir, readFile, rename, rm, rmdir, stat, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Bucket } from "../aws/index.ts";
import { encodeUtf8, equalBytes, isSigillumError, JsonObject, parseJson } from "../encoding/index.ts";
import type { PlaceLock } from "../tuf-repository/index.ts";
import { hasErrno } from "./errno.ts";
import { eventFolderError } from "./errors.ts";

/** The name of the lock beside the files. */
export const lockName = ".publishing.lock";

/** Times of a lock. A publication takes seconds. */
export const lockLimits: { readonly leaseMs: number; readonly giveUpMs: number; readonly waitMs: number } = {
  leaseMs: 15 * 60_000,
  giveUpMs: 10 * 60_000,
  waitMs: 30_000,
};

/** A lock that is held. */
export interface HeldLock extends PlaceLock {
  /** Throws TUF_PLACE_BUSY once so much time has gone that somebody else may take the lock: nothing more is to be written. */
  check(): void;
}

/** What a lock is made of: one small file that changes only in ways that two at once cannot both make. */
interface LockFile {
  /** How people call the place. */
  readonly name: string;
  /** Makes the file where there is none; false where there is one. */
  create(content: Uint8Array): Promise<boolean>;
  read(): Promise<LockState | undefined>;
  /** Puts other content where the file is still as it was read; false where it is not. */
  replace(state: LockState, content: Uint8Array): Promise<boolean>;
  /** Gives the file up where it still has this content. */
  free(content: Uint8Array): Promise<void>;
}

interface LockState {
  readonly content: Uint8Array;
  /** Since it was written, by the clock of whoever keeps it. */
  readonly ageMs: number;
  /** What a bucket tells versions apart by. */
  readonly tag?: string;
}

const pollMs = 200;
const freeContent = encodeUtf8('{"free":true}\n');

/** Takes the lock of a directory, which is made where it is missing; `hidden` are the rights that its file does not get. */
export function lockDirectoryPlace(directory: string, hidden: number, waitMs?: number): Promise<HeldLock> {
  return acquire(directoryLockFile(directory, hidden), waitMs);
}

/**
 * Takes the lock of a bucket. With `demandConditions` it rejects TUF_PLACE_UNGUARDED where the store passes conditions over, as old ones do: two
 * publications at once would then not notice each other.
 */
export async function lockBucketPlace(bucket: Bucket, demandConditions: boolean, waitMs?: number): Promise<HeldLock | undefined> {
  const file = bucketLockFile(bucket);
  const lock = await acquire(file, waitMs);
  // A second one may not be made, so a store that makes it has passed the condition over.
  if (!(await file.create(freeContent))) return lock;
  if (!demandConditions) return undefined;
  throw eventFolderError(
    "TUF_PLACE_UNGUARDED",
    `Cannot publish to ${bucket.name}: the store passes If-None-Match over, so two publications at once would not notice each other`,
    { found: "HTTP 200", expected: "HTTP 412; --no-lock where nobody else publishes" },
  );
}

async function acquire(file: LockFile, waitMs: number = lockLimits.waitMs): Promise<HeldLock> {
  const holder = { host: hostname(), pid: process.pid, nonce: randomBytes(12).toString("hex"), since: new Date().toISOString() };
  const content = encodeUtf8(`${JSON.stringify(holder)}\n`);
  const endMs = performance.now() + waitMs;
  for (;;) {
    const sinceMs = elapsed();
    if (await file.create(content)) return held(file, content, sinceMs);
    const other = await file.read();
    // Ours already: the answer to the first attempt was lost, and it was repeated.
    if (other !== undefined && equalBytes(other.content, content)) return held(file, content, sinceMs);
    if (other !== undefined && isStale(other) && (await file.replace(other, content))) return held(file, content, sinceMs);
    if (performance.now() >= endMs) throw busy(file.name, other);
    await sleep(pollMs * (0.5 + Math.random()));
  }
}

function held(file: LockFile, content: Uint8Array, sinceMs: readonly [number, number]): HeldLock {
  return {
    check() {
      const now = elapsed();
      // Two clocks: the steady one stands still while the machine sleeps, the other may be set.
      if (Math.max(now[0] - sinceMs[0], now[1] - sinceMs[1]) < lockLimits.giveUpMs) return;
      throw eventFolderError(
        "TUF_PLACE_BUSY",
        `Cannot go on publishing to ${file.name}: it took more than ${lockLimits.giveUpMs / 60_000} minutes, and somebody else may have begun`,
      );
    },
    release: () => file.free(content),
  };
}

function elapsed(): readonly [number, number] {
  return [performance.now(), Date.now()];
}

function isStale({ content, ageMs }: LockState): boolean {
  const holder = holderOf(content);
  if (holder?.value("free") === true || ageMs > lockLimits.leaseMs) return true;
  const pid = holder?.value("pid");
  return holder?.value("host") === hostname() && typeof pid === "number" && !isAlive(pid);
}

/** Who holds a lock; undefined for content that nobody has finished writing. */
function holderOf(content: Uint8Array): JsonObject | undefined {
  try {
    return JsonObject.from(parseJson(content, { maxBytes: 4096, maxDepth: 4 }), "lock");
  } catch (error) {
    if (!isSigillumError(error)) throw error;
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid < 1) return true;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Somebody else's process may not be asked, and is alive.
    return !hasErrno(error, "ESRCH");
  }
}

function busy(name: string, other: LockState | undefined): Error {
  const holder = other === undefined ? undefined : holderOf(other.content);
  const found = holder === undefined ? "somebody" : `process ${String(holder.value("pid"))} on ${String(holder.value("host"))}`;
  return eventFolderError(
    "TUF_PLACE_BUSY",
    `Cannot publish to ${name}: ${found} publishes there; its ${lockName} is given up by itself after ${lockLimits.leaseMs / 60_000} minutes`,
    { found, expected: "one publication at a time" },
  );
}

/**
 * In a directory the file is made with O_EXCL. Taking over what somebody left, and giving up, are steps of their own under a second such file: between
 * looking and changing nobody else may do the same. Whoever dies within such a step leaves the second file, which is cleared away after as long as the
 * first would be.
 */
function directoryLockFile(directory: string, hidden: number): LockFile {
  const path = `${directory}/${lockName}`;
  const takeover = `${path}.takeover`;
  const create = async (at: string, content: Uint8Array): Promise<boolean> => {
    try {
      await writeFile(at, content, { flag: "wx", mode: 0o666 & ~hidden });
      return true;
    } catch (cause) {
      if (hasErrno(cause, "EEXIST")) return false;
      throw cause;
    }
  };
  const read = async (): Promise<LockState | undefined> => {
    try {
      const [content, { mtimeMs }] = await Promise.all([readFile(path), stat(path)]);
      return { content: new Uint8Array(content), ageMs: Date.now() - mtimeMs };
    } catch (cause) {
      if (hasErrno(cause, "ENOENT")) return undefined;
      throw cause;
    }
  };
  /** Does `work` alone, where the file still has this content. */
  const alone = async (content: Uint8Array, work: () => Promise<void>): Promise<boolean> => {
    if (!(await create(takeover, encodeUtf8(`${process.pid}\n`)))) {
      const { mtimeMs } = await stat(takeover).catch(() => ({ mtimeMs: Date.now() }));
      if (Date.now() - mtimeMs > lockLimits.leaseMs) await rm(takeover, { force: true });
      return false;
    }
    try {
      const now = await read();
      if (now === undefined || !equalBytes(now.content, content)) return false;
      await work();
      return true;
    } finally {
      await rm(takeover, { force: true });
    }
  };
  let isOwnDirectory = false;
  return {
    name: directory,
    async create(content) {
      // A mistyped place is to leave no directory: one that was made for the lock alone is removed with it.
      isOwnDirectory ||= (await mkdir(dirname(path), { recursive: true, mode: 0o777 & ~hidden })) !== undefined;
      return create(path, content);
    },
    read,
    replace: ({ content: old }, content) =>
      alone(old, async () => {
        // Replaced whole, so that at no moment there is none.
        const fresh = `${path}.${randomBytes(6).toString("hex")}`;
        await writeFile(fresh, content, { mode: 0o666 & ~hidden });
        await rename(fresh, path);
      }),
    async free(content) {
      for (let attempt = 0; attempt < 10; attempt += 1) {
        if (await alone(content, () => rm(path, { force: true }))) break;
        const now = await read();
        if (now === undefined || !equalBytes(now.content, content)) break;
        await sleep(10);
      }
      if (isOwnDirectory) await rmdir(dirname(path)).catch(() => undefined); // it holds something, as it should
    },
  };
}

/** In a bucket the store itself compares: If-None-Match to make the file, If-Match to change it. It is never deleted, which takes a right less. */
function bucketLockFile(bucket: Bucket): LockFile {
  const headers = { contentType: "application/json", cacheControl: "no-store" };
  const attempt = async (put: () => Promise<void>): Promise<boolean> => {
    try {
      await put();
      return true;
    } catch (error) {
      if (isSigillumError(error) && error.code === "BUCKET_CONDITION_FAILED") return false;
      throw error;
    }
  };
  const read = async (): Promise<LockState | undefined> => {
    const found = await bucket.getVersion(lockName, 4096);
    return found === undefined ? undefined : { content: found.bytes, ageMs: found.ageMs, tag: found.tag };
  };
  const replace = ({ tag = "" }: LockState, content: Uint8Array): Promise<boolean> =>
    tag === "" ? Promise.resolve(false) : attempt(() => bucket.put(lockName, content, headers, { ifMatch: tag }));
  return {
    name: bucket.name,
    create: (content) => attempt(() => bucket.put(lockName, content, headers, "ifNoneMatch")),
    read,
    replace,
    async free(content) {
      const now = await read();
      if (now !== undefined && equalBytes(now.content, content)) await replace(now, freeContent);
    },
  };
}
