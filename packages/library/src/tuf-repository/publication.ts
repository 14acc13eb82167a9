// From what is published now to what should be: a pure plan of the files to write, in the order in which to write them.

import { type Signer, sha256 } from "../crypto/index.ts";
import { encodeHex, equalBytes, isSigillumError } from "../encoding/index.ts";
import {
  memoryStore,
  parseRoot,
  parseSnapshot,
  parseTargets,
  parseTimestamp,
  type RoleName,
  type RootMetadata,
  refresh,
  type SnapshotMetadata,
  type TargetsMetadata,
  type TimestampMetadata,
  tufKeyId,
  verifyThreshold,
} from "../tuf/index.ts";
import { tufRepositoryError } from "./errors.ts";
import { buildRoot, buildSnapshot, buildTargets, buildTimestamp, type RootPlan, signMetadata } from "./sign.ts";

/** How long each role's files live, and how long before their end they are signed anew, in milliseconds. */
export type RolePeriods = Readonly<Record<RoleName, { readonly lifetimeMs: number; readonly renewBeforeMs: number }>>;

const dayMs = 86_400_000;

/** A week for the timestamp, thirty days for what is signed online, a year for the root; each renewed well before its end. */
export const defaultPeriods: RolePeriods = {
  root: { lifetimeMs: 365 * dayMs, renewBeforeMs: 90 * dayMs },
  targets: { lifetimeMs: 30 * dayMs, renewBeforeMs: 15 * dayMs },
  snapshot: { lifetimeMs: 30 * dayMs, renewBeforeMs: 15 * dayMs },
  timestamp: { lifetimeMs: 7 * dayMs, renewBeforeMs: 6 * dayMs },
};

/** The newest published file of each role; `undefined` throughout before the first publication. */
export interface PublishedState {
  readonly root: RootMetadata;
  readonly targets: TargetsMetadata;
  readonly snapshot: SnapshotMetadata;
  readonly timestamp: TimestampMetadata;
}

/** What the repository should publish, and with which keys. */
export interface PublicationPlan {
  readonly nowMs: number;
  readonly periods: RolePeriods;
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** Signers by role. A role may have none if none of its files has to change now: an offline root, say. */
  readonly signers: Readonly<Record<RoleName, readonly Signer[]>>;
  /** Thresholds by role. */
  readonly thresholds: Readonly<Record<RoleName, number>>;
}

/** A file to write: below the repository's folder; `overwrite` for the few names that change. */
export interface PublishedFile {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly overwrite: boolean;
}

/** Read the published state from the bytes of its four newest files. Parses; the caller's own files are not verified here. */
export function parsePublishedState(files: Readonly<Record<RoleName, Uint8Array>>): PublishedState {
  return {
    root: parseRoot(files.root),
    targets: parseTargets(files.targets),
    snapshot: parseSnapshot(files.snapshot),
    timestamp: parseTimestamp(files.timestamp),
  };
}

/**
 * Plan one publication: nothing if all is fresh and unchanged, else the files to write, targets first and timestamp last
 * (TUF 1.0.34 §6). The plan has been followed by a client, from the old root to the new timestamp, before it is returned;
 * whoever stops between two of its writes leaves a repository that clients still accept.
 */
export async function planPublication(
  current: PublishedState | undefined,
  plan: PublicationPlan,
): Promise<readonly PublishedFile[]> {
  const files: PublishedFile[] = [];
  const root = await nextRoot(current?.root, plan);
  const targets = await nextTargets(current?.targets, root, plan);
  const snapshot = await nextSnapshot(current?.snapshot, targets.bytes === current?.targets.bytes, targets.version, root, plan);
  const timestamp = await nextTimestamp(current?.timestamp, snapshot.bytes === current?.snapshot.bytes, snapshot, root, plan);

  for (const [path, bytes] of plan.files) {
    if (current !== undefined && isListed(current.targets, path, bytes)) continue;
    const slash = path.lastIndexOf("/");
    const name = `${path.slice(0, slash + 1)}${encodeHex(sha256(bytes))}.${path.slice(slash + 1)}`;
    files.push({ path: `targets/${name}`, bytes, overwrite: false });
  }
  if (targets.bytes !== current?.targets.bytes)
    files.push({ path: `${targets.version}.targets.json`, bytes: targets.bytes, overwrite: false });
  if (snapshot.bytes !== current?.snapshot.bytes)
    files.push({ path: `${snapshot.version}.snapshot.json`, bytes: snapshot.bytes, overwrite: false });
  if (root.bytes !== current?.root.bytes) {
    files.push({ path: `${root.version}.root.json`, bytes: root.bytes, overwrite: false });
    files.push({ path: "root.json", bytes: root.bytes, overwrite: true });
  }
  if (timestamp.bytes !== current?.timestamp.bytes)
    files.push({ path: "timestamp.json", bytes: timestamp.bytes, overwrite: true });
  if (files.length > 0) await followAsClient(current, { root, targets, snapshot, timestamp }, plan.nowMs);
  return files;
}

async function nextRoot(current: RootMetadata | undefined, plan: PublicationPlan): Promise<RootMetadata> {
  const wanted: RootPlan = {
    version: (current?.version ?? 0) + 1,
    expiresMs: plan.nowMs + plan.periods.root.lifetimeMs,
    roles: {
      root: rolePlan("root", plan),
      targets: rolePlan("targets", plan),
      snapshot: rolePlan("snapshot", plan),
      timestamp: rolePlan("timestamp", plan),
    },
  };
  if (current !== undefined && plan.signers.root.length === 0) return current;
  if (current !== undefined && isFresh(current, plan) && sameKeys(current, wanted)) return current;
  return parseRoot(await sign("root", buildRoot(wanted), wanted.expiresMs, plan));
}

