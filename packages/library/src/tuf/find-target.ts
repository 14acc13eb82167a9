// Finding and fetching a target (TUF 1.0.34 §5.6.7 and §5.7): depth first through the delegations, in their order.
import { quote } from "../encoding/index.ts";
import { type DelegationStep, delegationsFor } from "./delegation.ts";
import { tufError } from "./errors.ts";
import { consistentHash, type TargetMeta, type TargetsMetadata } from "./metadata.ts";
import { demand, encodePathSegment, type FetchFile, type MetadataStore, updateRole } from "./refresh.ts";
import { type TrustedMetadata, verifyFile } from "./trusted-metadata.ts";

/** A target that the repository signs, and the role that speaks for it. */
export interface FoundTarget {
  readonly path: string;
  readonly meta: TargetMeta;
  readonly role: string;
}

/** Most roles that one search asks (§5.6.7.1). */
export const maxSearchedRoles = 32;

interface Visit {
  readonly delegation: DelegationStep;
  readonly delegator: TargetsMetadata;
  readonly by: string;
}

/**
 * Find the role that speaks for `path` and what it says of the file. Roles on the way are taken from the store or fetched, verified
 * with the keys of their delegator on this way, and stored. Throws TUF_TARGET_UNKNOWN where no role names the file; a role that
 * cannot be had or verified ends the search with its own error, for what comes after it might speak only in its absence.
 */
export async function findTarget(
  trusted: TrustedMetadata,
  path: string,
  fetch: FetchFile,
  store: MetadataStore,
): Promise<FoundTarget> {
  const top = trusted.targets;
  if (top === undefined) throw new TypeError("A TUF search needs trusted targets: refresh first");
  const asked = new Set<string>();
  let next: Visit[] = [];
  const look = (role: string, file: TargetsMetadata): FoundTarget | undefined => {
    asked.add(role);
    const meta = file.targets.get(path);
    if (meta !== undefined) return { path, meta, role };
    const visits: Visit[] = [];
    for (const delegation of delegationsFor(file.delegations, path)) {
      visits.push({ delegation, delegator: file, by: `${role} ${file.version}` });
      // §5.6.7.2: nothing after a terminating delegation that matches is asked, neither its siblings nor what was queued.
      if (delegation.terminating) {
        next = [];
        break;
      }
    }
    next = [...visits, ...next];
    return undefined;
  };
  let found = look("targets", top);
  while (found === undefined) {
    const visit = next.shift();
    if (visit === undefined) throw unknown(path, [...asked]);
    if (asked.has(visit.delegation.name)) continue;
    if (asked.size >= maxSearchedRoles) throw tooMany(path);
    found = look(visit.delegation.name, await loadRole(trusted, visit, fetch, store));
  }
  return found;
}

function loadRole(trusted: TrustedMetadata, visit: Visit, fetch: FetchFile, store: MetadataStore): Promise<TargetsMetadata> {
  const { delegation, delegator, by } = visit;
  const meta = trusted.delegatedMeta(delegation.name);
  return updateRole({ trusted, fetch, store }, delegation.name, meta, (bytes) =>
    trusted.updateDelegated(delegator, by, delegation, bytes),
  );
}

/** Fetch a target that was found and verify its length and every listed hash. */
export async function fetchFound(trusted: TrustedMetadata, target: FoundTarget, fetch: FetchFile): Promise<Uint8Array> {
  const bytes = await demand(fetch, `targets/${targetFileName(trusted, target)}`, target.meta.length);
  verifyFile(`target ${target.path}`, target.meta, bytes);
  return bytes;
}

/** Find a target and fetch it, verified; delegated roles are kept in `store`. */
export async function fetchTarget(
  trusted: TrustedMetadata,
  path: string,
  fetch: FetchFile,
  store: MetadataStore,
): Promise<Uint8Array> {
  return fetchFound(trusted, await findTarget(trusted, path, fetch, store), fetch);
}

/** The percent-encoded path of a target below `targets/`: under consistent snapshots its hash stands before the base name. */
export function targetFileName(trusted: TrustedMetadata, target: Pick<FoundTarget, "path" | "meta">): string {
  const segments = target.path.split("/").map(encodePathSegment);
  if (!trusted.root.consistentSnapshot) return segments.join("/");
  return [...segments.slice(0, -1), `${consistentHash(target.meta)}.${segments.at(-1) ?? ""}`].join("/");
}

function unknown(path: string, asked: readonly string[]): Error {
  return tufError("TUF_TARGET_UNKNOWN", `Cannot find target ${quote(path)}: no role that may speak for it lists it`, {
    found: `roles asked: ${asked.join(", ")}`,
    expected: path,
  });
}

function tooMany(path: string): Error {
  return tufError("TUF_TOO_MANY_ROLES", `Cannot find target ${quote(path)}: more than ${maxSearchedRoles} roles to ask`, {
    expected: `<= ${maxSearchedRoles} roles`,
  });
}
