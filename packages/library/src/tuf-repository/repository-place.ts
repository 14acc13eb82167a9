// Where a repository is published: read from what a client is led to, written in the order of a plan. Files, buckets and servers are the
// caller's; this is what holds of all of them.
import { equalBytes } from "../encoding/index.ts";
import { parseRoot, parseSnapshot, parseTimestamp, roleFileName } from "../tuf/index.ts";
import { tufRepositoryError } from "./errors.ts";
import type { PublishedFile } from "./publication.ts";
import { type PublishedState, parsePublishedState } from "./published-state.ts";

/** A directory, a bucket or a server with a repository. Paths are those of a plan: relative, percent-encoded, `/` between segments. */
export interface RepositoryPlace {
  /** How people call it. */
  readonly name: string;
  /** The bytes of a file, or undefined where there is none; anything else throws. */
  read(path: string): Promise<Uint8Array | undefined>;
  /** Write a file, durably and whole, before it resolves. */
  write(file: PublishedFile): Promise<void>;
  /** Waits until nobody else publishes here, and keeps others from it; absent where nobody else can. */
  lock?(): Promise<PlaceLock>;
}

/** The right to publish, until it is given up. */
export interface PlaceLock {
  release(): Promise<void>;
}

/**
 * Does `work` (reading what is published, planning and writing) while nobody else publishes to the place: two that plan from one state would
 * publish two files of one version.
 */
export async function whilePublishing<T>(place: RepositoryPlace, work: () => Promise<T>): Promise<T> {
  const lock = await place.lock?.();
  try {
    return await work();
  } finally {
    // A lock that cannot be given up ends by itself; what was published is published.
    await lock?.release().catch(() => undefined);
  }
}

/**
 * The newest published state, or undefined where nothing was published: timestamp, the snapshot it names, the targets which that names, and
 * the newest root of the chain. Parsed, not verified. Throws TUF_PUBLISHED_CORRUPT where a file that metadata names is missing.
 */
export async function readPublished(place: Pick<RepositoryPlace, "name" | "read">): Promise<PublishedState | undefined> {
  const timestamp = await place.read("timestamp.json");
  if (timestamp === undefined) return undefined;
  const snapshot = await demand(place, `${parseTimestamp(timestamp).snapshot.version}.snapshot.json`);
  const { meta } = parseSnapshot(snapshot);
  const targets = await demand(place, `${meta.get("targets.json")?.version ?? 0}.targets.json`);
  const delegated = new Map<string, Uint8Array>();
  for (const [name, { version }] of meta) {
    const role = name.slice(0, -".json".length);
    if (role === "targets" || !name.endsWith(".json")) continue;
    // A line without a file is a role that was removed: its line stays for clients that saw it (TUF 1.0.34 §5.5.5).
    const bytes = await place.read(`${version}.${roleFileName(role)}`);
    if (bytes !== undefined) delegated.set(role, bytes);
  }
  return parsePublishedState({ timestamp, snapshot, targets, root: await newestRoot(place) }, delegated);
}

/**
 * Write a plan's files in its order, each before the next. A crash between two leaves files that no metadata names yet, and a client sees
 * the old state; the next run overwrites nothing but them. Throws TUF_PUBLISHED_CONFLICT for a target that is there with other bytes.
 */
export async function writePublication(place: RepositoryPlace, files: readonly PublishedFile[]): Promise<void> {
  for (const file of files) {
    const present = file.overwrite ? undefined : await place.read(file.path);
    if (present !== undefined && equalBytes(present, file.bytes)) continue;
    if (present !== undefined && file.path.startsWith("targets/")) {
      throw tufRepositoryError(
        "TUF_PUBLISHED_CONFLICT",
        `Cannot publish to ${place.name}: ${file.path} is there with other bytes`,
        {
          found: file.path,
        },
      );
    }
    // A versioned file that is there with other bytes was left by a publication that never reached its timestamp.
    await place.write(file);
  }
}

async function newestRoot(place: Pick<RepositoryPlace, "name" | "read">): Promise<Uint8Array> {
  let root = await demand(place, "root.json");
  // root.json is written after N.root.json; after a crash between the two the numbered one is newer.
  for (;;) {
    const next = await place.read(`${parseRoot(root).version + 1}.root.json`);
    if (next === undefined) return root;
    root = next;
  }
}

async function demand(place: Pick<RepositoryPlace, "name" | "read">, name: string): Promise<Uint8Array> {
  const bytes = await place.read(name);
  if (bytes !== undefined) return bytes;
  throw tufRepositoryError("TUF_PUBLISHED_CORRUPT", `Cannot read the repository in ${place.name}: ${name} is missing`, {
    expected: name,
  });
}
