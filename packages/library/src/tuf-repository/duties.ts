// What a repository will need, when, and from whom: the one place from which status, metrics and alarms are told.
import type { TargetsMetadata } from "../tuf/index.ts";
import { allDelegations } from "./delegated-roles.ts";
import { isFresh, type PublicationPlan, sameFiles } from "./publication.ts";
import type { PublishedState } from "./published-state.ts";

/** One thing to be done for a repository. */
export interface PublicationDuty {
  readonly role: string;
  readonly version: number;
  readonly expiresMs: number;
  /** From when on it should be signed anew. */
  readonly dueMs: number;
  /** Who can: this machine by itself, or people with keys elsewhere. */
  readonly who: "online" | "keyholders";
  readonly state: "fresh" | "due" | "expired";
  /** For offline targets: the published files are no longer those that should be published, and only a ceremony changes that. */
  readonly outdated?: true;
}

/** The duties of every role that is published, first due first. */
export function publicationDuties(
  state: PublishedState,
  plan: Pick<PublicationPlan, "nowMs" | "periods" | "files" | "signers" | "delegatedSigners">,
): readonly PublicationDuty[] {
  const duty = (role: string, file: { version: number; expiresMs: number }, renewBeforeMs: number, online: boolean) => ({
    role,
    version: file.version,
    expiresMs: file.expiresMs,
    dueMs: file.expiresMs - renewBeforeMs,
    who: online ? ("online" as const) : ("keyholders" as const),
    state:
      file.expiresMs <= plan.nowMs
        ? ("expired" as const)
        : isFresh(file, { renewBeforeMs }, plan.nowMs)
          ? ("fresh" as const)
          : ("due" as const),
  });
  const duties: PublicationDuty[] = (["root", "targets", "snapshot", "timestamp"] as const).map((role) => {
    const own = duty(role, state[role], plan.periods[role].renewBeforeMs, plan.signers[role].length > 0);
    return role === "targets" && own.who === "keyholders" && !sameFiles(state.targets, plan.files)
      ? { ...own, outdated: true }
      : own;
  });
  for (const [role, file] of reachable(state)) {
    duties.push(duty(role, file, plan.periods.targets.renewBeforeMs, plan.delegatedSigners?.has(role) === true));
  }
  return duties.sort((a, b) => a.dueMs - b.dueMs);
}

function reachable(state: PublishedState): ReadonlyMap<string, TargetsMetadata> {
  const names = new Set(allDelegations(state.targets, state.delegated).map(({ delegation }) => delegation.name));
  return new Map([...state.delegated].filter(([role]) => names.has(role)));
}
