// From what is published now to what should be: a pure plan of the files to write, in the order in which to write them.

import { type Signer, sha256 } from "../crypto/index.ts";
import { encodeHex, equalBytes, isSigillumError, JsonObject, type JsonValue } from "../encoding/index.ts";
import {
  type DelegationStep,
  delegationTo,
  encodeCanonicalJson,
  encodePathSegment,
  parseRoot,
  parseSigned,
  parseSnapshot,
  parseTargets,
  parseTimestamp,
  type RoleName,
  type RootMetadata,
  roleFileName,
  type SnapshotMetadata,
  type TargetsMetadata,
  type TimestampMetadata,
  tufKeyId,
  verifyDelegated,
  verifyThreshold,
} from "../tuf/index.ts";
import { tufRepositoryError } from "./errors.ts";
import { followAsClient } from "./follow.ts";
import type { PublishedState } from "./published-state.ts";
import { buildRoot, buildSnapshot, buildTargets, buildTimestamp, type RootPlan, signMetadata, type TargetFile } from "./sign.ts";

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

/** Files that keyholders signed in a ceremony, and the targets that those list anew. */
export interface CeremonyFiles {
  readonly root?: Uint8Array;
  readonly targets?: Uint8Array;
  /** By role. */
  readonly delegated?: ReadonlyMap<string, Uint8Array>;
  /** Target files by path. */
  readonly files?: ReadonlyMap<string, Uint8Array>;
}

/** What the repository should publish, and with which keys. */
export interface PublicationPlan {
  readonly nowMs: number;
  readonly periods: RolePeriods;
  /** What the top-level targets should list; of no effect where that role has no signers here, but see `publicationDuties`. */
  readonly files: ReadonlyMap<string, TargetFile>;
  /** Signers by role. A role may have none if its file comes from a ceremony: an offline root, say, or offline targets. */
  readonly signers: Readonly<Record<RoleName, readonly Signer[]>>;
  /** Keys that the root names no more and that must sign its next version all the same (TUF 1.0.34 §5.3.4). */
  readonly retiringRootSigners?: readonly Signer[];
  /** Thresholds by role, for a root that is signed here. */
  readonly thresholds: Readonly<Record<RoleName, number>>;
  /** Signers of delegated roles whose files are renewed here; the others are their delegates' own. */
  readonly delegatedSigners?: ReadonlyMap<string, readonly Signer[]>;
  readonly ceremony?: CeremonyFiles;
  /**
   * Versions to go on from after a theft of online keys raised them without bound. Only together with a root that replaces keys of
   * snapshot or timestamp: clients then forget what they saw (TUF 1.0.34 §5.3.11).
   */
  readonly restartAt?: Readonly<Partial<Record<"targets" | "snapshot" | "timestamp", number>>>;
}

/** A file to write: below the repository's folder; `overwrite` for the few names that change. */
export interface PublishedFile {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly overwrite: boolean;
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
  const root = await nextRoot(current?.root, plan);
  const targets = await nextTargets(current?.targets, root, plan);
  const delegated = await nextDelegated(current, targets, plan);
  const listed = new Map<string, TargetsMetadata>([["targets", targets], ...delegated]);
  const before = new Map<string, TargetsMetadata>([...(current?.delegated ?? [])]);
  if (current !== undefined) before.set("targets", current.targets);
  const changed = [...listed].filter(([role, file]) => before.get(role)?.bytes !== file.bytes);
  const snapshot = await nextSnapshot(current?.snapshot, changed, root, plan);
  const timestamp = await nextTimestamp(current?.timestamp, snapshot.bytes === current?.snapshot.bytes, snapshot, root, plan);

  const files = targetFiles(changed, before, plan);
  for (const [role, file] of changed.toReversed()) files.push(versioned(file.version, roleFileName(role), file.bytes));
  if (snapshot.bytes !== current?.snapshot.bytes) files.push(versioned(snapshot.version, "snapshot.json", snapshot.bytes));
  if (root.bytes !== current?.root.bytes) {
    files.push(versioned(root.version, "root.json", root.bytes));
    files.push({ path: "root.json", bytes: root.bytes, overwrite: true });
  }
  if (timestamp.bytes !== current?.timestamp.bytes)
    files.push({ path: "timestamp.json", bytes: timestamp.bytes, overwrite: true });
  if (files.length > 0) await followAsClient(current, { root, targets, snapshot, timestamp, delegated }, plan.nowMs);
  return files;
}

function versioned(version: number, name: string, bytes: Uint8Array): PublishedFile {
  return { path: `${version}.${name}`, bytes, overwrite: false };
}

