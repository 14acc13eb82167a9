// Synchronously: a command does one thing at a time, and node:fs/promises takes two milliseconds to load.
import { closeSync, openSync, readFileSync, readSync, renameSync, rmSync, type Stats, statSync, writeFileSync } from "node:fs";
import { createHasher, type HashAlgorithm } from "@sigillum/library/crypto";
import { concatBytes } from "@sigillum/library/encoding";
import type { Terminal } from "../terminal/index.ts";
import { blobError } from "./errors.ts";

const chunkBytes = 1024 * 1024;

/** Hash a file, or stdin for "-", of any size in constant memory. */
export async function hashFile(path: string, algorithm: HashAlgorithm, terminal: Terminal): Promise<Uint8Array> {
  const hasher = createHasher(algorithm);
  const progress = terminal.progress(`Hashing ${path}`, path === "-" ? undefined : await lengthOf(path));
  let done = 0;
  try {
    for await (const bytes of path === "-" ? terminal.stdin : chunksOf(path)) {
      hasher.update(bytes);
      done += bytes.length;
      progress.at(done);
    }
  } catch (cause) {
    throw unreadable(path, cause);
  } finally {
    progress.end();
  }
  return hasher.digest();
}

// Into one buffer again and again: a stream makes a new one for each chunk, which costs half of what hashing costs. Timers get their turn.
async function* chunksOf(path: string): AsyncGenerator<Uint8Array> {
  const descriptor = openSync(path, "r");
  try {
    const buffer = new Uint8Array(chunkBytes);
    for (let chunks = 1; ; chunks++) {
      const length = readSync(descriptor, buffer, 0, chunkBytes, null);
      if (length === 0) return;
      yield length === chunkBytes ? buffer : buffer.subarray(0, length);
      if (chunks % 64 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  } finally {
    closeSync(descriptor);
  }
}

/** Read a small file whole; `what` names its part in the message. */
export async function readSmallFile(path: string, what: string, maxBytes: number): Promise<Uint8Array> {
  const length = await lengthOf(path);
  if (length > maxBytes) {
    throw blobError("FILE_UNREADABLE", `Cannot read ${what} ${path}: it has ${length} bytes`, {
      found: String(length),
      expected: `at most ${maxBytes}`,
    });
  }
  try {
    return readFileSync(path);
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

/** A file's bytes where it is an ordinary file of at most `maxBytes`, else undefined. */
export function readIfSmall(path: string, maxBytes: number): Uint8Array | undefined {
  const found = statOf(path);
  if (!found.isFile() || found.size > maxBytes) return undefined;
  try {
    return readFileSync(path);
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

/** All of stdin, refusing more than `maxBytes`. */
export async function readStdin(terminal: Terminal, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of terminal.stdin) {
    length += chunk.length;
    if (length > maxBytes)
      throw blobError("FILE_UNREADABLE", `Cannot read stdin: it has more than ${maxBytes} bytes`, {
        expected: `at most ${maxBytes}`,
      });
    chunks.push(chunk);
  }
  return concatBytes(...chunks);
}

/** A file's bytes, or stdin's for "-"; refuses more than `maxBytes`. */
export async function readInput(path: string, what: string, maxBytes: number, terminal: Terminal): Promise<Uint8Array> {
  return path === "-" ? await readStdin(terminal, maxBytes) : await readSmallFile(path, what, maxBytes);
}

/** The length of a file. */
export async function lengthOf(path: string): Promise<number> {
  return statOf(path).size;
}

function statOf(path: string): Stats {
  try {
    const found = statSync(path);
    if (found.isDirectory())
      throw blobError("FILE_UNREADABLE", `Cannot read ${path}: it is a directory`, { found: "a directory", expected: "a file" });
    return found;
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

/** Write a file by way of a temporary one beside it, so that whoever reads finds the whole or what was there before. */
export async function writeWhole(path: string, text: string | Uint8Array): Promise<void> {
  const temporary = `${path}.tmp-${process.pid}`;
  try {
    writeFileSync(temporary, text, { mode: 0o644 });
    renameSync(temporary, path);
  } catch (cause) {
    removeQuietly(temporary);
    throw blobError("FILE_UNWRITABLE", `Cannot write ${path}: ${reason(cause)}`, { cause });
  }
}

function removeQuietly(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // the first failure is the one to tell
  }
}

function unreadable(path: string, cause: unknown): unknown {
  if (cause instanceof Error && Reflect.get(cause, "code") === "FILE_UNREADABLE") return cause;
  return blobError("FILE_UNREADABLE", `Cannot read ${path}: ${reason(cause)}`, { cause });
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EACCES: "you may not",
  EPERM: "you may not",
  EISDIR: "it is a directory",
  EROFS: "the file system is read-only",
  ENOSPC: "the disk is full",
};

function reason(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  return reasons[String(Reflect.get(cause, "code"))] ?? cause.message;
}
