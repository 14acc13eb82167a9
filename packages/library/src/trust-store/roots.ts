// Named roots of trust: pinned once, refreshed by the TUF workflow, usable offline.

import { sha256 } from "../crypto/index.ts";
import { encodeHex, quote } from "../encoding/index.ts";
import { parseSigningConfig, parseTrustedRoot, type SigningConfig, type TrustedRoot } from "../trusted-root/index.ts";
import { fetchFound, findTarget, metadataLimits, refresh, TrustedMetadata, verifyFile } from "../tuf/index.ts";
import { type OpenArchive, openArchive, parseArchive } from "./archive.ts";
import { trustStoreError } from "./errors.ts";
import { httpFetcher } from "./fetcher.ts";
import { fallingBack, type RootCache } from "./root-cache.ts";
import {
  directoryStore,
  isReadOnly,
  listNames,
  type RootRecord,
  readRecord,
  readVerified,
  removeDirectory,
  rootDirectory,
  writeRecord,
} from "./store-directory.ts";

/** Where a root is to be found and under which name it is kept. */
export interface AddRootOptions {
  /** Base URL of the TUF repository. */
  readonly url: string;
  /** Hex SHA-256 that the first root must have; without it the root is trusted on first use. */
  readonly rootSha256?: string;
  /** The version of the root to pin, where it is not the first. */
  readonly rootVersion?: number;
  /** The first root itself, where it came another way; else it is fetched. */
  readonly root?: Uint8Array;
  /** Name to keep it under; the URL's host and port where none is given. */
  readonly name?: string;
  /** The folder of all roots (`trustStoreDirectory()`). */
  readonly store: string;
  readonly nowMs: number;
}

/** Everything that a command needs of a root of trust. */
export interface LoadedRoot {
  readonly record: RootRecord;
  readonly rootVersion: number;
  readonly trustedRoot: TrustedRoot;
  /** Absent where the repository publishes none: then nothing can be signed with this root. */
  readonly signingConfig: SigningConfig | undefined;
  /** Whether the repository was asked just now; if not, `record.refreshedMs` says how old this is. */
  readonly refreshed: boolean;
  /** Told on a read-only or full home alone, where each process learns everything anew. */
  readonly stored?: false;
}

/** Which target of a repository holds the services to sign with. */
export type SigningConfigTarget = "signing_config.v0.2.json" | "signing_config_rekor_v2.v0.2.json";

const trustedRootTarget = "trusted_root.json";

/**
 * Pin the first root of a repository under a name and refresh it once. Adding the same repository again is no error and
 * keeps what is trusted; another repository under a taken name is TRUST_NAME_TAKEN.
 */
export async function addRoot(options: AddRootOptions): Promise<LoadedRoot> {
  const url = options.url.replace(/\/+$/, "");
  const name = options.name ?? new URL(url).host.replaceAll(":", "-");
  const directory = rootDirectory(options.store, name);
  const pinned = options.root ?? (await fetchFirstRoot(url, options.rootVersion));
  const rootSha256 = encodeHex(sha256(pinned));
  if (options.rootSha256 !== undefined && options.rootSha256.toLowerCase() !== rootSha256) {
    throw trustStoreError(
      "TRUST_ROOT_CHECKSUM",
      `Cannot add root: ${url} has a first root with SHA-256 ${rootSha256}, ${options.rootSha256} expected`,
      { found: rootSha256, expected: options.rootSha256 },
    );
  }
  const known = await readRecord(directory, name);
  refuseOther(known, rootSha256);
  await changing(options.store, async () => {
    if (known === undefined) {
      new TrustedMetadata(pinned, options.nowMs); // verifies itself, or throws before anything is stored
      await directoryStore(directory).write("root", pinned);
    }
    const { addedMs = options.nowMs, refreshedMs = 0 } = known ?? {};
    await writeRecord(directory, { name, url, rootSha256, addedMs, refreshedMs });
  });
  return loadRoot({ name, store: options.store, nowMs: options.nowMs });
}

async function fetchFirstRoot(url: string, version: number | undefined): Promise<Uint8Array> {
  const fetch = httpFetcher(url);
  const name = `${version ?? 1}.root.json`;
  const newest = async () => (version === undefined ? fetch("root.json", metadataLimits.root) : undefined);
  const root = (await fetch(name, metadataLimits.root)) ?? (await newest());
  if (root !== undefined) return root;
  throw trustStoreError("TRUST_ROOT_MISSING", `Cannot add root: ${url} serves no ${name}`, {
    expected: "the base URL of a TUF repository",
  });
}

/** Throws TRUST_NAME_TAKEN where the name stands for a repository with another first root. */
export function refuseOther(known: RootRecord | undefined, rootSha256: string): void {
  if (known === undefined || known.rootSha256 === rootSha256) return;
  const { name, url } = known;
  throw trustStoreError("TRUST_NAME_TAKEN", `Cannot add root: ${quote(name)} is the root ${known.rootSha256} of ${url}`, {
    found: known.rootSha256,
    expected: rootSha256,
  });
}

/** Run a change of the store; a folder that cannot be written to is TRUST_STORE_READ_ONLY. */
export async function changing<T>(store: string, change: () => Promise<T>): Promise<T> {
  try {
    return await change();
  } catch (cause) {
    if (!isReadOnly(cause)) throw cause;
    throw trustStoreError("TRUST_STORE_READ_ONLY", `Cannot change the roots in ${store}: it cannot be written to`, {
      cause,
      found: store,
      expected: "a folder of one's own",
    });
  }
}

