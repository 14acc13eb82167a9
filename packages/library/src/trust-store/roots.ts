// Named roots of trust: pinned once, refreshed by the TUF workflow, usable offline.

import { sha256 } from "../crypto/index.ts";
import { encodeHex, quote } from "../encoding/index.ts";
import { request } from "../http/index.ts";
import { parseSigningConfig, parseTrustedRoot, type SigningConfig, type TrustedRoot } from "../trusted-root/index.ts";
import { type FetchFile, fetchTarget, loadTrusted, metadataLimits, refresh, TrustedMetadata, verifyFile } from "../tuf/index.ts";
import { trustStoreError } from "./errors.ts";
import {
  directoryStore,
  listNames,
  type RootRecord,
  readRecord,
  readTarget,
  rootDirectory,
  writeRecord,
  writeTarget,
} from "./store-directory.ts";

/** Where a root is to be found and under which name it is kept. */
export interface AddRootOptions {
  /** Base URL of the TUF repository. */
  readonly url: string;
  /** Hex SHA-256 that the first root must have; without it the root is trusted on first use. */
  readonly rootSha256?: string;
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
}

/** Which target of a repository holds the services to sign with. */
export type SigningConfigTarget = "signing_config.v0.2.json" | "signing_config_rekor_v2.v0.2.json";

const trustedRootTarget = "trusted_root.json";
const requestTimeoutMs = 30_000;

/**
 * Pin the first root of a repository under a name and refresh it once. Adding the same repository again is no error and
 * keeps what is trusted; another repository under a taken name is TRUST_NAME_TAKEN.
 */
export async function addRoot(options: AddRootOptions): Promise<LoadedRoot> {
  const url = options.url.replace(/\/+$/, "");
  const name = options.name ?? new URL(url).host.replaceAll(":", "-");
  const directory = rootDirectory(options.store, name);
  const fetch = httpFetcher(url);
  const pinned = (await fetch("1.root.json", metadataLimits.root)) ?? (await fetch("root.json", metadataLimits.root));
  if (pinned === undefined) {
    throw trustStoreError("TRUST_ROOT_MISSING", `Cannot add root: ${url} serves no 1.root.json`, {
      expected: "the base URL of a TUF repository",
    });
  }
  const rootSha256 = encodeHex(sha256(pinned));
  if (options.rootSha256 !== undefined && options.rootSha256.toLowerCase() !== rootSha256) {
    throw trustStoreError(
      "TRUST_ROOT_CHECKSUM",
      `Cannot add root: ${url} has a first root with SHA-256 ${rootSha256}, ${options.rootSha256} expected`,
      {
        found: rootSha256,
        expected: options.rootSha256,
      },
    );
  }
  const known = await readRecord(directory, name);
  if (known !== undefined && known.rootSha256 !== rootSha256) {
    throw trustStoreError("TRUST_NAME_TAKEN", `Cannot add root: ${quote(name)} is the root ${known.rootSha256} of ${known.url}`, {
      found: known.rootSha256,
      expected: rootSha256,
    });
  }
  if (known === undefined) {
    new TrustedMetadata(pinned, options.nowMs); // verifies itself, or throws before anything is stored
    await directoryStore(directory).write("root", pinned);
  }
  await writeRecord(directory, {
    name,
    url,
    rootSha256,
    addedMs: known?.addedMs ?? options.nowMs,
    refreshedMs: known?.refreshedMs ?? 0,
  });
  return loadRoot({ name, store: options.store, nowMs: options.nowMs });
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
  const directory = rootDirectory(options.store, record.name);
  const store = directoryStore(directory);
  const offline = options.offline === true;
  if (offline && record.refreshedMs === 0) {
    throw trustStoreError("TRUST_OFFLINE_MISSING", `Cannot use root ${quote(record.name)} offline: it was never refreshed`, {
      expected: "one refresh online first",
    });
  }
  const fetch = offline ? noFetch(record.name) : httpFetcher(record.url);
  // Offline, the metadata is judged at the moment at which it was last verified: it cannot have been renewed since.
  const trusted = offline ? await loadTrusted(store, record.refreshedMs) : await refresh(fetch, store, options.nowMs);
  const load = (path: string): Promise<Uint8Array> => loadTarget(trusted, path, directory, fetch);
  const trustedRoot = parseTrustedRoot(await load(trustedRootTarget));
  const configPath = options.signingConfigTarget ?? "signing_config.v0.2.json";
  const signingConfig =
    trusted.targets?.targets.has(configPath) === true ? parseSigningConfig(await load(configPath)) : undefined;
  const refreshedMs = offline ? record.refreshedMs : options.nowMs;
  if (!offline) await writeRecord(directory, { ...record, refreshedMs });
  return {
    record: { ...record, refreshedMs },
    rootVersion: trusted.root.version,
    trustedRoot,
    signingConfig,
    refreshed: !offline,
  };
}

/** The named roots of a store, in order of their names. */
export async function listRoots(store: string): Promise<readonly RootRecord[]> {
  const records = await Promise.all((await listNames(store)).map((name) => readRecord(rootDirectory(store, name), name)));
  return records.filter((record) => record !== undefined);
}

async function findRecord(options: LoadRootOptions): Promise<RootRecord> {
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

async function loadTarget(trusted: TrustedMetadata, path: string, directory: string, fetch: FetchFile): Promise<Uint8Array> {
  const local = await readTarget(directory, path);
  const target = trusted.target(path);
  if (local !== undefined && encodeHex(sha256(local)) === encodeHex(target.hashes.get("sha256") ?? new Uint8Array())) {
    verifyFile(`target ${path}`, target, local);
    return local;
  }
  const bytes = await fetchTarget(trusted, path, fetch);
  await writeTarget(directory, path, bytes);
  return bytes;
}

function httpFetcher(url: string): FetchFile {
  return async (path, maxBytes) => {
    const address = `${url}/${path.split("/").map(encodeURIComponent).join("/")}`;
    const reply = await request({ method: "GET", url: address, maxBytes, timeoutMs: requestTimeoutMs });
    if (reply.status === 200) return reply.body;
    // Buckets answer 403 where a file does not exist (tuf-on-ci, S3). Any other status says nothing about the file.
    if (reply.status === 404 || reply.status === 403) return undefined;
    throw trustStoreError("TRUST_SERVER", `Cannot fetch ${address}: status ${reply.status}, 200 or 404 expected`, {
      found: String(reply.status),
      expected: "200 or 404",
    });
  };
}

function noFetch(name: string): FetchFile {
  return async (path) => {
    throw trustStoreError("TRUST_OFFLINE_MISSING", `Cannot use root ${quote(name)} offline: ${path} was never fetched`, {
      expected: path,
    });
  };
}
