// The dry run of a publication: a client that trusts what is out walks what is to come, before anything is written.
import { isSigillumError } from "../encoding/index.ts";
import { memoryStore, refresh, roleFileName, type TargetsMetadata, type TrustedMetadata, verifyDelegated } from "../tuf/index.ts";
import { allDelegations } from "./delegated-roles.ts";
import { tufRepositoryError } from "./errors.ts";
import type { PublishedState } from "./published-state.ts";

/** Walk the new files as a client would that trusts the old ones, or the first root; its errors stop the publication. */
export async function followAsClient(current: PublishedState | undefined, next: PublishedState, nowMs: number): Promise<void> {
  const served = new Map<string, Uint8Array>([
    [`${next.root.version}.root.json`, next.root.bytes],
    ["timestamp.json", next.timestamp.bytes],
    [`${next.snapshot.version}.snapshot.json`, next.snapshot.bytes],
    [`${next.targets.version}.targets.json`, next.targets.bytes],
  ]);
  for (const [role, file] of next.delegated) served.set(`${file.version}.${roleFileName(role)}`, file.bytes);
  const store = memoryStore((current ?? next).root.bytes);
  if (current !== undefined) {
    await store.write("timestamp", current.timestamp.bytes);
    await store.write("snapshot", current.snapshot.bytes);
  }
  try {
    const trusted = await refresh(async (path) => served.get(path), store, nowMs);
    acceptDelegated(trusted, current, next);
  } catch (cause) {
    if (!isSigillumError(cause) || cause.code === "TUF_REPOSITORY_DELEGATION") throw cause;
    throw tufRepositoryError("TUF_REPOSITORY_ROLLBACK", `Cannot publish: a client would refuse it: ${cause.message}`, { cause });
  }
}

/**
 * Accept every delegated role that is published anew. One that is out and has expired is its delegates' affair, and never a reason not
 * to renew the rest (root-signing #398).
 */
function acceptDelegated(trusted: TrustedMetadata, current: PublishedState | undefined, next: PublishedState): void {
  const files = new Map<string, TargetsMetadata>([["targets", next.targets], ...next.delegated]);
  for (const { delegator, by, delegation } of allDelegations(next.targets, next.delegated)) {
    const file = files.get(delegation.name);
    if (file === undefined) {
      throw tufRepositoryError(
        "TUF_REPOSITORY_DELEGATION",
        `Cannot publish: ${by} delegates to ${delegation.name}, which has no signed file`,
        { expected: roleFileName(delegation.name) },
      );
    }
    const isOut = current?.delegated.get(delegation.name)?.bytes === file.bytes;
    if (isOut) verifyDelegated(delegator, delegation, by, file);
    else trusted.updateDelegated(delegator, by, delegation, file.bytes);
  }
}