/** Which root to load. */
export interface LoadRootOptions {
  /** Its name; may be left out where the store holds exactly one root. */
  readonly name?: string;
  readonly store: string;
  readonly nowMs: number;
  /** Open no socket: use what was last verified, however old it is. */
  readonly offline?: boolean;
  readonly signingConfigTarget?: SigningConfigTarget;
}

/** Load a named root: refreshed from its repository, or as last verified when `offline`. */
export async function loadRoot(options: LoadRootOptions): Promise<LoadedRoot> {
  const record = await findRecord(options);
  return options.offline === true ? loadOffline(record, options) : loadOnline(record, options);
}

async function loadOnline(record: RootRecord, options: LoadRootOptions): Promise<LoadedRoot> {
  const directory = rootDirectory(options.store, record.name);
  const cache = fallingBack(directory);
  const fetch = httpFetcher(record.url);
  const trusted = await refresh(fetch, cache.metadata, options.nowMs);
  const targets = new Map<string, Uint8Array>();
  const load = async (path: string): Promise<Uint8Array> => {
    const bytes = await loadTarget(trusted, path, cache, fetch);
    targets.set(path, bytes);
    return bytes;
  };
  const { trustedRoot, signingConfig } = await loadTargets(trusted, options, load);
  const refreshedMs = options.nowMs;
  await cache.finish({ ...record, refreshedMs }, trusted, targets);
  return {
    record: { ...record, refreshedMs },
    rootVersion: trusted.root.version,
    trustedRoot,
    signingConfig,
    refreshed: true,
    ...(cache.stored() ? {} : { stored: false }),
  };
}

async function loadOffline(record: RootRecord, options: LoadRootOptions): Promise<LoadedRoot> {
  const { trusted, target } = await openVerified(record, options.store);
  const loaded = await loadTargets(trusted, options, target);
  return { record, rootVersion: trusted.root.version, ...loaded, refreshed: false };
}

/** Open what was verified last of a named root; throws TRUST_OFFLINE_MISSING where it was never refreshed. */
export async function openVerified(record: RootRecord, store: string): Promise<OpenArchive> {
  const bytes = await readVerified(rootDirectory(store, record.name));
  if (bytes === undefined) {
    throw trustStoreError("TRUST_OFFLINE_MISSING", `Cannot use root ${quote(record.name)} offline: it was never refreshed`, {
      expected: "one refresh online first",
    });
  }
  return openArchive(parseArchive(bytes), record.rootSha256);
}

async function loadTargets(
  trusted: TrustedMetadata,
  options: LoadRootOptions,
  load: (path: string) => Promise<Uint8Array>,
): Promise<Pick<LoadedRoot, "trustedRoot" | "signingConfig">> {
  const trustedRoot = parseTrustedRoot(await load(trustedRootTarget));
  const path = options.signingConfigTarget ?? "signing_config.v0.2.json";
  const signingConfig = trusted.targets?.targets.has(path) === true ? parseSigningConfig(await load(path)) : undefined;
  return { trustedRoot, signingConfig };
}

async function loadTarget(
  trusted: TrustedMetadata,
  path: string,
  cache: RootCache,
  fetch: ReturnType<typeof httpFetcher>,
): Promise<Uint8Array> {
  const target = await findTarget(trusted, path, fetch, cache.metadata);
  const hash = encodeHex(target.meta.hashes.get("sha256") ?? new Uint8Array());
  const local = await cache.readTarget(path, hash);
  if (local !== undefined && encodeHex(sha256(local)) === hash) {
    verifyFile(`target ${path}`, target.meta, local);
    return local;
  }
  const bytes = await fetchFound(trusted, target, fetch);
  await cache.writeTarget(path, hash, bytes);
  return bytes;
}

/** The named roots of a store, in order of their names. */
export async function listRoots(store: string): Promise<readonly RootRecord[]> {
  const records = await Promise.all((await listNames(store)).map((name) => readRecord(rootDirectory(store, name), name)));
  return records.filter((record) => record !== undefined);
}

/** Forget a named root and everything that was stored of it; throws TRUST_NOT_FOUND. Roots of other names stay as they are. */
export async function removeRoot(options: { readonly name: string; readonly store: string }): Promise<RootRecord> {
  const record = await findRecord(options);
  await changing(options.store, () => removeDirectory(rootDirectory(options.store, record.name)));
  return record;
}

/** The record of the root that is meant; throws TRUST_NOT_FOUND. */
export async function findRecord(options: { readonly name?: string; readonly store: string }): Promise<RootRecord> {
  if (options.name !== undefined) {
    const record = await readRecord(rootDirectory(options.store, options.name), options.name);
    if (record !== undefined) return record;
  }
  const roots = await listRoots(options.store);
  const [only] = roots;
  if (options.name === undefined && only !== undefined && roots.length === 1) return only;
  const names = roots.map((root) => quote(root.name)).join(", ");
  const problem =
    options.name === undefined
      ? `${roots.length} roots are stored and none was named`
      : `no root is named ${quote(options.name)}`;
  throw trustStoreError("TRUST_NOT_FOUND", `Cannot choose a root of trust: ${problem}`, {
    found: names === "" ? "no stored root" : names,
    expected: options.name ?? "one stored root, or a name",
  });
}
