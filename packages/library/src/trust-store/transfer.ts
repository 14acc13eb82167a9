// Carrying a root of trust to where no network is: the archive of what was verified, and its way back into a store.
import { sha256 } from "../crypto/index.ts";
import { encodeHex, formatRfc3339, quote } from "../encoding/index.ts";
import { parseRoot } from "../tuf/index.ts";
import { encodeArchive, openArchive, parseArchive, type TrustArchive } from "./archive.ts";
import { trustStoreError } from "./errors.ts";
import { changing, findRecord, type LoadedRoot, loadRoot, openVerified, refuseOther } from "./roots.ts";
import { directoryStore, type RootRecord, readRecord, rootDirectory, writeRecord, writeVerified } from "./store-directory.ts";

/** How old an archive may be when it is imported. */
export const defaultMaxAgeMs: number = 30 * 86_400_000;

/**
 * The archive of a named root as it was last verified, with every target that was fetched. It needs no signature of its own: all that is
 * in it is signed by the repository, and whoever imports it verifies that from the first root on.
 */
export async function exportRoot(options: { readonly name?: string; readonly store: string }): Promise<Uint8Array> {
  const record = await findRecord(options);
  return encodeArchive((await openVerified(record, options.store)).archive);
}

/** What to import, and under which name. */
export interface ImportRootOptions {
  readonly archive: Uint8Array;
  /** Hex SHA-256 that its first root must have; without it the root is trusted on first use. */
  readonly rootSha256?: string;
  readonly name?: string;
  readonly store: string;
  readonly nowMs: number;
  /** How long ago it may have been verified: an older archive is a replay (TRUST_ARCHIVE_OLD). */
  readonly maxAgeMs?: number;
}

/** Verify an archive by the whole TUF workflow and keep it for offline use; never over something newer of the same repository. */
export async function importRoot(options: ImportRootOptions): Promise<LoadedRoot> {
  const { archive, target } = await openArchive(parseArchive(options.archive), options.rootSha256);
  refuseAge(archive, options);
  for (const path of archive.targets.keys()) await target(path);
  const rootSha256 = encodeHex(sha256(archive.roots[0] ?? new Uint8Array()));
  const name = options.name ?? new URL(archive.url).host.replaceAll(":", "-");
  const directory = rootDirectory(options.store, name);
  const known = await readRecord(directory, name);
  refuseOther(known, rootSha256);
  if (known !== undefined && known.refreshedMs > archive.verifiedMs) await refuseRollback(known, options.store, archive);
  await changing(options.store, async () => {
    const store = directoryStore(directory);
    for (const root of archive.roots) await store.write("root", root);
    for (const role of ["timestamp", "snapshot", "targets"]) {
      const bytes = archive.metadata.get(role);
      if (bytes !== undefined) await store.write(role, bytes);
    }
    await writeVerified(directory, encodeArchive(archive), () => false);
    const { addedMs = options.nowMs } = known ?? {};
    await writeRecord(directory, { name, url: archive.url, rootSha256, addedMs, refreshedMs: archive.verifiedMs });
  });
  return loadRoot({ name, store: options.store, nowMs: options.nowMs, offline: true });
}

function refuseAge(archive: TrustArchive, { nowMs, maxAgeMs = defaultMaxAgeMs }: ImportRootOptions): void {
  const ageMs = nowMs - archive.verifiedMs;
  if (ageMs >= -60_000 && ageMs <= maxAgeMs) return;
  throw trustStoreError(
    "TRUST_ARCHIVE_OLD",
    `Cannot import archive: it was verified at ${formatRfc3339(archive.verifiedMs)}, and now is ${formatRfc3339(nowMs)}`,
    { found: formatRfc3339(archive.verifiedMs), expected: `at most ${Math.round(maxAgeMs / 86_400_000)} days ago` },
  );
}

/** An archive older than what is stored may only be imported where it changes nothing. */
async function refuseRollback(known: RootRecord, store: string, archive: TrustArchive): Promise<void> {
  const { trusted } = await openVerified(known, store);
  const { timestamp } = (await openArchive(archive, known.rootSha256)).trusted;
  const newest = parseRoot(archive.roots.at(-1) ?? new Uint8Array()).version;
  if (newest >= trusted.root.version && (timestamp?.version ?? 0) >= (trusted.timestamp?.version ?? 0)) return;
  throw trustStoreError("TRUST_ARCHIVE_OLD", `Cannot import archive: ${quote(known.name)} was refreshed after it`, {
    found: formatRfc3339(archive.verifiedMs),
    expected: `later than ${formatRfc3339(known.refreshedMs)}`,
  });
}
