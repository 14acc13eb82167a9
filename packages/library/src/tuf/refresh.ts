// One refresh (TUF 1.0.34 §5.1 to §5.6) over a fetcher and a store that are passed in.
import { encodeUtf8, isSigillumError } from "../encoding/index.ts";
import { tufError } from "./errors.ts";
import { type MetadataMeta, metadataLimits } from "./metadata.ts";
import { endsVersionMemory, TrustedMetadata } from "./trusted-metadata.ts";

/**
 * Gets one file of a repository: its bytes, or undefined if the server says there is none (404, or 403 as buckets do). `path` is
 * relative to the repository's base and percent-encoded already. What is longer than `maxBytes` need not be read to its end.
 */
export type FetchFile = (path: string, maxBytes: number) => Promise<Uint8Array | undefined>;

/**
 * Where a client keeps what it trusts, by name of role; a delegated role has any name, so a store of files encodes it (`roleFileName`).
 * `write` must be atomic: a reader sees the old file or the new one.
 */
export interface MetadataStore {
  read(role: string): Promise<Uint8Array | undefined>;
  write(role: string, bytes: Uint8Array): Promise<void>;
  /** Forget a role's file; no error where there is none. */
  remove(role: string): Promise<void>;
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
  await followRoots(trusted, fetch, store);
  trusted.finishRoots();
  await remember(trusted, store);

  const timestamp = trusted.updateTimestamp(await demand(fetch, "timestamp.json", metadataLimits.timestamp));
  await store.write("timestamp", timestamp.bytes);
  const { snapshot } = timestamp;
  await updateRole({ trusted, fetch, store }, "snapshot", snapshot, (bytes) => trusted.updateSnapshot(bytes));
  const targets = trusted.snapshot?.meta.get("targets.json") ?? { version: 0 };
  await updateRole({ trusted, fetch, store }, "targets", targets, (bytes) => trusted.updateTargets(bytes));
  return trusted;
}

/** Load what the store holds without any request (offline). Expired metadata is refused as online. */
export async function loadTrusted(store: MetadataStore, nowMs: number): Promise<TrustedMetadata> {
  const offline: FetchFile = async (path) => (path === "timestamp.json" ? store.read("timestamp") : undefined);
  const unchanging = { read: (role: string) => store.read(role), write: async () => undefined, remove: async () => undefined };
  return refresh(offline, unchanging, nowMs);
}

/** A client in the middle of its workflow. */
export interface Workflow {
  readonly trusted: TrustedMetadata;
  readonly fetch: FetchFile;
  readonly store: MetadataStore;
}

/** Take a role's file from the store if it is the one that `meta` names and verifies, else fetch it, accept it and store it. */
export async function updateRole<T>(
  { trusted, fetch, store }: Workflow,
  role: string,
  meta: MetadataMeta,
  accept: (bytes: Uint8Array) => T,
): Promise<T> {
  const local = await store.read(role);
  if (local !== undefined) {
    try {
      return accept(local);
    } catch (cause) {
      // The local file is not the one that is wanted now: fetch that one, and let its own errors speak.
      if (!isSigillumError(cause)) throw cause;
    }
  }
  const prefix = trusted.root.consistentSnapshot ? `${meta.version}.` : "";
  const limit = meta.length ?? (role === "snapshot" ? metadataLimits.snapshot : metadataLimits.targets);
  const bytes = await demand(fetch, `${prefix}${roleFileName(role)}`, limit);
  const accepted = accept(bytes);
  await store.write(role, bytes);
  return accepted;
}

/** The name of a role's file without its version: percent-encoded whole, a slash too, so that no role names another folder. */
export function roleFileName(role: string): string {
  return `${encodePathSegment(role)}.json`;
}

/** One segment of a path, percent-encoded but for RFC 3986's unreserved characters. */
export function encodePathSegment(segment: string): string {
  const encode = (character: string): string => `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
  return encodeURIComponent(segment).replace(/[!'()*]/g, encode);
}

/** Fetch a file that must be there; throws TUF_FILE_MISSING, or TUF_ENDLESS_DATA for more than `maxBytes`. */
export async function demand(fetch: FetchFile, path: string, maxBytes: number): Promise<Uint8Array> {
  return bounded(path, maxBytes, await fetch(path, maxBytes)) ?? missing(path);
}

function missing(path: string): never {
  throw tufError("TUF_FILE_MISSING", `Cannot refresh: the repository has no ${path}`, { expected: path });
}

function bounded(path: string, maxBytes: number, bytes: Uint8Array | undefined): Uint8Array | undefined {
  if (bytes === undefined || bytes.length <= maxBytes) return bytes;
  throw tufError(
    "TUF_ENDLESS_DATA",
    `Cannot trust ${path}: the server sends ${bytes.length} bytes, at most ${maxBytes} expected`,
    {
      found: String(bytes.length),
      expected: `<= ${maxBytes}`,
    },
  );
}

async function followRoots(trusted: TrustedMetadata, fetch: FetchFile, store: MetadataStore): Promise<void> {
  for (let count = 0; ; count++) {
    const path = `${trusted.root.version + 1}.root.json`;
    const bytes = bounded(path, metadataLimits.root, await fetch(path, metadataLimits.root));
    if (bytes === undefined) return;
    if (count === maxRootRotations) {
      throw tufError("TUF_TOO_MANY_ROOTS", `Cannot refresh: more than ${maxRootRotations} new root files`, {
        expected: `<= ${maxRootRotations}`,
      });
    }
    const before = trusted.root;
    const after = trusted.updateRoot(bytes);
    if (endsVersionMemory(before, after)) {
      // Forgotten before the root is stored: a crash in between repeats this step, the other way round would leave it undone.
      await store.remove("timestamp");
      await store.remove("snapshot");
    }
    await store.write("root", after.bytes);
  }
}

/** Load the local timestamp and snapshot for rollback checks, against the newest root: one of its keys may be revoked. */
async function remember(trusted: TrustedMetadata, store: MetadataStore): Promise<void> {
  for (const role of ["timestamp", "snapshot"] as const) {
    const bytes = await store.read(role);
    if (bytes === undefined) continue;
    try {
      trusted.rememberLocal({ [role]: bytes });
    } catch (cause) {
      // A local file that the newest root no longer vouches for, or that is cut, protects nothing: the refresh replaces it.
      if (!isSigillumError(cause)) throw cause;
      await store.remove(role);
    }
  }
}

/** Store of one client in memory, for tests and for hosts without a writable disk. */
export function memoryStore(root: Uint8Array | string): MetadataStore {
  const files = new Map<string, Uint8Array>([["root", typeof root === "string" ? encodeUtf8(root) : root]]);
  return {
    read: async (role) => files.get(role),
    write: async (role, bytes) => void files.set(role, bytes),
    remove: async (role) => void files.delete(role),
  };
}
