// A write-ahead file: records appended with one fdatasync a batch, each framed so that a torn end is found and cut.
//
//   file   = frame*
//   frame  = magic:u32 ‖ length:u32 ‖ sequence:u64 ‖ checksum:16 bytes ‖ payload[length]     (big-endian)
//   checksum = first 16 bytes of SHA-256(length ‖ sequence ‖ payload); the first sequence of a file is chosen when it is made
import { createHash } from "node:crypto";
import { reasonOf, storageError } from "./errors.ts";
import { type FileSystem, posixFileSystem, type WritableFile } from "./file-system.ts";

const magic = 0x5347_5741;
const headerLength = 32;
/** The longest record: above what a batch of the log engine can hold. */
export const maxRecordBytes: number = 256 * 1024 * 1024;

/** One record as read back. */
export interface WriteAheadRecord {
  readonly sequence: number;
  readonly payload: Uint8Array;
}

/** What `WriteAheadFile.open` found. */
export interface OpenedWriteAhead {
  readonly file: WriteAheadFile;
  readonly records: readonly WriteAheadRecord[];
  /** Bytes of a torn last record that were cut off. */
  readonly cutBytes: number;
}

/** A file of records. One writer; `append` must not be called again before it has returned. */
export class WriteAheadFile {
  readonly #file: WritableFile;
  readonly #path: string;
  #length: number;
  #sequence: number;
  #failure: Error | undefined;

  private constructor(file: WritableFile, path: string, length: number, sequence: number) {
    this.#file = file;
    this.#path = path;
    this.#length = length;
    this.#sequence = sequence;
  }

  /**
   * Open or make `path` and read its records. A torn last record (a crash during `append`) is cut off; damage anywhere else
   * is WRITE_AHEAD_CORRUPT. After it returns everything in `records` is durable, also what a killed process wrote but did not sync.
   */
  static async open(path: string, fileSystem: FileSystem = posixFileSystem): Promise<OpenedWriteAhead> {
    const bytes = (await readWhole(path, fileSystem)) ?? new Uint8Array(0);
    const { records, end, nextSequence } = readFrames(bytes, path);
    const file = await openForAppend(path, fileSystem);
    const opened = new WriteAheadFile(file, path, end, nextSequence);
    try {
      if (end < bytes.length) await file.truncate(end);
      await file.sync();
    } catch (cause) {
      await file.close();
      throw storageError("STORAGE_SYNC_FAILED", `Cannot open write-ahead file ${path}: ${reasonOf(cause)}`, { cause });
    }
    return { file: opened, records, cutBytes: bytes.length - end };
  }

  /** Bytes in the file. */
  get length(): number {
    return this.#length;
  }

  /**
   * Append one record and make it durable with one fdatasync. When the write fails the file is cut back and STORAGE_WRITE_FAILED
   * thrown: the record is not there and the file can be used on. When the sync fails nobody knows what is on the disk:
   * STORAGE_SYNC_FAILED now and at every later append (fsync errors are not retried, the kernel reports them once).
   */
  async append(parts: readonly Uint8Array[]): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    if (length > maxRecordBytes) {
      throw storageError(
        "WRITE_AHEAD_RECORD_TOO_LARGE",
        `Cannot append to ${this.#path}: the record has ${length} bytes, at most ${maxRecordBytes} fit`,
      );
    }
    const header = frameHeader(length, this.#sequence, parts);
    try {
      await this.#file.append([header, ...parts]);
    } catch (cause) {
      await this.#cutBack(cause);
      throw storageError("STORAGE_WRITE_FAILED", `Cannot append to ${this.#path}: ${reasonOf(cause)}`, { cause });
    }
    try {
      await this.#file.sync();
    } catch (cause) {
      throw this.#fail("sync", cause);
    }
    this.#length += headerLength + length;
    this.#sequence += 1;
  }

  /** Close; everything appended is durable already. */
  close(): Promise<void> {
    return this.#file.close();
  }

