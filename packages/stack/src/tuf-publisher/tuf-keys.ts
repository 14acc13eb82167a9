// Who signs which role of the published root, as far as it is signed here.
import type { Signer } from "@sigillum/library/crypto";
import type { RoleName, RootMetadata } from "@sigillum/library/tuf";

/** The signers of each role over one root; a role that others sign has none. */
export interface RoleSigners {
  readonly signers: Readonly<Record<RoleName, readonly Signer[]>>;
  /** Keys that the root names and its successor will not: they sign it all the same. */
  readonly retiringRootSigners?: readonly Signer[];
}

/** The keys of the published root that are at hand. */
export interface TufKeys {
  /** Who signs over a root, or over the first one. A key that keyholders put into a root is used from then on, by the root that names it. */
  over(root: RootMetadata | undefined): RoleSigners;
  /** Make the next key of a role, durable when this resolves. It is in no root yet. */
  next(role: RoleName): Promise<Signer>;
  /** The newest key of a role that the root need not name yet, or undefined where there is none here. */
  newest(role: RoleName): Signer | undefined;
}

/** Keys that stay as they are. */
export function fixedKeys(signers: RoleSigners["signers"]): TufKeys {
  return {
    over: () => ({ signers }),
    next: (role) => Promise.reject(new TypeError(`The key of ${role} is fixed`)),
    newest: (role) => signers[role].at(-1),
  };
}
