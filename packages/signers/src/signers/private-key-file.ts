// Private keys in files that only their owner can read.
import { constants } from "node:fs";
import { type FileHandle, open, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import { quote } from "@sigillum/library/encoding";
import { signersError } from "./errors.ts";
import { encodePrivateKeyPem } from "./private-key-pem.ts";

const ownerOnly = 0o600;
const othersMask = 0o077;
/** No private key that is supported takes more, encrypted and in PEM. */
const maxFileBytes = 64 * 1024;

/** What `writePrivateKey` may be told. */
export interface PrivateKeyFileOptions {
  /** Encrypt the key with this; the file is readable by its owner alone in either case. */
  readonly passphrase?: string;
}

/**
 * Write a private key (PKCS #8 DER) as PEM into a new file of mode 0600. When it returns, file and directory entry are on disk.
 * A file that stands there already is left alone: SIGNER_FILE_EXISTS.
 */
export async function writePrivateKey(path: string, pkcs8: Uint8Array, options: PrivateKeyFileOptions = {}): Promise<void> {
  const text = encodePrivateKeyPem(pkcs8, options.passphrase);
  const file = await create(path);
  try {
    // A crash before the sync leaves an empty or cut file that no one can open as a key, and no one was told it is there.
    await file.writeFile(text);
    await file.sync();
    await file.close();
    await syncDirectory(dirname(path));
  } catch (cause) {
    await file.close().catch(() => undefined); // it may be closed already
    await unlink(path).catch(() => undefined); // the first failure is the one to report
    throw signersError("SIGNER_FILE_UNWRITABLE", `Cannot write key ${quote(path)}: ${systemReason(cause)}`, { cause });
  }
}

/** Read the text of a private key file; refuses one that others than its owner can reach. */
export async function readPrivateKeyText(path: string): Promise<string> {
  const file = await openForReading(path);
  try {
    const status = await file.stat();
    if (!status.isFile())
      throw signersError("SIGNER_FILE_UNREADABLE", `Cannot open key ${quote(path)}: it is no regular file`, {
        expected: "a regular file",
      });
    // Windows has no such bits: there the directory's access list decides.
    if (process.platform !== "win32" && (status.mode & othersMask) !== 0) {
      const found = (status.mode & 0o777).toString(8).padStart(4, "0");
      throw signersError(
        "SIGNER_FILE_MODE",
        `Cannot open key ${quote(path)}: its mode is ${found}, so others can reach it; "chmod 600" makes it 0600`,
        { found, expected: "0600" },
      );
    }
    if (status.size > maxFileBytes) {
      throw signersError(
        "SIGNER_FILE_UNREADABLE",
        `Cannot open key ${quote(path)}: it has ${status.size} bytes, and at most ${maxFileBytes} are read`,
        { found: `${status.size} bytes`, expected: `at most ${maxFileBytes} bytes` },
      );
    }
    return await file.readFile("utf8");
  } finally {
    await file.close();
  }
}

async function create(path: string): Promise<FileHandle> {
  try {
    return await open(path, "wx", ownerOnly);
  } catch (cause) {
    if (errorCode(cause) === "EEXIST")
      throw signersError("SIGNER_FILE_EXISTS", `Cannot write key ${quote(path)}: a file stands there already`, { cause });
    throw signersError("SIGNER_FILE_UNWRITABLE", `Cannot write key ${quote(path)}: ${systemReason(cause)}`, { cause });
  }
}

async function openForReading(path: string): Promise<FileHandle> {
  try {
    // Without O_NONBLOCK the opening of a named pipe would wait for a writer.
    return await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch (cause) {
    if (errorCode(cause) === "ENOENT")
      throw signersError("SIGNER_FILE_MISSING", `Cannot open key ${quote(path)}: there is no such file`, { cause });
    throw signersError("SIGNER_FILE_UNREADABLE", `Cannot open key ${quote(path)}: ${systemReason(cause)}`, { cause });
  }
}

async function syncDirectory(path: string): Promise<void> {
  if (process.platform === "win32") return; // a directory cannot be opened there, and its entries are journalled
  const directory = await open(path, constants.O_RDONLY);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function errorCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

function systemReason(error: unknown): string {
  return errorCode(error) ?? "an unknown failure";
}
