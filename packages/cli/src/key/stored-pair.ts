// Key pairs that are kept elsewhere as cosign keeps them: k8s://NAMESPACE/SECRET, gitlab://PROJECT and github://OWNER/REPO (signing-client §4). What is kept is the
// private key, encrypted, its password, and the public key.
import { openGithub } from "./github.ts";
import { openGitlab } from "./gitlab.ts";
import { openKubernetes } from "./kubernetes.ts";
import type { PairStore } from "./pair-store.ts";

/** The store that a reference names; undefined where its scheme is of none. */
export async function openPairStore(
  reference: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<PairStore | undefined> {
  if (reference.startsWith("k8s://")) return await openKubernetes(reference, environment);
  if (reference.startsWith("gitlab://")) return openGitlab(reference, environment);
  if (reference.startsWith("github://")) return openGithub(reference, environment);
  return undefined;
}
