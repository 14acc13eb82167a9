// What was verified last, in one file: what offline use reads, and what carries a root of trust over an air gap. Everything in it is
// verified again by the whole TUF workflow, from its first root, whenever it is read.
import { sha256 } from "../crypto/index.ts";
import { encodeBase64, encodeHex, encodeUtf8, formatRfc3339, isSigillumError, JsonObject, parseJson } from "../encoding/index.ts";
import {
  type FetchFile,
  type FoundTarget,
  findTarget,
  type MetadataStore,
  parseRoot,
  refresh,
  type TrustedMetadata,
  verifyFile,
} from "../tuf/index.ts";
import { trustStoreError } from "./errors.ts";

const mediaType = "application/vnd.sigillum.trust-archive.v1+json";

/** Most bytes of an archive. */
export const maxArchiveBytes: number = 64 * 1024 * 1024;

/** A verified repository: its chain of roots, the other metadata, and target files. */
export interface TrustArchive {
  readonly url: string;
  /** When this content was verified against the repository; the metadata is judged at that moment. */
  readonly verifiedMs: number;
  /** From the pinned root on, each version. */
  readonly roots: readonly Uint8Array[];
  /** By role, root left out. */
  readonly metadata: ReadonlyMap<string, Uint8Array>;
  /** By path. */
  readonly targets: ReadonlyMap<string, Uint8Array>;
}

/** The archive as a file. */
export function encodeArchive(archive: TrustArchive): Uint8Array {
  const encoded = (files: ReadonlyMap<string, Uint8Array>) =>
    Object.fromEntries([...files].map(([name, bytes]) => [name, encodeBase64(bytes)] as const));
  const value = {
    mediaType,
    url: archive.url,
    verified: formatRfc3339(archive.verifiedMs),
    roots: archive.roots.map(encodeBase64),
    metadata: encoded(archive.metadata),
    targets: encoded(archive.targets),
  };
  return encodeUtf8(`${JSON.stringify(value, null, 1)}\n`);
}

/** Read an archive; throws TRUST_ARCHIVE_MALFORMED. Nothing of it is verified: `openArchive` does that. */
export function parseArchive(bytes: Uint8Array): TrustArchive {
  try {
    const value = JsonObject.exact(parseJson(bytes, { maxBytes: maxArchiveBytes, maxDepth: 8 }), "archive");
    if (value.string("mediaType") !== mediaType) throw malformed(`its media type is ${value.string("mediaType")}`, mediaType);
    const files = (name: string) => {
      const listed = value.object(name);
      return new Map(listed.names().map((path) => [path, listed.base64(path)] as const));
    };
    return {
      url: value.string("url"),
      verifiedMs: value.timestampMs("verified"),
      roots: value.array("roots").map((root) => root.base64()),
      metadata: files("metadata"),
      targets: files("targets"),
    };
  } catch (cause) {
    if (!isSigillumError(cause) || cause.code === "TRUST_ARCHIVE_MALFORMED") throw cause;
    throw malformed(cause.message, mediaType);
  }
}

/** An archive whose metadata has been verified. */
export interface OpenArchive {
  readonly archive: TrustArchive;
  readonly trusted: TrustedMetadata;
  /** A target of it, verified; throws TRUST_OFFLINE_MISSING for one that is signed and not in it. */
  target(path: string): Promise<Uint8Array>;
}

/**
 * Verify an archive by the whole client workflow, at the moment at which it says it was verified, from a first root of this hash
 * (TRUST_ROOT_CHECKSUM). An archive cannot lie its way to a later moment than its timestamp is valid at.
 */
export async function openArchive(archive: TrustArchive, rootSha256: string | undefined): Promise<OpenArchive> {
  const [first] = archive.roots;
  if (first === undefined) throw malformed("it has no root", "at least one root");
  const found = encodeHex(sha256(first));
  if (rootSha256 !== undefined && found !== rootSha256.toLowerCase()) {
    throw trustStoreError(
      "TRUST_ROOT_CHECKSUM",
      `Cannot use archive: its first root has SHA-256 ${found}, ${rootSha256} expected`,
      {
        found,
        expected: rootSha256,
      },
    );
  }
  const roots = new Map<string, Uint8Array>(archive.roots.map((root) => [`${parseRoot(root).version}.root.json`, root] as const));
  const fetch: FetchFile = async (path) => (path === "timestamp.json" ? archive.metadata.get("timestamp") : roots.get(path));
  const store: MetadataStore = {
    read: async (role) => (role === "root" ? first : archive.metadata.get(role)),
    write: async () => undefined,
    remove: async () => undefined,
  };
  const trusted = await refresh(fetch, store, archive.verifiedMs);
  const target = async (path: string): Promise<Uint8Array> => {
    const signed: FoundTarget = await findTarget(trusted, path, fetch, store);
    const bytes = archive.targets.get(path);
    if (bytes === undefined) throw missing(path);
    verifyFile(`target ${path}`, signed.meta, bytes);
    return bytes;
  };
  return { archive, trusted, target };
}

function missing(path: string): Error {
  return trustStoreError("TRUST_OFFLINE_MISSING", `Cannot read ${path} offline: it was never fetched`, { expected: path });
}

function malformed(found: string, expected: string): Error {
  return trustStoreError("TRUST_ARCHIVE_MALFORMED", `Cannot read archive: ${found}`, { found, expected });
}