async function nextRoot(current: RootMetadata | undefined, plan: PublicationPlan): Promise<RootMetadata> {
  const signed = plan.ceremony?.root;
  if (signed !== undefined) return parseRoot(signed);
  if (current !== undefined && plan.signers.root.length === 0) return current;
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
  if (current !== undefined && isFresh(current, plan.periods.root, plan.nowMs) && sameKeys(current, wanted)) return current;
  return parseRoot(await sign("root", buildRoot(wanted), wanted.expiresMs, plan, wanted.roles.root.threshold));
}

async function nextTargets(
  current: TargetsMetadata | undefined,
  root: RootMetadata,
  plan: PublicationPlan,
): Promise<TargetsMetadata> {
  const signed = plan.ceremony?.targets;
  if (signed !== undefined) return parseTargets(signed);
  if (current !== undefined && plan.signers.targets.length === 0) return current;
  if (current !== undefined && isGood(current, root, plan) && sameFiles(current, plan.files)) return current;
  const edition = nextEdition(current, "targets", plan);
  const signedPart = buildTargets(edition, plan.files, current === undefined ? undefined : delegationsOf(current));
  return parseTargets(await sign("targets", signedPart, edition.expiresMs, plan, thresholdOf(root, "targets")));
}

/** The delegations of a file as they were written, with every field that this code knows nothing of. */
function delegationsOf(file: TargetsMetadata): JsonValue | undefined {
  return JsonObject.exact(parseSigned(file.bytes), "targets").value("delegations");
}

/** Delegated roles: from the ceremony, renewed here where their signers are here, else as they are. */
async function nextDelegated(
  current: PublishedState | undefined,
  targets: TargetsMetadata,
  plan: PublicationPlan,
): Promise<ReadonlyMap<string, TargetsMetadata>> {
  const next = new Map<string, TargetsMetadata>(current?.delegated);
  for (const [role, bytes] of plan.ceremony?.delegated ?? []) next.set(role, parseTargets(bytes));
  for (const [role, signers] of plan.delegatedSigners ?? []) {
    const now = next.get(role);
    const delegation = delegationTo(targets.delegations, role);
    if (now === undefined || delegation === undefined || isGoodDelegated(now, targets, delegation, plan)) continue;
    const edition = nextEdition(now, "targets", plan);
    const signed = JsonObject.exact(parseSigned(now.bytes), role);
    const renewed = { ...fieldsOf(signed), ...buildTargetsHead(edition) };
    next.set(role, parseTargets(await signMetadata(renewed, signers, edition.expiresMs, plan.nowMs)));
  }
  return next;
}

function fieldsOf(object: JsonObject): { [name: string]: JsonValue } {
  return Object.fromEntries(object.names().map((name) => [name, object.value(name) ?? null]));
}

function buildTargetsHead(edition: { readonly version: number; readonly expiresMs: number }): { [name: string]: JsonValue } {
  const { version, expires } = fieldsOf(JsonObject.exact(buildTargets(edition, new Map()), "targets"));
  return { version: version ?? null, expires: expires ?? null };
}

function isGoodDelegated(
  file: TargetsMetadata,
  delegator: TargetsMetadata,
  delegation: DelegationStep,
  plan: PublicationPlan,
): boolean {
  return passes(() => verifyDelegated(delegator, delegation, "targets", file)) && isFresh(file, plan.periods.targets, plan.nowMs);
}

async function nextSnapshot(
  current: SnapshotMetadata | undefined,
  changed: readonly (readonly [role: string, file: TargetsMetadata])[],
  root: RootMetadata,
  plan: PublicationPlan,
): Promise<SnapshotMetadata> {
  if (current !== undefined && changed.length === 0 && isGood(current, root, plan)) return current;
  const edition = nextEdition(current, "snapshot", plan);
  // A line of the old snapshot is never dropped: clients hold that against the repository (§5.5.5).
  const meta = new Map(current?.meta ?? []);
  for (const [role, { version }] of changed) meta.set(`${role}.json`, { version });
  const signed = buildSnapshot(edition, meta);
  return parseSnapshot(await sign("snapshot", signed, edition.expiresMs, plan, thresholdOf(root, "snapshot")));
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
  const signed = buildTimestamp(edition, snapshot);
  return parseTimestamp(await sign("timestamp", signed, edition.expiresMs, plan, thresholdOf(root, "timestamp")));
}

