// The folder of one named root: the trusted metadata under unversioned names, verified targets, and where they came from.
// Every file is replaced by rename, so that a reader in another process sees a whole old file or a whole new one.
import { randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { sha256 } from "../crypto/index.ts";
import { encodeHex, encodeUtf8, isSigillumError, JsonObject, parseJson, quote } from "../encoding/index.ts";
import { type MetadataStore, parseRoot, parseSnapshot, parseTargets, parseTimestamp, roleFileName } from "../tuf/index.ts";
import { trustStoreError } from "./errors.ts";
import { hasErrno, withLock } from "./lock.ts";

/** What the store knows of a named root beside its metadata. */
export interface RootRecord {
  readonly name: string;
  /** Base URL of the repository, no slash at its end. */
  readonly url: string;
  /** Hex SHA-256 of the root file that was pinned first. */
  readonly rootSha256: string;
  readonly addedMs: number;
  /** When the metadata was last verified against the repository. */
  readonly refreshedMs: number;
}

const recordName = "root-record.json";

/** The folder of all named roots: `$SIGILLUM_HOME`, else `~/.sigillum`, and `roots` below it. */
export function trustStoreDirectory(environment: Readonly<Record<string, string | undefined>> = process.env): string {
  return join(environment["SIGILLUM_HOME"] ?? join(homedir(), ".sigillum"), "roots");
}

/** The folder of one name; throws TRUST_NAME_INVALID for a name that could leave the store. */
export function rootDirectory(store: string, name: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(name)) {
    throw trustStoreError(
      "TRUST_NAME_INVALID",
      `Cannot use root name ${quote(name)}: letters, digits, ".", "-" and "_" expected`,
      { found: name },
    );
  }
  return join(store, name);
}

/** The record of a named root, or undefined if there is none. */
export async function readRecord(directory: string, name: string): Promise<RootRecord | undefined> {
  const bytes = await readOptional(join(directory, recordName));
  if (bytes === undefined) return undefined;
  try {
    const record = JsonObject.from(parseJson(bytes), "root-record.json");
    return {
      name,
      url: record.string("url"),
      rootSha256: record.string("rootSha256"),
      addedMs: record.safeInteger("addedMs"),
      refreshedMs: record.safeInteger("refreshedMs"),
    };
  } catch (cause) {
    if (!isSigillumError(cause)) throw cause;
    throw trustStoreError("TRUST_STORE_CORRUPT", `Cannot read the record of root ${quote(name)}: ${cause.message}`, { cause });
  }
}

/** Write the record of a named root; the moment of its last refresh never goes back. */
export async function writeRecord(directory: string, record: RootRecord): Promise<void> {
  await lockedFor(directory, async () => {
    const before = await readRecord(directory, record.name).catch(() => undefined); // one that does not parse is replaced
    const refreshedMs = Math.max(record.refreshedMs, before?.rootSha256 === record.rootSha256 ? before.refreshedMs : 0);
    await replaceFile(join(directory, recordName), `${JSON.stringify({ ...record, refreshedMs }, null, 2)}\n`);
  });
}

/** The names in the store, in order. */
export async function listNames(store: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(store, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory() && !entry.name.endsWith(".removed"))
      .map((entry) => entry.name)
      .sort();
  } catch (cause) {
    if (isMissing(cause)) return [];
    throw cause;
  }
}

/**
 * The metadata of one named root as the TUF client wants it. A write is dropped where another process has stored a higher version
 * meanwhile, so that none ever goes back on disk. Each root is kept beside the newest: the chain is what an archive begins with.
 */
export function directoryStore(directory: string): MetadataStore {
  const path = (role: string): string => join(directory, "metadata", roleFileName(role));
  return {
    read: (role) => readOptional(path(role)),
    async write(role, bytes) {
      const version = versionIn(role, bytes);
      if (role === "root") await replaceFile(join(directory, "roots", `${version}.root.json`), bytes);
      await lockedFor(directory, async () => {
        const stored = await readOptional(path(role));
        if (stored === undefined || versionIn(role, stored) <= version) await replaceFile(path(role), bytes);
      });
    },
    remove: (role) => lockedFor(directory, () => rm(path(role), { force: true })),
  };
}

