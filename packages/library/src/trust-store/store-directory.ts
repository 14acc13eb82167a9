// The folder of one named root: the trusted metadata under unversioned names, verified targets, and where they came from.
// Every file is replaced by rename, so that a reader in another process sees a whole old file or a whole new one.
import { randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { sha256 } from "../crypto/index.ts";
import { encodeHex, encodeUtf8, isSigillumError, JsonObject, parseJson, quote } from "../encoding/index.ts";
import type { MetadataStore } from "../tuf/index.ts";
import { trustStoreError } from "./errors.ts";

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
  const bytes = await readOptional(join(directory, "root-record.json"));
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

/** Write the record of a named root. */
export async function writeRecord(directory: string, record: RootRecord): Promise<void> {
  await replaceFile(join(directory, "root-record.json"), `${JSON.stringify(record, null, 2)}\n`);
}

/** The names in the store, in order. */
export async function listNames(store: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(store, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name)
      .sort();
  } catch (cause) {
    if (isMissing(cause)) return [];
    throw cause;
  }
}

/** The metadata of one named root as the TUF client wants it. */
export function directoryStore(directory: string): MetadataStore {
  return {
    read: (role) => readOptional(join(directory, "metadata", `${role}.json`)),
    write: (role, bytes) => replaceFile(join(directory, "metadata", `${role}.json`), bytes),
  };
}

/** A target that was verified before, by its path; the caller verifies it again. */
export function readTarget(directory: string, path: string): Promise<Uint8Array | undefined> {
  return readOptional(join(directory, "targets", targetFile(path)));
}

/** Keep a verified target. */
export function writeTarget(directory: string, path: string, bytes: Uint8Array): Promise<void> {
  return replaceFile(join(directory, "targets", targetFile(path)), bytes);
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
  return cause instanceof Error && "code" in cause && cause.code === "ENOENT";
}