  async #cutBack(cause: unknown): Promise<void> {
    try {
      await this.#file.truncate(this.#length);
    } catch {
      // Half a record stays at the end, and a further one after it would look like damage: stop here.
      throw this.#fail("write", cause);
    }
  }

  #fail(step: string, cause: unknown): Error {
    this.#failure = storageError(
      "STORAGE_SYNC_FAILED",
      `Cannot append to ${this.#path}: ${step} failed with ${reasonOf(cause)}, and nothing more is written`,
      { cause },
    );
    return this.#failure;
  }
}

async function readWhole(path: string, fileSystem: FileSystem): Promise<Uint8Array | undefined> {
  try {
    return await fileSystem.readFile(path);
  } catch (cause) {
    throw storageError("STORAGE_READ_FAILED", `Cannot open write-ahead file ${path}: ${reasonOf(cause)}`, { cause });
  }
}

async function openForAppend(path: string, fileSystem: FileSystem): Promise<WritableFile> {
  try {
    return await fileSystem.openFile(path, "append");
  } catch (cause) {
    throw storageError("STORAGE_WRITE_FAILED", `Cannot open write-ahead file ${path}: ${reasonOf(cause)}`, { cause });
  }
}

function frameHeader(length: number, sequence: number, parts: readonly Uint8Array[]): Uint8Array {
  const header = new Uint8Array(headerLength);
  const view = new DataView(header.buffer);
  view.setUint32(0, magic);
  view.setUint32(4, length);
  view.setBigUint64(8, BigInt(sequence));
  header.set(checksum(header.subarray(4, 16), parts), 16);
  return header;
}

function checksum(lengthAndSequence: Uint8Array, parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash("sha256").update(lengthAndSequence);
  for (const part of parts) hash.update(part);
  return hash.digest().subarray(0, 16);
}

function readFrames(bytes: Uint8Array, path: string): { records: WriteAheadRecord[]; end: number; nextSequence: number } {
  const records: WriteAheadRecord[] = [];
  let at = 0;
  let nextSequence = 0;
  for (;;) {
    const record = frameAt(bytes, at);
    if (record === undefined || record.sequence !== nextSequence) break;
    records.push(record);
    at += headerLength + record.payload.length;
    nextSequence += 1;
  }
  if (at < bytes.length && hasLaterFrame(bytes, at + 1, nextSequence)) {
    // Each record was synced before the next was begun, so a crash can tear the last one alone.
    throw storageError(
      "WRITE_AHEAD_CORRUPT",
      `Cannot read write-ahead file ${path}: record ${nextSequence} at byte ${at} is damaged but a later record is whole`,
      {
        found: `byte ${at}`,
      },
    );
  }
  return { records, end: at, nextSequence };
}

function frameAt(bytes: Uint8Array, at: number): WriteAheadRecord | undefined {
  if (bytes.length - at < headerLength) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, headerLength);
  const length = view.getUint32(4);
  if (view.getUint32(0) !== magic || length > maxRecordBytes || bytes.length - at - headerLength < length) return undefined;
  const payload = bytes.subarray(at + headerLength, at + headerLength + length);
  const expected = checksum(bytes.subarray(at + 4, at + 16), [payload]);
  if (Buffer.compare(expected, bytes.subarray(at + 16, at + headerLength)) !== 0) return undefined;
  return { sequence: Number(view.getBigUint64(8)), payload };
}

function hasLaterFrame(bytes: Uint8Array, from: number, afterSequence: number): boolean {
  const pattern = Buffer.from([magic >>> 24, (magic >>> 16) & 0xff, (magic >>> 8) & 0xff, magic & 0xff]);
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = view.indexOf(pattern, from); at >= 0; at = view.indexOf(pattern, at + 1)) {
    const record = frameAt(bytes, at);
    if (record !== undefined && record.sequence > afterSequence) return true;
  }
  return false;
}
