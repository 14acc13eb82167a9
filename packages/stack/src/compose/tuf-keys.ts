// The keyring's keys of the published root, by the trust profile (design §5): default signs everything here, ceremony the online roles alone.
import type { Signer } from "@sigillum/library/crypto";
import { equalBytes } from "@sigillum/library/encoding";
import type { RoleName, RootMetadata } from "@sigillum/library/tuf";
import type { Keyring } from "../keyring/index.ts";
import type { RoleSigners, TufKeys } from "../tuf-publisher/index.ts";

/** The keys of a stack's root of trust. */
export function stackTufKeys(keyring: Keyring): TufKeys {
  const newest = (role: RoleName): Signer | undefined =>
    keyring.hasNewestTufKey(role) ? keyring.tufSigners(role).at(-1) : undefined;
  return {
    newest,
    next: (role) => keyring.addTufKey(role),
    over: (root) => signersOver(keyring, newest, root),
  };
}

/**
 * Where the root key is here, the newest key of each role signs, and the root that names it is signed on the way. Where it is kept
 * elsewhere, a key signs from when keyholders put it into a published root.
 */
function signersOver(
  keyring: Keyring,
  newest: (role: RoleName) => Signer | undefined,
  root: RootMetadata | undefined,
): RoleSigners {
  const here = (role: RoleName): readonly Signer[] => {
    const signer = newest(role);
    return signer === undefined ? [] : [signer];
  };
  const named = (role: RoleName): readonly Signer[] =>
    keyring.tufSigners(role).filter((signer) => root !== undefined && isNamed(root, role, signer));
  const [rootSigner] = here("root");
  if (rootSigner === undefined) {
    const by = (role: RoleName): readonly Signer[] => (root === undefined ? here(role) : named(role));
    return { signers: { root: [], targets: by("targets"), snapshot: by("snapshot"), timestamp: by("timestamp") } };
  }
  return {
    signers: { root: [rootSigner], targets: here("targets"), snapshot: here("snapshot"), timestamp: here("timestamp") },
    retiringRootSigners: named("root").filter((signer) => !equalBytes(signer.publicKey.spki, rootSigner.publicKey.spki)),
  };
}

function isNamed(root: RootMetadata, role: RoleName, signer: Signer): boolean {
  return (root.roles.get(role)?.keyids ?? []).some((keyid) => {
    const key = root.keys.get(keyid);
    return key !== undefined && equalBytes(key.publicKey.spki, signer.publicKey.spki);
  });
}