/** Target files that a changed role lists and that were not listed before; throws TUF_REPOSITORY_TARGET where one is not at hand. */
function targetFiles(
  changed: readonly (readonly [role: string, file: TargetsMetadata])[],
  before: ReadonlyMap<string, TargetsMetadata>,
  plan: PublicationPlan,
): PublishedFile[] {
  const files: PublishedFile[] = [];
  for (const [role, file] of changed) {
    for (const [path, meta] of file.targets) {
      const expected = meta.hashes.get("sha256");
      const known = before.get(role)?.targets.get(path)?.hashes.get("sha256");
      if (expected !== undefined && known !== undefined && equalBytes(expected, known)) continue;
      const bytes = plan.ceremony?.files?.get(path) ?? plan.files.get(path)?.bytes;
      if (bytes === undefined || expected === undefined || !equalBytes(sha256(bytes), expected)) {
        throw tufRepositoryError(
          "TUF_REPOSITORY_TARGET",
          `Cannot publish ${role} ${file.version}: no file at hand is its target ${path}`,
          {
            found: bytes === undefined ? "no file of that path" : encodeHex(sha256(bytes)),
            expected: expected === undefined ? "a sha256" : encodeHex(expected),
          },
        );
      }
      const segments = path.split("/").map(encodePathSegment);
      const name = [...segments.slice(0, -1), `${encodeHex(expected)}.${segments.at(-1) ?? ""}`].join("/");
      files.push({ path: `targets/${name}`, bytes, overwrite: false });
    }
  }
  return files;
}

function nextEdition(
  current: { readonly version: number } | undefined,
  role: "targets" | "snapshot" | "timestamp",
  plan: PublicationPlan,
): { version: number; expiresMs: number } {
  const version = plan.restartAt?.[role] ?? (current?.version ?? 0) + 1;
  return { version, expiresMs: plan.nowMs + plan.periods[role].lifetimeMs };
}

/** Whether a file need not be signed anew yet. */
export function isFresh(
  file: { readonly expiresMs: number },
  period: { readonly renewBeforeMs: number },
  nowMs: number,
): boolean {
  return file.expiresMs - nowMs > period.renewBeforeMs;
}

/** Fresh, and signed by the keys that the root names now: after a rotation of an online key its files are signed anew. */
function isGood(
  file: TargetsMetadata | SnapshotMetadata | TimestampMetadata,
  root: RootMetadata,
  plan: PublicationPlan,
): boolean {
  if (plan.restartAt?.[file.role] !== undefined) return false;
  return passes(() => verifyThreshold(root, file.role, file)) && isFresh(file, plan.periods[file.role], plan.nowMs);
}

function passes(verify: () => void): boolean {
  try {
    verify();
    return true;
  } catch (cause) {
    if (!isSigillumError(cause)) throw cause;
    return false;
  }
}

function rolePlan(role: RoleName, plan: PublicationPlan): { keys: Signer["publicKey"][]; threshold: number } {
  return { keys: plan.signers[role].map((signer) => signer.publicKey), threshold: plan.thresholds[role] };
}

function thresholdOf(root: RootMetadata, role: RoleName): number {
  return root.roles.get(role)?.threshold ?? 1;
}

function sameKeys(current: RootMetadata, wanted: RootPlan): boolean {
  return (["root", "targets", "snapshot", "timestamp"] as const).every((role) => {
    const now = current.roles.get(role);
    const ids = wanted.roles[role].keys.map(tufKeyId).sort();
    return now !== undefined && now.threshold === wanted.roles[role].threshold && [...now.keyids].sort().join() === ids.join();
  });
}

/** Whether a targets file lists just these files, with just these words about them. */
export function sameFiles(current: TargetsMetadata, files: ReadonlyMap<string, TargetFile>): boolean {
  if (current.targets.size !== files.size) return false;
  return [...files].every(([path, { bytes, custom }]) => {
    const listed = current.targets.get(path);
    const hash = listed?.hashes.get("sha256");
    return hash !== undefined && equalBytes(hash, sha256(bytes)) && sameJson(listed?.custom, custom);
  });
}

function sameJson(a: JsonValue | undefined, b: JsonValue | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return equalBytes(encodeCanonicalJson(a), encodeCanonicalJson(b));
}

async function sign(
  role: RoleName,
  signed: Parameters<typeof signMetadata>[0],
  expiresMs: number,
  plan: PublicationPlan,
  threshold: number,
): Promise<Uint8Array> {
  const signers = plan.signers[role];
  if (signers.length < threshold) {
    throw tufRepositoryError(
      "TUF_REPOSITORY_SIGNER",
      `Cannot sign ${role}: ${signers.length} signers at hand, ${threshold} expected`,
      { found: String(signers.length), expected: `>= ${threshold}` },
    );
  }
  const retiring = role === "root" ? (plan.retiringRootSigners ?? []) : [];
  return signMetadata(signed, [...signers, ...retiring], expiresMs, plan.nowMs);
}
