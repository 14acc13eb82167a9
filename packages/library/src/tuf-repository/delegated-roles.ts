// Walking every delegation of a repository, for tools: a client walks only those that lead to a path.
import { binNames, type DelegationStep, type Delegations, delegationTo, type TargetsMetadata } from "../tuf/index.ts";
import { tufRepositoryError } from "./errors.ts";

/** One delegation, with the file in which it stands. */
export interface FoundDelegation {
  readonly delegator: TargetsMetadata;
  /** The delegator's role and version. */
  readonly by: string;
  readonly delegation: DelegationStep;
}

/** Most bits of succinct roles that a repository written here has: each bin is a file. */
export const maxBinBits = 10;

/** Every delegation that a client can come by, from the top-level targets downwards; a role may be found on several ways. */
export function allDelegations(
  targets: TargetsMetadata,
  delegated: ReadonlyMap<string, TargetsMetadata>,
): readonly FoundDelegation[] {
  const found: FoundDelegation[] = [];
  const walked = new Set<string>();
  const walk = (role: string, delegator: TargetsMetadata): void => {
    if (walked.has(role)) return;
    walked.add(role);
    const by = `${role} ${delegator.version}`;
    for (const delegation of stepsOf(delegator.delegations)) {
      found.push({ delegator, by, delegation });
      const file = delegated.get(delegation.name);
      if (file !== undefined) walk(delegation.name, file);
    }
  };
  walk("targets", targets);
  return found;
}

function stepsOf(delegations: Delegations | undefined): readonly DelegationStep[] {
  const bins = delegations?.succinctRoles;
  if (bins === undefined) return delegations?.roles ?? [];
  if (bins.bitLength > maxBinBits) {
    throw tufRepositoryError(
      "TUF_REPOSITORY_DELEGATION",
      `Cannot walk succinct roles: ${bins.bitLength} bits are ${2 ** bins.bitLength} files`,
      {
        found: String(bins.bitLength),
        expected: `<= ${maxBinBits}`,
      },
    );
  }
  return binNames(bins).flatMap((name) => delegationTo(delegations, name) ?? []);
}
