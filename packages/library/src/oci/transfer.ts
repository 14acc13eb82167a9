// Moving content between repositories, and removing it.
import { pushBlobStream, streamBlob } from "./blobs.ts";
import { type RegistryClient, unexpected } from "./client.ts";
import type { OciDigest } from "./digest.ts";
import { ociError } from "./errors.ts";
import type { Descriptor } from "./manifest.ts";
import { encodeRepository, type Repository } from "./reference.ts";

/**
 * Copy a blob: within a registry by mounting it (distribution spec end-11), which moves no bytes, else as a stream. After it
 * returns the target has a blob of this digest.
 */
export async function copyBlob(
  source: { readonly client: RegistryClient; readonly repository: Repository },
  target: { readonly client: RegistryClient; readonly repository: Repository },
  blob: Pick<Descriptor, "digest" | "size">,
): Promise<void> {
  if (encodeRepository(source.repository) === encodeRepository(target.repository)) return;
  if (source.repository.registry === target.repository.registry && (await mount(source.repository, target, blob.digest))) return;
  await pushBlobStream(target.client, target.repository, blob, () => streamBlob(source.client, source.repository, blob));
}

// Quay refuses a mount without "from", Docker Hub one from another registry: both always stand together, within one registry.
async function mount(
  from: Repository,
  target: { readonly client: RegistryClient; readonly repository: Repository },
  digest: OciDigest,
): Promise<boolean> {
  const query = new URLSearchParams({ mount: digest, from: from.name });
  const answer = await target.client.send(target.repository, {
    method: "POST",
    path: `blobs/uploads/?${query}`,
    access: "pull,push",
    body: "",
  });
  // 202 has opened an upload instead, which is left to expire; any other refusal is told when the blob is pushed.
  return answer.status === 201;
}

/** Remove a manifest or a tag. That there was none is no error; OCI_DELETE_UNSUPPORTED where the registry takes nothing back. */
export async function deleteManifest(client: RegistryClient, repository: Repository, tagOrDigest: string): Promise<boolean> {
  const answer = await client.send(repository, {
    method: "DELETE",
    path: `manifests/${tagOrDigest}`,
    access: "pull,push,delete",
  });
  if (answer.status === 404) return false;
  if (answer.status === 202 || answer.status === 200 || answer.status === 204) return true;
  const what = `remove ${tagOrDigest} from ${encodeRepository(repository)}`;
  if (answer.status === 400 || answer.status === 405 || answer.status === 415 || answer.status === 501) {
    throw ociError("OCI_DELETE_UNSUPPORTED", `Cannot ${what}: the registry removes nothing (HTTP ${answer.status})`, {
      found: `HTTP ${answer.status}`,
    });
  }
  throw unexpected(answer, what);
}