async function nextTargets(
  current: TargetsMetadata | undefined,
  root: RootMetadata,
  plan: PublicationPlan,
): Promise<TargetsMetadata> {
  if (current !== undefined && isGood(current, root, plan) && sameFiles(current, plan.files)) return current;
  const edition = nextEdition(current, "targets", plan);
  const listed = new Map([...plan.files].map(([path, bytes]) => [path, { bytes }] as const));
  return parseTargets(await sign("targets", buildTargets(edition, listed), edition.expiresMs, plan));
}

async function nextSnapshot(
  current: SnapshotMetadata | undefined,
  unchanged: boolean,
  targetsVersion: number,
  root: RootMetadata,
  plan: PublicationPlan,
): Promise<SnapshotMetadata> {
  if (current !== undefined && unchanged && isGood(current, root, plan)) return current;
  const edition = nextEdition(current, "snapshot", plan);
  // A line of the old snapshot is never dropped: clients hold that against the repository (§5.5.5).
  const meta = new Map(current?.meta ?? []);
  meta.set("targets.json", { version: targetsVersion });
  return parseSnapshot(await sign("snapshot", buildSnapshot(edition, meta), edition.expiresMs, plan));
}

async function nextTimestamp(
  current: TimestampMetadata | undefined,
  unchanged: boolean,
  snapshot: SnapshotMetadata,
  root: RootMetadata,
  plan: PublicationPlan,
): Promise<TimestampMetadata> {
  if (current !== undefined && unchanged && isGood(current, root, plan)) return current;
  const edition = nextEdition(current, "timestamp", plan);
  return parseTimestamp(await sign("timestamp", buildTimestamp(edition, snapshot), edition.expiresMs, plan));
}

function nextEdition(
  current: { readonly version: number } | undefined,
  role: RoleName,
  plan: PublicationPlan,
): { version: number; expiresMs: number } {
  return { version: (current?.version ?? 0) + 1, expiresMs: plan.nowMs + plan.periods[role].lifetimeMs };
}

function isFresh(file: { readonly expiresMs: number; readonly role: RoleName }, plan: PublicationPlan): boolean {
  return file.expiresMs - plan.nowMs > plan.periods[file.role].renewBeforeMs;
}

/** Fresh, and signed by the keys that the root names now: after a rotation of an online key its files are signed anew. */
function isGood(
  file: TargetsMetadata | SnapshotMetadata | TimestampMetadata,
  root: RootMetadata,
  plan: PublicationPlan,
): boolean {
  try {
    verifyThreshold(root, file.role, file);
  } catch (cause) {
    if (!isSigillumError(cause)) throw cause;
    return false;
  }
  return isFresh(file, plan);
}

function rolePlan(role: RoleName, plan: PublicationPlan): { keys: Signer["publicKey"][]; threshold: number } {
  return { keys: plan.signers[role].map((signer) => signer.publicKey), threshold: plan.thresholds[role] };
}

function sameKeys(current: RootMetadata, wanted: RootPlan): boolean {
  return (["root", "targets", "snapshot", "timestamp"] as const).every((role) => {
    const now = current.roles.get(role);
    const ids = wanted.roles[role].keys.map(tufKeyId).sort();
    return now !== undefined && now.threshold === wanted.roles[role].threshold && [...now.keyids].sort().join() === ids.join();
  });
}

function sameFiles(current: TargetsMetadata, files: ReadonlyMap<string, Uint8Array>): boolean {
  if (current.targets.size !== files.size) return false;
  return [...files].every(([path, bytes]) => isListed(current, path, bytes));
}

function isListed(current: TargetsMetadata, path: string, bytes: Uint8Array): boolean {
  const listed = current.targets.get(path)?.hashes.get("sha256");
  return listed !== undefined && equalBytes(listed, sha256(bytes));
}

async function sign(
  role: RoleName,
  signed: Parameters<typeof signMetadata>[0],
  expiresMs: number,
  plan: PublicationPlan,
): Promise<Uint8Array> {
  const signers = plan.signers[role];
  if (signers.length < plan.thresholds[role]) {
    throw tufRepositoryError(
      "TUF_REPOSITORY_SIGNER",
      `Cannot sign ${role}: ${signers.length} signers at hand, ${plan.thresholds[role]} expected`,
      {
        found: String(signers.length),
        expected: `>= ${plan.thresholds[role]}`,
      },
    );
  }
  return signMetadata(signed, signers, expiresMs, plan.nowMs);
}

/** Walk the new files as a client would that trusts the old ones, or the first root; its errors stop the publication. */
async function followAsClient(current: PublishedState | undefined, next: PublishedState, nowMs: number): Promise<void> {
  const served = new Map<string, Uint8Array>([
    [`${next.root.version}.root.json`, next.root.bytes],
    ["timestamp.json", next.timestamp.bytes],
    [`${next.snapshot.version}.snapshot.json`, next.snapshot.bytes],
    [`${next.targets.version}.targets.json`, next.targets.bytes],
  ]);
  const store = memoryStore((current ?? next).root.bytes);
  if (current !== undefined) {
    await store.write("timestamp", current.timestamp.bytes);
    await store.write("snapshot", current.snapshot.bytes);
  }
  try {
    await refresh(async (path) => served.get(path), store, nowMs);
  } catch (cause) {
    throw tufRepositoryError(
      "TUF_REPOSITORY_ROLLBACK",
      `Cannot publish: a client would refuse it: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
  }
}
