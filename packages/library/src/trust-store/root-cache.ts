// The cache of one root during one load: its folder, and memory for what the folder does not take.
import { equalBytes, isSigillumError } from "../encoding/index.ts";
import { type MetadataStore, parseTimestamp, type TrustedMetadata } from "../tuf/index.ts";
import { encodeArchive, parseArchive, type TrustArchive } from "./archive.ts";
import {
  directoryStore,
  isReadOnly,
  type RootRecord,
  readRoots,
  readTarget,
  readVerified,
  writeRecord,
  writeTarget,
  writeVerified,
} from "./store-directory.ts";

/** What a load reads and writes. */
export interface RootCache {
  readonly metadata: MetadataStore;
  readTarget(path: string, sha256Hex: string): Promise<Uint8Array | undefined>;
  writeTarget(path: string, sha256Hex: string, bytes: Uint8Array): Promise<void>;
  /** Keep what was verified as one file for offline use, and when that was. */
  finish(record: RootRecord, trusted: TrustedMetadata, targets: ReadonlyMap<string, Uint8Array>): Promise<void>;
  /** Whether everything so far went to disk. */
  stored(): boolean;
}

/** A cache that goes on in memory where its folder is read-only or full: a verifier with a read-only home is no error. */
export function fallingBack(directory: string): RootCache {
  const disk = directoryStore(directory);
  const memory = new Map<string, Uint8Array | undefined>();
  let stored = true;
  const attempt = async (write: () => Promise<void>): Promise<void> => {
    try {
      if (stored) await write();
    } catch (cause) {
      if (!isReadOnly(cause)) throw cause;
      stored = false;
    }
  };
  return {
    metadata: {
      read: async (role) => (memory.has(role) ? memory.get(role) : disk.read(role)),
      async write(role, bytes) {
        await attempt(() => disk.write(role, bytes));
        memory.set(role, bytes);
      },
      async remove(role) {
        await attempt(() => disk.remove(role));
        memory.set(role, undefined);
      },
    },
    readTarget: (path, hash) => readTarget(directory, path, hash),
    writeTarget: (path, hash, bytes) => attempt(() => writeTarget(directory, path, hash, bytes)),
    finish: (record, trusted, targets) =>
      attempt(async () => {
        await keepVerified(directory, record, trusted, targets);
        await writeRecord(directory, record);
      }),
    stored: () => stored,
  };
}

async function keepVerified(
  directory: string,
  record: RootRecord,
  trusted: TrustedMetadata,
  targets: ReadonlyMap<string, Uint8Array>,
): Promise<void> {
  const roots = await readRoots(directory, trusted.root.version);
  const { timestamp, snapshot, targets: top } = trusted;
  if (roots === undefined || timestamp === undefined || snapshot === undefined || top === undefined) return;
  const before = readable(await readVerified(directory));
  const metadata = new Map([
    ["timestamp", timestamp.bytes],
    ["snapshot", snapshot.bytes],
    ["targets", top.bytes],
  ]);
  // Targets of an earlier load stay, where they are signed still: an archive grows with what was asked for.
  const kept = [...(before?.targets ?? [])].filter(([path]) => top.targets.has(path));
  const next = { url: record.url, verifiedMs: record.refreshedMs, roots, metadata, targets: new Map([...kept, ...targets]) };
  if (before !== undefined && isSame(before, next)) return;
  await writeVerified(directory, encodeArchive(next), (bytes) => isNewer(readable(bytes), next));
}

function readable(bytes: Uint8Array | undefined): TrustArchive | undefined {
  if (bytes === undefined) return undefined;
  try {
    return parseArchive(bytes);
  } catch (cause) {
    if (!isSigillumError(cause)) throw cause;
    return undefined; // it is replaced
  }
}

function isSame(before: TrustArchive, next: TrustArchive): boolean {
  const same = (a: ReadonlyMap<string, Uint8Array>, b: ReadonlyMap<string, Uint8Array>): boolean =>
    a.size === b.size && [...a].every(([name, bytes]) => equalBytes(bytes, b.get(name) ?? new Uint8Array()));
  const { roots } = before;
  return roots.length === next.roots.length && same(before.metadata, next.metadata) && same(before.targets, next.targets);
}

/** Whether another process has stored something newer: more roots, or a later timestamp under the same ones. */
function isNewer(stored: TrustArchive | undefined, next: TrustArchive): boolean {
  const version = (archive: TrustArchive): number =>
    parseTimestamp(archive.metadata.get("timestamp") ?? new Uint8Array()).version;
  try {
    if (stored === undefined) return false;
    if (stored.roots.length !== next.roots.length) return stored.roots.length > next.roots.length;
    return version(stored) > version(next);
  } catch (cause) {
    if (!isSigillumError(cause)) throw cause;
    return false;
  }
}
