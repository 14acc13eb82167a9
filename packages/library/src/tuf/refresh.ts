// One refresh (TUF 1.0.34 §5.1 to §5.7) over a fetcher and a store that are passed in.
import { encodeUtf8, isSigillumError } from "../encoding/index.ts";
import { tufError } from "./errors.ts";
import { consistentHash, metadataLimits, type RoleName } from "./metadata.ts";
import { TrustedMetadata, verifyFile } from "./trusted-metadata.ts";

/** Gets one file of a repository: its bytes, or undefined if the server says there is none (404, or 403 as buckets do). */
export type FetchFile = (path: string, maxBytes: number) => Promise<Uint8Array | undefined>;

/** Where a client keeps what it trusts. `write` must be atomic: a reader sees the old file or the new one. */
export interface MetadataStore {
  read(role: RoleName): Promise<Uint8Array | undefined>;
  write(role: RoleName, bytes: Uint8Array): Promise<void>;
}

/** Most new root files that one refresh follows (§5.3.3). */
export const maxRootRotations = 256;

/**
 * Bring a client up to date and return what it trusts. Each file is written to the store as soon as it is trusted, so a
 * failure leaves the last good state. Unchanged metadata costs two requests. Throws the codes of this room, or what `fetch` throws.
 */
export async function refresh(fetch: FetchFile, store: MetadataStore, nowMs: number): Promise<TrustedMetadata> {
  const pinned = await store.read("root");
  if (pinned === undefined) throw new TypeError("A TUF refresh needs a pinned root in its store");
  const trusted = new TrustedMetadata(pinned, nowMs);
  await remember(trusted, store);
  await followRoots(trusted, fetch, store);
  trusted.finishRoots();

  const timestamp = trusted.updateTimestamp(await demand(fetch, "timestamp.json", metadataLimits.timestamp));
  await store.write("timestamp", timestamp.bytes);
  await update(trusted, "snapshot", fetch, store);
  await update(trusted, "targets", fetch, store);
  return trusted;
}

/** Load what the store holds without any request (offline). Expired metadata is refused as online. */
export async function loadTrusted(store: MetadataStore, nowMs: number): Promise<TrustedMetadata> {
  const none: FetchFile = async () => undefined;
  const offline: FetchFile = async (path, maxBytes) =>
    path === "timestamp.json" ? await store.read("timestamp") : none(path, maxBytes);
  return refresh(offline, { read: (role) => store.read(role), write: async () => undefined }, nowMs);
}

/** Fetch a target that the trusted metadata names and verify its length and hashes. */
export async function fetchTarget(trusted: TrustedMetadata, path: string, fetch: FetchFile): Promise<Uint8Array> {
  const target = trusted.target(path);
  const bytes = await demand(fetch, `targets/${targetFileName(trusted, path)}`, target.length);
  verifyFile(`target ${path}`, target, bytes);
  return bytes;
}

/** The file name of a target below `targets/`: under consistent snapshots the hash stands before the base name. */
export function targetFileName(trusted: TrustedMetadata, path: string): string {
  if (!trusted.root.consistentSnapshot) return path;
  const slash = path.lastIndexOf("/");
  return `${path.slice(0, slash + 1)}${consistentHash(trusted.target(path))}.${path.slice(slash + 1)}`;
}

async function remember(trusted: TrustedMetadata, store: MetadataStore): Promise<void> {
  for (const role of ["timestamp", "snapshot"] as const) {
    const bytes = await store.read(role);
    if (bytes === undefined) continue;
    try {
      trusted.rememberLocal({ [role]: bytes });
    } catch (cause) {
      // A local file that a newer root no longer vouches for, or that is cut, protects nothing: the refresh replaces it.
      if (!isSigillumError(cause)) throw cause;
    }
  }
}

async function followRoots(trusted: TrustedMetadata, fetch: FetchFile, store: MetadataStore): Promise<void> {
  for (let count = 0; ; count++) {
    const bytes = await fetch(`${trusted.root.version + 1}.root.json`, metadataLimits.root);
    if (bytes === undefined) return;
    if (count === maxRootRotations) {
      throw tufError("TUF_TOO_MANY_ROOTS", `Cannot refresh: more than ${maxRootRotations} new root files`, {
        expected: `<= ${maxRootRotations}`,
      });
    }
    await store.write("root", trusted.updateRoot(bytes).bytes);
  }
}

async function update(
  trusted: TrustedMetadata,
  role: "snapshot" | "targets",
  fetch: FetchFile,
  store: MetadataStore,
): Promise<void> {
  const accept = (bytes: Uint8Array): void =>
    void (role === "snapshot" ? trusted.updateSnapshot(bytes) : trusted.updateTargets(bytes));
  const local = await store.read(role);
  if (local !== undefined) {
    try {
      accept(local);
      return;
    } catch (cause) {
      // The local file is not the one that is wanted now: fetch that one, and let its own errors speak.
      if (!isSigillumError(cause)) throw cause;
    }
  }
  const meta = role === "snapshot" ? trusted.timestamp?.snapshot : trusted.snapshot?.meta.get("targets.json");
  const prefix = trusted.root.consistentSnapshot ? `${meta?.version}.` : "";
  const bytes = await demand(fetch, `${prefix}${role}.json`, meta?.length ?? metadataLimits[role]);
  accept(bytes);
  await store.write(role, bytes);
}

async function demand(fetch: FetchFile, path: string, maxBytes: number): Promise<Uint8Array> {
  const bytes = await fetch(path, maxBytes);
  if (bytes === undefined)
    throw tufError("TUF_FILE_MISSING", `Cannot refresh: the repository has no ${path}`, { expected: path });
  return bytes;
}

/** Store of one client in memory, for tests and for hosts without a writable disk. */
export function memoryStore(root: Uint8Array | string): MetadataStore {
  const files = new Map<RoleName, Uint8Array>([["root", typeof root === "string" ? encodeUtf8(root) : root]]);
  return {
    read: async (role) => files.get(role),
    write: async (role, bytes) => void files.set(role, bytes),
  };
}