/** The version of a stored file; 0 for one that was cut or is no metadata, so that anything replaces it. */
function versionIn(role: string, bytes: Uint8Array): number {
  try {
    const parse = { root: parseRoot, timestamp: parseTimestamp, snapshot: parseSnapshot }[role] ?? parseTargets;
    return parse(bytes).version;
  } catch (cause) {
    if (!isSigillumError(cause)) throw cause;
    return 0;
  }
}

/** The roots from the pinned one to `version`, undefined if one of them is not there. */
export async function readRoots(directory: string, version: number): Promise<readonly Uint8Array[] | undefined> {
  const roots: Uint8Array[] = [];
  for (let number = version; number > 0; number--) {
    const root = await readOptional(join(directory, "roots", `${number}.root.json`));
    if (root === undefined) break;
    roots.unshift(root);
  }
  return roots.length === 0 ? undefined : roots;
}

/** What was verified last, whole; undefined before the first refresh. */
export function readVerified(directory: string): Promise<Uint8Array | undefined> {
  return readOptional(join(directory, "verified.json"));
}

/** Replace what was verified last, unless `isOlder` says that what stands there now is newer. */
export async function writeVerified(
  directory: string,
  bytes: Uint8Array,
  isOlder: (stored: Uint8Array) => boolean,
): Promise<void> {
  await lockedFor(directory, async () => {
    const stored = await readVerified(directory);
    if (stored === undefined || !isOlder(stored)) await replaceFile(join(directory, "verified.json"), bytes);
  });
}

async function lockedFor<T>(directory: string, work: () => Promise<T>): Promise<T> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  return withLock(join(directory, ".lock"), work);
}

/** A target that was verified before, by its path and hash; the caller verifies it again. */
export function readTarget(directory: string, path: string, sha256Hex: string): Promise<Uint8Array | undefined> {
  return readOptional(join(directory, "targets", `${sha256Hex}.${targetFile(path)}`));
}

/** Keep a verified target. Its name holds its hash: two processes that know two versions of it never disagree about one file. */
export function writeTarget(directory: string, path: string, sha256Hex: string, bytes: Uint8Array): Promise<void> {
  return replaceFile(join(directory, "targets", `${sha256Hex}.${targetFile(path)}`), bytes);
}

/** Remove the folder of a named root, under a name that no reader looks for first, so that none sees half of it. */
export async function removeDirectory(directory: string): Promise<void> {
  const leaving = `${directory}.${randomBytes(6).toString("hex")}.removed`;
  await rename(directory, leaving);
  await rm(leaving, { recursive: true, force: true });
}

/** A name of the repository never becomes a path of this machine: what is not plain is hashed. */
function targetFile(path: string): string {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(path) ? path : encodeHex(sha256(encodeUtf8(path)));
}

async function readOptional(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(path);
  } catch (cause) {
    if (isMissing(cause)) return undefined;
    throw cause;
  }
}

async function replaceFile(path: string, bytes: Uint8Array | string): Promise<void> {
  await mkdir(join(path, ".."), { recursive: true, mode: 0o700 });
  const temporary = `${path}.${process.pid}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    // A crash here leaves a temporary file that nobody reads.
    await writeFile(temporary, bytes, { mode: 0o600, flush: true });
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true });
    throw cause;
  }
}

function isMissing(cause: unknown): boolean {
  return hasErrno(cause, "ENOENT");
}

/** Whether a write failed because nothing may be written there, or no space is left: then memory has to do. */
export function isReadOnly(cause: unknown): boolean {
  return hasErrno(cause, "EACCES", "EPERM", "EROFS", "ENOSPC", "EDQUOT");
}
